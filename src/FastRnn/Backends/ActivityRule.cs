namespace FastRnn.Backends;

/// <summary>
/// Penalty of activities h_t: l1·mean |h| + l2·mean h² over the elements of active positions, and temporal·mean (h_t − h_{t−1})² over those
/// of pairs: two active positions in a row of one sample, the second not reset. A mean over nothing is 0.
/// </summary>
internal readonly record struct ActivityRule(float L1, float L2, float Temporal)
{
    /// <summary>Whether there is a pair of step t − 1 and step t.</summary>
    public static bool IsPair(StepFlags? flags, int t, int b) =>
        t > 0 && (flags == null || (flags.IsActive(t - 1, b) && flags.IsActive(t, b) && !flags.IsReset(t, b)));

    /// <summary>How many active positions and pairs a window has.</summary>
    public static (int Active, int Pairs) Count(StepFlags? flags, int steps, int batch)
    {
        if (flags == null)
            return (steps * batch, (steps - 1) * batch);
        (int active, int pairs) = (0, 0);
        for (int t = 0; t < steps; t++)
        {
            for (int b = 0; b < batch; b++)
            {
                active += flags.IsActive(t, b) ? 1 : 0;
                pairs += IsPair(flags, t, b) ? 1 : 0;
            }
        }
        return (active, pairs);
    }
}
