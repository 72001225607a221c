using FastRnn.Series;
using Xunit;

namespace FastRnn.Tests.Series;

/// <summary>Constants of scaling and inputs of windows, against what the definitions say, written out here.</summary>
public sealed class SeriesScaleTests
{
    private static readonly double[] _values = [3, 5, 4, 8, 7, 6, 9, 20, 30, 10];

    [Fact]
    public void Standard_takes_mean_and_deviation_of_training_alone()
    {
        SeriesColumn column = Fit(new() { Name = "v" }, 7);
        double[] seen = _values[..7];
        double mean = seen.Average(), deviation = Math.Sqrt(seen.Average(v => (v - mean) * (v - mean)));
        Near([mean, deviation, mean, deviation], column);
    }

    [Fact]
    public void Min_max_takes_the_range_of_training_alone() => Near(
        [3, 6, _values[..7].Average(), Spread(_values[..7])], Fit(new() { Name = "v", Scale = SeriesScale.MinMax }, 7));

    [Fact]
    public void Differences_are_scaled_by_their_own_spread()
    {
        double[] seen = _values[..7];
        double[] differences = [.. Enumerable.Range(2, 5).Select(i => seen[i] - seen[i - 2])];
        Near([differences.Average(), Spread(differences), seen.Average(), Spread(seen)], Fit(new() { Name = "v", Difference = 2 }, 7));
        Near([differences.Min(), differences.Max() - differences.Min(), seen.Average(), Spread(seen)], Fit(new() { Name = "v", Difference = 2, Scale = SeriesScale.MinMax }, 7));
    }

    [Fact]
    public void What_is_relative_is_scaled_by_the_changes_over_the_horizon()
    {
        double[] seen = _values[..7];
        var changes = new List<double>();
        for (int k = 1; k <= 3; k++)
            changes.AddRange(Enumerable.Range(0, 7 - k).Select(i => seen[i + k] - seen[i]));
        Near([0, Math.Sqrt(changes.Average(c => c * c)), seen.Average(), Spread(seen)], Fit(new() { Name = "v", Relative = true }, 7, 3));
        Near([0, changes.Max(Math.Abs), seen.Average(), Spread(seen)], Fit(new() { Name = "v", Relative = true, Scale = SeriesScale.MinMax }, 7, 3));
    }

    [Theory]
    [InlineData(SeriesScale.Standard, 0, false)]
    [InlineData(SeriesScale.MinMax, 0, false)]
    [InlineData(SeriesScale.Standard, 1, false)]
    [InlineData(SeriesScale.Standard, 0, true)]
    [InlineData(SeriesScale.MinMax, 0, true)]
    public void A_column_that_never_changes_is_divided_by_one(SeriesScale scale, int difference, bool relative)
    {
        double[] constant = [.. Enumerable.Repeat(0.1, 50)];
        SeriesColumn column = Fit(new() { Name = "v", Scale = scale, Difference = difference, Relative = relative }, 50, values: constant);
        Assert.Equal(1.0, column.Factor);
        Assert.Equal(1.0, column.Deviation);
    }

