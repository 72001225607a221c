using System.Text;

namespace FastRnn.Runner;

/// <summary>
/// Writes a report as one HTML page that needs nothing else: no network – its policy forbids it – and no scripts. It follows the reader's choice of
/// light or dark, fits narrow screens and can be printed; every chart has a title, and its figures as a table.
/// </summary>
internal sealed class ReportPage
{
    private readonly StringBuilder _html = new();
    private int _charts;
    private string _section = "";

    private ReportPage()
    {
    }

    public static string Write(RunReport report)
    {
        var page = new ReportPage();
        page.Head(report);
        foreach (ReportSection section in report.Sections)
            page.Section(section.Title, section.Text, () => ReportSections.Write(page, section));
        if (report.Settings.Count > 0)
            page.Section("Settings", null, () => page.Settings(report.Settings));
        if (report.Footer != null)
            page.Add($"<footer>{Encode(report.Footer)}</footer>\n");
        page.Add("</main>\n</body>\n</html>\n");
        return page._html.ToString();
    }

    /// <summary>Adds markup as it is.</summary>
    public void Add(string markup) => _html.Append(markup);

    public static string Encode(string text) => ReportText.Encode(text);

    /// <summary>A chart over the whole width, drawn anew for narrow screens so that its text stays readable.</summary>
    public void WideChart(Chart chart)
    {
        Add($"<div class=\"wide\">{SvgChart.Draw(chart, 950, 340, Id())}</div>\n");
        Add($"<div class=\"narrow\">{SvgChart.Draw(chart, 370, 290, Id())}</div>\n");
    }

    /// <summary>A chart for half the width.</summary>
    public void HalfChart(Chart chart) => Add(
        $"<div><div class=\"wide\">{SvgChart.Draw(chart, 460, 280, Id())}</div>\n<div class=\"narrow\">{SvgChart.Draw(chart, 370, 250, Id())}</div></div>\n");

    public void SquareChart(Chart chart)
    {
        Add($"<div class=\"wide square\">{SvgChart.Draw(chart, 500, 560, Id())}</div>\n");
        Add($"<div class=\"narrow\">{SvgChart.Draw(chart, 370, 460, Id())}</div>\n");
    }

    /// <summary>A table that scrolls by itself where it is too wide. Columns of numbers are aligned right.</summary>
    public void Table(string? caption, IReadOnlyList<string> columns, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        string[] css = [.. columns.Select((_, i) => rows.All(row => i >= row.Count || IsNumber(row[i])) ? " class=\"r\"" : "")];
        if (caption != null)
            Add($"<p class=\"lead\">{Encode(caption)}</p>\n");
        Add($"{OpenScroll()}<table>");
        Add($"<thead><tr>{string.Concat(columns.Select((name, i) => $"<th scope=\"col\"{css[i]}>{Encode(name)}</th>"))}</tr></thead>\n<tbody>\n");
        foreach (IReadOnlyList<string> row in rows)
            Add($"<tr>{string.Concat(row.Select((cell, i) => i == 0 ? $"<th scope=\"row\"{css[i]}>{Encode(cell)}</th>" : $"<td{css[i]}>{Encode(cell)}</td>"))}</tr>\n");
        Add("</tbody></table></div>\n");
    }

    /// <summary>Opens a box that scrolls by itself, also by keys: what reads the page aloud is told what it is.</summary>
    public string OpenScroll() => $"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{Encode(_section)}: table\">";

    /// <summary>Folded until asked for.</summary>
    public void Folded(string summary, Action content)
    {
        Add($"<details><summary>{Encode(summary)}</summary>\n");
        content();
        Add("</details>\n");
    }

    private void Head(RunReport report)
    {
        Add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        Add("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
        Add("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
        Add($"<title>{Encode(report.Title)}</title>\n<style>\n{ReportStyle.Page}\n</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{Encode(report.Title)}</h1>\n");
        if (report.Subtitle != null)
            Add($"<p class=\"sub\">{Encode(report.Subtitle)}</p>\n");
        if (report.Notice != null)
            Add($"<p class=\"notice\">{Encode(report.Notice)}</p>\n");
        Add("</header>\n");
        if (report.Figures.Count == 0)
            return;
        Add("<dl class=\"cards\">\n");
        foreach (ReportFigure figure in report.Figures)
        {
            string note = figure.Note == null ? "" : $"<dd class=\"n\">{Encode(figure.Note)}</dd>";
            Add($"<div><dt>{Encode(figure.Name)}</dt><dd class=\"v\">{Encode(figure.Value)}</dd>{note}</div>\n");
        }
        Add("</dl>\n");
    }

    private void Section(string title, string? text, Action content)
    {
        _section = title;
        Add($"<section>\n<h2>{Encode(title)}</h2>\n");
        if (text != null)
            Add($"<p class=\"lead\">{Encode(text)}</p>\n");
        content();
        Add("</section>\n");
    }

    private void Settings(IReadOnlyList<KeyValuePair<string, string>> settings)
    {
        Add("<dl class=\"settings\">\n");
        foreach ((string name, string value) in settings)
            Add($"<div><dt>{Encode(name)}</dt><dd>{Encode(value)}</dd></div>\n");
        Add("</dl>\n");
    }

    private static bool IsNumber(string cell) => cell.All(c => char.IsAsciiDigit(c) || "+-−.,% –eE×⁻⁰¹²³⁴⁵⁶⁷⁸⁹".Contains(c, StringComparison.Ordinal));

    private string Id() => $"chart{++_charts}";
}
