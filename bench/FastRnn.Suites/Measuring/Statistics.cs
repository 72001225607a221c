namespace FastRnn.Suites;

/// <summary>Medians and percentiles.</summary>
internal static class Statistics
{
    /// <summary>The middle value, or the mean of the two in the middle. The order of the values is lost.</summary>
    public static double Median(Span<double> values)
    {
        if (values.IsEmpty)
            return double.NaN;
        values.Sort();
        int middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }

    /// <summary>The smallest value that at least this share of all values does not exceed (nearest rank); the values are in order.</summary>
    public static double Percentile(ReadOnlySpan<double> ordered, double share)
    {
        if (ordered.IsEmpty)
            return double.NaN;
        int rank = (int)Math.Ceiling(share * ordered.Length);
        return ordered[Math.Clamp(rank, 1, ordered.Length) - 1];
    }

    /// <summary>The percentile where there are values enough for it to be more than the largest of them, else not a number.</summary>
    public static double PercentileIfKnown(ReadOnlySpan<double> ordered, double share) =>
        ordered.Length * (1 - share) >= 1 - 1e-9 ? Percentile(ordered, share) : double.NaN;
}
