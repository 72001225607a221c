namespace FastRnn.Metrics;

/// <summary>How far outputs lie from those they stand in for: the largest distance, and the largest output to set it against.</summary>
public sealed class OutputDifference
{
    /// <summary>Outputs seen.</summary>
    public long Count { get; private set; }

    /// <summary>max |y' − y|; NaN where one of the two is, or both are the same infinity.</summary>
    public double Largest { get; private set; }

    /// <summary>max |y|.</summary>
    public double LargestOutput { get; private set; }

    /// <summary>Outputs y and those that stand in for them.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public void Add(ReadOnlySpan<float> outputs, ReadOnlySpan<float> standIns)
    {
        if (outputs.Length != standIns.Length)
            throw new ArgumentException($"{standIns.Length} values for {outputs.Length} outputs", nameof(standIns));
        Count += outputs.Length;
        for (int i = 0; i < outputs.Length; i++)
        {
            Largest = Math.Max(Largest, Math.Abs((double)standIns[i] - outputs[i])); // NaN wins
            LargestOutput = Math.Max(LargestOutput, Math.Abs((double)outputs[i]));
        }
    }
}
