using System.Globalization;
using FastRnn.Formats.Dialects.Keras.Hdf5;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>Where a model's weights are, layer by layer.</summary>
internal interface IKerasStore
{
    /// <summary>A layer's arrays in the order in which Keras creates them; layers are asked for in the model's order.</summary>
    /// <param name="layer">Of the model.</param>
    /// <param name="parts">Groups that hold the arrays of such a layer in a Keras 3 file: <c>cell</c>, or <c>forward_layer/cell</c> and its like.</param>
    List<HdfTensor> Weights(KerasLayer layer, params string[] parts);

    /// <summary>Refuses weights of layers that nobody has asked for.</summary>
    void Finish();
}

/// <summary>
/// The legacy layout: a group for each layer, whose attribute <c>weight_names</c> lists the data sets in order; <c>layer_names</c> lists the groups. Long lists are split
/// over attributes with numbers behind their names.
/// </summary>
internal sealed class KerasLegacyStore : IKerasStore
{
    private readonly HdfObject _group;
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<HdfTensor>> _seen = new(StringComparer.Ordinal);

    public KerasLegacyStore(HdfObject group)
    {
        _group = group;
        LayerNames = Names(group, "layer_names")
            ?? throw group.File.Bytes.Error("the group of weights has no attribute 'layer_names'", group.Address);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string name in LayerNames)
        {
            if (!seen.Add(name))
                throw group.File.Bytes.Error($"layer {ModelFormatException.Quote(name)} comes twice in 'layer_names'", group.Place("layer_names"));
        }
    }

    /// <summary>In the model's order.</summary>
    public string[] LayerNames { get; }

    public List<HdfTensor> Weights(KerasLayer layer, params string[] parts) => Weights(layer.Name);

    /// <summary>A look at a layer's arrays, which are kept until they are asked for.</summary>
    public List<HdfTensor> Look(string layer)
    {
        if (!_seen.TryGetValue(layer, out List<HdfTensor>? arrays))
            _seen.Add(layer, arrays = Read(layer));
        return arrays;
    }

    public List<HdfTensor> Weights(string layer)
    {
        _asked.Add(layer);
        return _seen.Remove(layer, out List<HdfTensor>? arrays) ? arrays : Read(layer);
    }

    public void Finish()
    {
        foreach (string name in LayerNames)
        {
            if (!_asked.Contains(name) && _group.Child(name) is { } group && Names(group, "weight_names") is { Length: > 0 })
                throw _group.File.Bytes.Error($"the weights of {ModelFormatException.Quote(name)} belong to no layer of the model", group.Address);
        }
    }

    private List<HdfTensor> Read(string layer)
    {
        if (!LayerNames.Contains(layer))
            return [];
        HdfObject group = _group.Child(layer)
            ?? throw _group.File.Bytes.Error($"layer {ModelFormatException.Quote(layer)} has no group of weights", _group.Address);
        var weights = new List<HdfTensor>();
        foreach (string name in Names(group, "weight_names") ?? [])
        {
            HdfObject found = group.Find(name) is { IsDataSet: true } set
                ? set : throw group.File.Bytes.Error($"layer {ModelFormatException.Quote(layer)} has no data set {ModelFormatException.Quote(name)}", group.Address);
            (int[] shape, float[] values) = HdfDataSet.Read(found);
            weights.Add(new($"{layer}/{name}", shape, values, found.File.Bytes.Outer(found.Address)));
        }
        return weights;
    }

    private static string[]? Names(HdfObject group, string attribute)
    {
        if (group.Texts(attribute) is { } whole)
            return whole;
        List<string>? names = null;
        for (int i = 0; group.Texts(string.Create(CultureInfo.InvariantCulture, $"{attribute}{i}")) is { } part; i++)
            (names ??= []).AddRange(part);
        return names?.ToArray();
    }
}

/// <summary>
/// The layout of Keras 3 (and of 2.13's <c>.keras</c>): groups <c>layers/lstm_1/cell/vars/0</c>, named by class and number of such layers before, whatever the layers are called.
/// </summary>
internal sealed class KerasPathStore : IKerasStore
{
    private readonly HdfObject _layers;
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    public KerasPathStore(HdfObject root) => _layers = root.Child("layers") ?? root.Child("_layer_checkpoint_dependencies")
        ?? throw root.File.Bytes.Error("there is no group 'layers'", root.Address);

    /// <summary>Whether a file has this layout.</summary>
    public static bool Fits(HdfObject root) => root.Links.ContainsKey("layers") || root.Links.ContainsKey("_layer_checkpoint_dependencies");

    public List<HdfTensor> Weights(KerasLayer layer, params string[] parts)
    {
        string name = SnakeCase(layer.ClassName);
        int before = _counts.GetValueOrDefault(name);
        _counts[name] = before + 1;
        if (before > 0)
            name = string.Create(CultureInfo.InvariantCulture, $"{name}_{before}");
        _asked.Add(name);
        var weights = new List<HdfTensor>();
        if (_layers.Child(name) is not { } group)
            return weights;
        foreach (string part in parts)
            AddVariables(weights, part.Length == 0 ? group : group.Find(part), $"layers/{name}/{part}");
        return weights;
    }

    public void Finish()
    {
        foreach ((string name, long address) in _layers.Links)
        {
            if (!_asked.Contains(name) && HasVariables(_layers.Child(name)!, depth: 0))
                throw _layers.File.Bytes.Error($"the weights of {ModelFormatException.Quote(name)} belong to no layer of the model", address);
        }
    }

    /// <summary>Whether there are variables in a group, other than the state of a generator of random numbers: layers without weights have a group, too.</summary>
    private static bool HasVariables(HdfObject group, int depth)
    {
        if (depth > group.File.Limits.Depth)
            throw group.File.Bytes.Error($"more than {group.File.Limits.Depth} groups in each other", group.Address);
        foreach (string name in group.Links.Keys)
        {
            if (name == "vars" ? group.Child(name)!.Links.Count > 0 : name != "seed_generator" && HasVariables(group.Child(name)!, depth + 1))
                return true;
        }
        return false;
    }

    private static void AddVariables(List<HdfTensor> weights, HdfObject? group, string name)
    {
        if (group?.Child("vars") is not { } variables)
            return;
        int count = variables.Links.Count;
        for (int i = 0; i < count; i++)
        {
            string number = i.ToString(CultureInfo.InvariantCulture);
            HdfObject found = variables.Child(number) is { IsDataSet: true } set
                ? set : throw variables.File.Bytes.Error($"{ModelFormatException.Quote(name)} has {count} variables and no data set {number}", variables.Address);
            (int[] shape, float[] values) = HdfDataSet.Read(found);
            weights.Add(new($"{name}/vars/{number}".Replace("//", "/", StringComparison.Ordinal), shape, values, found.File.Bytes.Outer(found.Address)));
        }
    }

    /// <summary><c>SimpleRNN</c> as <c>simple_rnn</c>, as Keras names groups.</summary>
    private static string SnakeCase(string name)
    {
        var text = new System.Text.StringBuilder();
        for (int i = 0; i < name.Length; i++)
        {
            bool upper = char.IsAsciiLetterUpper(name[i]);
            bool word = i > 0 && upper && i + 1 < name.Length && char.IsAsciiLetterLower(name[i + 1]);
            if (word || (i > 0 && upper && char.IsAsciiLetterLower(name[i - 1])))
                text.Append('_');
            text.Append(char.ToLowerInvariant(name[i]));
        }
        return text.ToString();
    }
}