    [Theory]
    [InlineData(SeriesScale.Standard, 0, false)]
    [InlineData(SeriesScale.MinMax, 0, false)]
    [InlineData(SeriesScale.MinMax, 1, false)]
    [InlineData(SeriesScale.MinMax, 0, true)]
    public void Constants_that_are_not_finite_are_refused(SeriesScale scale, int difference, bool relative)
    {
        double[] huge = [.. Enumerable.Range(0, 50).Select(i => i % 2 == 0 ? double.MaxValue : -double.MaxValue)];
        var column = new SeriesColumn { Name = "v", Scale = scale, Difference = difference, Relative = relative };
        Assert.Contains("column 'v' has values too large", Assert.Throws<ArgumentException>(() => Fit(column, 50, values: huge)).Message, StringComparison.Ordinal);
        if (difference > 0 || relative)
            Assert.Contains("too few rows of training", Assert.Throws<ArgumentException>(() => Fit(column, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_are_not_bridged()
    {
        var table = new SeriesTable(["v"], [_values]);
        SeriesColumn column = new ForecastSpec { Columns = [new() { Name = "v", Difference = 1 }], Window = 1 }.Fit(table, new SeriesPart(0, 2), new SeriesPart(8, 2)).Columns[0];
        double[] differences = [2, -20], seen = [3, 5, 30, 10];
        Near([differences.Average(), Spread(differences), seen.Average(), Spread(seen)], column);
    }

    [Fact]
    public void Windows_hold_what_the_definition_says()
    {
        double[] other = [.. _values.Select(v => (v * v) - 3)];
        var table = new SeriesTable(["v", "w", "x"], [_values, other, other]);
        ForecastSpec spec = new ForecastSpec
        {
            Columns = [new() { Name = "v", Relative = true }, new() { Name = "w", Difference = 2, Scale = SeriesScale.MinMax }, new() { Name = "v" }, new() { Name = "x", Scale = SeriesScale.None }],
            Targets = 2,
            Window = 3,
            Horizon = 2,
        }.Fit(table, new SeriesPart(0, 8));
        Assert.Equal((4, 4, 5), (spec.InputSize, spec.OutputSize, spec.Lookback));
        var windows = new SeriesWindows(table, spec, spec.Origins(new(0, 10)));
        Assert.Equal([5, 6, 7, 8], windows.Origins);
        var chunk = windows.Batches(3)[0];
        Assert.Equal((3, 3, 4, 4, true, true), (chunk.Steps, chunk.Batch, chunk.Features, chunk.Outputs, chunk.LastStepOnly, chunk.StartsStreams));
        for (int b = 0; b < 3; b++)
        {
            int origin = 5 + b;
            for (int t = 0; t < 3; t++)
            {
                int row = origin - 3 + t;
                float[] expected = [V(row, origin), W(row), (float)((_values[row] - spec.Columns[2].Center) / spec.Columns[2].Factor), (float)other[row]];
                Assert.Equal(expected, chunk.InputValues.Slice(((t * 3) + b) * 4, 4).ToArray());
            }
            Assert.Equal([V(origin, origin), W(origin), V(origin + 1, origin), W(origin + 1)], chunk.TargetValues.Slice(((2 * 3) + b) * 4, 4).ToArray());
        }

        float V(int row, int origin) => (float)((_values[row] - _values[origin - 1]) / spec.Columns[0].Factor);
        float W(int row) => (float)((other[row] - other[row - 2] - spec.Columns[1].Center) / spec.Columns[1].Factor);
    }

    [Fact]
    public void The_calendar_is_a_place_on_circles()
    {
        DateTime[] times = [.. Enumerable.Range(0, 400 * 4).Select(i => new DateTime(2021, 1, 1).AddHours(6 * i))];
        Assert.Equal(CalendarFeatures.TimeOfDay | CalendarFeatures.DayOfWeek | CalendarFeatures.DayOfYear, Calendar.Suitable(times));
        Assert.Equal(CalendarFeatures.TimeOfDay | CalendarFeatures.DayOfWeek, Calendar.Suitable(times[..(364 * 4)]));
        Assert.Equal(CalendarFeatures.DayOfWeek | CalendarFeatures.DayOfYear, Calendar.Suitable([.. times.Where(time => time.Hour == 6)]));
        Assert.Equal(CalendarFeatures.DayOfYear, Calendar.Suitable([.. Enumerable.Range(0, 24).Select(i => times[0].AddMonths(i))]));
        Assert.Equal(CalendarFeatures.None, Calendar.Suitable([.. Enumerable.Range(0, 9).Select(i => times[0].AddYears(i))]));
        double[][] columns = Calendar.Columns(Calendar.All, times);
        for (int i = 0; i < times.Length; i += 97)
        {
            double days = (times[i] - new DateTime(2021, 1, 1)).TotalDays; // a Friday
            double[] turns = [days, (days + 5) / 7, days < 365 ? days / 365 : (days - 365) / 365];
            for (int f = 0; f < 3; f++)
            {
                Assert.Equal(Math.Sin(2 * Math.PI * turns[f]), columns[2 * f][i], 9);
                Assert.Equal(Math.Cos(2 * Math.PI * turns[f]), columns[(2 * f) + 1][i], 9);
            }
        }
    }

    [Theory]
    [InlineData("2021-01-31", "2021-02-28", "2021-03-31", "2021-04-30")]
    [InlineData("2021-01-15", "2021-02-15", "2021-03-15", "2021-04-15")]
    [InlineData("2021-10-01", "2022-01-01", "2022-04-01", "2022-07-01")]
    [InlineData("2021-02-26", "2021-02-27", "2021-02-28", "2021-03-01")]
    [InlineData("2021-01-01", "2022-01-01", "2023-01-01", "2024-01-01")]
    public void Moments_go_on_as_they_went(string first, string second, string third, string next)
    {
        DateTime[] times = [.. new[] { first, second, third }.Select(DateTime.Parse)];
        Assert.Equal(DateTime.Parse(next), SamplingStep.Of(times).After(times[^1], 1)[0]);
    }

    private static SeriesColumn Fit(SeriesColumn column, int rows, int horizon = 1, double[]? values = null) =>
        new ForecastSpec { Columns = [column], Horizon = horizon }.Fit(new SeriesTable(["v"], [values ?? _values]), new SeriesPart(0, rows)).Columns[0];

    private static double Spread(double[] values) => Math.Sqrt(values.Average(v => v * v) - (values.Average() * values.Average()));

    private static void Near(double[] expected, SeriesColumn column)
    {
        double[] actual = [column.Center, column.Factor, column.Mean, column.Deviation];
        for (int i = 0; i < 4; i++)
            Assert.Equal(expected[i], actual[i], 12);
    }
}
