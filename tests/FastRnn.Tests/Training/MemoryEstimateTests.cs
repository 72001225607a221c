using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>The bytes that training says it will hold against those of the native blocks that it holds.</summary>
public class MemoryEstimateTests
{
    private const int Vocabulary = 61, Values = 19;

    private static readonly Dictionary<string, Func<Layer[]>> Models = new()
    {
        ["lstm stack"] = () => [new Embedding(Vocabulary, 24), new Lstm(24, 50), new Dropout(0.2f), new Lstm(50, 40), new Linear(40, Vocabulary)],
        ["gru"] = () => [new Embedding(Vocabulary, 24), new Gru(24, 70), Activation.Relu(), new Linear(70, Vocabulary)],
        ["both directions"] = () =>
            [new Embedding(Vocabulary, 24), new Bidirectional(new Lstm(24, 30)), new Bidirectional(new Gru(60, 20), Merge.Sum), new Linear(20, Vocabulary)],
        ["normalised"] = () =>
            [new Embedding(Vocabulary, 24), new LayerNormalization(24), new Lstm(24, 50), new LayerNormalization(50), Activation.Gelu(), new Linear(50, Vocabulary), new Softmax()],
        ["residual"] = () =>
            [new Embedding(Vocabulary, 24), new Residual(new Lstm(24, 24)), new GoBackwards(new Rnn(24, 33)), new Residual(new Gru(33, 33)), new Linear(33, Vocabulary)],
        ["options"] = () =>
        [
            new Embedding(Vocabulary, 24),
            new Lstm(24, 50) { Projection = 20, Peepholes = true, LayerNorm = true, CellZoneout = 0.1f, RecurrentDropout = 0.2f, WeightDrop = 0.3f },
            new Gru(20, 33) { ResetBefore = true, LayerNorm = true, Zoneout = 0.1f, RecurrentDropout = 0.2f }, new Linear(33, Vocabulary),
        ],
        ["both directions with options"] = () =>
        [
            new Embedding(Vocabulary, 24), new Bidirectional(new Lstm(24, 30) { WeightDrop = 0.3f, LayerNorm = true, Projection = 20 }),
            new ActivityRegularization(1, 1, 1), new Linear(40, Vocabulary),
        ],
        ["values"] = () => [new Lstm(Values, 48), new Linear(48, 7)],
    };

