using System.Globalization;
using FastRnn.Metrics;

namespace FastRnn.Runner;

/// <summary>What every task with classes shows: figures by class, the confusion matrix, and ROC curves where scores were kept.</summary>
internal static class ClassReport
{
    /// <param name="metrics">Of data that training never saw.</param>
    /// <param name="classes">Names, as many as the metrics have classes.</param>
    /// <param name="scores">Whether the metrics kept scores.</param>
    public static IReadOnlyList<ReportSection> Sections(ClassificationMetrics metrics, IReadOnlyList<string> classes, bool scores = true)
    {
        var sections = new List<ReportSection> { Figures(metrics, classes), new ConfusionSection(metrics.Confusion, classes) };
        if (scores)
        {
            int[] shown = metrics.Classes == 2 ? [1] : [.. Enumerable.Range(0, metrics.Classes)]; // of two classes one says it all
            sections.Add(new RocSection([.. shown.Select(c => Line(classes[c], metrics.OneVersusRest(c)))])
            {
                Text = shown.Length == 1
                    ? $"{classes[1]} against {classes[0]}, and the area under the curve."
                    : "Each class against all others, and the area under its curve.",
            });
        }
        return sections;
    }

    private static RocLine Line(string name, RankingMetrics ranking) => new(name, ranking.RocCurve(), ranking.RocAuc);

    private static TableSection Figures(ClassificationMetrics metrics, IReadOnlyList<string> classes)
    {
        ConfusionMatrix matrix = metrics.Confusion;
        return new TableSection("Classes", ["class", "precision", "recall", "F1", "answers"],
        [
            .. Enumerable.Range(0, matrix.Classes).Select(c => Row(classes[c], matrix.Score(c), matrix.Actual(c))),
            Row("mean of classes (macro)", matrix.Score(ClassAverage.Macro), matrix.Count),
            Row("weighted by answers", matrix.Score(ClassAverage.Weighted), matrix.Count),
            Row("all answers (micro)", matrix.Score(ClassAverage.Micro), matrix.Count),
        ]);
    }

    private static string[] Row(string name, ClassScore score, long count) =>
        [name, Share(score.Precision), Share(score.Recall), Share(score.F1), count.ToString("N0", CultureInfo.InvariantCulture)];

    private static string Share(double share) => share.ToString("F4", CultureInfo.InvariantCulture);
}
