using FastRnn.Metrics;
using Xunit;

namespace FastRnn.Tests.Metrics;

public class ClassificationMetricsTests
{
    /// <summary>Against counting pairs and thresholds, with few scores so that most are equal, from one answer to many.</summary>
    [Fact]
    public void AreasAreThoseOfPairsAndThresholds()
    {
        var random = new Random(5);
        for (int run = 0; run < 400; run++)
        {
            int count = 1 + random.Next(60), different = 1 + random.Next(12);
            (bool Positive, double Score)[] answers = [.. Enumerable.Range(0, count).Select(_ => (random.Next(3) == 0, random.Next(different) - 3.0))];
            var metrics = new RankingMetrics();
            foreach ((bool positive, double score) in answers)
            {
                metrics.Add(positive, score);
                if (random.Next(10) == 0)
                    _ = metrics.RocAuc; // looked at in between: more may follow
            }
            double[] positives = [.. answers.Where(a => a.Positive).Select(a => a.Score)], negatives = [.. answers.Where(a => !a.Positive).Select(a => a.Score)];
            double halves = positives.Sum(p => negatives.Sum(n => p > n ? 2.0 : p == n ? 1.0 : 0.0));
            bool pairs = positives.Length > 0 && negatives.Length > 0;
            Assert.Equal(pairs ? halves / (2.0 * positives.Length * negatives.Length) : null, metrics.RocAuc);
            double precision = positives.Sum(p => (double)positives.Count(other => other >= p) / answers.Count(a => a.Score >= p));
            Close(positives.Length == 0 ? null : precision / positives.Length, metrics.AveragePrecision);
            IReadOnlyList<RocPoint> curve = metrics.RocCurve();
            Assert.Equal(pairs ? answers.Select(a => a.Score).Distinct().Count() + 1 : 0, curve.Count);
            foreach (RocPoint point in curve)
            {
                Assert.Equal((double)positives.Count(p => p >= point.Threshold) / positives.Length, point.TruePositiveRate);
                Assert.Equal((double)negatives.Count(n => n >= point.Threshold) / negatives.Length, point.FalsePositiveRate);
            }
            Close(metrics.RocAuc, pairs ? curve.Zip(curve.Skip(1), (a, b) => (b.FalsePositiveRate - a.FalsePositiveRate) * (a.TruePositiveRate + b.TruePositiveRate) / 2).Sum() : null);
        }
    }

    [Fact]
    public void SureAnswersKeepTheirOrder()
    {
        var metrics = new ClassificationMetrics(3);
        foreach ((int actual, float sure) in new[] { (0, 60f), (1, 50f), (1, 40f), (0, 70f) })
            metrics.AddLogits(actual, [sure, 0f, 1f]); // the probability of class 0 is 1 in any of them
        Assert.Equal(1.0, metrics.OneVersusRest(0).RocAuc);
        Assert.Equal(1.0, metrics.OneVersusRest(1).RocAuc);
        Assert.Null(metrics.OneVersusRest(2).RocAuc);
        Assert.Equal(1.0, metrics.RocAuc());
    }

    /// <summary>The logarithm of the odds as it is defined, and equal for equal logits even where they are the highest.</summary>
    [Fact]
    public void LogitsScoreByTheirOdds()
    {
        var metrics = new ClassificationMetrics(4);
        float[] logits = [2f, -1f, 2f, 0.5f];
        metrics.AddLogits(2, logits);
        metrics.AddLogits(1, logits);
        for (int c = 0; c < 4; c++)
        {
            double p = Math.Exp(logits[c]) / logits.Sum(z => Math.Exp(z));
            Assert.Equal(Math.Log(p / (1 - p)), Threshold(c), 1e-12);
        }
        Assert.Equal(Threshold(0), Threshold(2));
        Assert.Equal((0.0, 0.5, 1.0), (metrics.Accuracy, metrics.TopAccuracy(2), metrics.TopAccuracy(9)));

        double Threshold(int c)
        {
            var one = new RankingMetrics();
            one.Add(true, 1000);
            return RankingMetrics.All([metrics.OneVersusRest(c), one]).RocCurve()[2].Threshold;
        }
    }

