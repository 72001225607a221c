using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Inference;

/// <summary>A session that opens and a prediction at the same time both need the packed weights of a model for inference: whoever comes second waits for them.</summary>
public class SharedWeightsTests
{
    private const int Width = 320;

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void NobodyMultipliesHalfOfThem(WeightPrecision precision)
    {
        using CpuBackend backend = CpuBackend.CreateForInference(1);
        float[] x = SessionCells.Values(2 * Width, 3), expected = Alone(backend, precision, x);
        for (int attempt = 0; attempt < 8; attempt++)
        {
            using Sequential model = Create(backend, precision);
            using var together = new Barrier(2);
            float[] stepped = new float[expected.Length];
            Thread opens = new(() =>
            {
                together.SignalAndWait();
                using Session session = model.OpenSession(new SessionOptions { Streams = 2 });
                session.StepBatch(x, stepped);
            });
            opens.Start();
            var window = new SequenceChunk(1, 2, Width, 0);
            x.CopyTo(window.InputValues);
            float[] predicted = new float[expected.Length];
            together.SignalAndWait();
            model.Predict(window, predicted);
            opens.Join();
            Bits.Same(expected, predicted, $"prediction, attempt {attempt}");
            Bits.Same(expected, stepped, $"session, attempt {attempt}");
        }
    }

    /// <summary>Packing takes as long as it is made to: the second thread must not come back before it ends.</summary>
    [Fact]
    public unsafe void TheSecondWaits()
    {
        var pack = new CpuPack(16);
        using ManualResetEventSlim begun = new(), goOn = new(), asks = new();
        Thread first = new(() => pack.Pack(1, (begun, goOn), static (wait, packed) =>
        {
            wait.begun.Set();
            wait.goOn.Wait();
            packed[0] = 7;
        }));
        first.Start();
        begun.Wait();
        Assert.False(pack.Holds(1));
        float seen = 0;
        Thread second = new(() =>
        {
            asks.Set();
            seen = pack.Holds(1) ? pack.Pointer[0] : pack.Pack(1, 0, static (_, packed) => packed[0] = 8)[0];
        });
        second.Start();
        asks.Wait();
        Assert.False(second.Join(20));
        goOn.Set();
        first.Join();
        second.Join();
        Assert.Equal(7, seen);
        Assert.True(pack.Holds(1));
    }

    private static float[] Alone(CpuBackend backend, WeightPrecision precision, float[] x)
    {
        using Sequential model = Create(backend, precision);
        using Session session = model.OpenSession(new SessionOptions { Streams = 2 });
        var y = new float[2 * Width];
        session.StepBatch(x, y);
        return y;
    }

    private static Sequential Create(CpuBackend backend, WeightPrecision precision)
    {
        var model = new Sequential(backend, 1, new Lstm(Width, Width), new Linear(Width, Width)) { InferenceWeights = precision };
        for (int i = 0; i < model.Parameters.Count; i++)
            model.Parameters[i].Write([.. SessionCells.Values(model.Parameters[i].Length, i).Select(value => value / Width)]);
        return model;
    }
}
