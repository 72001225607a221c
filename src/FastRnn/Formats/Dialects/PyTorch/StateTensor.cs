using System.Globalization;

namespace FastRnn.Formats.Dialects.PyTorch;

/// <summary>An entry of a state_dict.</summary>
/// <param name="Name">For example <c>encoder.weight_hh_l1_reverse</c>.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Offset">Where in the file it lies.</param>
/// <param name="Read">Gets the values as float32.</param>
internal sealed record StateTensor(string Name, int[] Shape, long Offset, Func<float[]> Read)
{
    public string Quoted => ModelFormatException.Quote(Name);

    /// <summary>Rows of a matrix; the length of a vector.</summary>
    public int Rows => Shape[0];

    /// <summary>Columns of a matrix; 1 of a vector.</summary>
    public int Columns => Shape.Length > 1 ? Shape[1] : 1;
}

/// <summary>The entries of one module: a recurrent stack, a linear layer, an embedding.</summary>
internal sealed class StateModule(string name, string? path)
{
    private readonly SortedDictionary<string, StateTensor> _tensors = new(StringComparer.Ordinal);

    public string Name => name;

    /// <summary>Of the file, for messages.</summary>
    public string? Path => path;

    public string Quoted => ModelFormatException.Quote(name);

    /// <summary>By their names within the module.</summary>
    public IReadOnlyDictionary<string, StateTensor> Tensors => _tensors;

    /// <summary>In the file.</summary>
    public StateTensor First { get; private set; } = null!;

    /// <summary>Layers of a stack; 1 of anything else.</summary>
    public int Layers { get; private set; } = 1;

    public bool IsRecurrent => _tensors.ContainsKey("weight_ih_l0");

    public bool IsBidirectional => _tensors.ContainsKey("weight_ih_l0_reverse");

    /// <summary>A matrix, with or without a bias: a linear layer, or an embedding.</summary>
    public bool IsMatrix => !IsRecurrent && _tensors.TryGetValue("weight", out StateTensor? weight) && weight.Shape.Length == 2;

    /// <summary>A scale and a shift of the same length: layer normalisation, which nothing else that FastRnn has is stored like.</summary>
    public bool IsNorm => _tensors.Count == 2 && _tensors.TryGetValue("weight", out StateTensor? scale) && _tensors.TryGetValue("bias", out StateTensor? shift)
        && scale.Shape.Length == 1 && shift.Shape.AsSpan().SequenceEqual(scale.Shape);

    public void Add(string leaf, StateTensor tensor)
    {
        First ??= tensor;
        // A cell is a layer whose loop somebody else wrote.
        string known = leaf is "weight_ih" or "weight_hh" or "bias_ih" or "bias_hh" ? leaf + "_l0" : leaf;
        if (!IsLeaf(known, out int layer))
            throw Fail($"{tensor.Quoted} is no parameter of a recurrent, linear or embedding layer", tensor);
        if (tensor.Shape.Length is 0 or > 2 || tensor.Shape.AsSpan().Contains(0))
            throw Fail($"{tensor.Quoted} has the shape {SafetensorsTensor.ShapeText(tensor.Shape)}; recurrent, linear and embedding layers have matrices and vectors", tensor);
        if (!_tensors.TryAdd(known, tensor))
            throw Fail($"{tensor.Quoted} comes twice", tensor);
        Layers = Math.Max(Layers, layer + 1);
    }

    public StateTensor Matrix(string leaf)
    {
        if (!_tensors.TryGetValue(leaf, out StateTensor? tensor))
            throw Fail($"module {Quoted} lacks {leaf}", First);
        return tensor.Shape.Length == 2 ? tensor : throw Fail($"{tensor.Quoted} must be a matrix", tensor);
    }

    public ModelFormatException Fail(string problem, StateTensor tensor) => new(problem, tensor.Offset, path);

    /// <summary>Names within a module, and the layer that a number at their end tells.</summary>
    private static bool IsLeaf(string leaf, out int layer)
    {
        layer = 0;
        if (leaf is "weight" or "bias")
            return true;
        string plain = leaf.EndsWith("_reverse", StringComparison.Ordinal) ? leaf[..^8] : leaf;
        int at = plain.LastIndexOf("_l", StringComparison.Ordinal);
        return at > 0
            && plain[..at] is "weight_ih" or "weight_hh" or "bias_ih" or "bias_hh" or "weight_hr" or "weight_peephole" or "weight_ln_ih" or "weight_ln_hh"
            && plain.Length - at - 2 is > 0 and <= 3
            && int.TryParse(plain.AsSpan(at + 2), NumberStyles.None, CultureInfo.InvariantCulture, out layer)
            && (plain[at + 2] != '0' || plain.Length == at + 3)
            && layer < Architecture.MaxLayers;
    }
}

/// <summary>One layer of FastRnn's within a module: layer k of a stack, with all its directions.</summary>
internal sealed record StateUnit(StateModule Module, int Layer)
{
    /// <summary>The entry for a parameter of such a layer, <c>weight_ih_l0_reverse</c>; null where there is none.</summary>
    public StateTensor? Find(string leaf) => Module.Tensors.GetValueOrDefault(Leaf(leaf));

    public string Leaf(string leaf) => Layer == 0 ? leaf : leaf.Replace("_l0", FormattableString.Invariant($"_l{Layer}"), StringComparison.Ordinal);

    /// <summary>How many entries are of this layer.</summary>
    public int Count => !Module.IsRecurrent ? Module.Tensors.Count
        : Module.Tensors.Keys.Count(leaf => leaf.Replace("_reverse", "", StringComparison.Ordinal).EndsWith(FormattableString.Invariant($"_l{Layer}"), StringComparison.Ordinal));
}
