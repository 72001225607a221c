using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>
/// The kernel under which values are likeliest. Its variance has a closed form (yᵀ C⁻¹ y / n for the correlations C), the lengths and the
/// share of noise are found by pattern search (Hooke, Jeeves 1961) on their logarithms from several starts, within bounds: so few values would
/// else be explained by noise alone, or by a function that jumps between any two of them.
/// </summary>
internal static class KernelFit
{
    private const int Starts = 6;
    private const double ShortLength = 0.05, LongLength = 10, LeastNoise = 1e-6, MostNoise = 0.3, FinestStep = 0.1;

    public static Kernel Fit(IReadOnlyList<double[]> points, IReadOnlyList<double> values, bool[] categories, ref PhiloxStream random)
    {
        double[] low = Bounds(categories.Length, ShortLength, LeastNoise), high = Bounds(categories.Length, LongLength, MostNoise);
        double[]? best = null;
        double bestLikelihood = double.NegativeInfinity;
        for (int start = 0; start < Starts; start++)
        {
            double[] logs = start == 0 ? Bounds(categories.Length, 0.5, 1e-3) : Draw(low, high, ref random);
            double likelihood = Climb(logs, low, high, at => Likelihood(points, values, categories, at));
            if (best == null || likelihood > bestLikelihood)
                (best, bestLikelihood) = (logs, likelihood);
        }
        double signal = Math.Max(1e-12, new GaussianProcess(points, values, Correlation(best!, categories)).Quadratic / values.Count);
        Kernel correlation = Correlation(best!, categories);
        return correlation with { Signal = signal, Noise = signal * correlation.Noise };
    }

    /// <summary>Of the likeliest signal for these lengths and noise, without what does not depend on them.</summary>
    private static double Likelihood(IReadOnlyList<double[]> points, IReadOnlyList<double> values, bool[] categories, double[] logs)
    {
        var process = new GaussianProcess(points, values, Correlation(logs, categories));
        return -0.5 * (process.LogDeterminant + (values.Count * Math.Log(Math.Max(1e-12, process.Quadratic / values.Count))));
    }

    private static Kernel Correlation(double[] logs, bool[] categories) =>
        new([.. logs.SkipLast(1).Select(Math.Exp)], categories, 1, Math.Exp(logs[^1]));

    private static double[] Bounds(int lengths, double length, double noise) => [.. Enumerable.Repeat(Math.Log(length), lengths), Math.Log(noise)];

    private static double[] Draw(double[] low, double[] high, ref PhiloxStream random)
    {
        var logs = new double[low.Length];
        for (int i = 0; i < logs.Length; i++)
            logs[i] = low[i] + ((high[i] - low[i]) * random.NextDouble());
        return logs;
    }

    /// <summary>Moves a point to a local maximum and returns that.</summary>
    private static double Climb(double[] point, double[] low, double[] high, Func<double[], double> function)
    {
        double value = function(point);
        for (double step = 1.6; step >= FinestStep;)
        {
            double before = value;
            for (int i = 0; i < point.Length; i++)
            {
                foreach (double direction in (double[])[step, -step])
                {
                    double old = point[i];
                    point[i] = Math.Clamp(old + direction, low[i], high[i]);
                    double next = point[i] == old ? double.NegativeInfinity : function(point);
                    if (next > value)
                        value = next;
                    else
                        point[i] = old;
                }
            }
            if (value <= before)
                step /= 2;
        }
        return value;
    }
}
