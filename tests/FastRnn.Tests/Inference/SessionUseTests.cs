using System.Globalization;
using System.Text.RegularExpressions;
using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Inference;

/// <summary>Calls that are refused, by name, and that leave everything as it was.</summary>
public class SessionUseTests
{
    [Fact]
    public void WrongLengthsAreNamed()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "lstm", 3, 5, 2);
        using Session one = model.OpenSession(), three = model.OpenSession(new SessionOptions { Streams = 3 });
        var y = new float[64];
        Refused("expected 3 values, got 4", () => one.Step(y.AsSpan(0, 4), y.AsSpan(0, 2)));
        Refused("expected 2 values, got 3", () => one.Step(y.AsSpan(0, 3), y.AsSpan(0, 3)));
        Refused("multiple of the 3 values", () => one.Process(y.AsSpan(0, 4), y.AsSpan(0, 2)));
        Refused("expected 4 values, got 2", () => one.Process(y.AsSpan(0, 6), y.AsSpan(0, 2)));
        Refused("multiple of the 9 values", () => three.Process(y.AsSpan(0, 6), y.AsSpan(0, 4)));
        Refused("expected 9 values, got 6", () => three.StepBatch(y.AsSpan(0, 6), y.AsSpan(0, 6)));
        Refused("expected 6 values, got 4", () => three.StepBatch(y.AsSpan(0, 9), y.AsSpan(0, 4)));
        Refused("expected 6 values, got 9", () => three.StepBatch([0, 1], y.AsSpan(0, 9), y.AsSpan(0, 4)));
        Refused("stream 1 stands twice", () => three.StepBatch([1, 1], y.AsSpan(0, 6), y.AsSpan(0, 4)));
        Refused("0 to 2", () => three.StepBatch([0, 3], y.AsSpan(0, 6), y.AsSpan(0, 4)));
        Refused("0 to 2", () => three.StepBatch([-1], y.AsSpan(0, 3), y.AsSpan(0, 2)));
        Refused("0 to 2", () => three.Reset(3));
        Refused("0 to 2", () => three.IsStreamFinite(-1));
        Refused("0 to 0", () => one.SaveState(1, new byte[one.StateSize]));
        Refused($"takes {one.StateSize} bytes, got 7", () => one.SaveState(new byte[7]));
        Refused("reads values", () => one.Process([1, 2], y.AsSpan(0, 4)));
        Refused("reads values", () => three.StepBatch([0], [1], y.AsSpan(0, 2)));
        Assert.Contains("3 streams", Assert.Throws<InvalidOperationException>(() => three.Step(y.AsSpan(0, 3), y.AsSpan(0, 2))).Message, StringComparison.Ordinal);
        AssertFresh(one);
        AssertFresh(three);
        one.Process(y.AsSpan(0, 0), []); // no steps are no mistake
        three.StepBatch([], y.AsSpan(0, 0), []);
    }

    [Fact]
    public void WrongTokensAreNamed()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Embedding(4, 3), new Gru(3, 2));
        using Session two = model.OpenSession(new SessionOptions { Streams = 2 });
        var y = new float[4];
        Refused("0 to 3", () => two.StepBatch([0, 4], y));
        Refused("0 to 3", () => two.StepBatch([1], [-1], y.AsSpan(0, 2)));
        Refused("0 to 3", () => two.Process([0, 1, 2, 7], new float[8]));
        Refused("reads tokens", () => two.StepBatch([1f, 2f], y));
        Refused("reads tokens", () => two.Process([1f, 2f], y));
        Refused("expected 2 values, got 1", () => two.StepBatch([1], y));
        AssertFresh(two);
    }

    [Fact]
    public void ADisposedSessionIsNamed()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "lstm", 3, 5, 2), slow = SessionCells.Model(backend, "peepholes", 3, 5, 2);
        foreach (Session session in new[] { model.OpenSession(), slow.OpenSession(), model.OpenSession(new SessionOptions { DetectSharing = true }) })
        {
            float[] x = new float[3], y = new float[2];
            var state = new byte[session.StateSize];
            session.SaveState(state);
            session.Dispose();
            session.Dispose();
            foreach (Action call in new Action[]
            {
                () => session.Step(x, y), () => session.Process(x, y), () => session.StepBatch(x, y), () => session.StepBatch([0], x, y), session.Reset,
                () => session.Reset(0), () => session.SaveState(state), () => session.LoadState(state), () => _ = session.IsFinite, () => session.Clone(), session.Warmup,
            })
            {
                Assert.Throws<ObjectDisposedException>(call);
            }
        }
    }

    /// <summary>The model, and its back end, may go before its sessions.</summary>
    [Fact]
    public void SessionsOutliveTheModel()
    {
        var backend = new CpuBackend(1);
        foreach (string cell in new[] { "lstm", "peepholes" })
        {
            Sequential model = SessionCells.Model(backend, cell, 2, 3, 2);
            using Session session = model.OpenSession();
            float[] before = new float[2], after = new float[2];
            session.Step([1f, 2f], before);
            session.Reset();
            model.Dispose();
            session.Step([1f, 2f], after);
            Bits.Same(before, after, cell);
        }
        using Sequential late = SessionCells.Model(backend, "lstm", 2, 3, 2);
        backend.Dispose();
        Assert.Throws<ObjectDisposedException>(() => late.OpenSession());
    }

    /// <summary>The second thread comes while the first is certainly inside: it looks from within the first one's step.</summary>
    [Fact]
    public void TwoThreadsInASessionAreNamed()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "lstm", 64, 512, 64);
        using Session session = model.OpenSession(new SessionOptions { DetectSharing = true });
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        InvalidOperationException? found = null;
        void Run()
        {
            float[] x = new float[64], y = new float[64];
            try
            {
                while (found == null && !stop.IsCancellationRequested)
                    session.Step(x, y);
            }
            catch (InvalidOperationException e)
            {
                found = e;
            }
        }

        Thread[] threads = [new(Run), new(Run)];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Contains("another thread", found?.Message, StringComparison.Ordinal);
        session.Step(new float[64], new float[64]); // whoever is alone again goes on
    }

    /// <summary>Nor may another thread dispose of a session that computes, or warm it up.</summary>
    [Fact]
    public void ASessionInUseIsNotDisposedOf()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "peepholes", 64, 128, 64);
        foreach (Action<Session> call in new Action<Session>[] { session => session.Dispose(), session => session.Warmup() })
            Assert.True(Enumerable.Range(0, 20).Any(_ => IsRefusedInUse(model, call)), "never refused"); // a block may end before the call comes
    }

    private static bool IsRefusedInUse(Sequential model, Action<Session> call)
    {
        using Session session = model.OpenSession(new SessionOptions { DetectSharing = true });
        float[] x = new float[64 * 1000], y = new float[64 * 1000];
        var steps = new Thread(() => Record.Exception(() => session.Process(x, y))); // refused itself where the other one comes first
        steps.Start();
        Exception? seen = null;
        while (seen == null && steps.IsAlive)
            seen = Record.Exception(() => session.IsFinite ? 0 : 1);
        Exception? refused = seen == null ? null : Record.Exception(() => call(session));
        steps.Join();
        return refused is InvalidOperationException and not ObjectDisposedException;
    }

    [Fact]
    public void OverlapsAreRefused()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "lstm", 3, 5, 3), narrow = SessionCells.Model(backend, "lstm", 3, 5, 2);
        using Session session = model.OpenSession(), other = narrow.OpenSession();
        float[] values = SessionCells.Values(63, 1), apart = new float[60], same = [.. values];
        Refused("overlaps", () => session.Process(values.AsSpan(0, 60), values.AsSpan(3, 60)));
        Refused("overlaps", () => other.Process(values.AsSpan(0, 60), values.AsSpan(0, 40)));
        session.Process(values.AsSpan(0, 60), apart);
        session.Reset();
        session.Process(same.AsSpan(0, 60), same.AsSpan(0, 60));
        Bits.Same(apart, same.AsSpan(0, 60), "in place");
    }

    [Fact]
    public void MemoryIsLimited()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "lstm", 16, 64, 8);
        foreach (int streams in new[] { 1, 100 })
        {
            var e = Assert.Throws<InsufficientMemoryException>(() => model.OpenSession(new SessionOptions { Streams = streams, MemoryLimit = 10_000 }));
            Assert.Contains("10,000", e.Message, StringComparison.Ordinal);
        }
        long many = Needed(model, 1000), few = Needed(model, 10);
        Assert.InRange(many - few, 990 * 64 * 2 * 4, 990 * 64 * 40L);
        using Session fits = model.OpenSession(new SessionOptions { Streams = 10, MemoryLimit = few });
        fits.StepBatch(new float[160], new float[80]);
    }

    /// <summary>What the shapes tell is about what the session asks for.</summary>
    [Theory]
    [InlineData("lstm", 16, 512, 1, WeightPrecision.Float32)]
    [InlineData("lstm", 16, 512, 1, WeightPrecision.BFloat16)]
    [InlineData("lstm", 16, 512, 1, WeightPrecision.Int8)]
    [InlineData("lstm", 16, 64, 1000, WeightPrecision.Float32)]
    [InlineData("gru", 16, 64, 1000, WeightPrecision.BFloat16)]
    [InlineData("peepholes", 16, 512, 1, WeightPrecision.BFloat16)]
    [InlineData("peepholes", 16, 64, 1000, WeightPrecision.Float32)]
    [InlineData("tokens", 50_000, 16, 1000, WeightPrecision.Float32)]
    [InlineData("inference only", 16, 512, 1, WeightPrecision.Float32)]
    [InlineData("inference only", 16, 512, 1, WeightPrecision.Int8)]
    [InlineData("residual", 16, 64, 1000, WeightPrecision.Float32)]
    [InlineData("residual", 16, 512, 1, WeightPrecision.Float32)]
    [InlineData("skip", 16, 64, 1000, WeightPrecision.Float32)]
    [InlineData("residual peepholes", 16, 64, 1000, WeightPrecision.Float32)]
    [InlineData("masking", 16, 64, 1000, WeightPrecision.Float32)]
    [InlineData("weight drop", 16, 64, 1000, WeightPrecision.Float32)]
    [InlineData("two threads", 16, 512, 1, WeightPrecision.BFloat16)]
    [InlineData("two threads", 16, 64, 1000, WeightPrecision.Float32)]
    public void MemoryIsForetold(string cell, int input, int hidden, int streams, WeightPrecision precision)
    {
        using CpuBackend backend = cell == "inference only" ? CpuBackend.CreateForInference(1) : new CpuBackend(1);
        Layer[] layers = cell switch
        {
            "tokens" => [new Embedding(input, 8), new Lstm(8, hidden)],
            "residual" => [new Linear(input, hidden), new Residual(new Lstm(hidden, hidden))],
            "residual peepholes" => [new Linear(input, hidden), new Residual(new Lstm(hidden, hidden) { Peepholes = true })],
            "skip" => [new Residual(new Lstm(input, hidden), besides: true)],
            "masking" => [new Masking(input), new Lstm(input, hidden)],
            "weight drop" => [new Lstm(input, hidden) { WeightDrop = 0.5f }],
            "inference only" or "two threads" => [new Lstm(input, hidden)],
            _ => [],
        };
        using Sequential model = layers.Length == 0
            ? SessionCells.Model(backend, cell, input, hidden, 2)
            : new(backend, 1, [.. layers, new Linear(cell == "skip" ? hidden + input : hidden, 2)]);
        var options = new SessionOptions { Streams = streams, Weights = precision, Threads = cell == "two threads" ? 2 : 1 };
        var e = Assert.Throws<InsufficientMemoryException>(() => model.OpenSession(options with { MemoryLimit = 1 }));
        long foretold = long.Parse(Regex.Match(e.Message, "about ([0-9,]+)").Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        long asked = BlockBytes.Asked;
        using Session session = model.OpenSession(options);
        session.WarmUpFor(patience: 0);
        asked = BlockBytes.Asked - asked;
        Assert.InRange(foretold, 0.9 * asked, 1.7 * asked);
    }

    /// <summary>More streams than one span of states could hold are refused when the session is opened.</summary>
    [Fact]
    public void SpansHoldAllStates()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Linear(1, 1));
        var e = Assert.Throws<ArgumentOutOfRangeException>(() => model.OpenSession(new SessionOptions { Streams = 80_000_000 }));
        Assert.Contains("streams", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OptionsAreChecked()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new SessionOptions { Streams = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new SessionOptions { Threads = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new SessionOptions { MemoryLimit = -1 });
    }

    /// <summary>Sums too long for 8-bit weights are refused when the session is opened, not at a step.</summary>
    [Fact]
    public void WhatPrecisionCannotIsSaidAtOnce()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Linear(70_000, 1));
        Assert.Throws<NotSupportedException>(() => model.OpenSession(new SessionOptions { Weights = WeightPrecision.Int8 }));
        using Session session = model.OpenSession();
    }

    private static long Needed(Sequential model, int streams)
    {
        long low = 0, high = 1L << 30;
        while (high - low > 1)
        {
            long middle = (low + high) / 2;
            try
            {
                model.OpenSession(new SessionOptions { Streams = streams, MemoryLimit = middle }).Dispose();
                high = middle;
            }
            catch (InsufficientMemoryException)
            {
                low = middle;
            }
        }
        return high;
    }

    private static void Refused(string reason, Action call) =>
        Assert.Contains(reason, Assert.ThrowsAny<ArgumentException>(call).Message, StringComparison.Ordinal);

    private static void AssertFresh(Session session)
    {
        byte[] state = new byte[session.StateSize], zero = new byte[session.StateSize];
        session.SaveState(state);
        session.Reset();
        session.SaveState(zero);
        Assert.Equal(zero, state);
    }
}
