namespace FastRnn.Data;

/// <summary>A series of one or more channels, with its class where that is known.</summary>
/// <param name="Label">The class, or null.</param>
/// <param name="Values">L·F values, step by step.</param>
/// <param name="Channels">F.</param>
/// <param name="Path">The file it came from.</param>
/// <param name="Line">Its line there, from 1; 0: the whole file.</param>
public sealed record LabelledSeries(string? Label, ReadOnlyMemory<float> Values, int Channels, string Path, long Line)
{
    /// <summary>L.</summary>
    public int Length => Values.Length / Channels;
}
