namespace FastRnn.Series;

/// <summary>What becomes of values that are missing.</summary>
public enum MissingPolicy
{
    /// <summary>They are an error.</summary>
    Refuse,

    /// <summary>The last value before them stands for them, as it would for someone who has to forecast now.</summary>
    CarryForward,

    /// <summary>
    /// A straight line from the value before to the value after, by rows; at the ends the nearest value. It looks ahead, so it flatters a
    /// forecast that is measured on rows next to a gap.
    /// </summary>
    Interpolate,
}

/// <summary>Fills gaps in columns.</summary>
public static class MissingValues
{
    /// <summary>Fills the NaN of a column in place.</summary>
    /// <returns>The first row that the policy has no value for, or −1 when none is left.</returns>
    public static int Fill(Span<double> values, MissingPolicy policy)
    {
        int first = FirstNaN(values);
        if (first < 0 || policy == MissingPolicy.Refuse)
            return first;
        if (policy == MissingPolicy.CarryForward)
            return CarryForward(values, first);
        return Interpolate(values);
    }

    private static int CarryForward(Span<double> values, int first)
    {
        if (first == 0)
            return 0;
        for (int i = first; i < values.Length; i++)
        {
            if (double.IsNaN(values[i]))
                values[i] = values[i - 1];
        }
        return -1;
    }

    private static int Interpolate(Span<double> values)
    {
        int before = -1;
        for (int i = 0; i <= values.Length; i++)
        {
            if (i < values.Length && double.IsNaN(values[i]))
                continue;
            if (before < 0 && i == values.Length)
                return 0; // there is nothing but gaps
            for (int gap = before + 1; gap < i; gap++)
            {
                values[gap] = before < 0 ? values[i]
                    : i == values.Length ? values[before]
                    : values[before] + ((values[i] - values[before]) * ((double)(gap - before) / (i - before)));
            }
            before = i;
        }
        return -1;
    }

    private static int FirstNaN(ReadOnlySpan<double> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (double.IsNaN(values[i]))
                return i;
        }
        return -1;
    }
}
