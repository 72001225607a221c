namespace FastRnn.Runner;

/// <summary>
/// Regression by a Gaussian process with mean zero and the Matérn kernel of smoothness 5/2 (Rasmussen, Williams: Gaussian Processes for Machine
/// Learning, 2006, 2.2, 4.2 and algorithm 2.1): k(r) = s (1 + √5 r + 5 r²/3) e^(−√5 r) with r² = Σ (dᵢ / lᵢ)². Along a parameter with an order dᵢ is
/// the difference of places; between categories it is 0 for the same and 1 for another.
/// </summary>
internal sealed class GaussianProcess
{
    private readonly IReadOnlyList<double[]> _points;
    private readonly Kernel _kernel;
    private readonly double[][] _factor;
    private readonly double[] _weights;

    /// <summary>A process that has seen values at points.</summary>
    /// <exception cref="ArithmeticException">The covariance is not positive definite in these numbers: too little noise.</exception>
    public GaussianProcess(IReadOnlyList<double[]> points, IReadOnlyList<double> values, Kernel kernel)
    {
        (_points, _kernel) = (points, kernel);
        int n = points.Count;
        var covariance = new double[n][];
        for (int i = 0; i < n; i++)
        {
            covariance[i] = new double[i + 1];
            for (int j = 0; j <= i; j++)
                covariance[i][j] = kernel.Of(points[i], points[j]) + (i == j ? kernel.Noise : 0);
        }
        _factor = Cholesky.Factor(covariance);
        double[] half = Cholesky.SolveLower(_factor, values);
        _weights = Cholesky.SolveUpper(_factor, half);
        Quadratic = half.Sum(x => x * x);
        LogDeterminant = 2 * Enumerable.Range(0, n).Sum(i => Math.Log(_factor[i][i]));
        LogLikelihood = -0.5 * (Quadratic + LogDeterminant + (n * Math.Log(2 * Math.PI)));
    }

    /// <summary>yᵀ K⁻¹ y</summary>
    public double Quadratic { get; }

    public double LogDeterminant { get; }

    /// <summary>Logarithm of the marginal likelihood of the values.</summary>
    public double LogLikelihood { get; }

    /// <summary>Mean and variance of the function, without the noise of a look at it.</summary>
    public (double Mean, double Variance) Predict(double[] point)
    {
        var covariance = new double[_points.Count];
        double mean = 0;
        for (int i = 0; i < covariance.Length; i++)
        {
            covariance[i] = _kernel.Of(point, _points[i]);
            mean += covariance[i] * _weights[i];
        }
        double[] half = Cholesky.SolveLower(_factor, covariance);
        double variance = _kernel.Signal;
        foreach (double x in half)
            variance -= x * x;
        return (mean, Math.Max(0, variance));
    }
}

/// <summary>What a Gaussian process assumes.</summary>
/// <param name="Lengths">The distance over which values stay alike, by parameter.</param>
/// <param name="Categories">Which parameters have no order.</param>
/// <param name="Signal">Variance of the function.</param>
/// <param name="Noise">Variance of a look at it.</param>
internal sealed record Kernel(double[] Lengths, bool[] Categories, double Signal, double Noise)
{
    public double Of(double[] a, double[] b)
    {
        double square = 0;
        for (int i = 0; i < Lengths.Length; i++)
        {
            double d = Categories[i] ? (a[i] == b[i] ? 0 : 1) : a[i] - b[i];
            square += d * d / (Lengths[i] * Lengths[i]);
        }
        double r = Math.Sqrt(5 * square);
        return Signal * (1 + r + (r * r / 3)) * Math.Exp(-r);
    }
}

/// <summary>The factor L of a positive definite matrix L Lᵀ; matrices are rows up to the diagonal.</summary>
internal static class Cholesky
{
    public static double[][] Factor(double[][] matrix)
    {
        for (int i = 0; i < matrix.Length; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = matrix[i][j];
                for (int k = 0; k < j; k++)
                    sum -= matrix[i][k] * matrix[j][k];
                if (i == j && !(sum > 0))
                    throw new ArithmeticException($"row {i} of the matrix leaves {sum}: it is not positive definite");
                matrix[i][j] = i == j ? Math.Sqrt(sum) : sum / matrix[j][j];
            }
        }
        return matrix;
    }

    /// <summary>x with L x = b</summary>
    public static double[] SolveLower(double[][] factor, IReadOnlyList<double> right)
    {
        var x = new double[right.Count];
        for (int i = 0; i < x.Length; i++)
        {
            double sum = right[i];
            for (int k = 0; k < i; k++)
                sum -= factor[i][k] * x[k];
            x[i] = sum / factor[i][i];
        }
        return x;
    }

    /// <summary>x with Lᵀ x = b</summary>
    public static double[] SolveUpper(double[][] factor, IReadOnlyList<double> right)
    {
        var x = new double[right.Count];
        for (int i = x.Length - 1; i >= 0; i--)
        {
            double sum = right[i];
            for (int k = i + 1; k < x.Length; k++)
                sum -= factor[k][i] * x[k];
            x[i] = sum / factor[i][i];
        }
        return x;
    }
}
