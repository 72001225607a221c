namespace FastRnn.Series;

/// <summary>Consecutive rows of a series.</summary>
/// <param name="First">The first row, from 0.</param>
/// <param name="Count">Number of rows.</param>
public readonly record struct SeriesPart(int First, int Count)
{
    /// <summary>The row after the last.</summary>
    public int End => First + Count;

    /// <summary>For people, rows counted from 1.</summary>
    public override string ToString() => Count == 0 ? "no rows" : $"rows {First + 1} to {End}";
}
