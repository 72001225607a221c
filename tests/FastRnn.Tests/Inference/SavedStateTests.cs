using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Inference;

/// <summary>States as bytes: back they give the same bits, and what is damaged or foreign changes nothing.</summary>
public class SavedStateTests
{
    private const int Input = 3, Output = 4;

    public static TheoryData<string, WeightPrecision> Cells => SessionCells.WithPrecisions;

    [Theory]
    [MemberData(nameof(Cells))]
    public void StatesComeBack(string cell, WeightPrecision precision)
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, cell, Input, 21, Output);
        foreach (int streams in new[] { 1, 3 })
        {
            var options = new SessionOptions { Weights = precision, Streams = streams };
            using Session session = model.OpenSession(options), other = model.OpenSession(options);
            float[] x = SessionCells.Values(streams * Input, 1), y = new float[streams * Output], again = new float[streams * Output];
            session.StepBatch(x, y);
            session.StepBatch(x, y);
            var state = new byte[session.StateSize];
            session.SaveState(state);
            using Session clone = session.Clone();
            session.StepBatch(x, y);
            other.LoadState(state);
            other.StepBatch(x, again);
            Bits.Same(y, again, "loaded elsewhere");
            session.LoadState(state);
            session.StepBatch(x, again);
            Bits.Same(y, again, "loaded back");
            clone.StepBatch(x, again);
            Bits.Same(y, again, "clone");
            Assert.Equal((streams, precision), (clone.Streams, clone.Weights));
        }
    }

    /// <summary>A stream of many is saved as a session of one would, and the other way round.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void StreamsMoveBetweenSessions(string cell, WeightPrecision precision)
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, cell, Input, 18, Output);
        using Session many = model.OpenSession(new SessionOptions { Weights = precision, Streams = 4 }), one = model.OpenSession(new SessionOptions { Weights = precision });
        float[] x = SessionCells.Values(4 * Input, 1), y = new float[4 * Output], single = new float[Output];
        many.StepBatch(x, y);
        one.Step(x.AsSpan(2 * Input, Input), single);
        byte[] fromMany = new byte[many.StreamStateSize], fromOne = new byte[one.StateSize];
        many.SaveState(2, fromMany);
        one.SaveState(fromOne);
        Assert.Equal(fromOne, fromMany);
        one.Step(x.AsSpan(0, Input), single);
        one.SaveState(fromOne);
        many.LoadState(3, fromOne);
        many.StepBatch([3], x.AsSpan(0, Input), y.AsSpan(0, Output));
        one.Step(x.AsSpan(0, Input), single);
        Bits.Same(single, y.AsSpan(0, Output), "moved");
    }

    [Fact]
    public void DamagedAndForeignStatesChangeNothing()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "lstm", Input, 5, Output), wider = SessionCells.Model(backend, "lstm", Input, 6, Output);
        using Sequential gru = SessionCells.Model(backend, "gru", Input, 10, Output);
        using Session session = model.OpenSession(), two = model.OpenSession(new SessionOptions { Streams = 2 });
        var y = new float[Output];
        session.Step([1f, 2f, 3f], y);
        var good = new byte[session.StateSize];
        session.SaveState(good);
        session.Step([4f, 5f, 6f], y);
        var now = new byte[session.StateSize];
        session.SaveState(now);
        for (int bit = 0; bit < good.Length * 8; bit++)
        {
            byte[] bad = [.. good];
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<InvalidDataException>(() => session.LoadState(bad));
        }
        for (int length = 0; length < good.Length; length++)
            Assert.Throws<InvalidDataException>(() => session.LoadState(good.AsSpan(0, length)));
        Refused(session, [.. good, 0], "bytes");
        Refused(session, Saved(wider.OpenSession()), "other layers");
        Refused(session, Saved(gru.OpenSession()), "other layers"); // as many numbers, of another cell
        Refused(session, Saved(two), "2 streams");
        Assert.Throws<InvalidDataException>(() => two.LoadState(good));
        var after = new byte[session.StateSize];
        session.SaveState(after);
        Assert.Equal(now, after);
        session.LoadState(good);
        session.SaveState(after);
        Assert.Equal(good, after);
    }

    [Fact]
    public void StatesOfOtherWeightsAndPrecisionsAreTaken()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "gru", Input, 9, Output), other = SessionCells.Model(backend, "gru", Input, 9, Output, seed: 2);
        using Session session = model.OpenSession(), taker = other.OpenSession(new SessionOptions { Weights = WeightPrecision.Int8 });
        session.Step([1f, 2f, 3f], new float[Output]);
        taker.LoadState(Saved(session));
        Assert.Equal(Saved(session), Saved(taker));
    }

    private static byte[] Saved(Session session)
    {
        var state = new byte[session.StateSize];
        session.SaveState(state);
        return state;
    }

    private static void Refused(Session session, byte[] state, string reason) =>
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => session.LoadState(state)).Message, StringComparison.Ordinal);
}
