using System.Buffers.Binary;
using System.Runtime.InteropServices;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Dialects;

/// <summary>A model that a file has given an initial state starts from it everywhere.</summary>
public sealed class InitialStateTests() : FileTest("model.safetensors")
{
    private static readonly float[] _start = [.. Enumerable.Range(1, 3 + 3 + 4).Select(i => MathF.Sin(i))];

    /// <summary>The same model without it, its session set to that state, is what is expected.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Windows_and_sessions_start_from_it(int streams)
    {
        using Sequential model = Model(), plain = Model(null);
        float[] x = [.. Enumerable.Range(0, 6 * streams * 2).Select(i => MathF.Cos(i))], expected = new float[6 * streams * 2], actual = new float[expected.Length];
        using Session other = plain.OpenSession(new SessionOptions { Streams = streams });
        for (int stream = 0; stream < streams; stream++)
            other.LoadState(stream, State(plain, _start));
        other.Process(x, expected);
        float[] fromZero = new float[expected.Length];
        using Session zero = plain.OpenSession(new SessionOptions { Streams = streams });
        zero.Process(x, fromZero);
        Assert.NotEqual(fromZero, expected);
        var window = new SequenceChunk(6, streams, 2, 0);
        x.CopyTo(window.InputValues);
        model.Predict(window, actual);
        Assert.Equal(expected, actual);
        using Session session = model.OpenSession(new SessionOptions { Streams = streams });
        session.Warmup();
        for (int pass = 0; pass < 3; pass++)
        {
            session.Process(x, actual);
            Assert.Equal(expected, actual);
            if (pass == 0)
                session.Reset();
            for (int stream = 0; stream < streams && pass == 1; stream++)
                session.Reset(stream);
        }
    }

    [Fact]
    public void File_keeps_it()
    {
        using Sequential model = Model();
        model.Save(Target);
        using Sequential again = ModelFile.Load(Target, _backend).Model;
        Assert.Equal(_start, again.InitialState);
    }

    [Fact]
    public void Trained_weights_bring_theirs_to_sessions_that_run()
    {
        using Sequential model = Model(), other = Model([.. _start.Select(value => -value)]);
        using Session session = model.OpenSession();
        model.Replace(other.Snapshot());
        session.Reset();
        float[] x = [1, 2], expected = new float[2], actual = new float[2];
        using Session fresh = other.OpenSession();
        fresh.Step(x, expected);
        session.Step(x, actual);
        Assert.Equal(expected, actual);
        Assert.Equal(After(x, [.. _start.Select(value => -value)]), actual);
        Assert.NotEqual(After(x, _start), actual);
        Assert.NotEqual(After(x, new float[_start.Length]), actual);
    }

    [Fact]
    public void Other_lengths_and_layers_that_read_ahead_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Model([1, 2]));
        using var both = new Sequential(_backend, 1, new Bidirectional(new Gru(2, 2)));
        Assert.Throws<ArgumentException>(() => both.SetInitialState([1, 2]));
    }

    /// <summary>Models on a back end for inference have their weights once, and cannot be trained.</summary>
    [Fact]
    public void Back_end_for_inference_computes_the_same_bits()
    {
        using Sequential model = Model();
        model.Save(Target);
        using CpuBackend inference = CpuBackend.CreateForInference(threads: 1);
        using Sequential lean = ModelFile.Load(Target, inference).Model;
        float[] x = [1, 2], expected = new float[2], actual = new float[2];
        using Session first = model.OpenSession(), second = lean.OpenSession();
        for (int t = 0; t < 3; t++)
        {
            first.Step(x, expected);
            second.Step(x, actual);
            Assert.Equal(expected, actual);
            if (t > 0)
                continue;
            Assert.Equal(After(x, _start), actual);
            Assert.NotEqual(After(x, new float[_start.Length]), actual);
        }
        Assert.Throws<NotSupportedException>(() => new Trainer(lean, new MeanSquaredError(), new Adam(0.1f)));
        Assert.Throws<NotSupportedException>(() => new Cell(lean, 1));
        lean.Parameters[0].Write(new float[lean.Parameters[0].Length]); // between two steps
        model.Parameters[0].Write(new float[model.Parameters[0].Length]);
        first.Step(x, expected);
        second.Step(x, actual);
        Assert.Equal(expected, actual);
    }

    private Sequential Model() => Model(_start);

    private Sequential Model(float[]? start)
    {
        var model = new Sequential(_backend, 3, new Lstm(2, 3), new Residual(new Linear(3, 3)), new Residual(new Gru(3, 4), besides: true), new Linear(7, 2));
        model.SetInitialState(start);
        return model;
    }

    /// <summary>A step of the model without an initial state, its session put into a state by hand.</summary>
    private float[] After(float[] x, float[] state)
    {
        using Sequential plain = Model(null);
        using Session session = plain.OpenSession();
        session.LoadState(State(plain, state));
        float[] y = new float[2];
        session.Step(x, y);
        return y;
    }

    /// <summary>A saved state with these values, whatever the model starts from.</summary>
    private static byte[] State(Sequential plain, float[] values)
    {
        const int header = 24;
        using Session session = plain.OpenSession();
        byte[] state = new byte[session.StateSize];
        session.SaveState(state);
        MemoryMarshal.AsBytes(values.AsSpan()).CopyTo(state.AsSpan(header));
        var crc = new Crc32C();
        crc.Append(state.AsSpan(0, state.Length - 4));
        BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(state.Length - 4), crc.Value);
        return state;
    }
}
