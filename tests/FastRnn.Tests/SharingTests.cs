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
        Assert.Equal(new Cut(parts, units), Machine(2).Recurrence(steps, batch, cost, blocks, parked: false, eightBit: false));

    /// <summary>
    /// 8-bit weights take a quarter of the time that one row of float32 does, so that small steps stay together; and rows gain nothing from each other, so
    /// that samples are cut where there are some.
    /// </summary>
    [Theory]
    [InlineData(100, 1, 20_480, 2, true, 1, false)]
    [InlineData(100, 1, 262_144, 2, true, 2, true)]
    [InlineData(100, 2, 262_144, 2, true, 2, false)]
    [InlineData(1, 1, 131_072, 2, true, 1, false)]
    [InlineData(1, 1, 1_048_576, 2, true, 2, true)]
    public void EightBitWeightsAreCutByTheirOwnSpeed(int steps, int batch, int cost, int parts, bool units, int eightBitParts, bool eightBitUnits)
    {
        Assert.Equal(new Cut(parts, units), Machine(2).Recurrence(steps, batch, cost, 16, parked: false, eightBit: false));
        Assert.Equal(new Cut(eightBitParts, eightBitUnits), Machine(2).Recurrence(steps, batch, cost, 16, parked: false, eightBit: true));
    }

    /// <summary>However much slower than the tile 8-bit weights are in truth, by the model's other constants a cut that it chooses is faster than one thread.</summary>
    [Theory]
    [InlineData(1.0)]
    [InlineData(0.96)]
    [InlineData(0.7)]
    [InlineData(0.35)]
    public void EightBitPromisesAreKept(double speed)
    {
        int cuts = 0;
        foreach (int steps in new[] { 1, 10, 100 })
        {
            for (int cost = 1024; cost <= 1 << 24; cost += cost / 3)
            {
                Cut cut = Machine(2).Recurrence(steps, 1, cost, 16, parked: false, eightBit: true);
                cuts += cut.Parts - 1;
                double one = steps * cost / (100 * speed), two = (one / 2) + 1_000 + (steps * 300);
                Assert.True(cut.Parts == 1 || two < 0.9 * one, $"{steps} steps of {cost}: {one} ns alone, {two} ns together");
            }
        }
        Assert.True(cuts > 20, "nothing was cut");
    }

    /// <summary>By the model itself no decision takes longer than one thread.</summary>
    [Fact]
    public void NothingIsSharedThatPromisesLessThanATenth()
    {
        var slow = Sharing.Of(8, 100, 1_000, 30_000, 100_000); // more threads than cores: meetings are endless
        for (int batch = 1; batch < 3; batch++)
            Assert.Equal(new Cut(1, false), slow.Recurrence(50, batch, 262_144, 16, parked: false, eightBit: false));
        Assert.Equal(new Cut(1, false), slow.Recurrence(50, 1, 262_144, 16, parked: false, eightBit: true));
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
