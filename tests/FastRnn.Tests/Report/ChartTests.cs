using System.Globalization;
using System.Xml.Linq;
using FastRnn.Runner;
using Xunit;

namespace FastRnn.Tests.Report;

/// <summary>Axes, thinning and what a chart is made of.</summary>
public class ChartTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    /// <summary>Whatever the range: it is covered, and marks are few, even, and multiples of 1, 2 or 5 times a power of ten.</summary>
    [Fact]
    public void MarksAreRoundNumbers()
    {
        var random = new Random(3);
        for (int run = 0; run < 3000; run++)
        {
            double size = Math.Pow(10, (random.NextDouble() * 20) - 10), low = (random.NextDouble() - 0.5) * size * (run % 3), high = low + (random.NextDouble() * size);
            int wanted = 2 + random.Next(9);
            ChartScale scale = ChartScale.Linear(low, high, wanted);
            string what = string.Create(CultureInfo.InvariantCulture, $"{low:R} to {high:R} in {wanted}: {string.Join(' ', scale.Ticks)}");
            double step = scale.Ticks[1] - scale.Ticks[0], mantissa = step / Math.Pow(10, Math.Floor(Math.Log10(step * 1.0000001)));
            Assert.True(scale.Low <= low + (1e-5 * step) && scale.High >= high - (1e-5 * step), what);
            Assert.Contains(new[] { 1.0, 2.0, 5.0 }, round => Math.Abs(mantissa - round) < 1e-4);
            Assert.True(scale.Ticks.Count >= 2 && scale.Ticks.Count <= wanted + 3, what);
            Assert.All(scale.Ticks, tick => Assert.True(Math.Abs((tick / step) - Math.Round(tick / step)) < 1e-4, what));
            Assert.Equal(scale.Ticks.Count, scale.Labels().Distinct().Count());
        }
    }

    [Theory]
    [InlineData(1, 12, true, "5 10")]
    [InlineData(1, 2, true, "1 2")]
    [InlineData(0, 0.002, false, "0.0000 0.0005 0.0010 0.0015 0.0020")]
    [InlineData(-3, 25, false, "0 10 20")]
    [InlineData(0, 30_000, false, "0 10,000 20,000 30,000")]
    [InlineData(0, 3e-5, false, "0 10⁻⁵ 2×10⁻⁵ 3×10⁻⁵")]
    public void MarksInsideARangeReadAs(double low, double high, bool whole, string expected) =>
        Assert.Equal(expected, string.Join(' ', ChartScale.Linear(low, high, 5, whole, rounded: false).Labels()));

    [Theory]
    [InlineData(0.011, 87, "0.01 0.1 1 10 100")]
    [InlineData(2, 40, "2 5 10 20 50")]
    [InlineData(1e-9, 1e9, "10⁻⁹ 10⁻⁶ 0.001 1 1,000 1,000,000 10⁹")]
    public void LogarithmicMarksReadAs(double low, double high, string expected)
    {
        ChartScale scale = ChartScale.Log(low, high, 6);
        Assert.True(scale.Low <= low * 1.0001 && scale.High >= high * 0.9999);
        Assert.Equal(expected, string.Join(' ', scale.Labels()));
    }

    [Fact]
    public void ThinnedCurvesKeepEveryPeak()
    {
        var random = new Random(1);
        (double X, double Y)[] points = [.. Enumerable.Range(0, 100_000).Select(i => (i / 250.0, i is 70_000 or 70_001 ? double.NaN : random.NextDouble() + (i == 4321 ? 5 : 0)))];
        List<List<(double X, double Y)>> runs = PixelColumns.Thin(points);
        Assert.Equal(2, runs.Count);
        Assert.Equal(points[69_999], runs[0][^1]);
        Assert.Equal(points[70_002], runs[1][0]);
        (double X, double Y)[] thin = [.. runs.SelectMany(run => run)];
        Assert.True(thin.Length <= 4 * 402, $"{thin.Length} points");
        Assert.Equal(thin.OrderBy(point => point.X), thin);
        foreach (IGrouping<double, (double X, double Y)> column in points.Where(point => double.IsFinite(point.Y)).GroupBy(point => Math.Floor(point.X)))
        {
            double[] kept = [.. thin.Where(point => Math.Floor(point.X) == column.Key).Select(point => point.Y)];
            Assert.Equal((column.Min(point => point.Y), column.Max(point => point.Y)), (kept.Min(), kept.Max()));
        }
        var envelope = PixelColumns.Envelope(points.Where(p => double.IsFinite(p.Y)).Select(p => (p.X, p.Y - 1, p.Y + 1)));
        Assert.Equal(400, envelope.Count);
        Assert.Contains(envelope, column => column.High > 6);
        (double, double)[] few = [(0, 3), (0.5, 1), (0.6, 2), (7, 1)];
        Assert.Equal(few, PixelColumns.Thin(few).Single());
    }

    /// <summary>Nothing, one value, the same value, values that are none: always a picture within its bounds.</summary>
    [Fact]
    public void AnyValuesMakeAChart()
    {
        double[][] cases = [[], [3], [2, 2, 2], [0, 0], [double.NaN, double.PositiveInfinity], [1, double.NaN, 2], [-1e30, 1e30], [1e-12, 2e-12], [-5, -4], [1e15, 1e15 + 1]];
        foreach (double[] values in cases)
        {
            foreach (bool logarithmic in new[] { false, true })
            {
                var chart = new Chart
                {
                    Title = "t & <t>",
                    XName = "x",
                    YName = "y",
                    CountedX = true,
                    Logarithmic = logarithmic,
                    Lines = [new ChartLine("a", [.. values.Select((value, i) => (i + 1.0, value))], 0) { Dots = true }],
                    Band = new ChartBand("b", [.. values.Select((value, i) => (i + 1.0, value - 1, value + 1))], 1),
                };
                string text = SvgChart.Draw(chart, 640, 300, "id");
                Assert.DoesNotContain("NaN", text, StringComparison.Ordinal);
                Assert.DoesNotContain("∞", text, StringComparison.Ordinal);
                Assert.DoesNotContain("Infinity", text, StringComparison.Ordinal);
                XElement svg = XElement.Parse(text);
                Assert.Equal("t & <t>", svg.Element(Svg + "title")!.Value);
                int drawn = svg.Descendants(Svg + "circle").Count();
                Assert.InRange(drawn, values.Count(value => double.IsFinite(value) && (!logarithmic || value > 0)), values.Count(double.IsFinite));
            }
        }
    }

    [Fact]
    public void LegendNamesWhatIsDrawn()
    {
        XElement svg = XElement.Parse(SvgChart.Draw(
            new Chart
            {
                Title = "t",
                XName = "x",
                YName = "y",
                Lines = [new ChartLine("first", [(0, 1), (1, 2)], 0), new ChartLine("", [(0, 1), (1, 1)], -1), new ChartLine("second", [(0, 2), (1, 1)], 1) { Dashed = true }],
                Band = new ChartBand("between", [(0, 1, 2), (1, 1, 2)], 1),
                Marks = [new ChartMark(0.5, "half", Vertical: true)],
            },
            400, 300, "id"));
        string[] texts = [.. svg.Elements(Svg + "text").Select(text => text.Value)];
        Assert.All(new[] { "first", "second", "between", "half", "x", "y" }, name => Assert.Single(texts, name));
        Assert.Equal(3, svg.Element(Svg + "g")!.Elements(Svg + "path").Count(path => path.Attribute("class")!.Value.StartsWith("line", StringComparison.Ordinal)));
        Assert.Equal("img", svg.Attribute("role")!.Value);
        Assert.Equal(svg.Element(Svg + "title")!.Attribute("id")!.Value, svg.Attribute("aria-labelledby")!.Value);
    }
}
