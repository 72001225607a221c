using System.Globalization;
using System.Net;
using System.Text;

namespace FastRnn.Runner;

/// <summary>
/// An SVG picture of a search: the best loss so far over the trials, and the loss over the values of each parameter. A loss above the ceiling, or
/// none, stands at the upper edge as a ring.
/// </summary>
internal static class TunePlot
{
    private const double Width = 420, Height = 280, Left = 64, Right = 16, Top = 32, Bottom = 44;
    private const int Columns = 2;

    public static void Write(string path, IReadOnlyList<SearchParameter> parameters, IReadOnlyList<Trial> trials) =>
        RunFiles.WriteText(path, Draw(parameters, trials));

    public static string Draw(IReadOnlyList<SearchParameter> parameters, IReadOnlyList<Trial> trials)
    {
        double high = Losses.Ceiling(trials), low = trials.Min(trial => trial.Loss) ?? 0;
        var scale = new Scale(low, high > low ? high : low + Math.Max(1e-6, Math.Abs(low) * 0.01));
        int rows = (parameters.Count + Columns) / Columns;
        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Columns * Width} {rows * Height}\" font-family=\"sans-serif\" font-size=\"12\">");
        svg.AppendLine("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
        Panel(svg, 0, "best validation loss so far", scale, () => DrawProgress(svg, scale, trials));
        for (int i = 0; i < parameters.Count; i++)
        {
            int index = i;
            Panel(svg, i + 1, "validation loss by " + parameters[i].Name, scale, () => DrawParameter(svg, scale, parameters[index], trials, index));
        }
        return svg.AppendLine("</svg>").ToString();
    }

    private static void Panel(StringBuilder svg, int index, string title, Scale scale, Action content)
    {
        svg.AppendLine(CultureInfo.InvariantCulture, $"<g transform=\"translate({index % Columns * Width} {index / Columns * Height})\">");
        svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{Left}\" y=\"20\" font-size=\"14\">{WebUtility.HtmlEncode(title)}</text>");
        for (int i = 0; i <= 4; i++)
        {
            double loss = scale.Low + ((scale.High - scale.Low) * i / 4), y = scale.Y(loss);
            svg.AppendLine(CultureInfo.InvariantCulture, $"<path d=\"M{Left} {y:F1}H{Width - Right}\" stroke=\"#ddd\"/><text x=\"{Left - 6}\" y=\"{y + 4:F1}\" text-anchor=\"end\">{loss:G4}</text>");
        }
        svg.AppendLine(CultureInfo.InvariantCulture, $"<path d=\"M{Left} {Top}V{Height - Bottom}H{Width - Right}\" fill=\"none\" stroke=\"black\"/>");
        content();
        svg.AppendLine("</g>");
    }

    private static void DrawProgress(StringBuilder svg, Scale scale, IReadOnlyList<Trial> trials)
    {
        var steps = new StringBuilder();
        double? best = null;
        foreach (Trial trial in trials)
        {
            double x = X(trial.Number);
            Dot(svg, scale, x, trial, "#bbb");
            if (trial.Loss is { } loss && !(loss >= best))
            {
                steps.Append(CultureInfo.InvariantCulture, $"{(best == null ? $"M{x:F1} " : $"H{x:F1}V")}{scale.Y(loss):F1}");
                best = loss;
            }
        }
        if (best != null)
            svg.AppendLine(CultureInfo.InvariantCulture, $"<path d=\"{steps}H{X(trials.Count):F1}\" fill=\"none\" stroke=\"#1f77b4\" stroke-width=\"2\"/>");
        Label(svg, X(1), "1");
        Label(svg, X(trials.Count), trials.Count > 1 ? $"trial {trials.Count}" : "");

        double X(int number) => Along(trials.Count == 1 ? 0 : (number - 1.0) / (trials.Count - 1));
    }

    private static void DrawParameter(StringBuilder svg, Scale scale, SearchParameter parameter, IReadOnlyList<Trial> trials, int index)
    {
        IReadOnlyList<string> ends = parameter.Extremes;
        foreach (string end in ends)
            Label(svg, X(end), end);
        if (!parameter.IsCategory && parameter.At(0.5) is var middle && !ends.Contains(middle))
            Label(svg, X(middle), middle);
        foreach (Trial trial in trials)
            Dot(svg, scale, X(trial.Values[index]), trial, "#1f77b4");

        double X(string value) => Along(parameter.IsCategory ? (parameter.Place(value) + 0.5) / ends.Count : parameter.Place(value));
    }

    private static void Dot(StringBuilder svg, Scale scale, double x, Trial trial, string colour)
    {
        bool shown = trial.Loss <= scale.High;
        string text = WebUtility.HtmlEncode(FormattableString.Invariant($"trial {trial.Number}: {trial.Loss?.ToString("G6", CultureInfo.InvariantCulture) ?? trial.Status}"));
        svg.AppendLine(CultureInfo.InvariantCulture, $"<circle cx=\"{x:F1}\" cy=\"{scale.Y(trial.Loss ?? double.PositiveInfinity):F1}\" r=\"4\" fill=\"{(shown ? colour : "none")}\" stroke=\"{colour}\"><title>{text}</title></circle>");
    }

    private static void Label(StringBuilder svg, double x, string text) =>
        svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{x:F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{WebUtility.HtmlEncode(text)}</text>");

    /// <summary>Points keep off the axes, on which half of them would be hidden.</summary>
    private static double Along(double share) => Left + ((Width - Left - Right) * (0.04 + (0.92 * share)));

    private sealed record Scale(double Low, double High)
    {
        /// <summary>What is above stands at the edge.</summary>
        public double Y(double loss) => Height - Bottom - ((0.04 + Math.Min(0.96, 0.92 * (loss - Low) / (High - Low))) * (Height - Top - Bottom));
    }
}
