using System.Text.Json;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>A layer as a Keras model's configuration has it.</summary>
/// <param name="ClassName">For example <c>LSTM</c>.</param>
/// <param name="Name">Within the model.</param>
/// <param name="Config">Its fields.</param>
internal sealed record KerasLayer(string ClassName, string Name, JsonValue Config);

/// <summary>
/// The layers of a model's configuration: a Sequential of any version, or a functional model whose layers are one chain. Nothing of it is ever executed: classes and functions
/// that are not Keras's own are refused by name.
/// </summary>
internal sealed class KerasConfig
{
    /// <summary>Values that a configuration may have, in the sum; each costs memory of its own.</summary>
    private const int MostValues = 1 << 18;

    private readonly Func<string, ModelFormatException> _error;

    private KerasConfig(Func<string, ModelFormatException> error) => _error = error;

    /// <summary>A JSON text of at most so many values, nested no deeper than the limits let it.</summary>
    /// <exception cref="JsonException">It is not.</exception>
    public static JsonValue Parse(ReadOnlySpan<byte> utf8, ImportLimits limits)
    {
        var options = new JsonReaderOptions { MaxDepth = limits.JsonDepth };
        var reader = new Utf8JsonReader(utf8, options);
        for (int values = 0; reader.Read(); values++)
        {
            if (values > MostValues)
                throw new JsonException($"More than {MostValues} values.");
        }
        return JsonValue.Parse(utf8, options, unique: true);
    }

    /// <param name="root">Of the configuration.</param>
    /// <param name="error">Makes an error at the configuration's place in the file.</param>
    public static List<KerasLayer> Layers(JsonValue root, Func<string, ModelFormatException> error)
    {
        var config = new KerasConfig(error);
        (string kind, JsonValue inner) = (config.ClassOf(root), root.Required("config"));
        return kind switch
        {
            "Sequential" => config.Chain(inner.Kind == JsonTokenType.StartArray ? inner : inner.Required("layers")),
            "Model" or "Functional" => config.Functional(inner),
            _ => throw error($"the model is of the class {ModelFormatException.Quote(kind)}; Sequential models and functional ones that are a chain are read"),
        };
    }

    /// <summary>The class of a layer or model that is Keras's own.</summary>
    public string ClassOf(JsonValue layer)
    {
        string name = layer.Required("class_name").String();
        string? module = layer.Optional("module")?.String(), registered = layer.Optional("registered_name")?.String();
        bool own = module == null || module == "keras" || module.StartsWith("keras.", StringComparison.Ordinal) || module.StartsWith("tf_keras", StringComparison.Ordinal)
            || module.StartsWith("tensorflow.keras", StringComparison.Ordinal) || module.StartsWith("tensorflow.python.keras", StringComparison.Ordinal);
        // Keras registers its own classes without a package, or not at all.
        if (!own || registered?.Contains('>', StringComparison.Ordinal) == true || name.Contains('>', StringComparison.Ordinal))
            throw _error($"{ModelFormatException.Quote(registered ?? name)} of {ModelFormatException.Quote(module ?? "")} is a custom class; only Keras's own are read");
        return name;
    }

    private List<KerasLayer> Chain(JsonValue layers)
    {
        var chain = new List<KerasLayer>();
        foreach (JsonValue layer in layers.List(item => item))
            chain.Add(Layer(layer, chain.Count));
        Check(chain);
        return chain;
    }

    private KerasLayer Layer(JsonValue layer, int index)
    {
        JsonValue config = layer.Required("config");
        string kind = ClassOf(layer);
        string name = config.Kind == JsonTokenType.StartObject ? (config.Optional("name") ?? layer.Optional("name"))?.String() ?? $"layer {index}" : $"layer {index}";
        if (config.Kind == JsonTokenType.StartObject && config.Known("dtype") is { Kind: JsonTokenType.StartObject } type
            && type.Required("class_name").String() is var policy && policy.Contains("Quantized", StringComparison.Ordinal))
        {
            throw _error($"layer {ModelFormatException.Quote(name)} has quantized weights ({ModelFormatException.Quote(policy)}), which are not read");
        }
        return new(kind, name, config);
    }

    private void Check(List<KerasLayer> chain)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (KerasLayer layer in chain)
        {
            if (!names.Add(layer.Name))
                throw _error($"two layers are called {ModelFormatException.Quote(layer.Name)}");
        }
        if (chain.Count is 0 or > 4 * Architecture.MaxLayers)
            throw _error($"the model has {chain.Count} layers; 1 to {4 * Architecture.MaxLayers} are read");
    }

    /// <summary>Layers of a graph in which each has one input, the layer before it.</summary>
    private List<KerasLayer> Functional(JsonValue config)
    {
        JsonValue[] layers = config.Required("layers").List(item => item);
        if (layers.Length > 4 * Architecture.MaxLayers)
            throw _error($"the model has {layers.Length} layers; {4 * Architecture.MaxLayers} are the most");
        List<KerasLayer> all = [];
        for (int i = 0; i < layers.Length; i++)
            all.Add(Layer(layers[i], i));
        Check(all);
        if (Ends(config, "input_layers") != 1 || Ends(config, "output_layers") != 1)
            throw _error("a functional model of several inputs or outputs is not a chain");
        var after = new Dictionary<string, int>(StringComparer.Ordinal);
        int first = -1;
        for (int i = 0; i < layers.Length; i++)
        {
            var sources = new List<string>();
            Sources(layers[i].Required("inbound_nodes"), sources);
            if (sources.Count == 0 && first < 0)
                first = i;
            else if (sources.Count != 1 || !after.TryAdd(sources[0], i))
                throw _error($"layer {ModelFormatException.Quote(all[i].Name)} makes the functional model more than a chain");
        }
        var chain = new List<KerasLayer>();
        for (int i = first; i >= 0; i = after.TryGetValue(all[i].Name, out int next) ? next : -1)
        {
            chain.Add(all[i]);
            if (chain.Count > all.Count)
                throw _error("the functional model goes in a circle");
        }
        return chain.Count == all.Count ? all = chain : throw _error("the functional model is more than a chain");
    }

    /// <summary>Tensors that a functional model begins or ends with: one as <c>["name",0,0]</c>, or a list of such.</summary>
    private static int Ends(JsonValue config, string name)
    {
        JsonValue ends = config.Required(name);
        return ends.Inner.Count > 0 && ends.Inner[0].Kind == JsonTokenType.String ? 1 : ends.Inner.Count;
    }

    /// <summary>Names of the layers whose tensors a node takes: <c>["name",0,0,{}]</c> up to Keras 2, <c>"keras_history":["name",0,0]</c> since.</summary>
    private static void Sources(JsonValue node, List<string> names)
    {
        bool tensor = node.Kind == JsonTokenType.StartArray && node.Inner.Count is 3 or 4 && node.Inner[0].Kind == JsonTokenType.String
            && node.Inner[1].Kind == JsonTokenType.Number && node.Inner[2].Kind == JsonTokenType.Number;
        if (tensor)
            names.Add(node.Inner[0].Text);
        else if (names.Count <= 1)
        {
            foreach (JsonValue inner in node.Inner)
                Sources(inner, names);
        }
    }
}
