namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>A value of the graph that is being written.</summary>
/// <param name="Name">In the graph.</param>
/// <param name="Width">Features.</param>
/// <param name="OneStep">Whether it has the last step alone.</param>
internal readonly record struct OnnxExportFlow(string Name, int Width, bool OneStep);

/// <summary>Writes a checked list of layers as nodes. Constants keep the weights' own names where their layout is the engine's.</summary>
internal sealed class OnnxLayerWriter(OnnxGraphBuilder graph, SafetensorsFile weights, bool states)
{
    public const string Input = "input", Output = "output", Time = "time", Batch = "batch";

    /// <summary>All layers, and the graph's inputs and outputs.</summary>
    public void Write(IReadOnlyList<LayerInfo> layers)
    {
        LayerInfo first = layers[0];
        if (first.Vocabulary != null)
            graph.Input(Input, OnnxGraphBuilder.IntType, Time, Batch);
        else
            graph.Input(Input, OnnxGraphBuilder.FloatType, Time, Batch, Architecture.InputWidth(first)!.Value);
        graph.Unique(Input);
        var flow = new OnnxExportFlow(Input, Architecture.InputWidth(first) ?? 0, false);
        var results = new OnnxExportStates();
        for (int i = 0; i < layers.Count; i++)
        {
            bool alone = layers.Skip(i + 1).All(IsStepwise); // nothing after it looks at more than a step
            flow = Layer(layers[i], new OnnxExportPlace(i, $"{i}.", alone, states ? results : null), flow);
        }
        graph.Rename(flow.Name, Output);
        graph.Output(Output, OnnxGraphBuilder.FloatType, flow.OneStep ? 1 : Time, Batch, flow.Width);
        results.Declare(graph);
    }

    private static bool IsStepwise(LayerInfo layer) => layer.Inner is { } inner ? layer.Type == "residual" && IsStepwise(inner) : !RecurrentInfo.IsRecurrent(layer);

    private OnnxExportFlow Layer(LayerInfo layer, OnnxExportPlace place, OnnxExportFlow x)
    {
        switch (layer.Type)
        {
            case "embedding":
                string table = graph.Constant($"{place.Prefix}weight", Weight(place, "weight"), layer.Vocabulary!.Value, layer.Size!.Value);
                return x with { Name = graph.Add($"{place.Prefix}Gather", "Gather", [table, x.Name]), Width = layer.Size.Value };
            case "linear":
                return Linear(layer, place, x);
            case "dropout" or "activity_regularization":
                return x;
            case "activation":
                return x with { Name = OnnxFunctions.Write(graph, place.Prefix, layer.Activation!, x.Name) ?? throw Refuse(layer, place, $"the activation {layer.Activation}") };
            case "log_softmax" or "softmax":
                string operation = layer.Type == "softmax" ? "Softmax" : "LogSoftmax";
                return x with { Name = graph.Add(place.Prefix + operation, operation, [x.Name], OnnxAttributeWriter.Of("axis", -1L)) };
            case "layer_normalization":
                return x with { Name = Normalization(layer, place, x.Name) };
            case "residual":
                OnnxExportFlow inner = Layer(layer.Inner!, place with { Prefix = place.Prefix + "inner.", OneStep = false }, x);
                if (layer.Merge != null)
                    return x with { Name = graph.Add($"{place.Prefix}Residual", "Concat", [inner.Name, x.Name], OnnxAttributeWriter.Of("axis", -1)), Width = inner.Width + x.Width };
                return x with { Name = graph.Add($"{place.Prefix}Residual", "Add", [x.Name, inner.Name]) };
            case "bidirectional" or "go_backwards" or "lstm" or "gru" or "rnn":
                return new OnnxRecurrentWriter(graph, weights).Write(layer, place, x);
            default:
                throw Refuse(layer, place, $"layers of the type {layer.Type}");
        }
    }

    /// <summary>y = x·Wᵀ + b, with Wᵀ as the constant.</summary>
    private OnnxExportFlow Linear(LayerInfo layer, OnnxExportPlace place, OnnxExportFlow x)
    {
        (int input, int output) = (layer.Input!.Value, layer.Output!.Value);
        string weight = graph.Constant($"{place.Prefix}weight_t", GateOrder.Transposed(Weight(place, "weight"), output, input), input, output);
        string bias = graph.Constant($"{place.Prefix}bias", Weight(place, "bias"), output);
        string product = graph.Add($"{place.Prefix}MatMul", "MatMul", [x.Name, weight]);
        return x with { Name = graph.Add($"{place.Prefix}Add", "Add", [product, bias]), Width = output };
    }

    /// <summary>Over the features of a step.</summary>
    private string Normalization(LayerInfo layer, OnnxExportPlace place, string x)
    {
        int size = layer.Size!.Value;
        string scale = graph.Constant($"{place.Prefix}weight", Weight(place, "weight"), size), shift = graph.Constant($"{place.Prefix}bias", Weight(place, "bias"), size);
        return graph.Add(
            $"{place.Prefix}LayerNormalization", "LayerNormalization", [x, scale, shift], OnnxAttributeWriter.Of("axis", -1L),
            OnnxAttributeWriter.Of("epsilon", layer.Epsilon!.Value));
    }

    private float[] Weight(OnnxExportPlace place, string name) => weights.Find(place.Prefix + name)!.Floats.ToArray();

    internal static NotSupportedException Refuse(LayerInfo layer, OnnxExportPlace place, string what) =>
        new($"layer {place.Index}, {layer}: {what} cannot be written as ONNX");
}

/// <summary>Where a layer stands.</summary>
/// <param name="Index">Of the outermost layer.</param>
/// <param name="Prefix">Of its parameters' names, and of its nodes'.</param>
/// <param name="OneStep">Whether a layer that gives one output for each sample may leave the other steps out.</param>
/// <param name="States">Takes states that are inputs and outputs; null where there are none.</param>
internal readonly record struct OnnxExportPlace(int Index, string Prefix, bool OneStep, OnnxExportStates? States);

/// <summary>States that are inputs and outputs of the graph.</summary>
internal sealed class OnnxExportStates
{
    private readonly List<(string Kind, int Layer, int Width)> _states = [];

    /// <summary>A state, <c>h</c> or <c>c</c>, of a layer.</summary>
    /// <returns>Names of its value at the start and at the end.</returns>
    public (string Initial, string Final) Add(string kind, int layer, int width)
    {
        _states.Add((kind, layer, width));
        return (Name("initial", kind, layer), Name("final", kind, layer));
    }

    public void Declare(OnnxGraphBuilder graph)
    {
        foreach ((string kind, int layer, int width) in _states)
        {
            graph.Input(Name("initial", kind, layer), OnnxGraphBuilder.FloatType, 1, OnnxLayerWriter.Batch, width);
            graph.Output(Name("final", kind, layer), OnnxGraphBuilder.FloatType, 1, OnnxLayerWriter.Batch, width);
        }
    }

    private static string Name(string when, string kind, int layer) => FormattableString.Invariant($"{when}_{kind}_{layer}");
}
