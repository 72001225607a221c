namespace FastRnn.Formats.Dialects.Audio;

/// <summary>
/// RTNeural's layers (https://github.com/jatinchowdhury18/RTNeural): <c>in_shape</c> and <c>layers</c> with weights as Keras lays them out, [input, gates·units]; gates i f c o
/// and z r h. AIDA-X adds a skip round the whole network, and gains that the player applies.
/// </summary>
internal static class RtNeuralFile
{
    /// <summary>What only players apply: told, not computed.</summary>
    private static readonly string[] _gains = ["in_gain", "out_gain", "input_gain", "output_gain"];

    public static void Read(JsonTree root, ModelDraft draft)
    {
        var layers = new List<DraftLayer>();
        int width = Width(root.Required("in_shape"), "in_shape");
        JsonTree list = root.Required("layers");
        IReadOnlyList<JsonTree> items = list.Parts();
        if (items.Count is 0 or > Architecture.MaxLayers)
            throw list.Fail($"{items.Count} layers; a model has 1 to {Architecture.MaxLayers}");
        foreach (JsonTree layer in items)
            Add(layers, layer, ref width);
        if (layers.Count == 0)
            throw list.Fail("no layer does anything");
        if (root.Field("in_skip") is { Kind: not JsonTreeKind.Null } skip && skip.Flag() && InputSkip.Wire(layers, 1) is { } problem)
            throw skip.Fail(problem);
        DraftLayer.AddTo(draft, layers);
        foreach ((string name, JsonTree value) in root.Fields)
        {
            if (name is "in_shape" or "layers" or RtNeuralExport.Key)
                continue;
            value.Describe(name, draft.Metadata);
            if (_gains.Contains(name))
                draft.Notes.Add($"{name} {ModelFormatException.Quote(value.Raw())} is applied by the player, not by the model");
        }
    }

    /// <summary>The last size of a shape; the others are batch and time.</summary>
    private static int Width(JsonTree shape, string what)
    {
        if (shape.Kind == JsonTreeKind.Tensor && shape.Shape is [> 0] && shape.Values[^1] is >= 1 and <= Architecture.MaxHidden and var size && size == (int)size)
            return (int)size;
        return shape.Kind == JsonTreeKind.List && shape.Items.Count > 0
            ? shape.Items[^1].Integer(1, Architecture.MaxHidden)
            : throw shape.Fail($"{what} must be a list that ends with a width from 1 to {Architecture.MaxHidden}");
    }

    private static void Add(List<DraftLayer> layers, JsonTree layer, ref int width)
    {
        JsonTree type = layer.Required("type");
        string kind = type.Text();
        int output = Width(layer.Required("shape"), "shape");
        JsonTree? activation = layer.Field("activation") is { Kind: not JsonTreeKind.Null } field ? field : null;
        switch (kind)
        {
            case "dense" or "time-distributed-dense":
                layers.Add(Dense(Weights(layer, kind, 1, 2), width, output));
                break;
            case "lstm" or "gru":
                if (activation?.Text() is not (null or "" or "tanh"))
                    throw activation.Fail($"{kind} with the activation {ModelFormatException.Quote(activation.Text())}; RTNeural computes tanh");
                layers.Add(kind == "lstm" ? Lstm(Weights(layer, kind, 2, 3), width, output) : Gru(Weights(layer, kind, 3, 3), width, output));
                activation = null;
                break;
            case "activation":
                if (activation == null)
                    throw layer.Fail("an activation layer lacks 'activation'");
                if (output != width)
                    throw layer.Fail($"an activation of width {output} after a layer of width {width}");
                break;
            default:
                throw type.Fail($"layers of type {ModelFormatException.Quote(kind)} are not supported; dense, time-distributed-dense, lstm, gru and activation are");
        }
        AddActivation(layers, activation);
        width = output;
    }

    private static void AddActivation(List<DraftLayer> layers, JsonTree? activation)
    {
        if (activation?.Text() is not { } name || name is "" or "linear")
            return;
        LayerInfo? layer = name switch
        {
            "softmax" => new() { Type = "softmax" },
            "elu" => new() { Type = "activation", Activation = "elu(1)" },
            "swish" => new() { Type = "activation", Activation = "silu" },
            "tanh" or "relu" or "sigmoid" or "softplus" or "silu" => new() { Type = "activation", Activation = name },
            _ => null, // Keras has had two hard sigmoids.
        };
        if (layer == null)
            throw activation.Fail($"the activation {ModelFormatException.Quote(name)} is not supported");
        if (layers.Count == 0)
            throw activation.Fail($"the activation {ModelFormatException.Quote(name)} comes before any layer with a width");
        layers.Add(new(layer));
    }

