namespace FastRnn.Series;

/// <summary>What is expected of some rows, in the units of the table.</summary>
public sealed class Forecast
{
    private readonly double[] _values;
    private readonly int _targets, _levels, _above;
    private readonly double _share;

    internal Forecast(ForecastSpec spec, int origin, int steps, IReadOnlyList<DateTime>? times)
    {
        (Origin, Steps, Times, _targets, _levels) = (origin, steps, times, spec.Targets, spec.Levels);
        _values = new double[steps * _targets * _levels];
        while (_above < _levels - 1 && spec.Quantiles[_above] < 0.5f)
            _above++;
        if (_above > 0 && spec.Quantiles[_above] > 0.5f)
            _share = (spec.Quantiles[_above] - 0.5) / ((double)spec.Quantiles[_above] - spec.Quantiles[_above - 1]);
    }

    /// <summary>The first row that is forecast.</summary>
    public int Origin { get; }

    /// <summary>Rows that are forecast.</summary>
    public int Steps { get; }

    /// <summary>Their moments; after the end of the table, those that its usual step leads to. Null where the table has none.</summary>
    public IReadOnlyList<DateTime>? Times { get; }

    /// <summary>
    /// A value; of quantiles the median, which lies on the straight line between the two around it where it is none of them, and is the nearest where
    /// all are on one side: neither end of an interval is a fair forecast.
    /// </summary>
    /// <param name="step">Row, from 0.</param>
    /// <param name="target">Target, from 0.</param>
    public double this[int step, int target]
    {
        get
        {
            int above = Index(step, target) + _above;
            return _share == 0 ? _values[above] : _values[above] + (_share * (_values[above - 1] - _values[above]));
        }
    }

    /// <summary>All quantiles of a value, ascending; the value alone where there are none.</summary>
    /// <param name="step">Row, from 0.</param>
    /// <param name="target">Target, from 0.</param>
    public ReadOnlySpan<double> Quantiles(int step, int target) => _values.AsSpan(Index(step, target), _levels);

    internal void Set(int step, int target, ReadOnlySpan<double> values) => values.CopyTo(_values.AsSpan(Index(step, target)));

    private int Index(int step, int target)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, Steps);
        ArgumentOutOfRangeException.ThrowIfNegative(target);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(target, _targets);
        return ((step * _targets) + target) * _levels;
    }
}
