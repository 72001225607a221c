using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>What the trainer promises about windows, state, clipping, errors and memory.</summary>
public class TrainerTests
{
    [Fact]
    public void LearnsAShortTextByHeart()
    {
        const string text = "the quick brown fox jumps over the lazy dog, and then it does so once more; ";
        TextDataset data = TextDataset.FromText(string.Concat(Enumerable.Repeat(text, 8)));
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 3, new Embedding(data.Vocabulary.Count, 16), new Lstm(16, 48), new Linear(48, data.Vocabulary.Count));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(1e-2f)) { ClipNorm = 5 };
        ChunkSequence chunks = data.Chunks(4, 20);
        double first = trainer.Evaluate(chunks);
        for (int epoch = 0; epoch < 40; epoch++)
        {
            foreach (SequenceChunk chunk in chunks)
                trainer.Step(chunk);
        }
        double last = trainer.Evaluate(chunks);
        Assert.InRange(first, 2.5, 4.5); // about ln 28: nothing is known at first
        Assert.True(last < 0.05, $"loss {last} after training, {first} before");
    }

    [Fact]
    public void TwoWindowsWithCarriedStateEvaluateAsOne()
    {
        TextDataset data = TextDataset.FromText("abcdefghijklm" + Shuffled(600, seed: 1));
        using var backend = new CpuBackend(2);
        Trainer trainer = Trainer(backend);
        double whole = trainer.Evaluate(data.Chunks(3, 204));
        foreach (int steps in new[] { 1, 7, 50, 102 })
        {
            // The sums over windows are added in another order; the terms are the same bits.
            Assert.Equal(whole, trainer.Evaluate(data.Chunks(3, steps)), 12);
        }
    }

    [Fact]
    public void CarriedStateIsTheFinalStateOfTheWindow()
    {
        using var backend = new CpuBackend(1);
        Trainer whole = Trainer(backend, new Sgd(1e-30f)), halves = Trainer(backend, new Sgd(1e-30f)); // weights stay
        SequenceChunk all = RandomChunk(10, 3, 13, seed: 2);
        whole.Step(all);
        halves.Step(Part(all, 0, 4));
        halves.Step(Part(all, 4, 6));
        Same(Everything(whole), Everything(halves));
        halves.ResetState();
        Assert.All(Everything(halves).Where(e => e.Name is "h" or "c"), e => Assert.All(e.Values, v => Assert.Equal(0f, v)));
    }

    [Fact]
    public void WindowThatStartsStreamsForgetsTheCarriedState()
    {
        using var backend = new CpuBackend(1);
        SequenceChunk chunk = RandomChunk(5, 2, 13, seed: 3);
        Trainer fresh = Trainer(backend), used = Trainer(backend, new Sgd(1e-30f));
        double expected = fresh.Step(chunk).Loss;
        used.Step(RandomChunk(5, 2, 13, seed: 4));
        Assert.NotEqual(expected, used.Step(chunk).Loss);
        chunk.StartsStreams = true;
        Assert.Equal(expected, used.Step(chunk).Loss);
    }

    /// <summary>Two sequences one behind the other with a reset between them, and the same two as windows of their own, batch by batch.</summary>
    [Fact]
    public void ResetInsideAWindowSeparatesSequences()
    {
        using var backend = new CpuBackend(1);
        SequenceChunk joined = RandomChunk(9, 2, 13, seed: 5);
        joined.SetReset(4, 0);
        joined.SetReset(4, 1);
        Trainer one = Trainer(backend, new Sgd(1e-30f)), two = Trainer(backend, new Sgd(1e-30f));
        two.CarryState = false;
        StepResult together = one.Step(joined);
        float[] gradient = Gradient(one, "3.weight_hh_l0");
        StepResult first = two.Step(Part(joined, 0, 4));
        float[] sum = [.. Gradient(two, "3.weight_hh_l0").Select(g => g * 4 / 9)];
        StepResult second = two.Step(Part(joined, 4, 5));
        float[] rest = Gradient(two, "3.weight_hh_l0");
        Assert.Equal(((first.Loss * 4) + (second.Loss * 5)) / 9, together.Loss, 6);
        for (int i = 0; i < sum.Length; i++)
            Assert.Equal(sum[i] + (rest[i] * 5 / 9), gradient[i], 6);
    }

    [Fact]
    public void WhatInactiveStepsHoldChangesNothing()
    {
        using var backend = new CpuBackend(1);
        SequenceChunk chunk = RandomChunk(6, 3, 13, seed: 6), other = RandomChunk(6, 3, 13, seed: 6);
        foreach (SequenceChunk padded in new[] { chunk, other })
        {
            padded.SetInactive(4, 1);
            padded.SetInactive(5, 1);
        }
        other.Inputs[(4 * 3) + 1] = 11; // a token nobody may look at
        Trainer a = Trainer(backend, new Adam(0.01f)), b = Trainer(backend, new Adam(0.01f));
        StepResult result = a.Step(chunk);
        Assert.Equal(result, b.Step(other));
        Assert.Equal((6 * 3) - 2, result.Tokens);
        Same(Everything(a), Everything(b));
    }

    [Theory]
    [InlineData("3.weight_hh_l0", "the loss")]
    [InlineData("4.bias", "the loss")]
    public void NonFiniteLossStopsBeforeTheUpdate(string poisoned, string named)
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Trainer(backend, new Adam(0.01f));
        trainer.Step(RandomChunk(5, 2, 13, seed: 7));
        Poison(trainer, poisoned, float.NaN, out float healthy);
        List<(string, float[])> before = Everything(trainer);
        var error = Assert.Throws<NonFiniteException>(() => trainer.Step(RandomChunk(5, 2, 13, seed: 8)));
        Assert.Equal((named, 2L), (error.TensorName, error.Step));
        Same(before, Everything(trainer));
        SequenceChunk starting = RandomChunk(5, 2, 13, seed: 8);
        starting.StartsStreams = true; // it would begin with zeros, but it does not begin
        Assert.Throws<NonFiniteException>(() => trainer.Step(starting));
        Same(before, Everything(trainer));
        Assert.Equal(1, trainer.Steps);
        Poison(trainer, poisoned, healthy, out _);
        Assert.True(double.IsFinite(trainer.Step(RandomChunk(5, 2, 13, seed: 8)).Loss));
    }

    /// <summary>Logits are zero, because h is, while the gradient of W_ih overflows: it is an enormous dh times an enormous x.</summary>
    [Fact]
    public void NonFiniteGradientIsNamedBeforeTheUpdate()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Embedding(5, 3), new Lstm(3, 4), new Linear(4, 5));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.01f));
        foreach (Parameter parameter in model.Parameters.Where(p => p.Name.StartsWith("1.", StringComparison.Ordinal)))
            parameter.Write(new float[parameter.Length]); // h = σ(0)·tanh(0) = 0
        var huge = new float[20];
        for (int i = 0; i < huge.Length; i++)
            huge[i] = i / 4 % 2 == 0 ? 1e38f : -1e38f;
        model.Parameters.Single(p => p.Name == "2.weight").Write(huge);
        model.Parameters.Single(p => p.Name == "0.weight").Write([.. Enumerable.Repeat(1e30f, 15)]);
        List<(string, float[])> before = Everything(trainer);
        var error = Assert.Throws<NonFiniteException>(() => trainer.Step(RandomChunk(3, 2, 5, seed: 9)));
        Assert.Equal("the gradient of 1.weight_ih_l0", error.TensorName);
        Same(before, [.. Everything(trainer).Where(e => e.Name is not ("h" or "c"))]);
        Assert.Equal(0, trainer.Steps);
    }

    [Fact]
    public void GradientIsScaledToTheClipNorm()
    {
        using var backend = new CpuBackend(1);
        const float rate = 0.5f;
        Trainer free = Trainer(backend, new Sgd(rate)), clipped = Trainer(backend, new Sgd(rate)), loose = Trainer(backend, new Sgd(rate));
        SequenceChunk chunk = RandomChunk(5, 3, 13, seed: 10);
        double norm = free.Step(chunk).GradientNorm;
        clipped.ClipNorm = (float)(norm / 3);
        loose.ClipNorm = (float)(norm * 3);
        Assert.Equal(norm, clipped.Step(chunk).GradientNorm);
        loose.Step(chunk);
        Same(Everything(free), Everything(loose));

        double sum = trainerGradients(free).Sum(g => g.Sum(v => (double)v * v));
        Assert.Equal(Math.Sqrt(sum), norm, 9);
        float scale = (float)(clipped.ClipNorm / (norm + 1e-6));
        using Sequential initial = Model(backend);
        for (int p = 0; p < initial.Parameters.Count; p++)
        {
            float[] start = Read(backend, initial.Parameters[p].Value), end = Read(backend, clipped.Model.Parameters[p].Value);
            float[] gradient = Read(backend, clipped.Model.Parameters[p].Gradient);
            for (int i = 0; i < start.Length; i++)
                Assert.Equal(start[i] - (rate * (scale * gradient[i])), end[i], 6);
        }

        static IEnumerable<float[]> trainerGradients(Trainer trainer) =>
            trainer.Model.Parameters.Select(p => Read(trainer.Model.Backend, p.Gradient));
    }

    [Fact]
    public void StepNormsAreThoseOfTheReference()
    {
        using var cpu = new CpuBackend(2);
        using var reference = new ReferenceBackend();
        Trainer fast = Trainer(cpu), plain = Trainer(reference);
        SequenceChunk chunk = RandomChunk(12, 3, 13, seed: 11);
        chunk.SetInactive(11, 2);
        chunk.SetReset(5, 0);
        fast.Step(chunk);
        Assert.Empty(fast.StepNorms);
        Trainer again = Trainer(cpu);
        again.RecordStepNorms = plain.RecordStepNorms = true;
        again.Step(chunk);
        plain.Step(chunk);
        Assert.Equal(2, again.StepNorms.Count);
        for (int layer = 0; layer < 2; layer++)
        {
            Assert.Equal(12, again.StepNorms[layer].Length);
            for (int t = 0; t < 12; t++)
            {
                double expected = plain.StepNorms[layer][t];
                Assert.InRange(again.StepNorms[layer][t], expected * (1 - 1e-4), expected * (1 + 1e-4));
            }
        }
        Same(Everything(fast), Everything(again)); // looking does not change anything
    }

    [Fact]
    public void EvaluationLeavesTrainingAlone()
    {
        using var backend = new CpuBackend(1);
        Trainer plain = Trainer(backend, new Adam(0.01f), 0.5f), evaluated = Trainer(backend, new Adam(0.01f), 0.5f);
        ChunkSequence other = TextDataset.FromText("abcdefghijklm" + Shuffled(100, seed: 13)).Chunks(2, 5);
        for (int step = 0; step < 3; step++)
        {
            SequenceChunk chunk = RandomChunk(5, 2, 13, seed: step);
            plain.Step(chunk);
            evaluated.Step(chunk);
            double loss = evaluated.Evaluate(other);
            Assert.Equal(loss, evaluated.Evaluate(other)); // no dropout, no state left behind
        }
        Same(Everything(plain), Everything(evaluated));
    }

    [Fact]
    public void WrongUseIsNamed()
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Trainer(backend);
        trainer.Step(RandomChunk(4, 3, 13, seed: 14));
        Assert.Contains("batch 2", Assert.Throws<ArgumentException>(() => trainer.Step(RandomChunk(4, 2, 13, seed: 14))).Message, StringComparison.Ordinal);
        Assert.Contains("13", Assert.ThrowsAny<ArgumentException>(() => trainer.Step(RandomChunk(4, 3, 40, seed: 15))).Message, StringComparison.Ordinal);
        using var values = new Sequential(backend, 1, new Lstm(2, 3), new Linear(3, 4));
        Assert.Contains(
            "reads 2 values a step, the window holds tokens",
            Assert.Throws<ArgumentException>(() => new Trainer(values, Loss.CrossEntropy, new Sgd(1f)).Step(RandomChunk(4, 3, 4, seed: 16))).Message,
            StringComparison.Ordinal);
        using Sequential another = Model(backend);
        Assert.Throws<InvalidOperationException>(() => new Trainer(another, Loss.CrossEntropy, trainer.Optimizer));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sgd(0f));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sgd(float.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Adam(1e-3f, beta1: 1f));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Adam(1e-3f, epsilon: 0f));
    }

    private static void Poison(Trainer trainer, string name, float value, out float old)
    {
        Parameter parameter = trainer.Model.Parameters.Single(p => p.Name == name);
        var values = new float[parameter.Length];
        parameter.Read(values);
        (old, values[3]) = (values[3], value);
        parameter.Write(values);
    }

    internal static void Same(List<(string Name, float[] Values)> expected, List<(string Name, float[] Values)> actual)
    {
        Assert.Equal(expected.Select(e => e.Name), actual.Select(a => a.Name));
        for (int i = 0; i < expected.Count; i++)
            Bits.Same(expected[i].Values, actual[i].Values, expected[i].Name);
    }

    private static SequenceChunk Part(SequenceChunk all, int first, int steps)
    {
        var part = new SequenceChunk(steps, all.Batch);
        all.Inputs.Slice(first * all.Batch, steps * all.Batch).CopyTo(part.Inputs);
        all.Targets.Slice(first * all.Batch, steps * all.Batch).CopyTo(part.Targets);
        return part;
    }
}