    [Fact]
    public void BinaryAnswersAreYesAboveZero()
    {
        var metrics = new ClassificationMetrics(2);
        foreach ((bool actual, float logit) in new[] { (true, 2f), (false, 0f), (true, -1f), (false, 0.5f), (true, 0.25f) })
            metrics.AddBinary(actual, logit);
        Assert.Equal([1, 1, 1, 2], new[] { (0, 0), (0, 1), (1, 0), (1, 1) }.Select(at => (int)metrics.Confusion[at.Item1, at.Item2]));
        Assert.Equal(3.0 / 6, metrics.OneVersusRest(1).RocAuc);
        Assert.Equal(metrics.OneVersusRest(1).RocAuc, metrics.OneVersusRest(0).RocAuc);
        Assert.Equal(new ClassScore(2.0 / 3, 2.0 / 3, 2.0 / 3), metrics.Confusion.Score(1));
    }

    /// <summary>Every 0 / 0 is a defined number, or null where no number would be honest.</summary>
    [Fact]
    public void NothingIsDefinedToo()
    {
        var nothing = new ClassificationMetrics(3);
        Assert.Equal((0L, 0.0, 0.0), (nothing.Count, nothing.Accuracy, nothing.TopAccuracy(2)));
        foreach (ClassAverage average in Enum.GetValues<ClassAverage>())
        {
            Assert.Equal(default, nothing.Confusion.Score(average));
            Assert.Null(nothing.RocAuc(average));
            Assert.Null(nothing.AveragePrecision(average));
        }
        var oneClass = new ClassificationMetrics(3);
        oneClass.Add(1, [0.1, 0.8, 0.1]);
        oneClass.Add(1, [0.8, 0.1, 0.1]);
        Assert.Equal(new ClassScore(1, 0.5, 2.0 / 3), oneClass.Confusion.Score(1));
        Assert.Equal(default, oneClass.Confusion.Score(0)); // answered once, never right
        Assert.Equal(default, oneClass.Confusion.Score(2)); // neither target nor answer, and so not in the mean
        Assert.Equal(new ClassScore(0.5, 0.25, 1.0 / 3), oneClass.Confusion.Score(ClassAverage.Macro));
        Assert.Equal(new ClassScore(1, 0.5, 2.0 / 3), oneClass.Confusion.Score(ClassAverage.Weighted));
        Assert.Null(oneClass.RocAuc());
        Assert.Equal(1.0, oneClass.AveragePrecision());
        Assert.Empty(oneClass.OneVersusRest(1).RocCurve());
    }

    [Fact]
    public void NonsenseIsRefused()
    {
        var metrics = new ClassificationMetrics(2, keepScores: false);
        Refused<ArgumentException>("the score of class 1 is NaN", () => metrics.Add(0, [0, double.NaN]));
        Refused<ArgumentException>("3 scores for 2 classes", () => metrics.Add(0, [0, 1, 2]));
        Refused<ArgumentException>("0 scores for 2 classes", () => metrics.AddLogits(0, []));
        Refused<ArgumentException>("the logit of class 0 is Infinity", () => metrics.AddLogits(0, [float.PositiveInfinity, 0]));
        Refused<ArgumentException>("a logit is NaN", () => metrics.AddBinary(true, float.NaN));
        Refused<ArgumentOutOfRangeException>("there are 2 classes", () => metrics.Add(2, [0, 1]));
        Refused<ArgumentOutOfRangeException>("there are 2 classes", () => metrics.Confusion.Add(0, -1));
        Refused<InvalidOperationException>("scores are not kept", () => metrics.OneVersusRest(0));
        Refused<InvalidOperationException>("scores are not kept", () => metrics.RocAuc());
        Refused<ArgumentException>("a score is NaN", () => new RankingMetrics().Add(true, double.NaN));
        Refused<ArgumentOutOfRangeException>("classes", () => _ = new ClassificationMetrics(1));
        Refused<ArgumentOutOfRangeException>("k", () => metrics.TopAccuracy(0));
        Assert.Equal(0, metrics.Count); // what was refused left no trace

        static void Refused<T>(string message, Action action)
            where T : Exception => Assert.Contains(message, Assert.Throws<T>(action).Message, StringComparison.Ordinal);
    }

    private static void Close(double? expected, double? actual)
    {
        Assert.Equal(expected == null, actual == null);
        Assert.Equal(expected ?? 0, actual ?? 0, 1e-12);
    }
}
