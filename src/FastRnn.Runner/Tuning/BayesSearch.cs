using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>
/// Tries the setting with the largest expected improvement under a Gaussian process of the losses (Jones, Schonlau, Welch 1998). The process sees a
/// setting where its rounded values lie (Garrido-Merchán, Hernández-Lobato 2020), so between two whole numbers there is nothing to explore. The
/// first trials are spread over the space by a Halton sequence with a random shift (Cranley, Patterson 1976).
/// </summary>
internal sealed class BayesSearch(SearchSpace space, ulong seed) : Search(space, seed)
{
    private const int Candidates = 1000, Refined = 4, RefiningSteps = 60;
    private const double CategoryChange = 0.2;

    private static readonly int[] _primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53];

    public override string[]? Propose(IReadOnlyList<Trial> done)
    {
        Tried tried = TriedIn(done);
        var random = new PhiloxStream(Seed, (ulong)done.Count + 1); // stream 0 holds the shift
        if (done.Count < Space.Parameters.Count + 3 || done.Count(trial => trial.Loss != null) < 2)
            return Spread(done.Count) is { } setting && !tried.Contains(setting) ? setting : Space.DrawUntried(tried, ref random);
        double[][] points = [.. done.Select(trial => Space.Place(trial.Values))];
        double[] values = Losses.Standardised(done);
        Kernel kernel = KernelFit.Fit(points, values, [.. Space.Parameters.Select(parameter => parameter.IsCategory)], ref random);
        var process = new GaussianProcess(points, values, kernel);
        double best = values.Min();
        return Space.All is { } all
            ? all.Where(setting => !tried.Contains(setting)).MaxBy(Improvement)
            : Maximise(Improvement, tried, ref random);

        double Improvement(string[] setting)
        {
            (double mean, double variance) = process.Predict(Space.Place(setting));
            return ExpectedImprovement.Of(mean, variance, best);
        }
    }

    private string[]? Spread(int index)
    {
        var shift = new PhiloxStream(Seed, 0);
        var shares = new double[Space.Parameters.Count];
        if (shares.Length > _primes.Length)
            return null;
        for (int i = 0; i < shares.Length; i++)
            shares[i] = (RadicalInverse(index + 1, _primes[i]) + shift.NextDouble()) % 1;
        return Space.At(shares);
    }

    private static double RadicalInverse(int index, int radix)
    {
        double inverse = 0, digit = 1.0 / radix;
        for (; index > 0; index /= radix, digit /= radix)
            inverse += index % radix * digit;
        return inverse;
    }

    /// <summary>The best of many settings drawn by chance, after the best few have wandered by ever smaller steps.</summary>
    private string[]? Maximise(Func<string[], double> improvement, Tried tried, ref PhiloxStream random)
    {
        var drawn = new (double[] Shares, double Value)[Candidates];
        for (int i = 0; i < Candidates; i++)
        {
            var shares = new double[Space.Parameters.Count];
            for (int j = 0; j < shares.Length; j++)
                shares[j] = random.NextDouble();
            drawn[i] = (shares, Value(shares));
        }
        (double[] Shares, double Value) best = ([], double.NegativeInfinity);
        foreach ((double[] Shares, double Value) start in drawn.OrderByDescending(one => one.Value).Take(Refined))
        {
            (double[] Shares, double Value) at = start;
            for (int step = 0; step < RefiningSteps; step++)
            {
                double[] shares = Near(at.Shares, 0.2 * Math.Pow(0.01, (double)step / RefiningSteps), ref random);
                double value = Value(shares);
                if (value > at.Value)
                    at = (shares, value);
            }
            if (at.Value > best.Value)
                best = at;
        }
        return double.IsFinite(best.Value) ? Space.At(best.Shares) : Space.DrawUntried(tried, ref random);

        double Value(double[] shares)
        {
            string[] setting = Space.At(shares);
            return tried.Contains(setting) ? double.NegativeInfinity : improvement(setting);
        }
    }

    private double[] Near(double[] shares, double spread, ref PhiloxStream random)
    {
        var near = new double[shares.Length];
        for (int i = 0; i < near.Length; i++)
        {
            if (!Space.Parameters[i].IsCategory)
                near[i] = Math.Clamp(shares[i] + (spread * random.NextGaussian()), 0, 1);
            else
                near[i] = random.NextDouble() < CategoryChange ? random.NextDouble() : shares[i];
        }
        return near;
    }
}
