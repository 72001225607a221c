using System.Globalization;
using System.Net;
using System.Text;

namespace FastRnn.Runner;

/// <summary>
/// Draws a chart as SVG. Colours, fonts and widths come from <see cref="ReportStyle.Chart"/>, so a page and a picture of its own look alike, in
/// light and dark.
/// </summary>
internal sealed class SvgChart
{
    /// <summary>As wide as in the widest of usual fonts.</summary>
    private const double CharacterWidth = 7.4, DigitWidth = 8, Row = 20;

    private readonly Chart _chart;
    private readonly StringBuilder _svg = new();
    private readonly string _id;
    private readonly double _width, _height;
    private readonly ChartScale _x, _y;
    private readonly string[] _yLabels;
    private readonly double _left, _right, _top, _bottom, _legend;

    private SvgChart(Chart chart, double width, double height, string id)
    {
        (_chart, _width, _height, _id) = (chart, width, height, id);
        _y = ScaleY();
        _yLabels = _y.Labels();
        _left = 12 + (_yLabels.Max(label => label.Length) * DigitWidth);
        _right = width - 18;
        _legend = chart.Heading == null ? 14 : 42;
        _top = _legend - 2 + (LegendRows() * Row) + Row;
        _bottom = height - 44;
        if (chart.UnitSquare)
        {
            double side = Math.Min(_right - _left, _bottom - _top);
            (_right, _bottom) = (_left + side, _top + side);
            _height = _bottom + 44;
        }
        _x = ScaleX();
    }

    /// <summary>An element to be put into a page that has the style.</summary>
    /// <param name="chart">What to draw.</param>
    /// <param name="width">Pixels at which text has its natural size.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="id">Begins the names in it, which are to be unique in the page.</param>
    public static string Draw(Chart chart, double width, double height, string id) => new SvgChart(chart, width, height, id).Draw(null);

    /// <summary>A file of its own.</summary>
    public static string DrawFile(Chart chart, double width, double height) => new SvgChart(chart, width, height, "chart").Draw(ReportStyle.Picture);

