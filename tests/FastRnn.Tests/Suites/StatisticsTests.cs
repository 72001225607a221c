using FastRnn.Numerics;
using FastRnn.Suites;
using Xunit;

namespace FastRnn.Tests.Suites;

public class StatisticsTests
{
    [Theory]
    [InlineData(new double[] { 3 }, 3)]
    [InlineData(new double[] { 9, 1, 4 }, 4)]
    [InlineData(new double[] { 9, 1, 4, 6 }, 5)]
    public void MedianIsTheMiddle(double[] values, double median) => Assert.Equal(median, Statistics.Median(values));

    [Fact]
    public void MedianOfNothingIsNoNumber() => Assert.True(double.IsNaN(Statistics.Median([])));

    [Theory]
    [InlineData(0.5, 50)]
    [InlineData(0.99, 99)]
    [InlineData(0.991, 100)]
    [InlineData(1, 100)]
    [InlineData(0.001, 1)]
    public void PercentileIsTheNearestRank(double share, double expected) =>
        Assert.Equal(expected, Statistics.Percentile([.. Enumerable.Range(1, 100).Select(i => (double)i)], share));

    [Theory]
    [InlineData(100, 0.99, true)]
    [InlineData(99, 0.99, false)]
    [InlineData(1000, 0.999, true)]
    [InlineData(999, 0.999, false)]
    public void PercentileWantsValuesEnough(int count, double share, bool known)
    {
        double[] values = [.. Enumerable.Range(0, count).Select(i => (double)i)];
        Assert.Equal(known, double.IsFinite(Statistics.PercentileIfKnown(values, share)));
    }

    /// <summary>Of a thousand units every hundredth is slow: the tail shows them, the median does not.</summary>
    [Fact]
    public void LatenciesSeeRareUnits()
    {
        using var work = new SometimesSlow();
        Latencies latencies = Latencies.Measure(work, 1000);
        Assert.Equal(1000, latencies.Count);
        Assert.True(latencies.P999 >= 1e-3, $"p99.9 {latencies.P999}");
        Assert.True(latencies.P50 < 1e-3, $"p50 {latencies.P50}");
    }

    /// <summary>A row whose tail is judged times a million steps however short its rounds are; others as many as three times its time lets in.</summary>
    [Theory]
    [InlineData("step-lstm-32", 0.001, 40e-6, 1_000_000)]
    [InlineData("step-lstm-64", 0.001, 40e-6, 75)]
    [InlineData("step-lstm-64", 0.001, 1, 10)]
    [InlineData("step-lstm-64", 1, 1e-7, 1_000_000)]
    public void AMillionStepsAreTimedWhereTheTailIsJudged(string id, double seconds, double time, int count)
    {
        Row row = Catalog.Rows(Isa.Current).Single(row => row.Id == id);
        Assert.Equal(count, RowRun.StepCount(row, seconds, time));
        Assert.Equal(row.JudgesTail, Targets.All.Any(target => target.Row == id && target.Names == MetricNames.Tail));
    }

    /// <summary>What the tail of a step is compared with does take time: nothing has no tail.</summary>
    [Fact]
    public void TailsAreComparedWithWork()
    {
        using var additions = new AdditionsWork(2e-6, Clock.Measure());
        using var loads = new LoadsWork(Isa.Current, 32 << 10, 20e-6);
        foreach (Work work in new Work[] { additions, loads })
            Assert.True(Latencies.Measure(work, 1000) is { P50: > 0, Count: 1000 } latencies && double.IsFinite(latencies.P999 / latencies.P50));
    }

    [Fact]
    public void LatenciesCountWhatIsAllocated()
    {
        using var work = new Allocating();
        Assert.True(Latencies.Measure(work, 100).Allocated >= 100 * 1024);
    }

    private sealed class SometimesSlow : Work
    {
        private int _count;

        public override void Run(int units)
        {
            if (_count++ % 100 == 99)
                Thread.Sleep(1);
        }
    }

    private sealed class Allocating : Work
    {
        private byte[]? _last;

        public override void Run(int units) => _last = new byte[1024 + ((_last?.Length ?? 0) / 1_000_000)];
    }
}
