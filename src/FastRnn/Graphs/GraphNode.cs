namespace FastRnn.Graphs;

/// <summary>What kind of value an attribute has.</summary>
internal enum AttributeKind
{
    Integer,
    Float,
    Text,
    Tensor,
    Integers,
    Floats,
    Texts,

    /// <summary>Graphs and other things that no operator here takes.</summary>
    Other,
}

/// <summary>One attribute of a node.</summary>
internal sealed record GraphAttribute(AttributeKind Kind)
{
    public long Integer { get; init; }

    public float Float { get; init; }

    public string Text { get; init; } = "";

    public GraphTensor? Tensor { get; init; }

    public long[] Integers { get; init; } = [];

    public float[] Floats { get; init; } = [];

    public string[] Texts { get; init; } = [];
}

/// <summary>A node as the file has it: which operator, on which values, with which attributes.</summary>
internal sealed class GraphNode
{
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    public required string Operator { get; init; }

    /// <summary>Whose operator it is; empty for ONNX's own.</summary>
    public string Domain { get; init; } = "";

    public string Name { get; init; } = "";

    /// <summary>Version of the operators' set.</summary>
    public required int Opset { get; init; }

    /// <summary>Names of values; empty for one that is left out.</summary>
    public required string[] Inputs { get; init; }

    /// <summary>Names of values; empty for one that nobody asks for.</summary>
    public required string[] Outputs { get; init; }

    public IReadOnlyDictionary<string, GraphAttribute> Attributes { get; init; } = new Dictionary<string, GraphAttribute>();

    /// <summary>Byte of the file at which the node begins; negative when there is none.</summary>
    public long Offset { get; init; } = -1;

    /// <summary>For messages: <c>LSTM 'lstm_4'</c>.</summary>
    public string Label => SafeText.Quote(Operator, 40)[1..^1] + (Name.Length > 0 ? " " + SafeText.Quote(Name) : Outputs.Length > 0 ? " of " + SafeText.Quote(Outputs[0]) : "");

    public bool HasInput(int index) => index < Inputs.Length && Inputs[index].Length > 0;

    public bool HasOutput(int index) => index < Outputs.Length && Outputs[index].Length > 0;

    public GraphException Error(string problem) => new($"{Label}: {problem}", Offset);

    public bool Has(string name)
    {
        _asked.Add(name);
        return Attributes.ContainsKey(name);
    }

    public long Integer(string name, long otherwise) => Find(name, AttributeKind.Integer)?.Integer ?? otherwise;

    public bool Flag(string name, bool otherwise = false) => Integer(name, otherwise ? 1 : 0) switch
    {
        0 => false,
        1 => true,
        long other => throw Error($"attribute {name} is {other}, neither 0 nor 1"),
    };

    public float Float(string name, float otherwise) => Find(name, AttributeKind.Float)?.Float ?? otherwise;

    public string Text(string name, string otherwise) => Find(name, AttributeKind.Text)?.Text ?? otherwise;

    public GraphTensor? Tensor(string name) => Find(name, AttributeKind.Tensor)?.Tensor;

    public long[]? Integers(string name) => Find(name, AttributeKind.Integers)?.Integers;

    public float[]? Floats(string name) => Find(name, AttributeKind.Floats)?.Floats;

    public string[]? Texts(string name) => Find(name, AttributeKind.Texts)?.Texts;

    /// <summary>Marks an attribute as known that says nothing about inference.</summary>
    public void Ignore(string name) => _asked.Add(name);

    /// <summary>Whoever reads the node next has to ask for every attribute himself.</summary>
    public void ForgetAsked() => _asked.Clear();

    /// <summary>Nothing that a file says may go unheard: an attribute that the operator has not asked for is an error.</summary>
    public void CheckAllAsked()
    {
        foreach (string name in Attributes.Keys)
        {
            if (!_asked.Contains(name))
                throw Error($"attribute {SafeText.Quote(name)} is not known for opset {Opset}");
        }
    }

    /// <summary>That many inputs and outputs, and the first <paramref name="needed"/> inputs given.</summary>
    public void Arity(int needed, int most, int outputs = 1)
    {
        if (Inputs.Length > most || Inputs.Length < needed)
            throw Error($"{Inputs.Length} inputs, not {(needed == most ? needed : $"{needed} to {most}")}");
        for (int i = 0; i < needed; i++)
        {
            if (Inputs[i].Length == 0)
                throw Error($"input {i} is left out");
        }
        if (Outputs.Length < 1 || Outputs.Length > outputs)
            throw Error($"{Outputs.Length} outputs, not 1{(outputs > 1 ? $" to {outputs}" : "")}");
    }

    private GraphAttribute? Find(string name, AttributeKind kind)
    {
        if (!Has(name))
            return null;
        GraphAttribute attribute = Attributes[name];
        if (attribute.Kind == kind)
            return attribute;
        // A list of nothing has no elements that tell its type in old files; writers of such files name none.
        throw Error($"attribute {name} is {attribute.Kind}, not {kind}");
    }
}
