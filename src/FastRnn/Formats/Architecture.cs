using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Formats;

/// <summary>A parameter that an architecture must have, under PyTorch's name and layout.</summary>
internal readonly record struct ParameterShape(string Name, int[] Shape, TensorType Type = TensorType.F32);

/// <summary>Checks a stored list of layers before anything of its sizes is built, and translates between it and real layers.</summary>
internal static class Architecture
{
    public const int MaxLayers = 256;
    public const int MaxHidden = 65_536;

    private static readonly (string Name, Merge Value)[] Merges =
        [("concat", Merge.Concat), ("sum", Merge.Sum), ("average", Merge.Average), ("multiply", Merge.Multiply)];

    public static LayerInfo Describe(Layer layer) => layer switch
    {
        Embedding embedding => new() { Type = "embedding", Vocabulary = embedding.Vocabulary, Size = embedding.Size },
        RecurrentLayer recurrent => RecurrentInfo.Describe(recurrent),
        Dropout dropout => new() { Type = "dropout", Rate = dropout.Rate, Variational = dropout.Variational ? true : null },
        Activation activation => new() { Type = "activation", Activation = activation.Function },
        LogSoftmax => new() { Type = "log_softmax" },
        Softmax => new() { Type = "softmax" },
        Masking masking => new() { Type = "masking", Size = masking.Size, Value = masking.Value },
        LayerNormalization norm => new() { Type = "layer_normalization", Size = norm.Size, Epsilon = norm.Epsilon },
        ActivityRegularization activity => new() { Type = "activity_regularization", L1 = activity.L1, L2 = activity.L2, Temporal = activity.Temporal },
        Linear linear => new() { Type = "linear", Input = linear.Input, Output = linear.Output },
        Bidirectional both => new()
        {
            Type = "bidirectional",
            Inner = Describe(both.Inner),
            Merge = Merges.First(merge => merge.Value == both.Merge).Name,
            LastStep = both.LastStep,
        },
        GoBackwards backwards => new() { Type = "go_backwards", Inner = Describe(backwards.Inner), LastStep = backwards.LastStep },
        Residual residual => new() { Type = "residual", Inner = Describe(residual.Inner) },
        _ => throw new NotSupportedException($"{layer.GetType().Name} layers cannot be saved."),
    };

    /// <summary>A new layer; only for layers that <see cref="Check"/> has accepted.</summary>
    public static Layer Build(LayerInfo layer) => layer.Type switch
    {
        "embedding" => new Embedding(layer.Vocabulary!.Value, layer.Size!.Value),
        "lstm" or "gru" or "rnn" => RecurrentInfo.Build(layer),
        "dropout" => new Dropout(layer.Rate!.Value) { Variational = layer.Variational == true },
        "activation" => Activation.Named(layer.Activation!)!,
        "log_softmax" => new LogSoftmax(),
        "softmax" => new Softmax(),
        "masking" => new Masking(layer.Size!.Value, layer.Value!.Value),
        "layer_normalization" => new LayerNormalization(layer.Size!.Value, layer.Epsilon!.Value),
        "activity_regularization" => new ActivityRegularization(layer.L1!.Value, layer.L2!.Value, layer.Temporal!.Value),
        "bidirectional" => new Bidirectional(
            (RecurrentLayer)Build(layer.Inner!), Merges.First(merge => merge.Name == layer.Merge).Value, layer.LastStep!.Value),
        "go_backwards" => new GoBackwards((RecurrentLayer)Build(layer.Inner!), layer.LastStep!.Value),
        "residual" => new Residual(Build(layer.Inner!)),
        _ => new Linear(layer.Input!.Value, layer.Output!.Value),
    };

    /// <summary>Output width of a checked list of layers.</summary>
    public static int OutputWidth(IReadOnlyList<LayerInfo> layers) => OutputWidth(layers.Last(layer => OutputWidth(layer) is not null))!.Value;

    /// <summary>Features that a checked layer asks for; null for tokens, and where any width will do.</summary>
    public static int? InputWidth(LayerInfo layer) => layer.Type is "layer_normalization" or "masking"
        ? layer.Size
        : layer.Input ?? (layer.Inner is null ? null : InputWidth(layer.Inner));

