using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>The bytes of windows that gradients go back through, of windows of several lengths, and of evaluations, against what is held.</summary>
public class MemoryOfPastTests
{
    private const int Vocabulary = 41;

    [Theory]
    [InlineData(20, 40, false)]
    [InlineData(20, 40, true)]
    [InlineData(20, 21, true)]
    [InlineData(20, 20, false)]
    [InlineData(20, 15, true)]
    [InlineData(20, 1, false)]
    [InlineData(7, 50, true)]
    [InlineData(1, 9, false)]
    public void PastIsCounted(int steps, int limit, bool masked)
    {
        using var blocks = new CountedBlocks();
        using var backend = new CpuBackend(2);
        Trainer trainer = Create(backend);
        (trainer.BackwardSteps, trainer.RecordStepNorms) = (limit, true);
        long estimate = trainer.EstimateMemory(steps, 6, masked).Total;
        for (int step = 0; step < 20; step++)
            Step(trainer, steps, masked, step);
        Assert.True(estimate >= 0.99 * blocks.Bytes && estimate <= 1.02 * blocks.Bytes, $"{blocks.Bytes} bytes held, estimated {estimate}");
    }

    /// <summary>The shorter windows are, the more of them are kept, each in the memory of the longest.</summary>
    [Fact]
    public void LimitHoldsForShortWindowsBehindLongOnes()
    {
        using var blocks = new CountedBlocks();
        using var backend = new CpuBackend(1);
        Trainer trainer = Create(backend);
        trainer.BackwardSteps = 60;
        long limit = trainer.MemoryLimit = trainer.EstimateMemory(50, 6).Total;
        for (int step = 0; step < 4; step++)
            Step(trainer, 50, false, step);
        var error = Assert.Throws<InsufficientMemoryException>(() => Step(trainer, 3, false, 4));
        Assert.StartsWith("windows of 3 steps, batch 6 would take ", error.Message, StringComparison.Ordinal);
        Assert.InRange(blocks.Bytes, 0, (long)(1.01 * limit));

        trainer.MemoryLimit = 0;
        long needed = trainer.Estimate([Shape(50), Shape(3)]).Total;
        for (int step = 5; step < 45; step++)
            Step(trainer, 3, false, step);
        Assert.True(needed >= 0.99 * blocks.Bytes && needed <= 1.02 * blocks.Bytes, $"{blocks.Bytes} bytes held, estimated {needed}");
    }

    [Fact]
    public void WindowsOfOneKindShareAndAnEvaluationHasItsState()
    {
        using var blocks = new CountedBlocks();
        using var backend = new CpuBackend(2);
        Trainer trainer = Create(backend);
        MemoryEstimate estimate = trainer.Estimate(
            [Shape(5), Shape(4), (Shape(5).Shape, Keep.Nothing), (Shape(4).Shape, Keep.Nothing)]);
        for (int step = 0; step < 4; step++)
            Step(trainer, 5 - (step % 2), false, step);
        trainer.Evaluate([TrainingRuns.RandomChunk(5, 6, Vocabulary, 1)]);
        Assert.True(
            estimate.Total >= 0.999 * blocks.Bytes && estimate.Total <= 1.02 * blocks.Bytes, $"{blocks.Bytes} bytes held, estimated {estimate.Total}");
    }

    private static (WindowShape Shape, Keep Keep) Shape(int steps) => (new WindowShape(steps, 6, 0, 0, false), Keep.Everything);

    private static Trainer Create(Backend backend) => new(
        new Sequential(
            backend, 1, new Embedding(Vocabulary, 24), new Lstm(24, 50) { LayerNorm = true }, new Gru(50, 40) { ResetBefore = true }, new Linear(40, Vocabulary)),
        Loss.CrossEntropy, new Sgd(0.01f));

    private static void Step(Trainer trainer, int steps, bool masked, int seed)
    {
        SequenceChunk chunk = TrainingRuns.RandomChunk(steps, 6, Vocabulary, seed);
        chunk.ClearFlags();
        chunk.StartsStreams = false;
        if (masked)
            chunk.SetInactive(steps - 1, 0);
        trainer.Step(chunk);
    }
}
