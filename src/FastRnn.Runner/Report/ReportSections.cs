using System.Globalization;
using FastRnn.Formats;
using FastRnn.Metrics;

namespace FastRnn.Runner;

/// <summary>Every kind of section as markup.</summary>
internal static class ReportSections
{
    /// <summary>Values beyond which a chart of all of them hides how the last ones look.</summary>
    private const int Crowded = 400, Closer = 200;

    /// <summary>Classes beyond which a matrix is too large to read.</summary>
    private const int MatrixClasses = 40;

    private const int Curves = 8;

    public static void Write(ReportPage page, ReportSection section)
    {
        switch (section)
        {
            case LossSection loss:
                Losses(page, loss);
                break;
            case UpdatesSection updates:
                Updates(page, updates);
                break;
            case ForecastSection forecast:
                Forecast(page, forecast);
                break;
            case ConfusionSection confusion:
                Confusion(page, confusion);
                break;
            case RocSection roc:
                Roc(page, roc);
                break;
            case SamplesSection samples:
                Samples(page, samples);
                break;
            case TableSection table:
                page.Table(null, table.Columns, table.Rows);
                break;
            case ChartSection chart:
                page.WideChart(chart.Chart);
                break;
            default:
                throw new ArgumentException($"a section of type {section.GetType().Name} has no form", nameof(section));
        }
    }

    /// <summary>The same chart for a page and for a picture of its own.</summary>
    public static Chart LossChart(IReadOnlyList<EpochSummary> epochs, string unit, int? best)
    {
        (double X, double Y)[] validation = [.. epochs.Where(e => e.ValidationLoss != null).Select(e => ((double)e.Epoch, e.ValidationLoss!.Value))];
        return new Chart
        {
            Title = $"Loss ({unit}) after {epochs.Count} epochs",
            XName = "epoch",
            YName = $"loss ({unit})",
            CountedX = true,
            Lines =
            [
                new ChartLine("training", [.. epochs.Select(e => ((double)e.Epoch, e.TrainLoss))], 0) { Dots = true },
                .. validation.Length == 0 ? (ChartLine[])[] : [new ChartLine("validation", validation, 1) { Dots = true }],
            ],
            Marks = best is { } epoch && epochs.Count > 1 ? [new ChartMark(epoch, "best", Vertical: true)] : [],
        };
    }

    private static void Losses(ReportPage page, LossSection section)
    {
        page.WideChart(LossChart(section.Epochs, section.Unit, section.BestEpoch));
        page.Folded("All epochs as a table", () => page.Table(
            null, ["epoch", "training loss", "validation loss", "tokens per second", "seconds"],
            [
                .. section.Epochs.Select(e => (string[])
                [
                    Whole(e.Epoch), Loss(e.TrainLoss), e.ValidationLoss is { } loss ? Loss(loss) : "–", ChartScale.Number(Math.Round(e.TokensPerSecond)),
                    e.Seconds.ToString("N1", CultureInfo.InvariantCulture),
                ]),
            ]));

        static string Loss(double loss) => double.IsFinite(loss) ? loss.ToString("F4", CultureInfo.InvariantCulture) : "–";
    }

    private static void Updates(ReportPage page, UpdatesSection section)
    {
        List<(double X, double Y)> rates = [], norms = [];
        double at = 0;
        foreach (UpdateSummary update in section.Updates)
        {
            double first = at + 1;
            at += update.Count;
            rates.Add((first, update.LearningRate));
            norms.Add((first, update.LowestNorm));
            if (update.HighestNorm > update.LowestNorm)
                norms.Add((at, update.HighestNorm));
        }
        if (section.Updates.Count > 0)
            rates.Add((at, section.Updates[^1].LearningRate));
        (double low, double high) = (norms.Select(n => n.Y).DefaultIfEmpty(0).Min(), norms.Select(n => n.Y).DefaultIfEmpty(0).Max());
        bool clips = section.ClipNorm > 0 && section.ClipNorm <= high * 2;
        page.Add("<div class=\"pair\">\n");
        page.HalfChart(new Chart
        {
            Title = "Learning rate by update",
            XName = "update",
            YName = "learning rate",
            CountedX = true,
            FromZero = true,
            Lines = [new ChartLine("", rates, 2)],
        });
        page.HalfChart(new Chart
        {
            Title = "Norm of the gradient by update, before clipping",
            XName = "update",
            YName = "gradient norm",
            CountedX = true,
            Logarithmic = low > 0 && high / low > 30,
            FromZero = true,
            Lines = [new ChartLine("", norms, 3)],
            Marks = clips ? [new ChartMark(section.ClipNorm, "clipped above", Vertical: false)] : [],
        });
        page.Add("</div>\n");
        page.Folded("Figures", () => page.Table(
            null, ["", "first", "lowest", "highest", "last"],
            [Figures("learning rate", rates), Figures("gradient norm", norms)]));
    }

