using FastRnn.Formats;
using FastRnn.Metrics;

namespace FastRnn.Runner;

/// <summary>What the page about a run shows. Texts are plain: the page escapes them. Every part may be missing.</summary>
internal sealed record RunReport
{
    public required string Title { get; init; }

    /// <summary>One line below the title.</summary>
    public string? Subtitle { get; init; }

    /// <summary>What the reader must know before all else, for example that the run was interrupted.</summary>
    public string? Notice { get; init; }

    /// <summary>The figures that matter most, a handful.</summary>
    public IReadOnlyList<ReportFigure> Figures { get; init; } = [];

    public IReadOnlyList<ReportSection> Sections { get; init; } = [];

    /// <summary>With what the run was made, by name.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; init; } = [];

    /// <summary>Last line of the page.</summary>
    public string? Footer { get; init; }
}

/// <param name="Name">What it is, in a word or three.</param>
/// <param name="Value">The figure as it is to be read.</param>
/// <param name="Note">What it is to be compared with, or which one it is.</param>
internal sealed record ReportFigure(string Name, string Value, string? Note = null);

/// <summary>A part of the page with a heading.</summary>
internal abstract record ReportSection(string Title)
{
    /// <summary>A sentence or two below the heading.</summary>
    public string? Text { get; init; }
}

/// <summary>Training and validation loss by epoch.</summary>
internal sealed record LossSection(IReadOnlyList<EpochSummary> Epochs, string Unit, int? BestEpoch) : ReportSection("Loss");

/// <summary>Learning rate and gradient norm by update.</summary>
/// <param name="Updates">All updates in order.</param>
/// <param name="ClipNorm">Norm that longer gradients are cut to; 0: none.</param>
internal sealed record UpdatesSection(IReadOnlyList<UpdateSummary> Updates, double ClipNorm) : ReportSection("Updates");

/// <summary>Predicted beside actual values, in order of time; gaps are NaN.</summary>
internal sealed record ForecastSection(string Title, IReadOnlyList<double> Actual, IReadOnlyList<double> Predicted) : ReportSection(Title)
{
    /// <summary>Lower ends of the interval, as many as there are values; none: no interval.</summary>
    public IReadOnlyList<double> Low { get; init; } = [];

    /// <summary>Upper ends of the interval.</summary>
    public IReadOnlyList<double> High { get; init; } = [];

    /// <summary>For example <c>80 % interval</c>.</summary>
    public string Interval { get; init; } = "interval";

    /// <summary>What the values are counted in, with their name: <c>OT in °C</c>.</summary>
    public string Unit { get; init; } = "value";

    /// <summary>What stands below the values, for example their dates; none: they are counted from 1.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>What a step is.</summary>
    public string Axis { get; init; } = "step";
}

/// <summary>Which class was taken for which.</summary>
/// <param name="Matrix">Counts.</param>
/// <param name="Classes">Names, as many as the matrix has classes.</param>
internal sealed record ConfusionSection(ConfusionMatrix Matrix, IReadOnlyList<string> Classes) : ReportSection("Confusion matrix");

/// <summary>ROC curves; those without points have none, because a class was missing.</summary>
internal sealed record RocSection(IReadOnlyList<RocLine> Lines) : ReportSection("ROC curve");

/// <param name="Name">Of the class that counts as positive.</param>
/// <param name="Points">From (0, 0) to (1, 1).</param>
/// <param name="Area">Below the curve; null where there is none.</param>
internal sealed record RocLine(string Name, IReadOnlyList<RocPoint> Points, double? Area);

/// <summary>Texts that the model wrote, or answers that it gave.</summary>
internal sealed record SamplesSection(string Title, IReadOnlyList<ReportSample> Samples) : ReportSection(Title);

/// <param name="Caption">How it came about, in a line.</param>
/// <param name="Text">Line ends and spaces are kept.</param>
internal sealed record ReportSample(string Caption, string Text);

/// <summary>Any table; a column whose cells are all numbers, or empty, is aligned right.</summary>
internal sealed record TableSection(string Title, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows) : ReportSection(Title);

/// <summary>Any chart.</summary>
internal sealed record ChartSection(string Title, Chart Chart) : ReportSection(Title);
