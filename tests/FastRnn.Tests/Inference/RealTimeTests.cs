using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Inference;

/// <summary>
/// What a session promises between two moments in time. In long, with system calls and times: dotnet run -c Release --project bench/FastRnn.Bench -- contract
/// </summary>
[Collection(AllocatedBytes.Alone)]
public class RealTimeTests
{
    private const int Input = 3, Output = 2;

    public static TheoryData<string, WeightPrecision> Cells => SessionCells.WithPrecisions;

    [Theory]
    [MemberData(nameof(Cells))]
    public void NothingIsAllocated(string cell, WeightPrecision precision)
    {
        using var backend = new CpuBackend(1);
        foreach ((int streams, int hidden) in new[] { (1, 32), (1, 130), (5, 20) })
        {
            using Sequential model = SessionCells.Model(backend, cell, Input, hidden, Output), other = SessionCells.Model(backend, cell, Input, hidden, Output, seed: 2);
            using Session session = model.OpenSession(new SessionOptions { Streams = streams, Weights = precision });
            WeightSet[] sets = [model.Snapshot(), other.Snapshot()];
            Array.ForEach(sets, model.Replace);
            float[] x = new float[streams * 40 * Input], y = new float[streams * 40 * Output];
            var state = new byte[session.StateSize];
            int swaps = 0;
            Assert.True(session.IsFinite);
            session.WarmUpFor(patience: 0); // alone: nothing else may have run before
            int collections = GC.CollectionCount(0);
            long bytes = BlockBytes.Asked;
            AllocatedBytes.None(Run);
            Assert.Equal(collections, GC.CollectionCount(0));
            Assert.Equal(bytes, BlockBytes.Asked);

            void Run()
            {
                for (int t = 0; t < 10; t++)
                {
                    session.StepBatch(x.AsSpan(0, streams * Input), y.AsSpan(0, streams * Output));
                    session.StepBatch([streams - 1], x.AsSpan(0, Input), y.AsSpan(0, Output));
                    if (streams == 1)
                        session.Step(x.AsSpan(0, Input), y.AsSpan(0, Output));
                    session.SaveState(state);
                    session.LoadState(state);
                    session.Reset(streams - 1);
                    Assert.True(session.IsFinite);
                }
                session.Process(x, y);
                model.Replace(sets[swaps++ % 2]); // the next step takes them
            }
        }
    }

    /// <summary>States of a decaying model never get to where many CPUs are slow: an impulse, then ten seconds at 48 kHz.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void SilenceLeavesNoSubnormals(int streams)
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Lstm(1, 32), new Linear(32, 1));
        foreach (Parameter parameter in model.Parameters.Where(parameter => parameter.Name.Contains("bias", StringComparison.Ordinal)))
            parameter.Write(new float[parameter.Length]);
        using Session session = model.OpenSession(new SessionOptions { Streams = streams });
        float[] x = new float[streams], y = new float[streams];
        var state = new byte[session.StateSize];
        x.AsSpan().Fill(1);
        session.StepBatch(x, y);
        x.AsSpan().Clear();
        int steps = Isa.Current == IsaLevel.Scalar ? 20_000 : 480_000; // the scalar path computes its multiply-adds in software
        for (int t = 0; t < steps; t++)
        {
            session.StepBatch(x, y);
            if (t > 5000 && t % 1000 != 0)
                continue;
            session.SaveState(state);
            for (int i = 24; i < state.Length - 4; i += sizeof(float))
                Assert.False(float.IsSubnormal(BitConverter.ToSingle(state, i)), $"step {t}");
        }
        Assert.All(state[24..^4], value => Assert.Equal(0, value)); // or it never decayed so far
    }

    [Fact]
    public void WarmUpLeavesTheStateAlone()
    {
        using var backend = new CpuBackend(1);
        foreach (int streams in new[] { 1, 3 })
        {
            using Sequential model = SessionCells.Model(backend, "lstm", Input, 9, Output);
            using Session session = model.OpenSession(new SessionOptions { Streams = streams });
            session.StepBatch(SessionCells.Values(streams * Input, 1), new float[streams * Output]);
            byte[] before = new byte[session.StateSize], after = new byte[session.StateSize];
            session.SaveState(before);
            session.Warmup();
            session.SaveState(after);
            Assert.Equal(before, after);
        }
    }

    /// <summary>Sessions of one model on many threads, opened and stepped at the same time, with and without stages.</summary>
    [Theory]
    [InlineData("lstm", 1)]
    [InlineData("peepholes", 1)]
    [InlineData("gru before", 3)]
    [InlineData("lstm", 3)]
    public void SessionsOfOneModelRunTogether(string cell, int streams)
    {
        using var backend = new CpuBackend(2);
        using Sequential model = SessionCells.Model(backend, cell, Input, 20, Output);
        var options = new SessionOptions { Streams = streams };
        float[][] results = new float[8][];
        float[] expected = Run();
        Thread[] threads = [.. Enumerable.Range(0, results.Length).Select(i => new Thread(() => results[i] = Run()))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        foreach (float[] result in results)
            Bits.Same(expected, result, cell);

        float[] Run()
        {
            using Session session = model.OpenSession(options);
            float[] x = SessionCells.Values(streams * Input, 7), y = new float[streams * Output];
            for (int t = 0; t < 300; t++)
                session.StepBatch(x, y);
            return y;
        }
    }
}
