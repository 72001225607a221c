using System.Globalization;
using FastRnn.Formats;

namespace FastRnn.Runner;

/// <summary>The page about a training run.</summary>
internal static class TrainingReport
{
    /// <summary>Test figures that stand on top of the page; when there are more, all are in a table.</summary>
    private const int TopFigures = 3;

    /// <param name="options">What was asked for.</param>
    /// <param name="task">What was learnt.</param>
    /// <param name="state">How far it came.</param>
    /// <param name="parameters">Of the model.</param>
    /// <param name="machine">What it was computed with.</param>
    public static RunReport Create(TrainOptions options, TrainingTask task, RunState state, long parameters, string machine) => new()
    {
        Title = $"{task.Name}: {Path.GetFileName(options.Data)}",
        Subtitle = string.Create(CultureInfo.InvariantCulture, $"{task.Description}; {parameters:N0} parameters"),
        Notice = state.Epoch < options.Epochs ? $"{state.Epoch} of {options.Epochs} epochs" : null,
        Figures = Figures(options, task, state),
        Sections =
        [
            .. state.Epochs.Count > 0 ? (ReportSection[])[new LossSection(state.Epochs, task.LossUnit, state.BestEpoch)] : [],
            .. state.Updates.Count > 0 ? (ReportSection[])[new UpdatesSection(state.Updates, options.Update.ClipNorm)] : [],
        ],
        Settings =
        [
            KeyValuePair.Create("data", Path.GetFileName(options.Data)),
            KeyValuePair.Create("model", Path.GetFileName(options.Model)),
            KeyValuePair.Create("epochs", options.Epochs.ToString(CultureInfo.InvariantCulture)),
            KeyValuePair.Create("computed with", machine),
            .. options.Fixed(task).OrderBy(pair => pair.Key, StringComparer.Ordinal),
        ],
        Footer = $"Written by fastrnn {CommonOptions.Version}.",
    };

    /// <summary>Adds what the best weights did on test data, and what the task has to show.</summary>
    public static RunReport With(this RunReport report, IReadOnlyDictionary<string, double> test, IReadOnlyList<ReportSection> sections)
    {
        IEnumerable<ReportFigure> figures = test.Take(TopFigures).Select(pair => new ReportFigure("Test " + Words(pair.Key), ChartScale.Number(pair.Value)));
        IEnumerable<ReportSection> table = test.Count <= TopFigures
            ? []
            : [new TableSection("Test", ["figure", "value"], [.. test.Select(pair => (string[])[Words(pair.Key), ChartScale.Number(pair.Value)])])];
        return report with
        {
            Notice = report.Notice == null ? null : report.Notice + "; then nothing got better.",
            Figures = [.. report.Figures, .. figures],
            Sections = [.. report.Sections, .. table, .. sections],
        };
    }

    private static string Words(string name) => name.Replace('_', ' ');

    private static List<ReportFigure> Figures(TrainOptions options, TrainingTask task, RunState state)
    {
        var figures = new List<ReportFigure>();
        if (state.BestLoss is { } loss)
        {
            string meaning = task.Meaning(loss) is { } words ? ", " + words : "";
            figures.Add(new(
                task.Validation == null ? "Training loss" : "Validation loss", loss.ToString("F4", CultureInfo.InvariantCulture), task.LossUnit + meaning));
            figures.Add(new("Best epoch", $"{state.BestEpoch}", $"of {options.Epochs}"));
        }
        if (state.Epochs.Count > 0)
            figures.Add(new("Time", Duration(state.Seconds), ChartScale.Number(Math.Round(state.Epochs[^1].TokensPerSecond)) + " steps per second"));
        return figures;
    }

    private static string Duration(double seconds)
    {
        var time = TimeSpan.FromSeconds(Math.Min(seconds, 1e9));
        return time.TotalMinutes < 1 ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F1} s")
            : time.TotalHours < 1 ? $"{time.Minutes} min {time.Seconds} s"
            : $"{(long)time.TotalHours} h {time.Minutes} min";
    }
}
