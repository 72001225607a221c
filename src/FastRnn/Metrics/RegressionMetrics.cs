namespace FastRnn.Metrics;

/// <summary>
/// How far predicted values are from actual ones, added up value by value in double precision. Add values in the units in which the errors are
/// to be read. Errors of nothing are 0.
/// </summary>
public sealed class RegressionMetrics
{
    private double _squares, _absolutes, _shares;

    /// <summary>Values added.</summary>
    public long Count { get; private set; }

    /// <summary>Values added whose actual value is 0: no percentage of them exists.</summary>
    public long Zeros { get; private set; }

    /// <summary>MSE: the mean of (predicted − actual)².</summary>
    public double MeanSquaredError => Count == 0 ? 0 : _squares / Count;

    /// <summary>RMSE: the root of <see cref="MeanSquaredError"/>, in the unit of the values.</summary>
    public double RootMeanSquaredError => Math.Sqrt(MeanSquaredError);

    /// <summary>MAE: the mean of |predicted − actual|.</summary>
    public double MeanAbsoluteError => Count == 0 ? 0 : _absolutes / Count;

    /// <summary>
    /// MAPE in percent: the mean of 100·|predicted − actual| / |actual| over the values whose actual value is not 0 – those that are
    /// (<see cref="Zeros"/>) have no part in it. Null when all are 0, or there are none.
    /// </summary>
    public double? MeanAbsolutePercentageError => Count == Zeros ? null : 100 * _shares / (Count - Zeros);

    /// <summary>Adds one value.</summary>
    /// <exception cref="ArgumentException">One of them is NaN or infinite.</exception>
    public void Add(double actual, double predicted)
    {
        if (!double.IsFinite(actual) || !double.IsFinite(predicted))
            throw new ArgumentException(FormattableString.Invariant($"actual value {actual}, predicted {predicted}: expected finite values"));
        double error = Math.Abs(predicted - actual);
        Count++;
        _squares += error * error;
        _absolutes += error;
        if (actual == 0)
            Zeros++;
        else
            _shares += error / Math.Abs(actual);
    }

    /// <summary>Adds as many values as there are.</summary>
    /// <exception cref="ArgumentException">The lengths differ, or a value is NaN or infinite.</exception>
    public void Add(ReadOnlySpan<float> actual, ReadOnlySpan<float> predicted)
    {
        if (actual.Length != predicted.Length)
            throw new ArgumentException($"{actual.Length} actual values, {predicted.Length} predicted", nameof(predicted));
        for (int i = 0; i < actual.Length; i++)
            Add(actual[i], predicted[i]);
    }

    /// <summary>Adds all values of another, for example those of another column or horizon.</summary>
    public void Add(RegressionMetrics other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Count += other.Count;
        Zeros += other.Zeros;
        _squares += other._squares;
        _absolutes += other._absolutes;
        _shares += other._shares;
    }

    /// <summary>
    /// 1 − RMSE / RMSE of a baseline for the same values: 1 is perfect, 0 as good as the baseline, below 0 worse. Null when the baseline makes no
    /// error.
    /// </summary>
    public double? SkillOver(RegressionMetrics baseline)
    {
        ArgumentNullException.ThrowIfNull(baseline);
        if (baseline.Count != Count)
            throw new ArgumentException($"the baseline has {baseline.Count} values, expected the same {Count}", nameof(baseline));
        return baseline._squares == 0 ? null : 1 - (RootMeanSquaredError / baseline.RootMeanSquaredError);
    }
}
