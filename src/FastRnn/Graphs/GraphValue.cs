namespace FastRnn.Graphs;

/// <summary>One size of a graph's input or output.</summary>
/// <param name="Size">The size, or −1 where every run may have its own.</param>
/// <param name="Symbol">The name that the file gives an open size, for example <c>batch</c>; null where it gives none.</param>
public readonly record struct GraphDimension(int Size, string? Symbol = null)
{
    /// <summary>Whether every run may have its own.</summary>
    public bool IsOpen => Size < 0;

    /// <inheritdoc/>
    public override string ToString() => IsOpen ? Symbol ?? "?" : Size.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>An input or output of a graph.</summary>
/// <param name="Name">As the file has it: not fit to print before it is escaped.</param>
/// <param name="Type">Of its elements.</param>
/// <param name="Shape">Its sizes; null where even their number is open.</param>
public sealed record GraphValue(string Name, ElementType Type, IReadOnlyList<GraphDimension>? Shape)
{
    /// <summary>Sizes, −1 where open.</summary>
    internal int[]? Sizes => Shape?.Select(dimension => dimension.Size).ToArray();

    /// <summary>For messages.</summary>
    internal string ShapeText => Sizes is { } sizes ? SafeText.Shape(sizes) : "of any shape";
}

/// <summary>A graph as a reader finds it; <see cref="GraphBuilder"/> proves that it can be run.</summary>
internal sealed class GraphDefinition
{
    public List<GraphValue> Inputs { get; } = [];

    public List<GraphValue> Outputs { get; } = [];

    /// <summary>In any order.</summary>
    public List<GraphNode> Nodes { get; } = [];

    /// <summary>Weights and other values that are there before the run, by name.</summary>
    public Dictionary<string, GraphTensor> Constants { get; } = new(StringComparer.Ordinal);
}

/// <summary>What a graph may ask for.</summary>
/// <param name="Bytes">Of all values of a session together.</param>
internal sealed record GraphLimits(long Bytes)
{
    public static GraphLimits Default { get; } = new(2L << 30);

    /// <summary>Bytes that loading reads and writes to compute in advance what is constant, beside four times those of the constants themselves.</summary>
    public long FoldedBytes { get; init; } = 16L << 20;
}
