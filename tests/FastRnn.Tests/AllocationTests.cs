using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Series;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests;

/// <summary>What runs again and again allocates no managed memory, on any thread.</summary>
[Collection(AllocatedBytes.Alone)]
public class AllocationTests
{
    /// <summary>The process's bytes are counted: a class beside which others run would count theirs, and fail now and then.</summary>
    [Fact]
    public void WhoeverCountsRunsAlone()
    {
        var counting = Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests", "FastRnn.Tests"), "*.cs", SearchOption.AllDirectories)
            .Where(file => File.ReadAllText(file).Contains($"{nameof(AllocatedBytes)}.{nameof(AllocatedBytes.None)}(", StringComparison.Ordinal)).ToList();
        Assert.True(counting.Count > 5);
        Assert.All(counting, file => Assert.Contains($"[Collection({nameof(AllocatedBytes)}.{nameof(AllocatedBytes.Alone)})]", File.ReadAllText(file), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TrainingStep(int threads)
    {
        using var backend = new CpuBackend(threads);
        Trainer trainer = Trainer(backend, new Adam(0.01f), dropout: 0.3f);
        trainer.ClipNorm = 1;
        TextDataset data = TextDataset.FromText("abcdefghijklm" + Shuffled(400, seed: 12));
        ChunkSequence chunks = data.Chunks(8, 20); // the last window is shorter
        for (int warmUp = 0; warmUp < 5; warmUp++)
            Pass();
        AllocatedBytes.None(Pass);

        void Pass()
        {
            foreach (SequenceChunk chunk in chunks)
                trainer.Step(chunk);
        }
    }

    [Fact]
    public void PassOverASeries()
    {
        using var backend = new CpuBackend(2);
        var table = new SeriesTable(["v"], [[.. Enumerable.Range(0, 90).Select(i => Math.Sin(i))]]);
        ForecastSpec spec = new ForecastSpec { Columns = [new() { Name = "v", Relative = true }], Window = 6, Horizon = 2 }.Fit(table, new SeriesPart(0, 90));
        var trainer = new Trainer(new Sequential(backend, 1, new Gru(1, 9), new Linear(9, 2)), new MeanSquaredError(), new Adam(0.01f)) { CarryState = false };
        SeriesBatches batches = new SeriesWindows(table, spec, spec.Origins(new(0, 90))).Batches(32, seed: 1); // the last batch is not full
        for (int warmUp = 0; warmUp < 5; warmUp++)
            Pass();
        AllocatedBytes.None(Pass);

        void Pass()
        {
            for (int i = 0; i < batches.Count; i++)
                trainer.Step(batches[i]);
            batches.Epoch++;
        }
    }

    [Fact]
    public void TrainingStepWithEveryKindOfRegularisation()
    {
        using var backend = new CpuBackend(2);
        var model = new Sequential(
            backend, 1, new Embedding(13, 9), new Lstm(9, 21) { WeightDrop = 0.4f }, new Dropout(0.3f) { Variational = true },
            new ActivityRegularization(0.1f, 2, 1), new LayerNormalization(21), new Gru(21, 17) { WeightDrop = 0.2f }, Activation.Gelu(), new Linear(17, 13));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.01f));
        SequenceChunk chunk = RandomChunk(10, 8, 13, seed: 3);
        for (int warmUp = 0; warmUp < 5; warmUp++)
            Pass();
        AllocatedBytes.None(Pass);

        void Pass()
        {
            for (int step = 0; step < 8; step++)
            {
                chunk.ClearFlags();
                if (step % 2 == 1)
                    chunk.SetInactive(7, 3);
                trainer.Step(chunk);
            }
        }
    }

    /// <summary>Windows of values, filled anew each time, under every loss.</summary>
    [Fact]
    public void TrainingStepOnValues()
    {
        using var backend = new CpuBackend(2);
        foreach ((_, Func<int, LossReduction, Loss> create) in LossRuns.All)
        {
            Loss loss = create(5, LossReduction.Mean);
            SequenceChunk chunk = LossRuns.RandomWindow(loss, 8, 10, 3, 5, seed: 1);
            var trainer = new Trainer(new Sequential(backend, 1, new Lstm(3, 7), new Linear(7, 5)), loss, new Adam(0.01f));
            for (int warmUp = 0; warmUp < 5; warmUp++)
                Pass();
            AllocatedBytes.None(Pass);

            void Pass()
            {
                chunk.ClearFlags();
                chunk.SetInactive(7, 3);
                chunk.SetIgnored(1, 4);
                chunk.InputValues[0] += 0.125f;
                trainer.Step(chunk);
            }
        }
    }

    [Fact]
    public void TrainingStepWithEverythingAroundTheUpdate()
    {
        using var backend = new CpuBackend(2);
        Optimizer[] optimizers =
        [
            new Sgd(0.01f, 0.9f, nesterov: true, weightDecay: 0.01f), new AdaGrad(0.01f), new RmsProp(0.01f, momentum: 0.9f, centered: true),
            new Adam(0.01f, amsgrad: true), new AdamW(0.01f), new Nadam(0.01f),
        ];
        TextDataset data = TextDataset.FromText("abcdefghijklm" + Shuffled(200, seed: 12));
        ChunkSequence chunks = data.Chunks(4, 20);
        Trainer[] trainers = [.. optimizers.Select(optimizer => Trainer(backend, optimizer))];
        foreach (Trainer trainer in trainers)
        {
            (trainer.ClipValue, trainer.ClipTensorNorm, trainer.ClipNorm) = (0.1f, 0.5f, 1);
            (trainer.AccumulatedWindows, trainer.AverageDecay) = (2, 0.9f);
            trainer.Schedule = new WarmUp(3, 0, new ProductSchedule(new CosineDecay(5, restarts: true, growth: 2), new OneCycle(50), new Plateau()));
            trainer.SetRateFactor("0.*", 0.5f);
            trainer.Freeze("*bias_hh*");
        }
        foreach (Trainer trainer in trainers)
        {
            for (int warmUp = 0; warmUp < 5; warmUp++)
                Pass(trainer);
            AllocatedBytes.None(() => Pass(trainer));
        }

        void Pass(Trainer trainer)
        {
            foreach (SequenceChunk chunk in chunks)
                trainer.Step(chunk);
        }
    }

    [Fact]
    public void TrainingStepInBothDirections()
    {
        using var backend = new CpuBackend(2);
        var model = new Sequential(
            backend, 1, new Embedding(13, 5), new Bidirectional(new Lstm(5, 6), Merge.Multiply), new Bidirectional(new Gru(6, 7), lastStep: true), new Linear(14, 13));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.01f)) { CarryState = false };
        SequenceChunk plain = RandomChunk(9, 8, 13, seed: 3), flagged = RandomChunk(9, 8, 13, seed: 4);
        flagged.LastStepOnly = true;
        flagged.SetInactive(8, 3);
        flagged.SetReset(4, 5);
        for (int warmUp = 0; warmUp < 5; warmUp++)
            Pass();
        AllocatedBytes.None(Pass);

        void Pass()
        {
            trainer.Step(plain);
            trainer.Step(flagged);
        }
    }

    [Fact]
    public void SessionStepWithTheInputBeside()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 3, new Residual(new Lstm(1, 40), besides: true), new Linear(41, 1));
        using Session one = model.OpenSession(), some = model.OpenSession(new SessionOptions { Streams = 5 });
        float[] x = new float[70], y = new float[70];
        int[] streams = [3, 1];
        AllocatedBytes.None(() =>
        {
            one.Step(x.AsSpan(0, 1), y.AsSpan(0, 1));
            one.Process(x, y);
            some.StepBatch(x.AsSpan(0, 5), y.AsSpan(0, 5));
            some.StepBatch(streams, x.AsSpan(0, 2), y.AsSpan(0, 2));
        });
    }

    [Fact]
    public void SessionStep()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = Model(backend);
        Session session = model.OpenSession();
        var sampler = new Sampler(1, 0.8, topK: 5, topP: 0.9);
        var logits = new float[model.OutputSize];
        AllocatedBytes.None(() =>
        {
            int token = 0;
            for (int i = 0; i < 100; i++)
            {
                session.Step(token, logits);
                token = sampler.Next(logits);
            }
        });
    }
}
