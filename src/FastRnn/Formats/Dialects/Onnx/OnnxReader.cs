using FastRnn.Backends;
using FastRnn.Graphs;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>ONNX files, opsets 7 to 22: a graph, or, where the graph is a plain stack of layers, a model like any other.</summary>
internal sealed class OnnxReader : IModelReader
{
    public string Name => "ONNX";

    /// <summary>ONNX has no mark of its own: by the name, or by a first field that can only be ir_version and a second that is one of a model's.</summary>
    public bool Recognizes(ReadOnlySpan<byte> head, string path) =>
        path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) ||
        (head.Length > 3 && head[0] == 0x08 && head[1] is >= 3 and <= 13 && head[2] is 0x12 or 0x1A or 0x22 or 0x28 or 0x32 or 0x3A or 0x42);

    public ImportedModel Read(Stream stream, string? path, Backend backend, ImportOptions options, CancellationToken cancellation)
    {
        byte[] bytes = WholeFile.Read(stream, path, options.Limits, cancellation);
        OnnxModel model = OnnxParser.Model(bytes, path, options.Limits);
        if (!options.AsGraph && OnnxOwnModel.Read(model, bytes, path, backend, options) is { } own)
            return own;
        GraphDefinition definition = OnnxDefinition.Of(model, bytes, path, options, cancellation);
        if (options.AsGraph || SequentialDetection.Find(definition, Name, path) is not { } stack)
            return new ImportedModel(Name, Graph(definition, path, backend, options, cancellation)) { Metadata = Metadata(model) };
        foreach ((string key, string value) in Metadata(model))
            stack.Metadata[key] = value;
        return stack.Build(backend, options);
    }

    /// <summary>The graph of a file as it stands there, stack of layers or not: with the file's own inputs and outputs.</summary>
    /// <exception cref="ModelFormatException">The file is damaged, or has something that FastRnn does not.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal static GraphModel ReadGraph(string path, Backend backend, ImportOptions options, CancellationToken cancellation)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        if (!stream.CanSeek)
            throw new IOException($"{path}: not a regular file, so its length is unknown.");
        byte[] bytes = WholeFile.Read(stream, path, options.Limits, cancellation);
        OnnxModel model = OnnxParser.Model(bytes, path, options.Limits);
        return Graph(OnnxDefinition.Of(model, bytes, path, options, cancellation), path, backend, options, cancellation);
    }

    private static GraphModel Graph(GraphDefinition definition, string? path, Backend backend, ImportOptions options, CancellationToken cancellation)
    {
        try
        {
            return GraphModel.Build(definition, backend, new GraphLimits(options.Limits.TensorBytes), cancellation);
        }
        catch (GraphException e)
        {
            throw new ModelFormatException(e.Message, e.Offset, path, e);
        }
    }

    private static Dictionary<string, string> Metadata(OnnxModel model)
    {
        var metadata = new Dictionary<string, string>(model.Metadata, StringComparer.Ordinal);
        if (model.Producer.Length > 0)
            metadata.TryAdd("producer", model.ProducerVersion.Length > 0 ? $"{model.Producer} {model.ProducerVersion}" : model.Producer);
        metadata.TryAdd("opset", model.Opset.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return metadata;
    }
}
