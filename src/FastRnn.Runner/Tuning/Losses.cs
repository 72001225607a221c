namespace FastRnn.Runner;

/// <summary>Losses of trials as numbers that a search and a picture can work with.</summary>
internal static class Losses
{
    /// <summary>
    /// Above it, losses are all the same to a search: as far above the median as twice the best lies below. A loss of a run gone wrong would else
    /// flatten all the others, among which the best is sought.
    /// </summary>
    public static double Ceiling(IReadOnlyList<Trial> trials)
    {
        double[] losses = [.. trials.Where(trial => trial.Loss != null).Select(trial => trial.Loss!.Value).Order()];
        if (losses.Length == 0)
            return 1;
        double middle = (losses[(losses.Length - 1) / 2] + losses[losses.Length / 2]) / 2;
        return middle > losses[0] ? Math.Min(losses[^1], middle + (2 * (middle - losses[0]))) : losses[^1];
    }

    /// <summary>With mean 0 and variance 1; a trial without a loss has the ceiling's.</summary>
    public static double[] Standardised(IReadOnlyList<Trial> trials)
    {
        double ceiling = Ceiling(trials);
        double[] values = [.. trials.Select(trial => Math.Min(trial.Loss ?? ceiling, ceiling))];
        double mean = values.Average(), deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
        return [.. values.Select(value => (value - mean) / (deviation > 0 ? deviation : 1))];
    }
}
