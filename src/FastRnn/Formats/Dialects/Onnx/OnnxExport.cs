using FastRnn.Layers;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>What an ONNX file of a model is to have.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>
    /// Whether the states of the recurrent layers are inputs and outputs of the graph, so that a sequence can be given in parts; otherwise every run starts from
    /// zero. Only layers that read forwards have them.
    /// </summary>
    public bool States { get; init; }
}

/// <summary>
/// Writes models as ONNX: operator set 17, IR version 8, time and batch of any size, time first as in the operators' layout 0. The file's metadata holds what FastRnn's own
/// files do – architecture, preprocessing, provenance, probe – so that reading it back gives the same model.
/// </summary>
/// <remarks>
/// Inputs: <c>input</c>, float [time, batch, features], or int64 [time, batch] for tokens; with states, for each recurrent layer number i that reads forwards
/// <c>initial_h_i</c> [1, batch, units] and, of an LSTM, <c>initial_c_i</c>. Outputs: <c>output</c>, float [time, batch, features] – [1, batch, features] where a layer gives
/// one output for each sample –, <c>final_h_i</c> and <c>final_c_i</c>. Dropout and penalties of activities, which do nothing in inference, are left out.
/// ONNX's operators cannot say layer normalisation in the cell, a projected state, a limit of the cell state, and zoneout; such models are refused.
/// </remarks>
public static class OnnxExport
{
    internal const int OperatorSet = 17, IrVersion = 8;
    internal const string GraphName = "model";

    /// <summary>Replaces the file atomically and durably, as <see cref="ModelFile.Save(Sequential, ModelInfo, string)"/> does.</summary>
    /// <param name="model">The model; its weights are those of now.</param>
    /// <param name="info">What the file tells beside the weights.</param>
    /// <param name="path">The file.</param>
    /// <param name="options">What it is to have.</param>
    /// <exception cref="NotSupportedException">ONNX has no operator for an option of a layer, which is named, or the file would be larger than 2 GiB.</exception>
    /// <exception cref="Training.NonFiniteException">A weight is not finite; the old file stays.</exception>
    /// <exception cref="IOException">The disk is full or failing, or the folder is missing; the old file stays.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or file may not be written; the old file stays.</exception>
    public static void Save(Sequential model, ModelInfo info, string path, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(info);
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, Serialize(model, info, options ?? new()));
    }

    /// <summary>The file as consecutive parts.</summary>
    internal static IReadOnlyList<ReadOnlyMemory<byte>> Serialize(Sequential model, ModelInfo info, OnnxExportOptions options)
    {
        const int Version = 1, Producer = 2, ProducerVersion = 3, Graph = 7, OperatorSets = 8, Metadata = 14, SetVersion = 2, Key = 1, Value = 2;
        if (model.InitialState != null)
            throw new NotSupportedException("the model starts from a state of its own, which the export does not write yet");
        SafetensorsFile described = ModelFile.Describe(model, info);
        LayerInfo[] layers = [.. model.Layers.Select(Architecture.Describe)];
        var graph = new OnnxGraphBuilder();
        new OnnxLayerWriter(graph, described, options.States).Write(layers);
        ProtoMessage file = new ProtoMessage().Int(Version, IrVersion).Text(Producer, "FastRnn").Text(ProducerVersion, ModelFile.Version)
            .Message(OperatorSets, new ProtoMessage().Int(SetVersion, OperatorSet));
        foreach ((string key, string value) in described.Metadata)
        {
            if (key != "format") // the word is of safetensors
                file.Message(Metadata, new ProtoMessage().Text(Key, key).Text(Value, value));
        }
        file.Message(Graph, graph.Build("model")); // The last, so that a file that was not written to its end has none.
        return file.Length <= int.MaxValue
            ? file.Parts()
            : throw new NotSupportedException($"the ONNX file would have {file.Length} bytes, its encoding holds {int.MaxValue}");
    }
}
