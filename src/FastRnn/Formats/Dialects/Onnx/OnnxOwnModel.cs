using FastRnn.Backends;
using FastRnn.Graphs.Operators;
using FastRnn.Layers;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>
/// Reads what <see cref="OnnxExport"/> has written back as the model that it was: layers, options of training and preprocessing from the file's metadata, weights from its
/// constants. The metadata is believed only where the graph is, byte for byte, the one that would be written for it: what another program has changed is read as any
/// other graph.
/// </summary>
internal sealed class OnnxOwnModel
{
    private readonly Dictionary<string, OnnxTensor> _constants = new(StringComparer.Ordinal);
    private readonly OnnxTensorData _data;
    private readonly SafetensorsFile _file = new();

    private OnnxOwnModel(OnnxModel model, OnnxTensorData data)
    {
        _data = data;
        foreach (OnnxTensor constant in model.Graph!.Initializers)
            _constants.TryAdd(constant.Name, constant);
        foreach ((string key, string value) in model.Metadata)
            _file.Metadata[key] = value;
    }

    /// <summary>The model, or null where the graph is not FastRnn's.</summary>
    /// <exception cref="ModelFormatException">The metadata breaks a rule, or the model does not compute what it did when it was written.</exception>
    public static ImportedModel? Read(OnnxModel model, byte[] bytes, string? path, Backend backend, ImportOptions options)
    {
        if (!model.Metadata.ContainsKey(ArchitectureRecord.Key))
            return null;
        var own = new OnnxOwnModel(model, new OnnxTensorData(bytes, path, options.Limits));
        IReadOnlyList<LayerInfo> layers = StrictJson.Read<ArchitectureRecord>(own._file, ArchitectureRecord.Key, path).Layers;
        try
        {
            Architecture.Check(layers);
        }
        catch (InvalidDataException e)
        {
            throw new ModelFormatException($"metadata is not valid: {e.Message}", -1, path, e);
        }
        for (int i = 0; i < layers.Count; i++)
        {
            if (!own.Fill(layers[i], FormattableString.Invariant($"{i}.")))
                return null;
        }
        if (!own.IsWritten(layers, bytes, states: model.Graph!.Inputs.Count > 1))
            return null;
        (Sequential sequential, ModelInfo info) = ModelFile.Build(own._file, path, backend);
        return new ImportedModel("FastRnn ONNX", sequential, info);
    }

    /// <summary>Takes a layer's weights from the constants; false where they are not there in the sizes that it has.</summary>
    private bool Fill(LayerInfo layer, string prefix)
    {
        switch (layer.Type)
        {
            case "embedding":
                return Copy(prefix + "weight", layer.Vocabulary!.Value, layer.Size!.Value);
            case "linear":
                (int input, int output) = (layer.Input!.Value, layer.Output!.Value);
                if (Values(prefix + "weight_t", (long)input * output) is not { } transposed)
                    return false;
                Add(prefix + "weight", GateOrder.Transposed(transposed, input, output), output, input);
                return Copy(prefix + "bias", output);
            case "layer_normalization":
                return Copy(prefix + "weight", layer.Size!.Value) && Copy(prefix + "bias", layer.Size.Value);
            case "residual":
                return Fill(layer.Inner!, prefix + "inner.");
            case "bidirectional":
                return FillCell(layer.Inner!, prefix, "", "_reverse");
            case "go_backwards":
                return FillCell(layer.Inner!, prefix, "");
            case "lstm" or "gru" or "rnn":
                return FillCell(layer, prefix, "");
            default:
                return true; // without weights; what has some that are not known here lacks them below
        }
    }

    private bool FillCell(LayerInfo cell, string prefix, params string[] suffixes)
    {
        if (cell.Projection != null || cell.LayerNorm == true)
            return false;
        (int hidden, int input, bool peepholes) = (cell.Hidden!.Value, cell.Input!.Value, cell.Peepholes == true);
        CellKind kind = cell.Type switch { "lstm" => CellKind.Lstm, "gru" => CellKind.Gru, _ => CellKind.Rnn };
        long rows = (long)new CellType(kind).Gates * hidden, directions = suffixes.Length;
        var inputs = new float[]?[RecurrentAttributes.Peephole + 1];
        foreach ((string name, int place, long length) in (ReadOnlySpan<(string, int, long)>)
        [
            ("W", RecurrentAttributes.W, rows * input), ("R", RecurrentAttributes.R, rows * hidden), ("B", RecurrentAttributes.B, 2 * rows), ("P", RecurrentAttributes.Peephole, 3L * hidden),
        ])
        {
            bool needed = place != RecurrentAttributes.Peephole || peepholes;
            if (needed && (inputs[place] = Values(prefix + name, directions * length)) == null)
                return false;
        }
        for (int d = 0; d < suffixes.Length; d++)
        {
            foreach (NodeWeightPart part in NodeWeights.Parts(kind, peepholes, input, hidden, d))
                Add($"{prefix}{part.Name}_l0{suffixes[d]}", part.Read(inputs[part.Input], hidden), part.Shape);
        }
        return true;
    }

    private bool Copy(string name, params int[] shape)
    {
        if (Values(name, shape.Aggregate(1L, (product, size) => product * size)) is not { } values)
            return false;
        Add(name, values, shape);
        return true;
    }

    private void Add(string name, float[] values, params int[] shape)
    {
        var tensor = new SafetensorsTensor(name, TensorType.F32, shape);
        values.CopyTo(tensor.Floats);
        _file.Tensors.Add(tensor);
    }

    /// <summary>A constant of float32 with so many elements, or null.</summary>
    private float[]? Values(string name, long length)
    {
        const int Float = 1;
        if (!_constants.TryGetValue(name, out OnnxTensor? constant) || constant.DataType != Float)
            return null;
        long held = constant.Dimensions.Aggregate(1L, (product, size) => product > int.MaxValue ? product : product * size);
        return held == length ? _data.Read(constant).Values<float>().ToArray() : null;
    }

    private bool IsWritten(IReadOnlyList<LayerInfo> layers, byte[] bytes, bool states)
    {
        const int GraphField = 7;
        var graph = new OnnxGraphBuilder();
        try
        {
            new OnnxLayerWriter(graph, _file, states).Write(layers);
        }
        catch (NotSupportedException)
        {
            return false;
        }
        var reader = new ProtoReader(bytes, 0, bytes.Length, null);
        while (reader.Next())
        {
            if (reader.Field != GraphField)
            {
                reader.Skip();
                continue;
            }
            (int start, int length) = reader.Range();
            return Same(graph.Build(OnnxExport.GraphName), bytes.AsSpan(start, length));
        }
        return false;
    }

    private static bool Same(ProtoMessage message, ReadOnlySpan<byte> bytes)
    {
        if (message.Length != bytes.Length)
            return false;
        foreach (ReadOnlyMemory<byte> part in message.Parts())
        {
            if (!bytes.StartsWith(part.Span))
                return false;
            bytes = bytes[part.Length..];
        }
        return true;
    }
}
