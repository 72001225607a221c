using FastRnn.Backends;
using FastRnn.Suites;
using Xunit;

namespace FastRnn.Tests.Suites;

/// <summary>Bounds against rows computed by hand, on a model core: 4 GHz, 64 FLOP a clock, 128, 64, 32 and 8 bytes a clock from L1, L2, L3 and memory.</summary>
public class RooflineTests
{
    private const double Clock = 4e9;
    private static readonly MachineLimits Core = new(64 * Clock, Clock, new Caches(48 << 10, 1 << 20, 32 << 20), 128 * Clock, 64 * Clock, 32 * Clock, 8 * Clock);

    [Theory]
    [InlineData("lstm", 1, 8, 1, 32)]
    [InlineData("lstm", 1, 16, 1, 38.5)]
    [InlineData("lstm", 1, 24, 1, 60)]
    [InlineData("lstm", 8, 8, 1, 34)]
    [InlineData("lstm", 32, 32, 1, 105)]
    [InlineData("lstm", 64, 64, 1, 575)]
    [InlineData("gru", 16, 16, 1, 39.5)]
    [InlineData("gru", 64, 64, 1, 432.5)]
    [InlineData("gru", 128, 384, 1, 18_620)]
    [InlineData("lstm", 128, 128, 2, 8_406)] // 1 MiB is not less than L2: from L3
    [InlineData("lstm", 960, 960, 3, 2_770_000)] // from memory
    public void Steps(string cell, int input, int hidden, int layers, double nanoseconds)
    {
        Bound bound = Roofline.Of(new WorkShape(Cell(cell), input, hidden, layers, 1, 1), WorkMode.Step, 4, 1, Core);
        Near(nanoseconds, bound.Budgeted * 1e9, 0.01);
        Assert.True(bound.Seconds < bound.Budgeted);
    }

    [Theory]
    [InlineData("lstm", 256, 256, 1, 150, 1, 1.57)]
    [InlineData("lstm", 1024, 1024, 1, 25, 1, 4.11)]
    [InlineData("lstm", 2048, 2048, 1, 25, 1, 55.7)]
    [InlineData("lstm", 512, 512, 1, 25, 64, 26.8)]
    [InlineData("gru", 512, 512, 1, 1, 32, 0.400)]
    [InlineData("lstm", 65, 128, 2, 50, 50, 4.93)]
    [InlineData("gru", 65, 128, 2, 50, 50, 3.65)]
    [InlineData("rnn", 1760, 1760, 1, 50, 16, 38.9)]
    public void Sequences(string cell, int input, int hidden, int layers, int steps, int batch, double milliseconds)
    {
        Bound bound = Roofline.Of(new WorkShape(Cell(cell), input, hidden, layers, steps, batch), WorkMode.Infer, 4, 1, Core);
        Near(milliseconds, bound.Budgeted * 1e3, 0.01);
        Assert.True(bound.Seconds < bound.Budgeted);
    }

    [Theory]
    [InlineData("lstm", 65, 128, 2, 50, 50, 13.5)]
    [InlineData("gru", 65, 128, 2, 50, 50, 10.1)]
    [InlineData("lstm", 64, 512, 3, 50, 50, 317)]
    public void TrainingWithoutTheGradientOfTheInput(string cell, int input, int hidden, int layers, int steps, int batch, double milliseconds) =>
        Near(milliseconds, Roofline.Of(new WorkShape(Cell(cell), input, hidden, layers, steps, batch), WorkMode.Whole, 4, 1, Core).Budgeted * 1e3, 0.01);

    [Fact]
    public void TrainingIsThreeForwardPasses()
    {
        var shape = new WorkShape(CellType.Lstm, 5, 7, 2, 3, 11);
        double weights = 4 * 7 * (5 + 7) + (4 * 7 * (7 + 7));
        Assert.Equal(2 * weights * 33, Roofline.Of(shape, WorkMode.Infer, 4, 1, Core).Flop);
        Assert.Equal(6 * weights * 33, Roofline.Of(shape, WorkMode.Train, 4, 1, Core).Flop);
        Assert.Equal((6 * weights - (2 * 4 * 7 * 5)) * 33, Roofline.Of(shape, WorkMode.Whole, 4, 1, Core).Flop);
    }

    [Theory]
    [InlineData(2048, "L1", 2048 / 128.0)]
    [InlineData(512 << 10, "L2", (512 << 10) / 64.0)]
    [InlineData(1 << 20, "L3", (1 << 20) / 32.0)]
    [InlineData(64 << 20, "memory", (64 << 20) / 8.0)]
    public void LoadsComeFromTheLevelThatHoldsThem(double bytes, string level, double clocks)
    {
        (double seconds, string name) = Core.Loads(bytes);
        Assert.Equal(level, name);
        Assert.Equal(clocks, seconds * Clock, 1e-6);
    }

    /// <summary>Weights as large as a cache come partly from it: the rate measured at their size counts, and at no other.</summary>
    [Fact]
    public void ASecondLevelFullCountsAtItsOwnRate()
    {
        const double level2 = 1 << 20, bytes = 3 << 20;
        MachineLimits slow = Core with { Own = (bytes, 1e9) }, quick = Core with { Own = (bytes, 900e9) };
        Near((level2 / (64 * Clock)) + ((bytes - level2) / (32 * Clock)), slow.Loads(bytes).Seconds, 1e-12);
        Near(bytes / 900e9, quick.Loads(bytes).Seconds, 1e-12);
        Near(level2 / 2 / 1e9, (Core with { Own = (level2 / 2, 1e9) }).Loads(level2 / 2).Seconds, 1e-12);
    }

    [Fact]
    public void RateAtTheOwnSizeGoesFirst()
    {
        var shape = new WorkShape(CellType.Lstm, 256, 256, 1, 1, 1);
        double bytes = Roofline.SweptBytes(shape, WorkMode.Step, 4, 1);
        Assert.Equal(2 << 20, bytes);
        MachineLimits measured = Core with { Own = (bytes, 200e9) };
        Assert.Equal(bytes / 200e9, Roofline.Of(shape, WorkMode.Step, 4, 1, measured).Seconds, 1e-12);
        Assert.Equal(Core.Loads(bytes + 4), measured.Loads(bytes + 4));
    }

    /// <summary>The peak of several threads is that of the same moment: each waits here until the others have come.</summary>
    [Fact]
    public void ThreadsAreMeasuredTogether()
    {
        using var all = new Barrier(3);
        Assert.Equal(3, FmaPeak.Together(3, () => all.SignalAndWait(TimeSpan.FromSeconds(20)) ? 1 : 0));
    }

    [Fact]
    public void FewerBytesAWeightLowerTheBoundOfLoads()
    {
        var shape = new WorkShape(CellType.Lstm, 512, 512, 1, 1, 1);
        Bound full = Roofline.Of(shape, WorkMode.Step, 4, 1, Core), half = Roofline.Of(shape, WorkMode.Step, 2, 1, Core);
        Assert.Equal("L3", full.Limit);
        Assert.Equal(full.Seconds / 2, half.Seconds, 1e-9);
        Assert.Equal(full.Flop, half.Flop);
    }

    private static CellType Cell(string name) => name switch { "lstm" => CellType.Lstm, "gru" => CellType.Gru, _ => CellType.Rnn() };

    private static void Near(double expected, double actual, double tolerance) =>
        Assert.True(Math.Abs(actual - expected) <= tolerance * expected, $"expected {expected}, is {actual}");
}
