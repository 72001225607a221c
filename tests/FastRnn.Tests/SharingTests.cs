using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Numerics;
using FastRnn.Threading;
using Xunit;

namespace FastRnn.Tests;

/// <summary>When threads share work: decisions of the model with given constants, and constants that a machine can have.</summary>
public class SharingTests
{
    /// <summary>100 multiply-adds a nanosecond, 1 µs to hand over, 30 µs to wake up, 0.3 µs a meeting.</summary>
    private static Sharing Machine(int threads) => Sharing.Of(threads, 100, 1_000, 30_000, 300);

    [Theory]
    [InlineData(1, 1000, 1_000_000, 1)] // one thread has nobody to share with
    [InlineData(2, 5, 1_000_000_000, 1)] // shares below three rows
    [InlineData(2, 6, 1_000_000, 2)]
    [InlineData(4, 9, 1_000_000, 3)]
    [InlineData(2, 100, 1_000, 1)] // 1.25 µs in all
    [InlineData(2, 100, 10_000, 2)]
    public void RowsAreSharedWhenItPays(int threads, int units, int cost, int parts) =>
        Assert.Equal(parts, Machine(threads).Parts(units, cost, parked: false));

    /// <summary>100 µs of work are shared with threads that wait, 40 µs are not worth waking them.</summary>
    [Fact]
    public void SleepersAreLeftAloneForLittle()
    {
        Assert.Equal((2, 1), (Machine(2).Parts(100, 32_000, parked: false), Machine(2).Parts(100, 32_000, parked: true)));
        Assert.Equal(2, Machine(2).Parts(100, 80_000, parked: true));
    }

    /// <summary>A quarter of a nanosecond a float: 4 µs of work are shared with threads that wait, 80 µs with those that sleep.</summary>
    [Theory]
    [InlineData(1, 1_000_000_000, false, 1)]
    [InlineData(2, 4_096, false, 1)]
    [InlineData(2, 16_384, false, 2)]
    [InlineData(2, 16_384, true, 1)]
    [InlineData(2, 327_680, true, 2)]
    [InlineData(8, 32_768, false, 8)]
    public void ElementsAreSharedWhenItPays(int threads, int floats, bool parked, int parts) =>
        Assert.Equal(parts, Machine(threads).Elements(floats, parked));

    /// <summary>Batches are cut by samples, single samples of wide layers by units, and narrow ones not at all.</summary>
    [Theory]
    [InlineData(100, 32, 262_144, 16, 2, false)]
    [InlineData(100, 1, 262_144, 16, 2, true)]
    [InlineData(100, 4, 262_144, 16, 2, true)] // two rows a share would starve the tiles
    [InlineData(100, 1, 4_096, 2, 1, false)] // 0.16 µs a step, less than a meeting
    [InlineData(100, 1, 262_144, 1, 1, false)] // cannot be cut
    [InlineData(1, 1, 16_384, 4, 1, false)] // 0.65 µs of work
    [InlineData(1, 1, 1_048_576, 32, 2, true)]
    public void RecurrencesAreCutBySamplesOrUnits(int steps, int batch, int cost, int blocks, int parts, bool units) =>
        Assert.Equal(new Cut(parts, units), Machine(2).Recurrence(steps, batch, cost, blocks, parked: false));

    /// <summary>By the model itself no decision takes longer than one thread.</summary>
    [Fact]
    public void NothingIsSharedThatPromisesLessThanATenth()
    {
        var slow = Sharing.Of(8, 100, 1_000, 30_000, 100_000); // more threads than cores: meetings are endless
        for (int batch = 1; batch < 3; batch++)
            Assert.Equal(new Cut(1, false), slow.Recurrence(50, batch, 262_144, 16, parked: false));
        Assert.Equal(1, Sharing.Of(2, 100, 1e9, 1e9, 1e9).Parts(1000, 100_000, parked: false));
    }

    [Fact]
    public void MachinesAreMeasured()
    {
        using var pool = new WorkerPool(2);
        Sharing measured = Sharing.Measure(pool, KernelTable.For(Isa.Current));
        Assert.InRange(measured.Speed, 0.01, 10_000);
        Assert.True(measured.HandOver > 0 && measured.Meeting >= 0 && measured.WakeUp >= measured.HandOver);
        using var alone = new WorkerPool(1);
        Assert.Equal(1, Sharing.Measure(alone, KernelTable.For(Isa.Current)).Parts(1000, 1_000_000, parked: false));
    }
}
