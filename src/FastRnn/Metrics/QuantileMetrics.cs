namespace FastRnn.Metrics;

/// <summary>
/// How good predicted quantiles are, added up value by value: the pinball loss (Koenker, Bassett 1978), and whether as many actual values lie
/// between them as should. All figures of nothing are 0.
/// </summary>
public sealed class QuantileMetrics
{
    private readonly float[] _quantiles;
    private readonly double[] _losses;
    private readonly long[] _notAbove;
    private long _inside;
    private double _width;

    /// <summary>Metrics of nothing yet.</summary>
    /// <param name="quantiles">q [Q], each above 0 and below 1, in rising order.</param>
    public QuantileMetrics(params IReadOnlyList<float> quantiles)
    {
        ArgumentNullException.ThrowIfNull(quantiles);
        for (int i = 0; i < quantiles.Count; i++)
        {
            if (!(quantiles[i] is > 0f and < 1f) || (i > 0 && quantiles[i] <= quantiles[i - 1]))
                throw new ArgumentOutOfRangeException(nameof(quantiles), quantiles[i], "quantiles lie above 0 and below 1, in rising order");
        }
        _quantiles = quantiles.Count > 0 ? [.. quantiles] : throw new ArgumentException("at least one quantile is needed", nameof(quantiles));
        (_losses, _notAbove) = (new double[_quantiles.Length], new long[_quantiles.Length]);
    }

    /// <summary>q [Q]</summary>
    public IReadOnlyList<float> Quantiles => _quantiles;

    /// <summary>Values added.</summary>
    public long Count { get; private set; }

    /// <summary>Values of which some quantile was predicted above a higher one.</summary>
    public long Crossings { get; private set; }

    /// <summary>Mean pinball loss over values and quantiles.</summary>
    public double PinballLoss => Mean(_losses.Sum() / _quantiles.Length);

    /// <summary>Share of actual values in the interval from the lowest to the highest predicted quantile, its ends included.</summary>
    public double Coverage => Mean(_inside);

    /// <summary>What <see cref="Coverage"/> should be: the difference of the outer quantiles.</summary>
    public double NominalCoverage => (double)_quantiles[^1] - _quantiles[0];

    /// <summary>Mean width of the interval from the lowest to the highest predicted quantile; below 0 only where they cross.</summary>
    public double MeanWidth => Mean(_width);

    /// <summary>Mean pinball loss of one quantile.</summary>
    public double PinballLossOf(int quantile) => Mean(_losses[quantile]);

    /// <summary>Share of actual values that are not above this predicted quantile: q itself, were the prediction perfect.</summary>
    public double ShareNotAbove(int quantile) => Mean(_notAbove[quantile]);

    /// <summary>Adds one value.</summary>
    /// <param name="actual">The actual value.</param>
    /// <param name="predicted">Its predicted quantiles [Q].</param>
    /// <exception cref="ArgumentException">There are not Q of them, or a value is NaN or infinite.</exception>
    public void Add(double actual, ReadOnlySpan<float> predicted)
    {
        if (predicted.Length != _quantiles.Length)
            throw new ArgumentException($"{predicted.Length} predicted values for {_quantiles.Length} quantiles", nameof(predicted));
        Check(actual);
        foreach (float value in predicted)
            Check(value);
        bool crosses = false;
        for (int i = 0; i < predicted.Length; i++)
        {
            double below = actual - predicted[i], quantile = _quantiles[i];
            _losses[i] += below > 0 ? quantile * below : (quantile - 1) * below;
            _notAbove[i] += below <= 0 ? 1 : 0;
            crosses |= i > 0 && predicted[i] < predicted[i - 1];
        }
        Count++;
        Crossings += crosses ? 1 : 0;
        _inside += actual >= predicted[0] && actual <= predicted[^1] ? 1 : 0;
        _width += (double)predicted[^1] - predicted[0];
    }

    private static void Check(double value)
    {
        if (!double.IsFinite(value))
            throw new ArgumentException(FormattableString.Invariant($"value {value}: expected a finite value"));
    }

    private double Mean(double sum) => Count == 0 ? 0 : sum / Count;
}
