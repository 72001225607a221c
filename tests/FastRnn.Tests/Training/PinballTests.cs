using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>What the pinball loss is for, and how targets are laid out for it; its formula is tested with the other losses.</summary>
public class PinballTests
{
    /// <summary>A constant per output, trained on a skewed sample, comes to the sample's quantiles; a mean would come to 3.5 for the first value.</summary>
    [Fact]
    public void LearnsTheQuantilesOfTheTargets()
    {
        var loss = new PinballLoss(0.1f, 0.5f, 0.9f);
        const int samples = 101;
        float[] values = [.. Enumerable.Range(0, samples).SelectMany(i => new[] { i * i * (10f / 10_000), -i * 0.02f })];
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Linear(1, 6));
        var window = new SequenceChunk(samples, 1, 1, 6);
        loss.Repeat(values, window.TargetValues);
        var trainer = new Trainer(model, loss, new Adam(0.2f)) { CarryState = false, Schedule = new ExponentialDecay(0.5, 150) };
        for (int i = 0; i < 1200; i++)
            trainer.Step(window);
        var outputs = new float[6 * samples];
        model.Predict(window, outputs);
        float[] expected = [0.1f, 2.5f, 8.1f, -1.8f, -1f, -0.2f];
        for (int c = 0; c < expected.Length; c++)
            Assert.Equal(expected[c], outputs[c], 0.03f);
    }

    [Fact]
    public void TargetsAreRepeatedValueByValue()
    {
        var loss = new PinballLoss(0.25f, 0.75f);
        Assert.Equal([0.25f, 0.75f], loss.Quantiles);
        Assert.Equal([1f, 1f, 2f, 2f, -3f, -3f], loss.Repeat([1f, 2f, -3f]));
        Assert.Throws<ArgumentException>(() => loss.Repeat([1f, 2f], new float[3]));
    }

    [Fact]
    public void SlopeIsZeroWhereOutputAndTargetAgree()
    {
        foreach (Backend backend in new Backend[] { new CpuBackend(1), new ReferenceBackend() })
        {
            using (backend)
            {
                var window = new SequenceChunk(1, 1, 1, 3);
                new[] { 1f, 1f, 1f }.CopyTo(window.TargetValues);
                (LossSum sum, float[] gradient) = LossRuns.Compute(
                    backend, new PinballLoss(0.25f) { Reduction = LossReduction.Sum }, [1f, 2f, 0f], window);
                Assert.Equal(1.0, sum.Sum);
                Assert.Equal([0f, 0.75f, -0.25f], gradient);
            }
        }
    }
}