    private string Draw(string? style)
    {
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {_width:F0} {_height:F0}\" role=\"img\" aria-labelledby=\"{_id}-t\">");
        Add($"<title id=\"{_id}-t\">{Encode(_chart.Title)}</title>");
        if (style != null)
            Add($"<style>{style}</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>");
        if (_chart.Heading != null)
            Text(0, 17, _chart.Heading, "start", "head");
        DrawAxes();
        Add($"<clipPath id=\"{_id}-c\"><rect x=\"{_left - 4:F1}\" y=\"{_top - 4:F1}\" width=\"{_right - _left + 8:F1}\" height=\"{_bottom - _top + 8:F1}\"/></clipPath>");
        Add($"<g clip-path=\"url(#{_id}-c)\">");
        DrawBand();
        ChartMark[] marks = [.. _chart.Marks.Where(mark => double.IsFinite(mark.Vertical ? X(mark.At) : Y(mark.At)))];
        foreach (ChartMark mark in marks)
            DrawMark(mark);
        foreach (ChartLine line in _chart.Lines)
            DrawLine(line);
        Add($"</g>");
        foreach (ChartMark mark in marks)
            NameMark(mark);
        DrawLegend();
        Add($"</svg>");
        return _svg.ToString();
    }

    private void DrawAxes()
    {
        for (int i = 0; i < _y.Ticks.Count; i++)
        {
            double y = Y(_y.Ticks[i]);
            Add($"<path class=\"grid\" d=\"M{_left:F1} {y:F1}H{_right:F1}\"/>");
            Text(_left - 8, y + 4, _yLabels[i], "end");
        }
        string[] labels = XLabels();
        for (int i = 0; i < _x.Ticks.Count; i++)
        {
            double x = X(_x.Ticks[i]), half = labels[i].Length * CharacterWidth / 2;
            Add($"<path class=\"axis\" d=\"M{x:F1} {_bottom:F1}v5\"/>");
            Text(Math.Clamp(x, half, Math.Max(half, _width - half)), _bottom + 19, labels[i], "middle");
        }
        Add($"<path class=\"axis\" d=\"M{_left:F1} {_bottom:F1}H{_right:F1}\"/>");
        Text((_left + _right) / 2, _bottom + 38, _chart.XName, "middle", "name");
        Text(0, _top - 14, _chart.YName, "start", "name");
    }

    private void DrawBand()
    {
        if (_chart.Band is not { } band)
            return;
        var points = PixelColumns.Envelope(band.Points
            .Select(point => (X: X(point.X), Low: Y(point.High), High: Y(point.Low))) // up is down in a picture
            .Where(point => double.IsFinite(point.Low) && double.IsFinite(point.High)));
        if (points.Count == 0)
            return;
        IEnumerable<string> there = points.Select(point => Point(point.X, point.Low)), back = Enumerable.Reverse(points).Select(point => Point(point.X, point.High));
        Add($"<path class=\"b{band.Colour}\" d=\"M{string.Join('L', there)}L{string.Join('L', back)}Z\"/>");
    }

    private void DrawLine(ChartLine line)
    {
        string css = line.Colour < 0 ? "quiet" : $"s{line.Colour}";
        IEnumerable<(double X, double Y)> points = line.Points.Select(point => (X(point.X), Y(point.Y)));
        foreach (List<(double X, double Y)> run in PixelColumns.Thin(points))
        {
            string path = string.Join('L', run.Select(point => Point(point.X, point.Y)));
            Add($"<path class=\"line {css}{(line.Dashed ? " dashed" : "")}\" d=\"M{path}{(run.Count == 1 ? "h.01" : "")}\"/>");
            bool dots = line.Dots && line.Points.Count <= (_right - _left) / 12;
            foreach ((double x, double y) in dots ? run : [])
                Add($"<circle class=\"f{line.Colour}\" cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"3\"/>");
        }
    }

    private void DrawMark(ChartMark mark)
    {
        if (mark.Vertical)
            Add($"<path class=\"mark\" d=\"M{X(mark.At):F1} {_top:F1}V{_bottom:F1}\"/>");
        else
            Add($"<path class=\"mark\" d=\"M{_left:F1} {Y(mark.At):F1}H{_right:F1}\"/>");
    }

    private void NameMark(ChartMark mark)
    {
        if (!mark.Vertical)
        {
            Text(_right - 4, Y(mark.At) - 5, mark.Name, "end", "halo");
            return;
        }
        double x = X(mark.At);
        bool before = x + 8 + (mark.Name.Length * CharacterWidth) > _right;
        Text(before ? x - 5 : x + 5, _top + 10, mark.Name, before ? "end" : "start", "halo");
    }

    private void DrawLegend()
    {
        (double x, double y) = (0, _legend);
        foreach ((string name, string css, bool area) in Legend())
        {
            double wide = EntryWidth(name);
            if (x > 0 && x + wide > _width)
                (x, y) = (0, y + Row);
            Add(area
                ? (FormattableString)$"<rect class=\"{css}\" x=\"{x:F1}\" y=\"{y - 10:F1}\" width=\"22\" height=\"11\"/>"
                : $"<path class=\"line {css}\" d=\"M{x:F1} {y - 4:F1}h22\"/>");
            Text(x + 28, y, name, "start");
            x += wide;
        }
    }

    private IEnumerable<(string Name, string Css, bool Area)> Legend()
    {
        foreach (ChartLine line in _chart.Lines.Where(line => line.Name.Length > 0))
            yield return (line.Name, (line.Colour < 0 ? "quiet" : $"s{line.Colour}") + (line.Dashed ? " dashed" : ""), false);
        if (_chart.Band is { } band)
            yield return (band.Name, $"b{band.Colour}", true);
    }

    private int LegendRows()
    {
        double x = 0;
        int rows = 0;
        foreach ((string name, _, _) in Legend())
        {
            rows = x == 0 && rows == 0 ? 1 : rows;
            double wide = EntryWidth(name);
            (x, rows) = x > 0 && x + wide > _width ? (wide, rows + 1) : (x + wide, rows);
        }
        return rows;
    }

    private static double EntryWidth(string name) => 28 + (name.Length * CharacterWidth) + 16;

    private ChartScale ScaleY()
    {
        if (_chart.UnitSquare)
            return ChartScale.Linear(0, 1, 6);
        IEnumerable<double> values = _chart.Lines.SelectMany(line => line.Points).Select(point => point.Y)
            .Concat(_chart.Band?.Points.SelectMany(point => new[] { point.Low, point.High }) ?? [])
            .Concat(_chart.Marks.Where(mark => !mark.Vertical).Select(mark => mark.At))
            .Where(value => double.IsFinite(value) && (!_chart.Logarithmic || value > 0));
        (double low, double high) = Range(values);
        if (_chart.Logarithmic && low > 0)
            return ChartScale.Log(low, high > low * 1.5 ? high : low * 1.5, 6);
        return ChartScale.Linear(_chart.FromZero ? Math.Min(0, low) : low, _chart.FromZero ? Math.Max(0, high) : high, _height < 240 ? 4 : 6);
    }

    private ChartScale ScaleX()
    {
        if (_chart.UnitSquare)
            return ChartScale.Linear(0, 1, 6);
        (double low, double high) = Range(_chart.Lines.SelectMany(line => line.Points).Select(point => point.X).Where(double.IsFinite));
        int letters = Math.Max(6, _chart.Labels.Select(label => label.Length).DefaultIfEmpty(0).Max());
        int wanted = (int)Math.Clamp((_right - _left) / ((letters * CharacterWidth) + 28), 2, 10);
        if (_chart.CountedX && low == high)
            (low, high) = (low - 1, high + 1); // one point stands in the middle
        bool whole = _chart.CountedX || _chart.Labels.Count > 0;
        ChartScale scale;
        do
            scale = ChartScale.Linear(low, high, wanted, whole, rounded: false);
        while (scale.Ticks.Count < 2 && ++wanted < 12); // a wide step may have one multiple in the range
        return scale;
    }

    private string[] XLabels() => _chart.Labels.Count == 0
        ? _x.Labels()
        : [.. _x.Ticks.Select(tick => (int)Math.Round(tick) - _chart.FirstLabel).Select(i => i >= 0 && i < _chart.Labels.Count ? _chart.Labels[i] : "")];

    private static (double Low, double High) Range(IEnumerable<double> values)
    {
        (double low, double high) = (double.PositiveInfinity, double.NegativeInfinity);
        foreach (double value in values)
            (low, high) = (Math.Min(low, value), Math.Max(high, value));
        return low <= high ? (low, high) : (0, 1);
    }

    private double X(double value) => _left + (_x.At(value) * (_right - _left));

    private double Y(double value) => _bottom - (_y.At(value) * (_bottom - _top));

    private static string Point(double x, double y) => string.Create(CultureInfo.InvariantCulture, $"{x:F1} {y:F1}");

    private void Text(double x, double y, string text, string anchor, string css = "") =>
        Add($"<text{(css.Length > 0 ? $" class=\"{css}\"" : "")} x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\">{Encode(text)}</text>");

    private static string Encode(string text) => WebUtility.HtmlEncode(ReportText.Visible(text));

    private void Add(FormattableString markup) => _svg.Append(markup.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
