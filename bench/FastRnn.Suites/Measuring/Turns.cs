
namespace FastRnn.Suites;

/// <summary>
/// Median seconds of two pieces of work run in turn, and the medians of their ratio and their difference: what holds on a machine whose speed changes. The difference
/// of the fastest rounds is that of a core that no neighbour shares at the moment.
/// </summary>
internal readonly record struct Turns(double First, double Second, double Ratio, double Difference, double FastestDifference)
{
    /// <summary>Every round is first, second, first; one or two rounds before do not count.</summary>
    public static Turns Measure(Action first, Action second, int rounds, int warmUp = 2)
    {
        double[] firsts = new double[rounds], seconds = new double[rounds], ratios = new double[rounds], differences = new double[rounds];
        for (int round = -warmUp; round < rounds; round++)
        {
            double before = Seconds(first), middle = Seconds(second), after = Seconds(first);
            double around = (before + after) / 2;
            if (round >= 0)
                (firsts[round], seconds[round], ratios[round], differences[round]) = (around, middle, middle / around, middle - around);
        }
        foreach (double[] values in new[] { firsts, seconds, ratios, differences })
            Array.Sort(values);
        return new Turns(firsts[rounds / 2], seconds[rounds / 2], ratios[rounds / 2], differences[rounds / 2], seconds[0] - firsts[0]);
    }

    private static double Seconds(Action action)
    {
        long start = Ticks.Now;
        action();
        return Ticks.SecondsSince(start);
    }
}