    /// <summary>Features that a checked layer gives; null where it gives as many as it gets.</summary>
    private static int? OutputWidth(LayerInfo layer) => layer.Type switch
    {
        "bidirectional" => RecurrentInfo.StateSize(layer.Inner!) * (layer.Merge == "concat" ? 2 : 1),
        "go_backwards" or "residual" => OutputWidth(layer.Inner!),
        _ => layer.Output ?? RecurrentInfo.StateSize(layer) ?? layer.Size,
    };

    /// <summary>Returns every parameter the layers have, or says what is wrong with them.</summary>
    /// <exception cref="InvalidDataException">A layer is unknown, has a bad size, or does not fit the layer before it.</exception>
    public static List<ParameterShape> Check(IReadOnlyList<LayerInfo> layers)
    {
        if (layers.Count is 0 or > MaxLayers)
            throw new InvalidDataException($"{layers.Count} layers; a model has 1 to {MaxLayers}");
        var parameters = new List<ParameterShape>();
        int? width = null;
        for (int i = 0; i < layers.Count; i++)
        {
            var layer = layers[i] ?? throw new InvalidDataException($"layer {i} is null");
            CheckFields(i, layer);
            CheckOptions(i, layer);
            CheckInner(i, layer);
            if (layer.Type == "embedding" && i > 0)
                throw new InvalidDataException($"layer {i} is an embedding; only the first layer can be one");
            if (OutputWidth(layer) is null && i == 0)
                throw new InvalidDataException($"layer 0 is {layer.Type}, which has no width of its own");
            if (width is not null && InputWidth(layer) is { } input && input != width)
                throw new InvalidDataException($"layer {i} expects {input} inputs, layer {i - 1} gives {width}");
            width = OutputWidth(layer) ?? width;
            AddParameters(parameters, layer, $"{i}.");
        }

        return parameters;
    }

    /// <summary>Exactly the sizes of its kind, all in range.</summary>
    private static void CheckFields(int index, LayerInfo layer)
    {
        string[] wanted = layer.Type switch
        {
            "embedding" => ["vocabulary", "size"],
            "lstm" or "gru" => ["input", "hidden"],
            "rnn" => ["input", "hidden", "activation"],
            "linear" => ["input", "output"],
            "dropout" => ["rate"],
            "activation" => ["activation"],
            "log_softmax" or "softmax" => [],
            "layer_normalization" => ["size", "epsilon"],
            "masking" => ["size", "value"],
            "activity_regularization" => ["l1", "l2", "temporal"],
            "bidirectional" => ["inner", "merge", "last_step"],
            "go_backwards" => ["inner", "last_step"],
            "residual" => ["inner"],
            _ => throw new InvalidDataException(
                $"layer {index} has the type {ModelFormatException.Quote(layer.Type)}, which this version does not know"),
        };
        var sizes = new (string Name, int? Value)[]
        {
            ("vocabulary", layer.Vocabulary), ("size", layer.Size), ("input", layer.Input), ("hidden", layer.Hidden), ("output", layer.Output),
        };
        foreach (var (name, value) in sizes)
        {
            if (value is null != !wanted.Contains(name))
                throw new InvalidDataException($"layer {index} ({layer.Type}) {(value is null ? "lacks" : "cannot have")} {name}");
            int most = name == "hidden" ? MaxHidden : int.MaxValue;
            if (value < 1 || value > most)
                throw new InvalidDataException($"layer {index} ({layer.Type}) has {name} {value}; it must lie from 1 to {most}");
        }

        var others = new (string Name, object? Value)[]
        {
            ("activation", layer.Activation), ("inner", layer.Inner), ("merge", layer.Merge), ("last_step", layer.LastStep), ("rate", layer.Rate),
            ("l1", layer.L1), ("l2", layer.L2), ("temporal", layer.Temporal), ("epsilon", layer.Epsilon), ("value", layer.Value),
        };
        foreach (var (name, value) in others)
        {
            if (value is null != !wanted.Contains(name))
                throw new InvalidDataException($"layer {index} ({layer.Type}) {(value is null ? "lacks" : "cannot have")} {name}");
        }

        RecurrentInfo.Check(index, layer);
        if (layer.Type == "activation" && Activation.Named(layer.Activation!) is null)
            throw new InvalidDataException($"layer {index} has the activation {ModelFormatException.Quote(layer.Activation!)}, which this version does not know");
        if (layer.Type == "rnn" && layer.Activation is { } function && CellActivation.Parse(function) is null)
            throw new InvalidDataException($"layer {index} has the activation {ModelFormatException.Quote(function)}, which this version does not know");
        if (layer.Merge is { } merge && !Merges.Any(m => m.Name == merge))
            throw new InvalidDataException($"layer {index} has the merge {ModelFormatException.Quote(merge)}, expected {string.Join(", ", Merges.Select(m => m.Name))}");
        if (layer.Epsilon is { } epsilon && !(epsilon > 0 && float.IsFinite(epsilon)))
            throw new InvalidDataException(FormattableString.Invariant($"layer {index} has epsilon {epsilon}; it must be finite and above 0"));
        if (layer.Value is { } masked && !float.IsFinite(masked))
            throw new InvalidDataException(FormattableString.Invariant($"layer {index} has value {masked}; it must be finite"));
        if (layer.Rate is { } rate && !(rate >= 0 && rate < 1))
            throw new InvalidDataException(FormattableString.Invariant($"layer {index} has rate {rate}; it must lie from 0 to below 1"));
    }