    public static TheoryData<string, bool, bool, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool, bool, int>();
            foreach (string model in Models.Keys)
            {
                foreach (bool recompute in new[] { false, true })
                {
                    foreach (bool masked in new[] { false, true })
                        cases.Add(model, recompute, masked, recompute == masked ? 1 : 3);
                }
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void IsWhatIsHeld(string model, bool recompute, bool masked, int threads)
    {
        foreach (Func<Optimizer> optimizer in (Func<Optimizer>[])[() => new Adam(0.01f), () => new Sgd(0.01f), () => new RmsProp(0.01f, momentum: 0.9f, centered: true)])
        {
            foreach ((int steps, int batch) in new[] { (150, 5), (20, 33), (70, 1) })
            {
                using var blocks = new CountedBlocks();
                using var backend = new CpuBackend(threads);
                Trainer trainer = Create(backend, model, optimizer());
                trainer.Recompute = recompute;
                long before = blocks.Bytes;
                MemoryEstimate estimate = trainer.EstimateMemory(steps, batch, masked);
                Assert.Equal(before, blocks.Bytes); // nothing was made
                Run(trainer, steps, batch, masked);
                Near(estimate, blocks.Bytes, $"{model}, {optimizer()}, recompute {recompute}, masked {masked}, {threads} threads, T={steps}, B={batch}");
            }
        }
    }

    [Fact]
    public void CountsWhatIsSwitchedOn()
    {
        using var blocks = new CountedBlocks();
        using var backend = new CpuBackend(2);
        Trainer trainer = Create(backend, "lstm stack", new Adam(0.01f));
        MemoryEstimate plain = trainer.EstimateMemory(5000, 1);
        (trainer.AverageDecay, trainer.RecordStepNorms) = (0.9f, true);
        MemoryEstimate more = trainer.EstimateMemory(5000, 1);
        Assert.True(more.Weights > plain.Weights);
        Assert.True(more.Scratch > plain.Scratch);
        Run(trainer, 5000, 1, masked: false);
        Near(more, blocks.Bytes, "average and norms");
    }

    [Fact]
    public void PartsMakeTheTotal()
    {
        using var backend = new CpuBackend(1);
        MemoryEstimate adam = Create(backend, "gru", new Adam(0.01f)).EstimateMemory(30, 4), sgd = Create(backend, "gru", new Sgd(0.01f)).EstimateMemory(30, 4);
        Assert.Equal(2 * adam.Gradients, adam.Moments);
        Assert.Equal(0, sgd.Moments);
        Assert.Equal(adam.Total, sgd.Total + adam.Moments);
        Assert.Equal(adam.Total, adam.Weights + adam.Gradients + adam.Moments + adam.Windows + adam.Scratch);
        Assert.StartsWith(FormattableString.Invariant($"{adam.Total / 1048576.0:F1} MiB: weights "), adam.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void RecomputeTakesLess()
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Create(backend, "lstm stack", new Sgd(0.01f));
        long whole = trainer.EstimateMemory(2000, 8).Windows;
        trainer.Recompute = true;
        Assert.True(trainer.EstimateMemory(2000, 8).Windows < 0.6 * whole);
        Assert.True(trainer.EstimateMemory(64, 8).Windows == Without().Windows, "short windows are not cut");

        MemoryEstimate Without()
        {
            trainer.Recompute = false;
            return trainer.EstimateMemory(64, 8);
        }
    }

    [Fact]
    public void LimitRefusesAWindowBeforeItIsMade()
    {
        using var blocks = new CountedBlocks();
        using var backend = new CpuBackend(1);
        Trainer trainer = Create(backend, "lstm stack", new Adam(0.01f));
        long needed = trainer.EstimateMemory(20, 4).Total;
        trainer.MemoryLimit = needed;
        Run(trainer, 20, 4, masked: false);
        List<(string, float[])> before = TrainingRuns.Everything(trainer);
        (long bytes, long steps) = (blocks.Bytes, trainer.Steps);

        var longer = Assert.Throws<InsufficientMemoryException>(() => Run(trainer, 21, 4, masked: false));
        Assert.Contains(FormattableString.Invariant($"the limit is {needed:N0}"), longer.Message, StringComparison.Ordinal);
        Assert.Contains("windows of 21 steps, batch 4 would take ", longer.Message, StringComparison.Ordinal);
        Assert.Throws<InsufficientMemoryException>(() => Run(trainer, 20, 4, masked: true));
        Assert.Throws<InsufficientMemoryException>(() => trainer.Evaluate([TrainingRuns.RandomChunk(20, 4, Vocabulary, 1)]));
        TrainerTests.Same(before, TrainingRuns.Everything(trainer));
        Assert.Equal((bytes, steps), (blocks.Bytes, trainer.Steps));

        Run(trainer, 20, 4, masked: false); // goes on
        trainer.MemoryLimit = 0;
        Run(trainer, 21, 4, masked: false);
        trainer.MemoryLimit = 1;
        Run(trainer, 21, 4, masked: false); // what is there already stays
    }

    /// <summary>Copies of the weights in reduced precision count from the first evaluation with them on, and before they are made.</summary>
    [Theory]
    [InlineData("lstm stack", WeightPrecision.Int8)]
    [InlineData("lstm stack", WeightPrecision.BFloat16)]
    [InlineData("both directions with options", WeightPrecision.Int8)]
    [InlineData("options", WeightPrecision.Int8)]
    [InlineData("residual", WeightPrecision.BFloat16)]
    public void ReducedWeightsCount(string model, WeightPrecision weights)
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Create(backend, model, new Adam(0.01f));
        Run(trainer, 20, 4, masked: false);
        SequenceChunk window = TrainingRuns.RandomChunk(20, 4, Vocabulary, 1);
        trainer.Evaluate([window]);
        var shape = WindowShape.Of(window);
        MemoryEstimate before = trainer.Estimate([(shape, Keep.Everything), (shape, Keep.Nothing)]);
        long state = Asked(() => trainer.Evaluate([window])); // that every evaluation carries
        trainer.Model.InferenceWeights = weights;
        trainer.MemoryLimit = before.Total;
        Run(trainer, 20, 4, masked: false); // training needs no more
        foreach (Action evaluation in new Action[] { () => trainer.Evaluate([window]), () => trainer.CompareWeights([window], weights) })
            Assert.Contains($"windows of 20 steps, batch 4 with {weights.Name()} weights would take", Assert.Throws<InsufficientMemoryException>(evaluation).Message, StringComparison.Ordinal);
        SequenceChunk longer = TrainingRuns.RandomChunk(21, 4, Vocabulary, 1); // as the first with a new shape
        Assert.Throws<InsufficientMemoryException>(() => trainer.Evaluate([longer]));

        trainer.MemoryLimit = 0;
        long made = Asked(() => trainer.Evaluate([window])) - state; // all of it only now
        Assert.True(made > 0);
        MemoryEstimate after = trainer.Estimate([(shape, Keep.Everything), (shape, Keep.Nothing)]);
        Assert.Equal(before with { Weights = before.Weights + made }, after);
        trainer.MemoryLimit = after.Total;
        trainer.Evaluate([window]);
        trainer.CompareWeights([window], weights);

        static long Asked(Action action)
        {
            long asked = BlockBytes.Asked;
            action();
            return BlockBytes.Asked - asked;
        }
    }

    [Fact]
    public void BadArguments()
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Create(backend, "gru", new Sgd(0.01f));
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.EstimateMemory(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.EstimateMemory(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.EstimateMemory(1 << 20, 1 << 20));
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.MemoryLimit = -1);
        Assert.True(trainer.EstimateMemory(1 << 20, 1000).Total > 1L << 40); // more than any machine has, and no overflow
        using var reference = new ReferenceBackend();
        Assert.Throws<NotSupportedException>(() => Create(reference, "gru", new Sgd(0.01f)).EstimateMemory(1, 1));
    }

    private static void Near(MemoryEstimate estimate, long held, string what)
    {
        Assert.True(estimate.Total >= 0.98 * held, $"{what}: {held} bytes held, estimated {estimate.Total}, {estimate}");
        Assert.True(estimate.Total <= 1.05 * held, $"{what}: {held} bytes held, estimated {estimate.Total}, {estimate}");
    }

    private static Trainer Create(Backend backend, string model, Optimizer optimizer) => new(
        new Sequential(backend, 1, Models[model]()), model == "values" ? new MeanSquaredError() : Loss.CrossEntropy, optimizer)
    {
        CarryState = model is not ("both directions" or "both directions with options" or "residual"),
    };

    private static void Run(Trainer trainer, int steps, int batch, bool masked)
    {
        for (int step = 0; step < 2; step++)
        {
            SequenceChunk chunk = trainer.Model.TakesTokens
                ? TrainingRuns.RandomChunk(steps, batch, Vocabulary, step)
                : LossRuns.RandomWindow(new MeanSquaredError(), steps, batch, Values, 7, step);
            chunk.ClearFlags();
            if (masked)
                chunk.SetInactive(steps - 1, 0);
            trainer.Step(chunk);
        }
    }
}
