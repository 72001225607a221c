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

    private static readonly (string Name, CellActivation Value)[] Activations =
    [
        ("tanh", CellActivation.Tanh), ("relu", CellActivation.Relu), ("sigmoid", CellActivation.Sigmoid), ("identity", CellActivation.Identity),
    ];

    public static LayerInfo Describe(Layer layer) => layer switch
    {
        Embedding embedding => new() { Type = "embedding", Vocabulary = embedding.Vocabulary, Size = embedding.Size },
        Lstm lstm => new() { Type = "lstm", Input = lstm.Input, Hidden = lstm.Hidden },
        Gru gru => new() { Type = "gru", Input = gru.Input, Hidden = gru.Hidden },
        Rnn rnn => new() { Type = "rnn", Input = rnn.Input, Hidden = rnn.Hidden, Activation = Activations.First(a => a.Value == rnn.Activation).Name },
        Dropout dropout => new() { Type = "dropout", Rate = dropout.Rate },
        Activation activation => new() { Type = "activation", Activation = activation.Function },
        LogSoftmax => new() { Type = "log_softmax" },
        Linear linear => new() { Type = "linear", Input = linear.Input, Output = linear.Output },
        _ => throw new NotSupportedException($"{layer.GetType().Name} layers cannot be saved."),
    };

    /// <summary>A new layer; only for layers that <see cref="Check"/> has accepted.</summary>
    public static Layer Build(LayerInfo layer) => layer.Type switch
    {
        "embedding" => new Embedding(layer.Vocabulary!.Value, layer.Size!.Value),
        "lstm" => new Lstm(layer.Input!.Value, layer.Hidden!.Value),
        "gru" => new Gru(layer.Input!.Value, layer.Hidden!.Value),
        "rnn" => new Rnn(layer.Input!.Value, layer.Hidden!.Value, Activations.First(a => a.Name == layer.Activation).Value),
        "dropout" => new Dropout(layer.Rate!.Value),
        "activation" => Activation.Named(layer.Activation!)!,
        "log_softmax" => new LogSoftmax(),
        _ => new Linear(layer.Input!.Value, layer.Output!.Value),
    };

    /// <summary>Output width of a checked list of layers.</summary>
    public static int OutputWidth(IReadOnlyList<LayerInfo> layers)
    {
        var last = layers.Last(layer => !TakesAnyWidth(layer));
        return last.Output ?? last.Hidden ?? last.Size!.Value;
    }

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
            if (layer.Type == "embedding" && i > 0)
                throw new InvalidDataException($"layer {i} is an embedding; only the first layer can be one");
            if (TakesAnyWidth(layer) && i == 0)
                throw new InvalidDataException($"layer 0 is {layer.Type}, which has no width of its own");
            if (width is not null && layer.Input is not null && layer.Input != width)
                throw new InvalidDataException($"layer {i} expects {layer.Input} inputs, layer {i - 1} gives {width}");
            width = layer.Output ?? layer.Hidden ?? layer.Size ?? width;
            AddParameters(parameters, i, layer);
        }

        return parameters;
    }

    private static bool TakesAnyWidth(LayerInfo layer) => layer.Type is "dropout" or "activation" or "log_softmax";

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
            "log_softmax" => [],
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

        if (layer.Activation is null != !wanted.Contains("activation"))
            throw new InvalidDataException($"layer {index} ({layer.Type}) {(layer.Activation is null ? "lacks" : "cannot have")} activation");
        if (layer.Type == "activation" && Activation.Named(layer.Activation!) is null)
            throw new InvalidDataException($"layer {index} has the activation {ModelFormatException.Quote(layer.Activation!)}, which this version does not know");
        if (layer.Type == "rnn" && layer.Activation is { } function && !Activations.Any(a => a.Name == function))
            throw new InvalidDataException($"layer {index} has the activation {ModelFormatException.Quote(function)}, expected {string.Join(", ", Activations.Select(a => a.Name))}");
        if (layer.Rate is null != !wanted.Contains("rate"))
            throw new InvalidDataException($"layer {index} ({layer.Type}) {(layer.Rate is null ? "lacks" : "cannot have")} rate");
        if (layer.Rate is { } rate && !(rate >= 0 && rate < 1))
            throw new InvalidDataException(FormattableString.Invariant($"layer {index} has rate {rate}; it must lie from 0 to below 1"));
    }

    private static void AddParameters(List<ParameterShape> parameters, int index, LayerInfo layer)
    {
        switch (layer.Type)
        {
            case "embedding":
                parameters.Add(new($"{index}.weight", [layer.Vocabulary!.Value, layer.Size!.Value]));
                break;
            case "lstm" or "gru" or "rnn":
                int gates = (layer.Type == "lstm" ? 4 : layer.Type == "gru" ? 3 : 1) * layer.Hidden!.Value;
                parameters.Add(new($"{index}.weight_ih_l0", [gates, layer.Input!.Value]));
                parameters.Add(new($"{index}.weight_hh_l0", [gates, layer.Hidden.Value]));
                parameters.Add(new($"{index}.bias_ih_l0", [gates]));
                parameters.Add(new($"{index}.bias_hh_l0", [gates]));
                break;
            case "linear":
                parameters.Add(new($"{index}.weight", [layer.Output!.Value, layer.Input!.Value]));
                parameters.Add(new($"{index}.bias", [layer.Output.Value]));
                break;
        }
    }
}
