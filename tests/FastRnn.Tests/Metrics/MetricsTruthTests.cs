using System.Text.Json;
using FastRnn.Metrics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Metrics;

/// <summary>Every figure against its plain definition in numpy; see Truth/make_metrics.py.</summary>
public class MetricsTruthTests
{
    private const double Tolerance = 1e-12;
    private static readonly JsonElement Truth = Read();

    [Fact]
    public void Classification()
    {
        JsonElement truth = Truth.GetProperty("classification");
        int classes = truth.GetProperty("classes").GetInt32();
        float[] logits = Floats(truth, "logits");
        double[] targets = Doubles(truth, "targets");
        var metrics = new ClassificationMetrics(classes);
        for (int i = 0; i < targets.Length; i++)
            metrics.AddLogits((int)targets[i], logits.AsSpan(i * classes, classes));
        double[] confusion = [.. Enumerable.Range(0, classes * classes).Select(i => (double)metrics.Confusion[i / classes, i % classes])];
        Assert.Equal(Doubles(truth, "confusion"), confusion);
        Same(truth, "top", [.. Enumerable.Range(1, classes).Select(metrics.TopAccuracy)]);
        Assert.Equal(metrics.Accuracy, metrics.TopAccuracy(1));
        ClassScore[] scores = [.. Enumerable.Range(0, classes).Select(metrics.Confusion.Score)];
        Same(truth, "precision", [.. scores.Select(score => score.Precision)]);
        Same(truth, "recall", [.. scores.Select(score => score.Recall)]);
        Same(truth, "f1", [.. scores.Select(score => score.F1)]);
        Same(truth, "auc", [.. Enumerable.Range(0, classes).Select(c => metrics.OneVersusRest(c).RocAuc!.Value)]);
        Same(truth, "ap", [.. Enumerable.Range(0, classes).Select(c => metrics.OneVersusRest(c).AveragePrecision!.Value)]);
        Same(truth, "micro_auc", metrics.RocAuc(ClassAverage.Micro));
        Same(truth, "micro_ap", metrics.AveragePrecision(ClassAverage.Micro));
        foreach ((string name, ClassAverage average) in new[] { ("macro", ClassAverage.Macro), ("weighted", ClassAverage.Weighted) })
        {
            ClassScore score = metrics.Confusion.Score(average);
            JsonElement averages = truth.GetProperty("averages");
            Same(averages.GetProperty("precision"), name, score.Precision);
            Same(averages.GetProperty("recall"), name, score.Recall);
            Same(averages.GetProperty("f1"), name, score.F1);
            Same(averages.GetProperty("auc"), name, metrics.RocAuc(average));
            Same(averages.GetProperty("ap"), name, metrics.AveragePrecision(average));
        }
    }

    [Fact]
    public void Regression()
    {
        JsonElement truth = Truth.GetProperty("regression");
        float[] actual = Floats(truth, "actual"), predicted = Floats(truth, "predicted");
        RegressionMetrics metrics = new(), rest = new(), baseline = new();
        metrics.Add(actual.AsSpan(0, 20), predicted.AsSpan(0, 20));
        rest.Add(actual.AsSpan(20), predicted.AsSpan(20));
        metrics.Add(rest);
        baseline.Add(actual, Floats(truth, "baseline"));
        Assert.Equal((actual.Length, truth.GetProperty("zeros").GetInt64()), (metrics.Count, metrics.Zeros));
        Same(truth, "mse", metrics.MeanSquaredError);
        Same(truth, "rmse", metrics.RootMeanSquaredError);
        Same(truth, "mae", metrics.MeanAbsoluteError);
        Same(truth, "mape", metrics.MeanAbsolutePercentageError);
        Same(truth, "skill", metrics.SkillOver(baseline));
    }

    [Fact]
    public void Quantiles()
    {
        JsonElement truth = Truth.GetProperty("regression");
        float[] actual = Floats(truth, "actual"), bands = Floats(truth, "bands"), quantiles = Floats(truth, "quantiles");
        var metrics = new QuantileMetrics(quantiles);
        for (int i = 0; i < actual.Length; i++)
            metrics.Add(actual[i], bands.AsSpan(i * quantiles.Length, quantiles.Length));
        Same(truth, "pinball", metrics.PinballLoss);
        Same(truth, "pinball_of", [.. Enumerable.Range(0, quantiles.Length).Select(metrics.PinballLossOf)]);
        Same(truth, "coverage", metrics.Coverage);
        Same(truth, "width", metrics.MeanWidth);
        Same(truth, "not_above", [.. Enumerable.Range(0, quantiles.Length).Select(metrics.ShareNotAbove)]);
        Same(truth, "crossings", metrics.Crossings);
        Assert.Equal(0.8, metrics.NominalCoverage, 1e-7);
    }

    private static JsonElement Read()
    {
        using JsonDocument document = JsonDocument.Parse(
            File.ReadAllText(Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "Truth", "metrics.json")));
        return document.RootElement.Clone();
    }

    private static double[] Doubles(JsonElement of, string name) => [.. of.GetProperty(name).EnumerateArray().Select(value => value.GetDouble())];

    private static float[] Floats(JsonElement of, string name) => Array.ConvertAll(Doubles(of, name), value =>
        (double)(float)value == value ? (float)value : throw new InvalidDataException($"{name}: {value:R} is not a float"));

    private static void Same(JsonElement of, string name, double[] actual) =>
        Assert.Equal(Doubles(of, name), actual, (expected, value) => Math.Abs(expected - value) <= Tolerance * Math.Max(1, Math.Abs(expected)));

    private static void Same(JsonElement of, string name, double? actual)
    {
        double expected = of.GetProperty(name).GetDouble();
        Assert.True(Math.Abs(expected - actual!.Value) <= Tolerance * Math.Max(1, Math.Abs(expected)), $"{name} is {actual:R}, numpy {expected:R}");
    }
}
