using FastRnn.Formats;
using FastRnn.Metrics;
using FastRnn.Runner;

namespace FastRnn.Tests.Report;

/// <summary>A report with every kind of section, from made-up figures.</summary>
internal static class SampleReport
{
    public const int Values = 5000;

    public static RunReport Full()
    {
        var random = new Random(7);
        return new RunReport
        {
            Title = "seattle-weather.csv & more: forecast",
            Subtitle = "LSTM 128 × 2, 243,969 parameters, seed 42, avx512 on 2 threads",
            Notice = "Interrupted in epoch 13 of 20; the figures are those of the best weights so far.",
            Figures =
            [
                new("Validation loss", "0.0412", "epoch 11 of 12"), new("RMSE", "1.83 °C", "persistence 2.41 °C"), new("Skill", "24 %", "over persistence"),
                new("Speed", "88,600 steps/s"),
            ],
            Sections =
            [
                new LossSection(Epochs(), "squared error", 11), new UpdatesSection(Updates(random, 3000), 1), Forecast(random),
                .. ClassReport.Sections(Classes(random), ["setosa", "versicolor", "virginica", "Ångström", "<b>bold</b>", "a long name of a class"]),
                new SamplesSection("Samples", [new("temperature 0.8", "To be, or not to be:\n\tthat <is> the question\u0007 & \"more\".\n" + new string('x', 300))]),
                new TableSection("By horizon", ["horizon", "RMSE", "persistence"], [["1", "1.83", "2.41"], ["2", "2.20", "3.10"]]),
            ],
            Settings = [.. Enumerable.Range(1, 14).Select(i => KeyValuePair.Create($"option-{i}", i % 5 == 0 ? new string('f', 64) : $"{i * 1.5}"))],
            Footer = "fastrnn 0.1.0",
        };
    }

    public static EpochSummary[] Epochs() =>
        [.. Enumerable.Range(1, 12).Select(i => new EpochSummary(i, 0.04 + (0.5 / i), 0.05 + (0.45 / i) + (0.0006 * i * i), 88_000 + (i * 37), 12.3))];

    private static List<UpdateSummary> Updates(Random random, int count)
    {
        var updates = new List<UpdateSummary>();
        for (int i = 0; i < count; i++)
            UpdateSummary.Add(updates, 0.002 * Math.Min(1, (i + 1) / 300.0) * (1 + Math.Cos(Math.PI * i / count)) / 2, Math.Exp(Gauss(random) * 0.5) * (0.15 + (30 * Math.Exp(-i / 90.0))));
        return updates;
    }

    public static ForecastSection Forecast(Random random)
    {
        double[] actual = new double[Values], predicted = new double[Values];
        for (int i = 0; i < Values; i++)
        {
            actual[i] = 11 - (8 * Math.Cos(2 * Math.PI * i / 365)) + (1.6 * Gauss(random)) + (i == 2222 ? 25 : 0);
            predicted[i] = i == 4900 ? double.NaN : 11 - (8 * Math.Cos(2 * Math.PI * i / 365)) + (0.5 * Gauss(random));
        }
        return new ForecastSection("Forecast", actual, predicted)
        {
            Text = "One step ahead on the test part.",
            Low = [.. predicted.Select(x => x - 2.1)],
            High = [.. predicted.Select(x => x + 2.1)],
            Interval = "80 % interval",
            Unit = "temperature in °C",
            Axis = "day",
            Labels = [.. Enumerable.Range(0, Values).Select(i => new DateTime(2012, 1, 1).AddDays(i).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture))],
        };
    }

    private static ClassificationMetrics Classes(Random random)
    {
        var metrics = new ClassificationMetrics(6);
        for (int i = 0; i < 800; i++)
        {
            int actual = Math.Min(5, (int)(Math.Abs(Gauss(random)) * 2.5));
            float[] logits = [.. Enumerable.Range(0, 6).Select(c => (float)(Gauss(random) + (c == actual ? 1 + (0.4 * c) : 0)))];
            metrics.AddLogits(actual, logits);
        }
        return metrics;
    }

    private static double Gauss(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
