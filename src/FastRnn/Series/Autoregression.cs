namespace FastRnn.Series;

/// <summary>
/// A linear forecast from the last values (Yule 1927): x_t ≈ a_0 + Σ a_i·x_(t−i), with the a that give the least squared error on a series.
/// A network that reads the same values is of use where it does better.
/// </summary>
public sealed class Autoregression
{
    private readonly double[] _coefficients;

    private Autoregression(double[] coefficients) => _coefficients = coefficients;

    /// <summary>Values that a forecast reads.</summary>
    public int Order => _coefficients.Length - 1;

    /// <summary>a_0, then a_1 … a_order, of which a_1 belongs to the newest value.</summary>
    public IReadOnlyList<double> Coefficients => _coefficients;

    /// <summary>Least squares by Householder's QR decomposition (1958), in double.</summary>
    /// <param name="series">The training part, in order.</param>
    /// <param name="order">At least 1.</param>
    /// <exception cref="ArgumentException">
    /// The series is too short or not finite, or so regular that many forecasts are equally good: constant, or a sine without noise.
    /// </exception>
    public static Autoregression Fit(ReadOnlySpan<float> series, int order)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 1);
        int rows = series.Length - order, columns = order + 1;
        if (rows < columns)
            throw new ArgumentException($"a series of {series.Length} values is too short for order {order}: it takes {order + columns}", nameof(series));
        foreach (float value in series)
        {
            if (!float.IsFinite(value))
                throw new ArgumentException($"the series holds {value}", nameof(series));
        }
        var a = new double[columns + 1][]; // by column; the last one is what is to be foretold
        for (int c = 0; c <= columns; c++)
        {
            a[c] = new double[rows];
            for (int r = 0; r < rows; r++)
                a[c][r] = c == 0 ? 1 : series[order + r - (c % columns)];
        }
        return new Autoregression(Solve(a));
    }

    /// <summary>The value after some.</summary>
    /// <param name="past">The last values in order, at least <see cref="Order"/>; older ones are not looked at.</param>
    /// <exception cref="ArgumentException">There are fewer.</exception>
    public float Next(ReadOnlySpan<float> past)
    {
        if (past.Length < Order)
            throw new ArgumentException($"{past.Length} values, expected {Order}", nameof(past));
        double sum = _coefficients[0];
        for (int i = 1; i <= Order; i++)
            sum += _coefficients[i] * past[^i];
        return (float)sum;
    }

    /// <summary>The x that makes ‖A·x − b‖ least, of [A, b] by column, which is overwritten.</summary>
    private static double[] Solve(double[][] a)
    {
        int columns = a.Length - 1, rows = a[0].Length;
        var x = new double[columns];
        for (int k = 0; k < columns; k++)
        {
            double length = Norm(a[k], 0), norm = Norm(a[k], k);
            if (norm <= 1e-6 * length) // values are floats: below, the column is the ones before it and their rounding
                throw new ArgumentException("the series is so regular that its autoregression is not unique");
            x[k] = a[k][k] > 0 ? -norm : norm; // the diagonal of R
            a[k][k] -= x[k];
            double half = -x[k] * a[k][k]; // vᵀv/2
            for (int c = k + 1; c <= columns; c++)
            {
                double scale = 0;
                for (int r = k; r < rows; r++)
                    scale += a[k][r] * a[c][r];
                scale /= half;
                for (int r = k; r < rows; r++)
                    a[c][r] -= scale * a[k][r];
            }
        }
        for (int k = columns - 1; k >= 0; k--)
        {
            double sum = a[columns][k];
            for (int c = k + 1; c < columns; c++)
                sum -= a[c][k] * x[c];
            x[k] = sum / x[k];
        }
        return x;
    }

    private static double Norm(double[] column, int from)
    {
        double sum = 0;
        for (int r = from; r < column.Length; r++)
            sum += column[r] * column[r];
        return Math.Sqrt(sum);
    }
}
