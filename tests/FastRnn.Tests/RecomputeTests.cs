using System.Runtime.InteropServices;
using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Gates that are computed again for the backward pass: the same bits, less memory.</summary>
[Collection(AllocatedBytes.Alone)]
public class RecomputeTests
{
    public static TheoryData<int, int> Shapes
    {
        get
        {
            var shapes = new TheoryData<int, int>();
            foreach (int steps in new[] { 1, 63, 64, 65, 200 })
            {
                foreach (int batch in new[] { 1, 3, 16, 35 })
                    shapes.Add(steps, batch);
            }
            return shapes;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void SameBits(int steps, int batch)
    {
        foreach (CellType cell in CellRun.Cells)
        {
            var run = new CellRun(3, 18, steps, batch, seed: steps + batch, cell);
            Compare(run);
            run.Flags = Holes(steps, batch, seed: batch);
            Compare(run);
        }
    }

    /// <summary>A cell whose steps have stages runs them again in their order.</summary>
    [Fact]
    public void SameBitsOfCellsWithOptions()
    {
        foreach ((_, CellType cell) in CellRun.Options)
        {
            var run = new CellRun(3, 18, 130, 17, seed: 5, cell);
            Compare(run);
            run.Flags = Holes(130, 17, seed: 5);
            Compare(run);
        }
    }

    /// <summary>Wide enough that several threads share each part of the work.</summary>
    [Fact]
    public void SameBitsOnThreads()
    {
        foreach (CellType cell in CellRun.Cells)
            Compare(new CellRun(24, 33, 75, 18, seed: 3, cell), 1, 2, 3);
    }

    [Fact]
    public void NothingIsTouchedOutsideOfBlocks()
    {
        using var guard = new GuardedBlocks();
        foreach (CellType cell in CellRun.Cells)
            Compare(new CellRun(3, 18, 131, 3, seed: 5, cell));
    }

    [Fact]
    public void MemoryOfLongWindowsIsAFraction()
    {
        const int Steps = 1000, Batch = 32, Hidden = 256;
        using var backend = new CpuBackend(1);
        foreach (CellType cell in CellRun.Cells)
        {
            RecurrentWeights weights = backend.CreateRecurrentWeights(cell, 1, Hidden);
            double whole = Bytes(Keep.Everything), part = Bytes(Keep.States);
            double limit = cell.HasCell ? 0.07 : 0.065;
            Assert.True(part <= limit * whole, $"{cell}: {part} of {whole} bytes");
            Assert.True(part > 0.06 * whole, $"{cell}: {part} of {whole} bytes cannot hold 64 steps");

            long Bytes(Keep keep)
            {
                using var blocks = new CountedBlocks();
                using RecurrentStash stash = backend.CreateRecurrentStash(weights, Steps, Batch, keep);
                DeviceBuffer? c = cell.HasCell ? backend.Allocate(stash.CellSlots * Batch, Hidden) : null;
                long bytes = blocks.Bytes;
                GC.KeepAlive(c);
                return bytes;
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void TrainingIsTheSame(int threads)
    {
        Assert.False(new Trainer(new Sequential(new Lstm(2, 2)), Loss.CrossEntropy, new Sgd(0.1f)).Recompute);
        TrainerTests.Same(Train(threads, _ => false), Train(threads, _ => true));
        TrainerTests.Same(Train(threads, _ => false), Train(threads, step => step % 2 == 1));
    }

    [Fact]
    public void StepsAllocateNothing()
    {
        using var backend = new CpuBackend(2);
        Trainer trainer = Trainer(backend);
        trainer.Recompute = true;
        SequenceChunk plain = TrainingRuns.RandomChunk(70, 3, 13, seed: 1), masked = TrainingRuns.RandomChunk(70, 3, 13, seed: 2);
        masked.SetInactive(60, 2);
        for (int warmUp = 0; warmUp < 5; warmUp++)
            Pass();
        AllocatedBytes.None(Pass);

        void Pass()
        {
            trainer.Step(plain);
            trainer.Step(masked);
        }
    }

    private static List<(string Name, float[] Values)> Train(int threads, Func<int, bool> recompute)
    {
        using var backend = new CpuBackend(threads);
        Trainer trainer = Trainer(backend);
        for (int step = 0; step < 6; step++)
        {
            trainer.Recompute = recompute(step);
            SequenceChunk chunk = TrainingRuns.RandomChunk(step == 4 ? 90 : 150, 9, 13, seed: step);
            if (step > 2)
                chunk.SetInactive(70, step);
            trainer.Step(chunk);
        }
        return TrainingRuns.Everything(trainer);
    }

    /// <summary>A recurrent layer in every place that one can stand in.</summary>
    private static Trainer Trainer(Backend backend)
    {
        var model = new Sequential(
            backend, 7, new Embedding(13, 9), new Bidirectional(new Lstm(9, 10)), new GoBackwards(new Gru(20, 11)), new Residual(new Rnn(11, 11)),
            new Linear(11, 13));
        return new Trainer(model, Loss.CrossEntropy, new Adam(0.01f)) { CarryState = false, ClipNorm = 1 };
    }

    /// <summary>The definition that makes it possible: spans of 64 steps added to the gradient from the last to the first.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(35)]
    public void WeightGradientsAreSumsOfSpans(int batch)
    {
        const int Steps = 150, Input = 5, Output = 7;
        using var backend = new CpuBackend(1);
        LinearWeights weights = backend.CreateLinearWeights(Input, Output);
        DeviceBuffer x = Random(Steps * batch, Input), dy = Random(Steps * batch, Output);
        Assert.Equal(Gradient((0, Steps)), Gradient((128, 22), (64, 64), (0, 64)));
        Assert.NotEqual(Gradient((0, Steps)), Gradient((0, 64), (64, 64), (128, 22)));

        float[] Gradient(params (int First, int Steps)[] parts)
        {
            DeviceBuffer dw = backend.Allocate(Output, Input), db = backend.Allocate(1, Output);
            foreach ((int first, int steps) in parts)
            {
                DeviceBuffer Part(DeviceBuffer buffer) => backend.View(buffer, first * batch, steps * batch);
                backend.LinearBackward(weights, dw, db, Part(x), Part(dy), null, null, steps, batch);
            }
            return [.. TrainingRuns.Read(backend, dw), .. TrainingRuns.Read(backend, db)];
        }

        DeviceBuffer Random(int rows, int columns)
        {
            var random = new Random(rows + columns);
            DeviceBuffer buffer = backend.Allocate(rows, columns);
            backend.Write(buffer, (ReadOnlySpan<float>)[.. Enumerable.Range(0, rows * columns).Select(_ => random.NextSingle() - 0.5f)]);
            return buffer;
        }
    }

    private static void Compare(CellRun run, params int[] threads)
    {
        foreach (int count in threads.Length == 0 ? [2] : threads)
        {
            using var backend = new CpuBackend(count);
            Dictionary<string, double[]> expected = run.Train(backend), actual = run.Train(backend, Keep.States);
            Assert.Equal(expected.Keys, actual.Keys);
            foreach ((string name, double[] values) in expected)
            {
                bool same = MemoryMarshal.AsBytes(values.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(actual[name].AsSpan()));
                Assert.True(same, $"{name} of {run}, flags {run.Flags != null}, {count} threads");
            }
        }
    }

    private static StepFlags Holes(int steps, int batch, int seed)
    {
        var random = new Random(seed);
        var flags = new StepFlags(steps, batch);
        for (int i = 0; i < steps * batch; i++)
        {
            flags.Active[i] = (byte)(random.Next(4) == 0 ? 0 : 1);
            flags.Reset[i] = (byte)(random.Next(20) == 0 ? 1 : 0);
        }
        return flags;
    }
}
