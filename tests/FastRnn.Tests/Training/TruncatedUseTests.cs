using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>Gradients that go back behind their window: bits, memory, failures and what is refused.</summary>
[Collection(AllocatedBytes.Alone)]
public class TruncatedUseTests
{
    /// <summary>A failed step leaves no trace: with its window repaired, training goes on as if it had not been.</summary>
    [Fact]
    public void FailedStepIsNotInThePast()
    {
        using var backend = new CpuBackend(1);
        var random = new Random(5);
        Trainer straight = Values(), stumbling = Values();
        for (int step = 0; step < 4; step++)
        {
            var chunk = new SequenceChunk(3, 2, 2, 1);
            foreach (ref float value in chunk.InputValues)
                value = random.NextSingle();
            straight.Step(chunk);
            if (step == 2)
            {
                // The loss is finite; the gradient is not, as its 1e10 meets inputs of 1e30 on its way to small weights.
                var failing = new SequenceChunk(3, 2, 2, 1);
                failing.InputValues.Fill(1e30f);
                var error = Assert.Throws<NonFiniteException>(() => stumbling.Step(failing));
                Assert.Equal("the gradient of 0.weight_ih_l0", error.TensorName);
            }
            stumbling.Step(chunk);
        }
        TrainerTests.Same(Everything(straight), Everything(stumbling));

        Trainer Values()
        {
            var model = new Sequential(backend, 3, new Rnn(2, 4, CellActivation.Identity), new Linear(4, 1));
            model.Parameters[0].Write([.. Enumerable.Repeat(1e-20f, 8)]);
            var trainer = new Trainer(model, new MeanSquaredError(), new Sgd(0.1f)) { BackwardSteps = 8 };
            trainer.SetRateFactor("0.weight_ih_l0", 0);
            return trainer;
        }
    }

    /// <summary>A window that starts streams, or has another number of them, lets go of the past only when its step is made.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void FailedStartKeepsThePast(int batch)
    {
        using var backend = new CpuBackend(1);
        Trainer straight = Values(), stumbling = Values();
        for (int step = 0; step < 4; step++)
        {
            SequenceChunk chunk = LossRuns.RandomWindow(new MeanSquaredError(), 3, 2, 2, 1, step);
            chunk.StartsStreams = false;
            straight.Step(chunk);
            if (step == 2)
            {
                var failing = new SequenceChunk(3, batch, 2, 1) { StartsStreams = true };
                failing.InputValues.Fill(1e30f);
                Assert.Throws<NonFiniteException>(() => stumbling.Step(failing));
                Assert.Equal(6, stumbling.PastSteps);
            }
            stumbling.Step(chunk);
        }
        TrainerTests.Same(Everything(straight), Everything(stumbling));

        Trainer Values()
        {
            var model = new Sequential(backend, 3, new Rnn(2, 4, CellActivation.Identity), new Linear(4, 1));
            model.Parameters[0].Write([.. Enumerable.Repeat(1e-20f, 8)]);
            var trainer = new Trainer(model, new MeanSquaredError(), new Sgd(0.01f)) { BackwardSteps = 8 };
            trainer.SetRateFactor("0.weight_ih_l0", 0);
            return trainer;
        }
    }

    /// <summary>A window in between that hands no state on is not what the next one goes on from.</summary>
    [Fact]
    public void WindowThatCarriesNothingIsNotThePast()
    {
        using var backend = new CpuBackend(1);
        Trainer all = Trainer(backend, new Sgd(0.01f), dropout: 0), none = Trainer(backend, new Sgd(0.01f), dropout: 0);
        foreach (Trainer trainer in new[] { all, none })
        {
            trainer.BackwardSteps = 12;
            for (int step = 0; step < 3; step++)
            {
                SequenceChunk chunk = RandomChunk(4, 2, trainer.Model.InputSize, step);
                chunk.StartsStreams = false;
                trainer.CarryState = step != 1;
                if (step == 2 && trainer == none)
                    trainer.ForgetPast();
                trainer.Step(chunk);
            }
        }
        TrainerTests.Same(Everything(all), Everything(none));
    }

    [Fact]
    public void BitsAreTheSameEverywhere()
    {
        List<(string, float[])>? expected = null;
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            foreach (int threads in new[] { 1, 2, 3 })
            {
                using var backend = new CpuBackend(threads, isa);
                Trainer trainer = Trainer(backend, new Adam(0.01f), dropout: 0.25f);
                trainer.BackwardSteps = 33;
                for (int step = 0; step < 12; step++)
                {
                    SequenceChunk chunk = RandomChunk(12, 20, 13, seed: step);
                    if (step % 5 == 4)
                        chunk.SetInactive(step, step);
                    trainer.Step(chunk);
                }
                List<(string Name, float[] Values)> actual = Everything(trainer);
                expected ??= actual;
                TrainerTests.Same(expected, actual);
            }
        }
    }

    [Fact]
    public void LayersThatReadAheadCannotGoBack()
    {
        using var backend = new CpuBackend(1);
        var model = new Sequential(backend, 1, new Embedding(5, 3), new Lstm(3, 4), new Bidirectional(new Gru(4, 4)), new Lstm(8, 5));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Sgd(0.1f)) { CarryState = false, BackwardSteps = 4 };
        trainer.Step(RandomChunk(4, 2, 5, seed: 1));
        trainer.BackwardSteps = 5;
        var error = Assert.Throws<InvalidOperationException>(() => trainer.Step(RandomChunk(4, 2, 5, seed: 2)));
        Assert.Contains("layer 2, Bidirectional", error.Message, StringComparison.Ordinal);
        Assert.Contains("goes back 5 steps", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.BackwardSteps = -1);
    }

    /// <summary>What windows are put together with.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void RowsAreCopiedWhereTheyFit(bool reference)
    {
        using Backend backend = reference ? new ReferenceBackend() : new CpuBackend(1);
        DeviceBuffer from = backend.Allocate(4, 3), to = backend.Allocate(5, 3), narrow = backend.Allocate(5, 2);
        backend.Write(from, (ReadOnlySpan<float>)[.. Enumerable.Range(1, 12).Select(i => (float)i)]);
        int version = to.Version;
        backend.CopyRows(from, 1, to, 3, 2);
        backend.CopyRows(from, 4, to, 0, 0);
        Assert.NotEqual(version, to.Version);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 6, 7, 8, 9], Read(backend, to));
        Assert.Throws<ArgumentException>(() => backend.CopyRows(from, 0, narrow, 0, 1));
        foreach ((int source, int destination, int rows) in new[] { (-1, 0, 1), (0, -1, 1), (3, 0, 2), (0, 4, 2), (0, 0, -1), (0, 0, int.MaxValue) })
            Assert.Throws<ArgumentException>(() => backend.CopyRows(from, source, to, destination, rows));
    }

    [Fact]
    public void StepAllocatesNothing()
    {
        using var backend = new CpuBackend(2);
        Trainer trainer = Trainer(backend, new Adam(0.01f), dropout: 0.3f);
        trainer.BackwardSteps = 33;
        ChunkSequence chunks = TextDataset.FromText("abcdefghijklm" + Shuffled(160, seed: 12)).Chunks(4, 10); // the last window is shorter
        SequenceChunk flagged = RandomChunk(10, 4, 13, seed: 3);
        flagged.SetInactive(3, 2);
        for (int warmUp = 0; warmUp < 5; warmUp++)
            Pass();
        AllocatedBytes.None(Pass);

        void Pass()
        {
            foreach (SequenceChunk chunk in chunks)
                trainer.Step(chunk);
            trainer.Step(flagged);
        }
    }
}
