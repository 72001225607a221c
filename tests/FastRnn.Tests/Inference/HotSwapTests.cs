using System.Runtime.CompilerServices;
using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Suites;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Inference;

/// <summary>Other weights for sessions that run.</summary>
public class HotSwapTests
{
    private const int Input = 3, Output = 4;

    public static TheoryData<string, WeightPrecision> Cells => SessionCells.WithPrecisions;

    /// <summary>After the swap the step is that of a session of the other model that goes on from the same state; both ways of opening see it.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void SessionsGoOnWithTheNewWeights(string cell, WeightPrecision precision)
    {
        using var backend = new CpuBackend(1);
        foreach (int hidden in new[] { 9, 70 })
        {
            using Sequential model = SessionCells.Model(backend, cell, Input, hidden, Output), other = SessionCells.Model(backend, cell, Input, hidden, Output, seed: 2);
            foreach (int streams in new[] { 1, 3 })
            {
                using Sequential served = SessionCells.Model(backend, cell, Input, hidden, Output);
                var options = new SessionOptions { Weights = precision, Streams = streams };
                using Session session = served.OpenSession(options), old = model.OpenSession(options), fresh = other.OpenSession(options);
                float[] x = SessionCells.Values(streams * Input, 1), y = new float[streams * Output], expected = new float[y.Length];
                session.StepBatch(x, y);
                old.StepBatch(x, expected);
                Bits.Same(expected, y, "before");
                var state = new byte[session.StateSize];
                session.SaveState(state);
                fresh.LoadState(state);
                served.Replace(other.Snapshot());
                session.StepBatch(x, y);
                fresh.StepBatch(x, expected);
                Bits.Same(expected, y, $"{cell} {precision} {streams} after");
                using Session late = served.OpenSession(options);
                late.LoadState(state);
                late.StepBatch(x, y);
                Bits.Same(expected, y, "opened after");
            }
        }
    }

    [Fact]
    public void EveryStepIsOfOneSetWhole()
    {
        // In long: dotnet run -c Release --project bench/FastRnn.Bench -- contract swaps
        foreach (int streams in new[] { 1, 4 })
        {
            SwapResult seen = SwapReplay.Run(sessions: 8, threads: 4, steps: 800, streams);
            Assert.Equal(0, seen.Wrong);
            Assert.Equal(6400, seen.Steps);
            Assert.True(seen.Old > 0 && seen.New > 0 && seen.Swaps > 1, $"{seen}: nothing was swapped");
        }
    }

    /// <summary>A published set goes once no session computes with it.</summary>
    [Fact]
    public void SetsGoWithTheirLastHolder()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "lstm", Input, 9, Output);
        using Session session = model.OpenSession();
        WeakReference first = First(model), set = Publish(model, 2);
        session.Step(new float[Input], new float[Output]);
        Collect();
        Assert.False(first.IsAlive, "nobody holds the weights that the model began with");
        Publish(model, 3);
        Collect();
        Assert.True(set.IsAlive, "the session has not stepped: it holds the set");
        session.Step(new float[Input], new float[Output]);
        Collect();
        Assert.False(set.IsAlive, "nobody holds the set");

        static void Collect()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference First(Sequential model) => new(model.Latest(out _));

    /// <summary>The parameters are no longer what sessions follow, and stay what they are.</summary>
    [Fact]
    public void ParametersAreLeftAlone()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "gru", Input, 9, Output), other = SessionCells.Model(backend, "gru", Input, 9, Output, seed: 2);
        Parameter parameter = model.Parameters[0];
        float[] before = new float[parameter.Length], after = new float[parameter.Length], y = new float[Output], again = new float[Output];
        parameter.Read(before);
        model.Replace(other.Snapshot());
        parameter.Read(after);
        Assert.Equal(before, after);
        using Session session = model.OpenSession();
        session.Step([1f, 2f, 3f], y);
        parameter.Write(new float[parameter.Length]);
        session.Reset();
        session.Step([1f, 2f, 3f], again);
        Bits.Same(y, again, "published weights");
    }

    [Fact]
    public void SnapshotsDoNotChange()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "lstm", Input, 9, Output), other = SessionCells.Model(backend, "lstm", Input, 9, Output, seed: 2);
        using Session session = model.OpenSession(), served = other.OpenSession();
        float[] y = new float[Output], expected = new float[Output];
        session.Step([1f, 2f, 3f], expected);
        WeightSet set = model.Snapshot();
        model.Parameters[0].Write(new float[model.Parameters[0].Length]);
        other.Replace(set);
        served.Step([1f, 2f, 3f], y);
        Bits.Same(expected, y, "the weights at the time of the snapshot");
    }

    [Fact]
    public void OtherLayersAreRefused()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "lstm", Input, 9, Output), wider = SessionCells.Model(backend, "lstm", Input, 10, Output);
        using Session session = model.OpenSession();
        string message = Assert.Throws<ArgumentException>(() => model.Replace(wider.Snapshot())).Message;
        Assert.Contains("Lstm(3, 10)", message, StringComparison.Ordinal);
        Assert.Contains("Lstm(3, 9)", message, StringComparison.Ordinal);
        session.Step(new float[Input], new float[Output]);
        using var ahead = new Sequential(backend, 1, new Bidirectional(new Lstm(2, 3)));
        Assert.Throws<NotSupportedException>(() => ahead.Snapshot());
    }

    /// <summary>Weights of a model on another instruction set, or on the reference back end, are laid out anew.</summary>
    [Fact]
    public void SetsOfOtherBackEndsAreTaken()
    {
        using var backend = new CpuBackend(1);
        using var scalar = new CpuBackend(1, IsaLevel.Scalar);
        using var reference = new ReferenceBackend();
        foreach (Backend other in new Backend[] { scalar, reference })
        {
            using Sequential model = SessionCells.Model(backend, "lstm", Input, 70, Output), source = SessionCells.Model(other, "lstm", Input, 70, Output, seed: 2);
            using Sequential same = SessionCells.Model(backend, "lstm", Input, 70, Output, seed: 2);
            using Session session = model.OpenSession(), expects = same.OpenSession();
            float[] y = new float[Output], expected = new float[Output];
            model.Replace(source.Snapshot());
            session.Step([1f, 2f, 3f], y);
            expects.Step([1f, 2f, 3f], expected);
            Bits.Same(expected, y, other.Name);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Publish(Sequential model, ulong seed)
    {
        using Sequential other = SessionCells.Model(model.Backend, "lstm", Input, 9, Output, seed);
        WeightSet set = other.Snapshot();
        model.Replace(set);
        return new WeakReference(set);
    }
}
