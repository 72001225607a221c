using FastRnn.Layers;
using FastRnn.Metrics;
using FastRnn.Series;

namespace FastRnn.Runner;

/// <summary>Errors of forecasts on rows of a table, and of those that any model has to be better than.</summary>
internal sealed class ForecastScores
{
    private readonly ForecastSpec _spec;
    private readonly RegressionMetrics[] _scaled, _scaledPersistence;

    private ForecastScores(ForecastSpec spec, int origins)
    {
        (_spec, Origins) = (spec, origins);
        Model = New();
        Persistence = New();
        Seasonal = New();
        (_scaled, _scaledPersistence) = (New(), New());
        Quantiles = spec.Quantiles.Count == 0 ? null : new QuantileMetrics(spec.Quantiles);

        RegressionMetrics[] New() => [.. Enumerable.Range(0, spec.Targets).Select(_ => new RegressionMetrics())];
    }

    /// <summary>Forecasts that were made.</summary>
    public int Origins { get; }

    /// <summary>By target, like the others, in the table's units.</summary>
    public RegressionMetrics[] Model { get; }

    public RegressionMetrics[] Persistence { get; }

    /// <summary>Empty sums where no season is known, or it is longer than what is known before the first forecast.</summary>
    public RegressionMetrics[] Seasonal { get; }

    /// <summary>Null without quantiles.</summary>
    public QuantileMetrics? Quantiles { get; }

    /// <summary>In standard deviations of the rows trained on.</summary>
    public RegressionMetrics Scaled => All(_scaled);

    /// <summary>The forecasts themselves, in the same units, in the order they were made.</summary>
    public List<float> Forecasts { get; } = [];

    public RegressionMetrics ScaledPersistence => All(_scaledPersistence);

    public static RegressionMetrics All(RegressionMetrics[] targets)
    {
        var all = new RegressionMetrics();
        foreach (RegressionMetrics one in targets)
            all.Add(one);
        return all;
    }

    /// <summary>Scores of the forecasts from some rows, of which there is at least one, each a whole horizon before the end.</summary>
    public static ForecastScores Of(Sequential model, ForecastSpec spec, SeriesTable table, int[] origins, CancellationToken cancellation)
    {
        var scores = new ForecastScores(spec, origins.Length);
        bool seasonal = spec.Season > 0 && origins.Min() >= spec.Season;
        foreach (Forecast forecast in new Forecaster(model, spec).Stream(table, origins, spec.Horizon, cancellation))
        {
            for (int j = 0; j < spec.Targets; j++)
                scores.Add(forecast, j, table[spec.Columns[j].Name], seasonal);
        }
        return scores;
    }

    /// <summary>Whether the forecasts are of no use, by squared errors in the units of training, so that no target outweighs another.</summary>
    public bool WorseThanPersistence => Scaled.MeanSquaredError > ScaledPersistence.MeanSquaredError;

    /// <summary>The figures by name, of all targets together.</summary>
    public IReadOnlyDictionary<string, double> Figures()
    {
        RegressionMetrics model = All(Model), seasonal = All(Seasonal);
        var figures = new Dictionary<string, double>
        {
            ["mse"] = model.MeanSquaredError,
            ["mae"] = model.MeanAbsoluteError,
            ["rmse"] = model.RootMeanSquaredError,
        };
        if (model.MeanAbsolutePercentageError is { } percent)
            figures["mape"] = percent;
        figures["baseline_persistence_rmse"] = All(Persistence).RootMeanSquaredError;
        if (seasonal.Count > 0)
            figures["baseline_seasonal_rmse"] = seasonal.RootMeanSquaredError;
        if (Quantiles != null)
            (figures["pinball_loss"], figures["coverage"]) = (Quantiles.PinballLoss, Quantiles.Coverage);
        return figures;
    }

    private void Add(Forecast forecast, int target, ReadOnlySpan<double> values, bool seasonal)
    {
        SeriesColumn column = _spec.Columns[target];
        int origin = forecast.Origin;
        for (int k = 0; k < forecast.Steps; k++)
        {
            double actual = values[origin + k], predicted = forecast[k, target], last = values[origin - 1];
            Model[target].Add(actual, predicted);
            Forecasts.Add((float)(predicted / column.Deviation));
            Persistence[target].Add(actual, last);
            _scaled[target].Add(actual / column.Deviation, predicted / column.Deviation);
            _scaledPersistence[target].Add(actual / column.Deviation, last / column.Deviation);
            if (seasonal)
                Seasonal[target].Add(actual, values[origin + k - Metrics.Persistence.Lag(k + 1, _spec.Season)]);
            Quantiles?.Add(actual, Floats(forecast.Quantiles(k, target)));
        }
    }

    private static float[] Floats(ReadOnlySpan<double> values)
    {
        var floats = new float[values.Length];
        for (int i = 0; i < floats.Length; i++)
            floats[i] = (float)values[i];
        return floats;
    }
}
