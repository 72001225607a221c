using System.Net;
using System.Text.Json;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Report;

/// <summary>The page as a browser shows it.</summary>
public sealed class BrowserTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fastrnn-report-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Colours of the paper, of text and of every curve are there: a chart that is not drawn has none.</summary>
    [ChromiumFact]
    public void Page_is_drawn_in_light_and_dark()
    {
        string page = Write("report.html", ReportPage.Write(SampleReport.Full()));
        foreach ((bool dark, int paper, int card, int[] curves) in new[]
        {
            (false, 0xF4F5F7, 0xFFFFFF, new[] { 0x0072B2, 0xD55E00, 0x00835F, 0xB5578F }),
            (true, 0x12161C, 0x1B2129, [0x56B4E9, 0xFF9150, 0x2FC79A, 0xE79CC6]),
        })
        {
            Png picture = Chromium.Screenshot(page, 1280, 2000, dark);
            Assert.Equal((1280, 2000), (picture.Width, picture.Height));
            Dictionary<int, int> colours = picture.Colours();
            Assert.Equal(paper, picture[2, 2]);
            Assert.True(colours[card] > 500_000, $"{colours[card]} pixels of cards");
            Assert.All(curves, curve => Assert.True(colours.GetValueOrDefault(curve) > 200, $"{colours.GetValueOrDefault(curve)} pixels of {curve:x6}, dark {dark}"));
            Assert.True(colours.Count > 100, $"{colours.Count} colours");
        }
    }

    /// <summary>A copy in frames of both widths, with a script beside them that measures; the page itself has none.</summary>
    [ChromiumFact]
    public void Nothing_sticks_out_on_wide_and_narrow_screens()
    {
        string report = WebUtility.HtmlEncode(ReportPage.Write(SampleReport.Full()));
        int[] widths = [400, 700, 1280];
        string frames = string.Concat(widths.Select(width => $"<iframe srcdoc=\"{report}\" style=\"border:0;width:{width}px;height:900px\"></iframe>"));
        (string dumped, string[] console) = Chromium.Dump(Write("frames.html", $"<!DOCTYPE html><meta charset=\"utf-8\">{frames}<pre id=\"found\"></pre><script>{Measure}</script>"));
        Assert.Empty(console);
        string found = dumped[(dumped.IndexOf("id=\"found\">", StringComparison.Ordinal) + 11)..];
        JsonElement[] measured = [.. Json.Object(WebUtility.HtmlDecode(found[..found.IndexOf("</pre>", StringComparison.Ordinal)]) + "\n").GetProperty("frames").EnumerateArray()];
        Assert.Equal(widths, measured.Select(frame => frame.GetProperty("width").GetInt32()));
        foreach (JsonElement frame in measured)
        {
            Assert.Equal(frame.GetProperty("width").GetInt32(), frame.GetProperty("needed").GetInt32());
            Assert.Empty(frame.GetProperty("outside").EnumerateArray().Select(text => text.GetString()));
            Assert.Equal(6, frame.GetProperty("charts").GetInt32()); // loss, rate, norm, forecast and its end, ROC: one form of each
            Assert.True(frame.GetProperty("smallest").GetDouble() >= 9.5, frame.ToString());
        }
    }

    /// <summary>Charts that show, text of theirs that lies outside of its chart, and the smallest of it.</summary>
    private const string Measure = """
        addEventListener('load', () => {
            const frames = [...document.querySelectorAll('iframe')].map(frame => {
                const page = frame.contentDocument, root = page.documentElement;
                const charts = [...page.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0);
                const outside = [];
                let smallest = 99;
                for (const svg of charts) {
                    const box = svg.getBoundingClientRect();
                    for (const text of svg.querySelectorAll('text')) {
                        const at = text.getBoundingClientRect();
                        smallest = Math.min(smallest, 12.5 * box.width / svg.viewBox.baseVal.width);
                        if (at.left < box.left - 1 || at.right > box.right + 1 || at.top < box.top - 1 || at.bottom > box.bottom + 1)
                            outside.push(text.textContent);
                    }
                }
                return { width: frame.clientWidth, needed: root.scrollWidth, charts: charts.length, outside, smallest };
            });
            document.getElementById('found').textContent = JSON.stringify({ frames });
        });
        """;

    private string Write(string name, string content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, content);
        return path;
    }
}