    private static string[] Figures(string name, List<(double X, double Y)> of) => of.Count == 0
        ? [name, "–", "–", "–", "–"]
        : [name, ChartScale.Number(of[0].Y), ChartScale.Number(of.Min(p => p.Y)), ChartScale.Number(of.Max(p => p.Y)), ChartScale.Number(of[^1].Y)];

    private static void Forecast(ReportPage page, ForecastSection section)
    {
        int count = section.Actual.Count;
        page.WideChart(ForecastChart(section, 0, count));
        if (count > Crowded)
        {
            page.Add($"<h3>The last {Closer}</h3>\n");
            page.WideChart(ForecastChart(section, count - Closer, Closer));
        }
        int shown = Math.Min(count, Closer);
        bool interval = section.Low.Count > 0;
        page.Folded(shown == count ? "Values as a table" : $"The last {shown} values as a table", () => page.Table(
            null, [section.Axis, "actual", "predicted", .. interval ? (string[])["from", "to"] : []],
            [
                .. Enumerable.Range(count - shown, shown).Select(i => (string[])
                [
                    i < section.Labels.Count ? section.Labels[i] : Whole(i + 1), ChartScale.Number(section.Actual[i]), ChartScale.Number(section.Predicted[i]),
                    .. interval ? (string[])[ChartScale.Number(section.Low[i]), ChartScale.Number(section.High[i])] : [],
                ]),
            ]));
    }

    private static Chart ForecastChart(ForecastSection section, int first, int count)
    {
        (double X, double Y)[] Points(IReadOnlyList<double> of) => [.. Enumerable.Range(first, count).Select(i => (i + 1.0, of[i]))];
        return new Chart
        {
            Title = $"{section.Title}: actual and predicted {section.Unit}",
            XName = section.Axis,
            YName = section.Unit,
            CountedX = true,
            Labels = section.Labels,
            FirstLabel = 1,
            Band = section.Low.Count == 0 ? null : new ChartBand(
                section.Interval, [.. Enumerable.Range(first, count).Select(i => (i + 1.0, section.Low[i], section.High[i]))], 1),
            Lines = [new ChartLine("actual", Points(section.Actual), 0), new ChartLine("predicted", Points(section.Predicted), 1)],
        };
    }

    private static void Confusion(ReportPage page, ConfusionSection section)
    {
        ConfusionMatrix matrix = section.Matrix;
        if (matrix.Classes <= MatrixClasses)
        {
            ConfusionTable.Write(page, section);
            return;
        }
        var wrong = from actual in Enumerable.Range(0, matrix.Classes)
                    from predicted in Enumerable.Range(0, matrix.Classes)
                    where actual != predicted && matrix[actual, predicted] > 0
                    orderby matrix[actual, predicted] descending
                    select (string[])[section.Classes[actual], section.Classes[predicted], Whole(matrix[actual, predicted])];
        page.Table($"The {matrix.Classes} classes are too many for a matrix: the pairs most often confused", ["class", "taken for", "times"], [.. wrong.Take(30)]);
    }

    private static void Roc(ReportPage page, RocSection section)
    {
        RocLine[] lines = [.. section.Lines.Where(line => line.Points.Count > 0)];
        page.SquareChart(new Chart
        {
            Title = $"ROC {(lines.Length == 1 ? "curve" : "curves")}: true positives against false positives",
            XName = "false positive rate",
            YName = "true positive rate",
            UnitSquare = true,
            Lines =
            [
                new ChartLine("", [(0, 0), (1, 1)], -1) { Dashed = true },
                .. lines.Take(Curves).Select((line, i) => new ChartLine(
                    Name(line), [.. line.Points.Select(point => (point.FalsePositiveRate, point.TruePositiveRate))], i)),
            ],
        });
        if (lines.Length > Curves || lines.Length < section.Lines.Count)
            page.Table(null, ["class", "area under the curve"], [.. section.Lines.Select(line => (string[])[line.Name, Area(line)])]);

        static string Area(RocLine line) => line.Area is { } area ? area.ToString("F4", CultureInfo.InvariantCulture) : "–";
        static string Name(RocLine line) => string.Create(CultureInfo.InvariantCulture, $"{line.Name}: {line.Area:F3}");
    }

    private static void Samples(ReportPage page, SamplesSection section)
    {
        foreach (ReportSample sample in section.Samples)
            page.Add($"<figure><figcaption>{ReportPage.Encode(sample.Caption)}</figcaption><pre>{ReportPage.Encode(sample.Text)}</pre></figure>\n");
    }

    private static string Whole(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
