using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>Outputs of whole windows.</summary>
public class PredictionTests
{
    [Fact]
    public void EqualsAStreamOfEverySample()
    {
        using var backend = new CpuBackend(2);
        using var model = new Sequential(backend, 1, new Lstm(3, 9) { Zoneout = 0.2f }, new Dropout(0.5f), new Gru(9, 7), new Linear(7, 4));
        SequenceChunk window = Values(6, 5, 3);
        var outputs = new float[6 * 5 * 4];
        model.Predict(window, outputs);
        for (int b = 0; b < 5; b++)
        {
            Session session = model.OpenSession();
            var y = new float[4];
            for (int t = 0; t < 6; t++)
            {
                session.Step(window.InputValues.Slice(((t * 5) + b) * 3, 3), y);
                Bits.Same(y, outputs.AsSpan(((t * 5) + b) * 4, 4), $"sample {b} step {t}");
            }
        }
    }

    /// <summary>A sample's outputs in both directions do not depend on how long the others are.</summary>
    [Fact]
    public void ReadsBothDirectionsWithinLengths()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Bidirectional(new Gru(3, 5)), new Linear(10, 2));
        SequenceChunk window = Values(6, 2, 3), alone = new(4, 1, 3, 0);
        window.SetLength(1, 4);
        for (int t = 0; t < 4; t++)
            window.InputValues.Slice(((t * 2) + 1) * 3, 3).CopyTo(alone.InputValues[(t * 3)..]);
        float[] both = new float[6 * 2 * 2], one = new float[4 * 2];
        model.Predict(window, both);
        model.Predict(alone, one);
        for (int t = 0; t < 4; t++)
            Bits.Same(one.AsSpan(t * 2, 2), both.AsSpan(((t * 2) + 1) * 2, 2), $"step {t}");
    }

    /// <summary>A window after others of its shape, masked and not, finds nothing of theirs.</summary>
    [Fact]
    public void KeepsNothingOfTheWindowBefore()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Bidirectional(new Lstm(3, 5)), new Gru(10, 4));
        SequenceChunk window = Values(6, 2, 3), masked = Values(6, 2, 3);
        masked.SetLength(1, 4);
        float[] fresh = new float[6 * 2 * 4], again = new float[6 * 2 * 4];
        model.Predict(window, fresh);
        var predictor = new Predictor(model);
        foreach (SequenceChunk one in new[] { masked, window, window })
            predictor.Predict(one, again);
        Bits.Same(fresh, again, "window after window");
        predictor.Predict(masked, again);
        predictor.Predict(window, again);
        Bits.Same(fresh, again, "window after a masked one");
    }

    [Fact]
    public void WrongShapesAreNamed()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Rnn(3, 5));
        Assert.Contains("29 outputs for 2 steps, batch 3, width 5: 30", Assert.Throws<ArgumentException>(() => model.Predict(Values(2, 3, 3), new float[29])).Message, StringComparison.Ordinal);
        Assert.Contains("the model reads 3 values a step, the window holds 4", Assert.Throws<ArgumentException>(() => model.Predict(Values(2, 3, 4), new float[30])).Message, StringComparison.Ordinal);
    }

    private static SequenceChunk Values(int steps, int batch, int features)
    {
        var window = new SequenceChunk(steps, batch, features, 0);
        var random = new Random(steps + batch);
        foreach (ref float value in window.InputValues)
            value = (float)random.NextDouble() - 0.5f;
        return window;
    }
}
