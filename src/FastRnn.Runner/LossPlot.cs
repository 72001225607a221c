using FastRnn.Formats;

namespace FastRnn.Runner;

/// <summary>Training and validation loss by epoch as an SVG picture.</summary>
internal static class LossPlot
{
    public static void Write(string path, string heading, string unit, IReadOnlyList<EpochSummary> epochs, int? best) =>
        RunFiles.WriteText(path, SvgChart.DrawFile(ReportSections.LossChart(epochs, unit, best) with { Heading = heading }, 640, 400));
}
