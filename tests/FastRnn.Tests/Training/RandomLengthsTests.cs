using System.Runtime.InteropServices;
using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Memory;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>Windows of random lengths: how they are cut, and that memory and bits do not depend on how many lengths there are.</summary>
[Collection(AllocatedBytes.Alone)]
public class RandomLengthsTests
{
    [Theory]
    [InlineData(1, 20)]
    [InlineData(3, 12)]
    [InlineData(7, 1000)]
    public void EveryEpochCoversEveryStreamOnce(int batch, int timeSteps)
    {
        TextDataset data = TextDataset.FromText(Shuffled(601, seed: batch));
        ChunkSequence chunks = data.Chunks(batch, timeSteps, new RandomLengths(seed: 3));
        var cuts = new HashSet<string>();
        for (int epoch = 0; epoch < 4; epoch++)
        {
            chunks.Epoch = epoch;
            int stream = 600 / batch, time = 0, windows = 0;
            var lengths = new List<int>();
            foreach (SequenceChunk chunk in chunks)
            {
                Assert.Equal(windows++ == 0, chunk.StartsStreams);
                for (int t = 0; t < chunk.Steps; t++)
                {
                    for (int b = 0; b < batch; b++)
                    {
                        int at = (b * stream) + time + t;
                        Assert.Equal((data.Tokens[at], data.Tokens[at + 1]), (chunk.Inputs[(t * batch) + b], chunk.Targets[(t * batch) + b]));
                    }
                }
                time += chunk.Steps;
                lengths.Add(chunk.Steps);
            }
            Assert.Equal((stream, chunks.Count, stream * batch), (time, windows, chunks.TokensPerPass));
            Assert.All(lengths.SkipLast(1), length => Assert.True(length >= 5));
            cuts.Add(string.Join(' ', lengths));
        }
        Assert.Equal(4, cuts.Count); // every epoch is cut in its own way
    }

    [Fact]
    public void LengthsHaveTheirDistribution()
    {
        int[] lengths = new RandomLengths(seed: 9).Cut(2_000_000, 70, epoch: 0)[..^1];
        int[] half = [.. lengths.Where(length => length < 52)], full = [.. lengths.Where(length => length >= 52)];
        Assert.InRange(half.Length / (double)lengths.Length, 0.044, 0.056);
        Assert.InRange(full.Average(), 69.3, 69.7); // rounded down
        Assert.InRange(half.Average(), 34, 35);
        Assert.InRange(Math.Sqrt(full.Average(length => Math.Pow(length - full.Average(), 2))), 4.9, 5.1);
        Assert.InRange(lengths.Max(), 80, 70 + 45);
        Assert.All(new RandomLengths(1, 0.5, 20, shortest: 7).Cut(5000, 8, 0)[..^1], length => Assert.True(length >= 7));
        Assert.Equal([8, 8, 4], new RandomLengths(1, 0, 0).Cut(20, 8, 3));
        Assert.Equal([8, 8, 8], new RandomLengths(1, 1, 0, 1).Cut(24, 16, 3));
    }

    [Fact]
    public void CutsDependOnSeedAndEpochAlone()
    {
        var lengths = new RandomLengths(seed: 5);
        Assert.Equal(lengths.Cut(3000, 40, 2), new RandomLengths(seed: 5).Cut(3000, 40, 2));
        Assert.NotEqual(lengths.Cut(3000, 40, 2), lengths.Cut(3000, 40, 3));
        Assert.NotEqual(lengths.Cut(3000, 40, 2), new RandomLengths(seed: 6).Cut(3000, 40, 2));

        // A run that goes on in the middle of an epoch finds the windows that are left.
        TextDataset data = TextDataset.FromText(Shuffled(900, seed: 1));
        ChunkSequence before = data.Chunks(4, 20, lengths), after = data.Chunks(4, 20, new RandomLengths(seed: 5));
        before.Epoch = after.Epoch = 6;
        Assert.Equal(before.Count, after.Count);
        for (int i = 4; i < after.Count; i++)
            Assert.Equal(before[i].Inputs.ToArray(), after[i].Inputs.ToArray());
    }

