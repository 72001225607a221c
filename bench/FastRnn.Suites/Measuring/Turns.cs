
namespace FastRnn.Suites;

/// <summary>
/// Median seconds of two pieces of work run in turn, and the medians of their ratio and their difference: what holds on a machine whose speed changes. The fastest
/// single runs are those of a core that no neighbour shares at the moment.
/// </summary>
internal readonly record struct Turns(double First, double Second, double Ratio, double Difference, double FastestFirst, double FastestSecond)
{
    /// <summary>Every round is first, second, first; those to warm up do not count.</summary>
    public static Turns Measure(Action first, Action second, int rounds, int warmUp = 2)
    {
        double[] firsts = new double[rounds], seconds = new double[rounds], ratios = new double[rounds], differences = new double[rounds];
        double fastestFirst = double.MaxValue;
        for (int round = -warmUp; round < rounds; round++)
        {
            double before = Seconds(first), middle = Seconds(second), after = Seconds(first), around = (before + after) / 2;
            if (round < 0)
                continue;
            (firsts[round], seconds[round], ratios[round], differences[round]) = (around, middle, middle / around, middle - around);
            fastestFirst = Math.Min(fastestFirst, Math.Min(before, after));
        }
        foreach (double[] values in new[] { firsts, seconds, ratios, differences })
            Array.Sort(values);
        return new Turns(firsts[rounds / 2], seconds[rounds / 2], ratios[rounds / 2], differences[rounds / 2], fastestFirst, seconds[0]);
    }

    private static double Seconds(Action action)
    {
        long start = Ticks.Now;
        action();
        return Ticks.SecondsSince(start);
    }
}
