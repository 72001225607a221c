using System.Globalization;
using FastRnn.Layers;
using FastRnn.Metrics;
using FastRnn.Series;

namespace FastRnn.Runner;

/// <summary>What the page about a forecast shows: predicted beside actual values, one step ahead and at the horizon, and how errors grow with it.</summary>
internal sealed class ForecastReport
{
    private const int MostTargets = 3;
    private readonly ForecastSpec _spec;
    private readonly SeriesTable _table;
    private readonly int[] _origins;
    private readonly Curve[] _curves;
    private readonly RegressionMetrics[] _model, _persistence;

    private ForecastReport(ForecastSpec spec, SeriesTable table, int[] origins)
    {
        (_spec, _table, _origins) = (spec, table, origins);
        int[] steps = spec.Horizon == 1 ? [0] : [0, spec.Horizon - 1];
        _curves = [.. from target in Enumerable.Range(0, Math.Min(spec.Targets, MostTargets)) from step in steps select new Curve(target, step, origins.Length)];
        _model = [.. Enumerable.Range(0, spec.Horizon).Select(_ => new RegressionMetrics())];
        _persistence = [.. Enumerable.Range(0, spec.Horizon).Select(_ => new RegressionMetrics())];
    }

    /// <param name="model">The best weights.</param>
    /// <param name="spec">What they forecast.</param>
    /// <param name="table">All rows.</param>
    /// <param name="origins">The first rows to be forecast, each a whole horizon before the end.</param>
    /// <param name="cancellation">Asked now and then.</param>
    public static IReadOnlyList<ReportSection> Sections(
        Sequential model, ForecastSpec spec, SeriesTable table, IEnumerable<int> origins, CancellationToken cancellation)
    {
        var report = new ForecastReport(spec, table, [.. origins.Order()]);
        var forecaster = new Forecaster(model, spec);
        int at = 0;
        foreach (int[] some in report._origins.Chunk(4096)) // forecasts of long horizons are large
        {
            foreach (Forecast forecast in forecaster.Predict(table, some, cancellation: cancellation))
                report.Add(at++, forecast);
        }
        return [.. report._curves.Select(report.Section), .. spec.Horizon > 1 ? (ReportSection[])[report.ErrorsByStep()] : []];
    }

    private void Add(int index, Forecast forecast)
    {
        foreach (Curve curve in _curves)
        {
            ReadOnlySpan<double> levels = forecast.Quantiles(curve.Step, curve.Target);
            curve.Actual[index] = Values(curve.Target)[forecast.Origin + curve.Step];
            curve.Predicted[index] = forecast[curve.Step, curve.Target];
            (curve.Low[index], curve.High[index]) = (levels[0], levels[^1]);
        }
        ReadOnlySpan<double> values = Values(0);
        for (int step = 0; step < forecast.Steps; step++)
        {
            _model[step].Add(values[forecast.Origin + step], forecast[step, 0]);
            _persistence[step].Add(values[forecast.Origin + step], values[forecast.Origin - 1]);
        }
    }

    private ReadOnlySpan<double> Values(int target) => _table[_spec.Columns[target].Name];

    private ForecastSection Section(Curve curve)
    {
        string name = _spec.Columns[curve.Target].Name, ahead = curve.Step == 0 ? "one step" : $"{curve.Step + 1} steps";
        bool interval = _spec.Quantiles.Count > 1;
        double share = interval ? 100.0 * (_spec.Quantiles[^1] - _spec.Quantiles[0]) : 0;
        return new ForecastSection($"{name}, {ahead} ahead", curve.Actual, curve.Predicted)
        {
            Text = $"Test rows, each forecast from what was known {ahead} before.",
            Low = interval ? curve.Low : [],
            High = interval ? curve.High : [],
            Interval = string.Create(CultureInfo.InvariantCulture, $"{share:0.#} % interval"),
            Unit = name,
            Axis = _table.Times == null ? "forecast" : "time",
            Labels = _table.Times is { } times ? [.. _origins.Select(origin => Shown(times[origin + curve.Step]))] : [],
        };
    }

    private static string Shown(DateTime time) =>
        time.ToString(time.TimeOfDay == TimeSpan.Zero ? "yyyy-MM-dd" : "yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    private ChartSection ErrorsByStep()
    {
        string name = _spec.Columns[0].Name;
        return new ChartSection("Error by step", new Chart
        {
            Title = $"RMSE of {name} by steps ahead, beside persistence",
            XName = "steps ahead",
            YName = $"RMSE of {name}",
            CountedX = true,
            FromZero = true,
            Lines = [Line("forecast", _model, 0), Line("persistence", _persistence, 1)],
        });

        static ChartLine Line(string name, RegressionMetrics[] errors, int colour) =>
            new(name, [.. errors.Select((error, i) => (i + 1.0, error.RootMeanSquaredError))], colour) { Dots = true, Dashed = colour > 0 };
    }

    private sealed record Curve(int Target, int Step, int Count)
    {
        public double[] Actual { get; } = new double[Count];

        public double[] Predicted { get; } = new double[Count];

        public double[] Low { get; } = new double[Count];

        public double[] High { get; } = new double[Count];
    }
}
