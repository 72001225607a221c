using System.Text.RegularExpressions;
using FastRnn.Formats;
using FastRnn.Metrics;
using FastRnn.Runner;
using Xunit;

namespace FastRnn.Tests.Report;

/// <summary>The page as text: what is in it, and that nothing given to it becomes markup.</summary>
public partial class ReportPageTests
{
    private static readonly string Full = ReportPage.Write(SampleReport.Full());

    [Fact]
    public void PageNeedsNothingElse()
    {
        Assert.DoesNotContain("<script", Full, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("src=", Full, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("href=", Full, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("@import", Full, StringComparison.OrdinalIgnoreCase);
        Assert.All(Address().Matches(Full), match => Assert.Equal("http://www.w3.org/2000/svg", match.Value)); // a name, not an address
        Assert.All(Reference().Matches(Full), match => Assert.StartsWith("url(#chart", match.Value, StringComparison.Ordinal));
        Assert.Contains("default-src 'none'", Full, StringComparison.Ordinal);
        Assert.True(Full.Length < 500_000, $"{Full.Length} characters for {SampleReport.Values} values");
    }

    [Fact]
    public void TextIsEscaped()
    {
        Assert.Contains("<title>seattle-weather.csv &amp; more: forecast</title>", Full, StringComparison.Ordinal);
        Assert.Contains("that &lt;is&gt; the question\uFFFD &amp; &quot;more&quot;.", Full, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", Full, StringComparison.Ordinal);
        Assert.Equal("a\tb\nc\uFFFD\uFFFD\uFFFD😀&lt;", WithoutNumbers(ReportText.Encode("a\tb\nc\0\u001b\ud800😀<")));

        static string WithoutNumbers(string text) => text.Replace("&#128512;", "😀", StringComparison.Ordinal);
    }

    [Fact]
    public void MarkupIsBalancedAndNamesAreUnique()
    {
        var open = new Stack<string>();
        foreach (Match tag in Tag().Matches(Full[Full.IndexOf("<body>", StringComparison.Ordinal)..]))
        {
            string name = tag.Groups[2].Value;
            if (tag.Groups[3].Value == "/")
                continue;
            if (tag.Groups[1].Value == "/")
                Assert.True(open.Pop() == name || name == "html", $"</{name}> at {tag.Index}");
            else
                open.Push(name);
            if (open.Count == 0)
                break;
        }
        Assert.Empty(open);
        string[] names = [.. Name().Matches(Full).Select(match => match.Groups[1].Value)];
        Assert.True(names.Length > 10);
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    /// <summary>Every part may be missing or have nothing in it.</summary>
    [Fact]
    public void AnyRunMakesAPage()
    {
        ReportSection[] sections =
        [
            new LossSection([], "nats", null), new LossSection([new EpochSummary(1, double.NaN, null, double.PositiveInfinity, 0)], "nats", 1),
            new UpdatesSection([], 1), new UpdatesSection([new UpdateSummary(1, 0, 0, 0)], 0),
            new ForecastSection("none", [], []), new ForecastSection("one", [1], [double.NaN]) { Low = [double.NaN], High = [2] },
            new ConfusionSection(new ConfusionMatrix(1), ["only"]), new ConfusionSection(new ConfusionMatrix(50), [.. Enumerable.Range(0, 50).Select(i => $"{i}")]),
            new RocSection([]), new RocSection([new RocLine("none", [], null)]), new SamplesSection("none", []), new TableSection("none", ["a"], []),
            .. ClassReport.Sections(new ClassificationMetrics(2), ["no", "yes"]), .. ClassReport.Sections(new ClassificationMetrics(12, false), [.. Enumerable.Range(0, 12).Select(i => $"{i}")], false),
        ];
        string page = ReportPage.Write(new RunReport { Title = "empty", Sections = sections });
        Assert.DoesNotContain("NaN", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Infinity", page, StringComparison.Ordinal);
        Assert.Equal(sections.Length, page.Split("<section>").Length - 1);
        Assert.EndsWith("</html>\n", ReportPage.Write(new RunReport { Title = "bare" }), StringComparison.Ordinal);
    }

    [Fact]
    public void ManyClassesAreShownByWhatIsConfusedMost()
    {
        var matrix = new ConfusionMatrix(41);
        for (int i = 0; i < 41 * 3; i++)
            matrix.Add(i % 41, i % 41 == 7 ? 9 : i % 41);
        string[] names = [.. Enumerable.Range(0, 41).Select(i => $"class {i}")];
        string page = ReportPage.Write(new RunReport { Title = "many", Sections = [new ConfusionSection(matrix, names)] });
        Assert.Contains("<th scope=\"row\">class 7</th><td>class 9</td><td class=\"r\">3</td>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("class=\"matrix\"", page, StringComparison.Ordinal);
    }

    [GeneratedRegex("""https?:[^"'\s<)]*""")]
    private static partial Regex Address();

    [GeneratedRegex(@"url\([^)]*\)")]
    private static partial Regex Reference();

    [GeneratedRegex(@"<(/?)([a-zA-Z0-9]+)[^<>]*?(/?)>")]
    private static partial Regex Tag();

    [GeneratedRegex("""\sid="([^"]*)["]""")]
    private static partial Regex Name();
}