    [Fact]
    public void ImpossibleLengthsAreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new RandomLengths(1, halfProbability: 1.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RandomLengths(1, halfProbability: double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RandomLengths(1, deviation: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RandomLengths(1, deviation: double.PositiveInfinity));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RandomLengths(1, shortest: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RandomLengths(1).Cut(0, 5, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RandomLengths(1).Cut(5, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RandomLengths(1).Cut(5, 5, -1));
        ChunkSequence chunks = TextDataset.FromText("abcdef").Chunks(1, 3, new RandomLengths(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => chunks.Epoch = -1);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceChunk(1, 1).RateFactor = float.NaN);
    }

    [Fact]
    public void RateFollowsTheLength()
    {
        using var backend = new CpuBackend(1);
        ChunkSequence chunks = TextDataset.FromText(Shuffled(900, seed: 1)).Chunks(2, 20, new RandomLengths(4) { ScaleRate = true });
        Trainer scaled = Trainer(backend, new Sgd(0.5f)), by = Trainer(backend, new Sgd(0.5f));
        foreach (SequenceChunk chunk in chunks)
        {
            Assert.Equal(chunk.Steps / 20f, chunk.RateFactor);
            scaled.Step(chunk);
            by.Optimizer.LearningRate = 0.5f * (chunk.Steps / 20f);
            chunk.RateFactor = 1;
            by.Step(chunk);
            chunk.RateFactor = chunk.Steps / 20f;
        }
        foreach (((string name, float[] expected), (_, float[] actual)) in Everything(by).Zip(Everything(scaled)))
        {
            for (int i = 0; i < expected.Length; i++)
                Assert.True(Math.Abs(expected[i] - actual[i]) < 1e-5, $"{name}[{i}]"); // 0.5·factor is rounded to float in one of them
        }
    }

    /// <summary>A window in the memory of a longer one has the bits of one in its own.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SharedMemoryHasTheSameBits(bool flagged)
    {
        using var backend = new CpuBackend(2);
        Trainer shared = Create(), fresh = Create();
        var longer = RandomChunk(13, 5, 13, seed: 1);
        longer.SetInactive(3, 2);
        shared.Step(longer);
        foreach (int steps in new[] { 4, 9, 13, 1, 14, 4 })
        {
            SequenceChunk chunk = RandomChunk(steps, 5, 13, seed: steps);
            if (flagged)
            {
                chunk.SetInactive(steps - 1, 4);
                chunk.SetReset(steps / 2, 3);
            }
            fresh = Create();
            Assert.Equal(fresh.Step(chunk), shared.Step(chunk));
            Assert.Equal(fresh.StepNorms, shared.StepNorms);
            foreach (Parameter parameter in fresh.Model.Parameters)
                Bits.Same(Gradient(fresh, parameter.Name), Gradient(shared, parameter.Name), $"{parameter.Name} at {steps} steps");
            Assert.Equal(fresh.Evaluate([chunk]), shared.Evaluate([chunk]));
        }

        Trainer Create()
        {
            var model = new Sequential(
                backend, 7, new Embedding(13, 9), new Residual(new Lstm(9, 9)), Activation.Tanh(), new Bidirectional(new Gru(9, 6)),
                new GoBackwards(new Rnn(12, 5), lastStep: true), new Linear(5, 13));
            return new Trainer(model, Loss.CrossEntropy, new Sgd(1e-30f)) { CarryState = false, RecordStepNorms = true };
        }
    }

    /// <summary>Native memory is that of the longest window and not much more, whatever lengths come; soon nothing new is asked for.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    public void MemoryIsBounded(int backwardSteps)
    {
        using var blocks = new CountedBlocks();
        using var backend = new CpuBackend(1);
        TextDataset data = TextDataset.FromText("abcdefghijklm" + Shuffled(1100, seed: 2));
        ChunkSequence chunks = data.Chunks(2, 30, new RandomLengths(8, deviation: 8));
        Trainer trainer = Trainer(backend, new Adam(0.001f), dropout: 0.1f);
        trainer.BackwardSteps = backwardSteps;
        var lengths = new HashSet<int>();
        Epochs(0, 8);
        blocks.Collect();
        long known = blocks.Live;
        Epochs(8, 14);
        blocks.Collect();
        Assert.True(lengths.Count > 25, $"{lengths.Count} lengths");
        Assert.True(blocks.Live <= known * 1.3, $"{blocks.Live} bytes, {known} after eight epochs");

        // A trainer that has seen nothing but the longest.
        blocks.Reset();
        Trainer one = Trainer(backend, new Adam(0.001f), dropout: 0.1f);
        one.BackwardSteps = backwardSteps;
        for (int i = 0; i < 4; i++)
            one.Step(RandomChunk(lengths.Max(), 2, 13, seed: i));
        blocks.Collect();
        Assert.True(known < 2 * blocks.Live, $"{known} bytes for all lengths, {blocks.Live} for the longest");
        GC.KeepAlive(one);
        GC.KeepAlive(trainer);

        void Epochs(int from, int to)
        {
            for (chunks.Epoch = from; chunks.Epoch < to; chunks.Epoch++)
            {
                foreach (SequenceChunk chunk in chunks)
                {
                    lengths.Add(chunk.Steps);
                    trainer.Step(chunk);
                }
            }
        }
    }

    [Fact]
    public void StepsOfKnownLengthsAllocateNothing()
    {
        using var backend = new CpuBackend(1);
        ChunkSequence chunks = TextDataset.FromText("abcdefghijklm" + Shuffled(240, seed: 2)).Chunks(4, 20, new RandomLengths(8));
        Trainer trainer = Trainer(backend, new Adam(0.001f));
        for (int warmUp = 0; warmUp < 5; warmUp++)
            Pass();
        AllocatedBytes.None(Pass);

        void Pass()
        {
            foreach (SequenceChunk chunk in chunks)
                trainer.Step(chunk);
        }
    }

    /// <summary>Counts the native bytes of this thread's buffers; the finalizer's thread frees some.</summary>
    private sealed unsafe class CountedBlocks : IBlockSource, IDisposable
    {
        private long _live, _base;

        public CountedBlocks() => AlignedBuffer.Source = this;

        public long Live => Interlocked.Read(ref _live) - _base;

        public void Reset()
        {
            Collect();
            _base = Interlocked.Read(ref _live);
        }

        public void Collect()
        {
            for (int i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }

        public nint Allocate(nuint bytes)
        {
            Interlocked.Add(ref _live, (long)bytes);
            return (nint)NativeMemory.AlignedAlloc(bytes, AlignedBuffer.Alignment);
        }

        public void Free(nint block, nuint bytes)
        {
            Interlocked.Add(ref _live, -(long)bytes);
            NativeMemory.AlignedFree((void*)block);
        }

        public void Dispose() => AlignedBuffer.Source = null;
    }
}