    private static IReadOnlyList<JsonTree> Weights(JsonTree layer, string kind, int least, int most)
    {
        JsonTree weights = layer.Required("weights");
        IReadOnlyList<JsonTree> parts = weights.Parts();
        return parts.Count >= least && parts.Count <= most
            ? parts
            : throw weights.Fail($"{kind} has {parts.Count} arrays of weights, expected {(least == most ? $"{most}" : $"{least} or {most}")}");
    }

    private static DraftLayer Dense(IReadOnlyList<JsonTree> weights, int input, int output)
    {
        float[] kernel = weights[0].Tensor("weights of dense", input, output);
        return new(new LayerInfo { Type = "linear", Input = input, Output = output })
        {
            Weights =
            [
                new("weight", output, input, () => GateOrder.Transposed(kernel, input, output), "weights of dense", weights[0].Offset),
                weights.Count > 1 ? Array(weights[1], "bias", "bias of dense", weights[1].Tensor("bias of dense", output)) : DraftWeights.Zeros("bias", output),
            ],
        };
    }

    private static DraftLayer Lstm(IReadOnlyList<JsonTree> weights, int input, int hidden)
    {
        int gates = 4 * hidden;
        DraftWeights bias = weights.Count < 3
            ? DraftWeights.Zeros("bias_ih_l0", gates)
            : Array(weights[2], "bias_ih_l0", "bias of lstm", GateOrder.Rows(weights[2].Tensor("bias of lstm", gates), hidden, 1, GateOrder.KerasLstm, GateOrder.Lstm));
        return new(new LayerInfo { Type = "lstm", Input = input, Hidden = hidden })
        {
            Weights =
            [
                Kernel(weights[0], "weight_ih_l0", "kernel of lstm", input, hidden, GateOrder.KerasLstm, GateOrder.Lstm),
                Kernel(weights[1], "weight_hh_l0", "recurrent kernel of lstm", hidden, hidden, GateOrder.KerasLstm, GateOrder.Lstm),
                bias,
                DraftWeights.Zeros("bias_hh_l0", gates),
            ],
        };
    }

    private static DraftLayer Gru(IReadOnlyList<JsonTree> weights, int input, int hidden)
    {
        int gates = 3 * hidden;
        if (weights[2].Kind == JsonTreeKind.Tensor && weights[2].Shape is [var one] && one == gates)
            throw weights[2].Fail("a gru with one bias resets before the product, which RTNeural does not");
        float[] both = weights[2].Tensor("bias of gru", 2, gates);
        return new(new LayerInfo { Type = "gru", Input = input, Hidden = hidden })
        {
            Weights =
            [
                Kernel(weights[0], "weight_ih_l0", "kernel of gru", input, hidden, GateOrder.KerasGru, GateOrder.Gru),
                Kernel(weights[1], "weight_hh_l0", "recurrent kernel of gru", hidden, hidden, GateOrder.KerasGru, GateOrder.Gru),
                Array(weights[2], "bias_ih_l0", "bias of gru", GateOrder.Rows(both.AsSpan(0, gates), hidden, 1, GateOrder.KerasGru, GateOrder.Gru)),
                Array(weights[2], "bias_hh_l0", "bias of gru", GateOrder.Rows(both.AsSpan(gates), hidden, 1, GateOrder.KerasGru, GateOrder.Gru)),
            ],
        };
    }

    private static DraftWeights Kernel(JsonTree node, string name, string source, int depth, int hidden, string from, string to)
    {
        int gates = to.Length * hidden;
        float[] values = node.Tensor(source, depth, gates);
        return new(name, gates, depth, () => GateOrder.Rows(GateOrder.Transposed(values, depth, gates), hidden, depth, from, to), source, node.Offset);
    }

    private static DraftWeights Array(JsonTree node, string name, string source, float[] values) => new(name, values.Length, 1, () => values, source, node.Offset);
}
