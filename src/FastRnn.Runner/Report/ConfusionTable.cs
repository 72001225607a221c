using System.Globalization;
using FastRnn.Metrics;

namespace FastRnn.Runner;

/// <summary>A confusion matrix as a table whose cells are shaded by their share of the row, so that rare classes show too.</summary>
internal static class ConfusionTable
{
    /// <summary>More classes than that, with names longer than that, stand upright.</summary>
    private const int Few = 4, Short = 3;

    public static void Write(ReportPage page, ConfusionSection section)
    {
        ConfusionMatrix matrix = section.Matrix;
        string head = matrix.Classes > Few && section.Classes.Any(name => name.Length > Short) ? " class=\"up\"" : " class=\"r\"";
        page.Add("<p class=\"lead\">Rows: the actual class. Columns: what it was taken for. Shades: the share of the row.</p>\n");
        page.Add($"{page.OpenScroll()}<table class=\"matrix\">\n<thead><tr><td></td>");
        foreach (string name in section.Classes)
            page.Add($"<th scope=\"col\"{head}>{ReportPage.Encode(name)}</th>");
        page.Add("</tr></thead>\n<tbody>\n");
        for (int actual = 0; actual < matrix.Classes; actual++)
        {
            long row = matrix.Actual(actual);
            page.Add($"<tr><th scope=\"row\">{ReportPage.Encode(section.Classes[actual])}</th>");
            for (int predicted = 0; predicted < matrix.Classes; predicted++)
                page.Add(Cell(matrix[actual, predicted], row));
            page.Add("</tr>\n");
        }
        page.Add("</tbody></table></div>\n");
    }

    private static string Cell(long count, long row)
    {
        if (count == 0)
            return "<td class=\"no\">0</td>";
        double share = (double)count / row, shade = 0.08 + (0.92 * share);
        string css = shade > 0.5 ? " class=\"hi\"" : "";
        return string.Create(CultureInfo.InvariantCulture, $"<td{css} style=\"--a:{shade:F2}\">{count:N0}</td>");
    }
}
