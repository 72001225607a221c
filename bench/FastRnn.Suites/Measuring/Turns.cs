
namespace FastRnn.Suites;

/// <summary>Median seconds of two pieces of work run in turn, and the median of their ratio: what holds on a machine whose speed changes.</summary>
internal readonly record struct Turns(double First, double Second, double Ratio)
{
    /// <summary>Every round is first, second, first; one or two rounds before do not count.</summary>
    public static Turns Measure(Action first, Action second, int rounds, int warmUp = 2)
    {
        double[] firsts = new double[rounds], seconds = new double[rounds], ratios = new double[rounds];
        for (int round = -warmUp; round < rounds; round++)
        {
            double before = Seconds(first), middle = Seconds(second), after = Seconds(first);
            if (round >= 0)
                (firsts[round], seconds[round], ratios[round]) = ((before + after) / 2, middle, middle / ((before + after) / 2));
        }
        foreach (double[] values in new[] { firsts, seconds, ratios })
            Array.Sort(values);
        return new Turns(firsts[rounds / 2], seconds[rounds / 2], ratios[rounds / 2]);
    }

    private static double Seconds(Action action)
    {
        long start = Ticks.Now;
        action();
        return Ticks.SecondsSince(start);
    }
}
