using System.Globalization;
using System.Net;
using System.Text;
using FastRnn.Formats;

namespace FastRnn.Runner;

/// <summary>Training and validation loss by epoch as an SVG picture.</summary>
internal static class LossPlot
{
    private const double Width = 640, Height = 400, Left = 64, Right = 16, Top = 40, Bottom = 48;

    public static void Write(string path, string title, IReadOnlyList<EpochSummary> epochs) => RunFiles.WriteText(path, Draw(title, epochs));

    public static string Draw(string title, IReadOnlyList<EpochSummary> epochs)
    {
        (string Name, string Colour, List<(double X, double Y)> Points)[] curves =
        [
            ("training", "#1f77b4", [.. epochs.Select(e => ((double)e.Epoch, e.TrainLoss))]),
            ("validation", "#d62728", [.. epochs.Where(e => e.ValidationLoss != null).Select(e => ((double)e.Epoch, e.ValidationLoss!.Value))]),
        ];
        double[] losses = [.. curves.SelectMany(c => c.Points).Select(p => p.Y).Where(double.IsFinite)];
        double low = losses.DefaultIfEmpty(0).Min(), high = losses.DefaultIfEmpty(1).Max();
        double margin = Math.Max((high - low) * 0.05, 0.01);
        var axes = new Axes(1, Math.Max(2, epochs.Count), low - margin, high + margin);
        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">");
        svg.AppendLine("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
        svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{Left}\" y=\"24\" font-size=\"14\">{WebUtility.HtmlEncode(title)}</text>");
        DrawAxes(svg, axes);
        for (int i = 0; i < curves.Length; i++)
            DrawCurve(svg, axes, curves[i].Name, curves[i].Colour, curves[i].Points, i);
        svg.AppendLine("</svg>");
        return svg.ToString();
    }

    private static void DrawAxes(StringBuilder svg, Axes axes)
    {
        svg.AppendLine(CultureInfo.InvariantCulture, $"<path d=\"M{Left} {Top}V{Height - Bottom}H{Width - Right}\" fill=\"none\" stroke=\"black\"/>");
        for (int i = 0; i <= 4; i++)
        {
            double loss = axes.Low + ((axes.High - axes.Low) * i / 4), y = axes.Y(loss);
            svg.AppendLine(CultureInfo.InvariantCulture, $"<path d=\"M{Left} {y:F1}H{Width - Right}\" stroke=\"#ddd\"/><text x=\"{Left - 6}\" y=\"{y + 4:F1}\" text-anchor=\"end\">{loss:F2}</text>");
        }
        int step = Math.Max(1, (int)Math.Ceiling((axes.Last - axes.First) / 10));
        for (int epoch = (int)axes.First; epoch <= axes.Last; epoch += step)
            svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{axes.X(epoch):F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{epoch}</text>");
        svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 10}\" text-anchor=\"middle\">epoch</text>");
    }

    private static void DrawCurve(StringBuilder svg, Axes axes, string name, string colour, List<(double X, double Y)> points, int index)
    {
        if (points.Count == 0)
            return;
        IEnumerable<(double X, double Y)> finite = points.Where(p => double.IsFinite(p.Y));
        string path = string.Join(' ', finite.Select(p => string.Create(CultureInfo.InvariantCulture, $"{axes.X(p.X):F1},{axes.Y(p.Y):F1}")));
        svg.AppendLine($"<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        foreach ((double x, double y) in finite)
            svg.AppendLine(CultureInfo.InvariantCulture, $"<circle cx=\"{axes.X(x):F1}\" cy=\"{axes.Y(y):F1}\" r=\"3\" fill=\"{colour}\"/>");
        double legend = Width - Right - 100;
        svg.AppendLine(CultureInfo.InvariantCulture, $"<path d=\"M{legend} {Top + 10 + (index * 18)}h20\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{legend + 26}\" y=\"{Top + 14 + (index * 18)}\">{name}</text>");
    }

    private sealed record Axes(double First, double Last, double Low, double High)
    {
        public double X(double epoch) => Left + ((epoch - First) / (Last - First) * (Width - Left - Right));

        public double Y(double loss) => Height - Bottom - ((loss - Low) / (High - Low) * (Height - Top - Bottom));
    }
}