    /// <summary>What a layer may have, and files from before it was there lack.</summary>
    private static void CheckOptions(int index, LayerInfo layer)
    {
        if (layer.Variational is not null && layer.Type != "dropout")
            throw new InvalidDataException($"layer {index} ({layer.Type}) cannot have variational");
        foreach (var (name, weight) in new[] { ("l1", layer.L1), ("l2", layer.L2), ("temporal", layer.Temporal) })
        {
            if (weight is { } value && !(value >= 0 && float.IsFinite(value)))
                throw new InvalidDataException(FormattableString.Invariant($"layer {index} has {name} {value}; it must be finite and not negative"));
        }
    }

    /// <summary>A layer inside another is of a kind that can be there, and complete.</summary>
    private static void CheckInner(int index, LayerInfo layer)
    {
        if (layer.Inner is not { } inner)
            return;
        CheckFields(index, inner);
        CheckOptions(index, inner);
        if (layer.Type == "residual" ? inner.Type is "embedding" or "residual" or "masking" : !RecurrentInfo.IsRecurrent(inner))
            throw new InvalidDataException($"layer {index} is {layer.Type} around {inner.Type}");
        CheckInner(index, inner);
        if (layer.Type == "residual" && InputWidth(inner) is { } input && OutputWidth(inner) != input)
            throw new InvalidDataException($"layer {index} (residual) adds {OutputWidth(inner)} values to {input}");
    }

    private static void AddParameters(List<ParameterShape> parameters, LayerInfo layer, string prefix, string suffix = "")
    {
        switch (layer.Type)
        {
            case "embedding":
                parameters.Add(new($"{prefix}weight", [layer.Vocabulary!.Value, layer.Size!.Value]));
                break;
            case "lstm" or "gru" or "rnn":
                RecurrentInfo.AddParameters(parameters, layer, prefix, suffix);
                break;
            case "linear":
                parameters.Add(new($"{prefix}weight", [layer.Output!.Value, layer.Input!.Value]));
                parameters.Add(new($"{prefix}bias", [layer.Output.Value]));
                break;
            case "layer_normalization":
                parameters.Add(new($"{prefix}weight", [layer.Size!.Value]));
                parameters.Add(new($"{prefix}bias", [layer.Size.Value]));
                break;
            case "bidirectional":
                AddParameters(parameters, layer.Inner!, prefix);
                AddParameters(parameters, layer.Inner!, prefix, "_reverse");
                break;
            case "go_backwards":
                AddParameters(parameters, layer.Inner!, prefix);
                break;
            case "residual":
                AddParameters(parameters, layer.Inner!, prefix + "inner.");
                break;
        }
    }
}
