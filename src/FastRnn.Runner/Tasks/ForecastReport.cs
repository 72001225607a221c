using System.Globalization;
using FastRnn.Layers;
using FastRnn.Metrics;
using FastRnn.Series;

namespace FastRnn.Runner;

/// <summary>What the page about a run shows of forecasts: their errors beside those of persistence, and their course beside what came.</summary>
internal static class ForecastReport
{
    private const int MostTargets = 8, MostRows = 5_000; // a page is to stay small

    public static IReadOnlyList<ReportSection> Sections(
        Sequential model, ForecastSpec spec, SeriesTable table, int[] test, ForecastScores scores, CancellationToken cancellation)
    {
        Forecast[] shown = [.. new Forecaster(model, spec).Stream(table, OneAfterTheOther(test, spec.Horizon), spec.Horizon, cancellation)];
        return
        [
            Errors(spec, scores),
            .. Enumerable.Range(0, Math.Min(spec.Targets, MostTargets)).Select(target => Course(spec, table, target, shown)),
            .. spec.Horizon > 1 ? (ReportSection[])[ErrorsByStep(spec, table, shown)] : [],
        ];
    }

    /// <summary>The last of the origins whose forecasts do not overlap.</summary>
    public static int[] OneAfterTheOther(int[] origins, int horizon)
    {
        var chosen = new List<int>();
        foreach (int origin in origins)
        {
            if (chosen.Count == 0 || origin >= chosen[^1] + horizon)
                chosen.Add(origin);
        }
        return [.. chosen.TakeLast(Math.Max(1, MostRows / horizon))];
    }

    /// <summary>A line for each forecast and target, as a table or page shows them.</summary>
    public static IEnumerable<(string Name, RegressionMetrics Metrics)> Lines(ForecastSpec spec, ForecastScores scores)
    {
        for (int j = 0; j < spec.Targets; j++)
        {
            string name = spec.Targets == 1 ? "" : $"{spec.Columns[j].Name}: ";
            yield return (name + "model", scores.Model[j]);
            yield return (name + "persistence", scores.Persistence[j]);
            if (scores.Seasonal[j].Count > 0)
                yield return (name + $"season of {spec.Season}", scores.Seasonal[j]);
        }
    }

    private static TableSection Errors(ForecastSpec spec, ForecastScores scores) => new(
        "Errors", ["forecast", "MSE", "MAE", "RMSE", "MAPE %"],
        [
            .. Lines(spec, scores).Select(line => (string[])
            [
                line.Name, Text(line.Metrics.MeanSquaredError), Text(line.Metrics.MeanAbsoluteError), Text(line.Metrics.RootMeanSquaredError),
                line.Metrics.MeanAbsolutePercentageError?.ToString("F2", CultureInfo.InvariantCulture) ?? "",
            ]),
        ])
    {
        Text = FormattableString.Invariant($"{scores.Origins} forecasts of {spec.Horizon} rows that training never saw. Persistence says that nothing changes."),
    };

    private static ForecastSection Course(ForecastSpec spec, SeriesTable table, int target, Forecast[] forecasts)
    {
        string name = spec.Columns[target].Name;
        double[] values = table.Column(name);
        bool interval = spec.Quantiles.Count > 1;
        string format = ForecastUse.MomentFormat(table);
        var steps = forecasts.SelectMany(forecast => Enumerable.Range(0, forecast.Steps).Select(k => (Forecast: forecast, Step: k))).ToArray();
        return new ForecastSection(
            spec.Targets == 1 ? "Forecast" : $"Forecast of {name}", [.. steps.Select(at => values[at.Forecast.Origin + at.Step])],
            [.. steps.Select(at => at.Forecast[at.Step, target])])
        {
            Text = spec.Horizon == 1
                ? "Each value from what was known one row before it."
                : $"Forecasts of {spec.Horizon} rows, one after the other, each from what was known before its first row.",
            Unit = name,
            Low = interval ? [.. steps.Select(at => at.Forecast.Quantiles(at.Step, target)[0])] : [],
            High = interval ? [.. steps.Select(at => at.Forecast.Quantiles(at.Step, target)[^1])] : [],
            Interval = interval ? FormattableString.Invariant($"{100 * (spec.Quantiles[^1] - spec.Quantiles[0]):F0} % interval") : "interval",
            Labels = [.. steps.Select(at => ForecastUse.Moment(at.Forecast, at.Step, format) ?? Whole(at.Forecast.Origin + at.Step + 1))],
            Axis = table.Times == null ? "row" : spec.DateColumn ?? "date",
        };
    }

    /// <summary>How errors of the first target grow with the distance.</summary>
    private static ChartSection ErrorsByStep(ForecastSpec spec, SeriesTable table, Forecast[] forecasts)
    {
        string name = spec.Columns[0].Name;
        double[] values = table.Column(name);
        return new ChartSection("Error by step", new Chart
        {
            Title = $"RMSE of {name} by steps ahead, beside persistence",
            XName = "steps ahead",
            YName = $"RMSE of {name}",
            CountedX = true,
            FromZero = true,
            Lines =
            [
                Line("forecast", (forecast, step) => forecast[step, 0], 0),
                Line("persistence", (forecast, _) => values[forecast.Origin - 1], 1),
            ],
        });

        ChartLine Line(string caption, Func<Forecast, int, double> predicted, int colour) => new(
            caption, [.. Enumerable.Range(0, spec.Horizon).Select(step => (step + 1.0, Error(step, predicted)))], colour)
        { Dots = true, Dashed = colour > 0 };

        double Error(int step, Func<Forecast, int, double> predicted)
        {
            var errors = new RegressionMetrics();
            foreach (Forecast forecast in forecasts)
                errors.Add(values[forecast.Origin + step], predicted(forecast, step));
            return errors.RootMeanSquaredError;
        }
    }

    private static string Whole(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
