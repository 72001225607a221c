namespace FastRnn.Runner;

/// <summary>
/// How far below the best value so far a normal variable is expected to be, counting 0 where it is above (Močkus 1975; Jones, Schonlau, Welch
/// 1998): s (z Φ(z) + φ(z)) with z = (best − mean) / s.
/// </summary>
internal static class ExpectedImprovement
{
    public static double Of(double mean, double variance, double best)
    {
        double deviation = Math.Sqrt(variance);
        if (deviation == 0)
            return Math.Max(0, best - mean);
        double z = (best - mean) / deviation;
        // Below zero the two terms cancel: there, Φ(z) = φ(z) M(−z) with Mills' ratio M keeps the digits.
        return z < 0 ? deviation * Density(z) * (1 + (z * MillsRatio(-z))) : deviation * ((z * (1 - (Density(z) * MillsRatio(z)))) + Density(z));
    }

    private static double Density(double z) => Math.Exp(-0.5 * z * z) / Math.Sqrt(2 * Math.PI);

    /// <summary>(1 − Φ(x)) / φ(x) for x of 0 or more: a series (Marsaglia 2004) where it is short, else Laplace's continued fraction.</summary>
    private static double MillsRatio(double x)
    {
        if (x < 2)
        {
            double sum = x, term = x;
            for (int k = 3; Math.Abs(term) > 1e-17 * sum; k += 2)
                sum += term *= x * x / k;
            return (0.5 / Density(x)) - sum;
        }
        double fraction = x;
        for (int k = 200; k > 0; k--)
            fraction = x + (k / fraction);
        return 1 / fraction;
    }
}
