using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using Xunit;

namespace FastRnn.Tests.Layers;

/// <summary>Names, shapes and first values of parameters, what fits together, and dropout's masks.</summary>
public class LayersTests
{
    [Fact]
    public void ParametersHaveTheNamesAndShapesOfPyTorch()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = TrainingRuns.Model(backend);
        string[] expected =
        [
            "0.weight [13, 9]",
            "1.weight_ih_l0 [84, 9]", "1.weight_hh_l0 [84, 21]", "1.bias_ih_l0 [84]", "1.bias_hh_l0 [84]",
            "3.weight_ih_l0 [68, 21]", "3.weight_hh_l0 [68, 17]", "3.bias_ih_l0 [68]", "3.bias_hh_l0 [68]",
            "4.weight [13, 17]", "4.bias [13]",
        ];
        Assert.Equal(expected, model.Parameters.Select(p => p.ToString()));
        Assert.Equal(model.Parameters.Sum(p => (long)p.Length), model.ParameterCount);
        Assert.Equal((84 * 9, 13), (model.Parameters[1].Length, model.OutputSize));
    }

    [Fact]
    public void FirstValuesFollowPyTorchsDistributions()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 3, new Embedding(100, 50), new Lstm(50, 64), new Linear(64, 30));
        double[] embedding = Values(model, "0.weight");
        Assert.InRange(embedding.Average(), -0.08, 0.08);
        Assert.InRange(embedding.Average(x => x * x), 0.9, 1.1);
        foreach (string name in new[] { "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_ih_l0", "1.bias_hh_l0", "2.weight", "2.bias" })
        {
            double[] values = Values(model, name);
            const double bound = 1 / 8.0; // 1/√64 for the LSTM by its units, for the linear layer by its inputs
            Assert.All(values, v => Assert.InRange(v, -bound, bound));
            Assert.True(values.Max() > 0.8 * bound && values.Min() < -0.8 * bound, $"{name}: {values.Min()} … {values.Max()}");
            Assert.Equal(values.Length, values.Distinct().Count(), values.Length * 0.01);
        }
    }

    [Fact]
    public void FirstValuesDependOnTheSeedAlone()
    {
        using var cpu = new CpuBackend(2, IsaLevel.Scalar);
        using var reference = new ReferenceBackend();
        using Sequential a = TrainingRuns.Model(cpu), b = TrainingRuns.Model(reference), other = TrainingRuns.Model(cpu, seed: 8);
        for (int i = 0; i < a.Parameters.Count; i++)
        {
            Bits.Same(TrainingRuns.Read(cpu, a.Parameters[i].Value), TrainingRuns.Read(reference, b.Parameters[i].Value), a.Parameters[i].Name);
            Assert.NotEqual(TrainingRuns.Read(cpu, a.Parameters[i].Value), TrainingRuns.Read(cpu, other.Parameters[i].Value));
        }
    }

    [Fact]
    public void LayersThatDoNotFitAreNamedWithBothWidths()
    {
        using var backend = new CpuBackend(1);
        Refused("layer 1, Lstm(64, 8), expects an input of width 64, gets 32 from Embedding(10, 32)", new Embedding(10, 32), new Lstm(64, 8));
        Refused("layer 2, Linear(9, 3), expects an input of width 9, gets 8 from Dropout(0.5)", new Lstm(4, 8), new Dropout(0.5f), new Linear(9, 3));
        Refused("layer 1, Embedding(5, 4), reads tokens and must be the first", new Lstm(4, 8), new Embedding(5, 4));
        Refused("Dropout(0.5) cannot be the first layer", new Dropout(0.5f), new Lstm(4, 8));
        Refused("a model needs at least one layer");
        var shared = new Lstm(4, 8);
        using var first = new Sequential(backend, 1, shared);
        Assert.Contains("belongs to another model", Assert.Throws<InvalidOperationException>(() => new Sequential(backend, 1, shared)).Message, StringComparison.Ordinal);

        void Refused(string message, params Layer[] layers) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>(() => new Sequential(backend, 1, layers)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ImpossibleSizesAreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>("input", () => new Lstm(0, 4));
        Assert.Throws<ArgumentOutOfRangeException>("hidden", () => new Lstm(4, -1));
        Assert.Throws<ArgumentOutOfRangeException>("vocabulary", () => new Embedding(0, 4));
        Assert.Throws<ArgumentOutOfRangeException>("output", () => new Linear(4, 0));
        Assert.Throws<ArgumentOutOfRangeException>("rate", () => new Dropout(1f));
        Assert.Throws<ArgumentOutOfRangeException>("rate", () => new Dropout(-0.1f));
        Assert.Throws<ArgumentOutOfRangeException>("rate", () => new Dropout(float.NaN));
    }

    [Fact]
    public void ParameterOfAnotherLengthIsRefused()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = TrainingRuns.Model(backend);
        Assert.Contains("4.bias [13] holds 13 values, 12 given", Assert.Throws<ArgumentException>(() => model.Parameters[^1].Write(new float[12])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => model.Parameters[^1].Read(new float[14]));
    }

    [Theory]
    [InlineData(0.1f)]
    [InlineData(0.5f)]
    [InlineData(0.9f)]
    public void DropoutKeepsTheRightShareAndScalesIt(float rate)
    {
        using var backend = new CpuBackend(1);
        float[] mask = Mask(backend, new DropoutMask(rate, 1, 2, 0), 20, 5, 203);
        Assert.All(mask, m => Assert.True(m == 0f || m == 1f / (1f - rate), $"{m:R}"));
        double kept = mask.Count(m => m != 0) / (double)mask.Length, error = 5 * Math.Sqrt(rate * (1 - rate) / mask.Length);
        Assert.InRange(kept, 1 - rate - error, 1 - rate + error);
    }

    /// <summary>Windows, threads, instruction sets and back ends draw the same masks: a mask belongs to (seed, layer, time, sample, unit).</summary>
    [Fact]
    public void DropoutMasksBelongToTimeAndPlace()
    {
        const int steps = 64, batch = 11, width = 201;
        using var reference = new ReferenceBackend();
        float[] expected = Mask(reference, new DropoutMask(0.4f, 5, 3, 100), steps, batch, width);
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            foreach (int threads in new[] { 1, 2, 4 })
            {
                using var backend = new CpuBackend(threads, isa);
                Bits.Same(expected, Mask(backend, new DropoutMask(0.4f, 5, 3, 100), steps, batch, width), $"isa={isa} threads={threads}");
                Bits.Same(expected.AsSpan(7 * batch * width), Mask(backend, new DropoutMask(0.4f, 5, 3, 107), steps - 7, batch, width), "a later window");
            }
        }
        Assert.NotEqual(expected, Mask(reference, new DropoutMask(0.4f, 6, 3, 100), steps, batch, width));
        Assert.NotEqual(expected, Mask(reference, new DropoutMask(0.4f, 5, 4, 100), steps, batch, width));
    }

    /// <summary>A variational mask is the same at all steps of a window, and belongs to (seed, layer, window's time, sample, unit).</summary>
    [Fact]
    public void VariationalMasksHoldForAllStepsOfAWindow()
    {
        const int steps = 9, batch = 11, width = 203, row = batch * width;
        var mask = new DropoutMask(0.4f, 5, 3, 1L << 40, PerSample: true);
        using var reference = new ReferenceBackend();
        float[] expected = Mask(reference, mask, steps, batch, width);
        for (int t = 1; t < steps; t++)
            Bits.Same(expected.AsSpan(0, row), expected.AsSpan(t * row, row), $"step {t}");
        for (int b = 1; b < batch; b++)
            Assert.False(expected.AsSpan(0, width).SequenceEqual(expected.AsSpan(b * width, width)), $"sample {b} has the mask of sample 0");
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            foreach (int threads in new[] { 1, 3 })
            {
                using var backend = new CpuBackend(threads, isa);
                Bits.Same(expected, Mask(backend, mask, steps, batch, width), $"isa={isa} threads={threads}");
                Bits.Same(expected.AsSpan(0, 4 * row), Mask(backend, mask, 4, batch, width), "a shorter window");
            }
        }
        DropoutMask[] others =
        [
            mask with { Seed = 6 }, mask with { Layer = 4 }, mask with { Time = mask.Time + 1 }, mask with { Time = 0 }, mask with { Reverse = true },
            mask with { Use = DropoutUse.RecurrentWeights },
        ];
        foreach (DropoutMask other in others)
            Assert.InRange(Enumerable.Zip(expected, Mask(reference, other, steps, batch, width)).Count(pair => pair.First != pair.Second) / (double)expected.Length, 0.4, 0.56);
    }

    [Fact]
    public void VariationalDropoutIsTheInputTimesOneMaskASample()
    {
        const int steps = 5, batch = 3, width = 21;
        foreach (Backend backend in new Backend[] { new ReferenceBackend(), new CpuBackend(2) })
        {
            using (backend)
            {
                using var model = new Sequential(backend, 9, new Linear(4, width), new Dropout(0.25f) { Variational = true });
                SequentialWorkspace workspace = model.CreateWorkspace(steps, batch, Keep.Everything);
                DeviceBuffer x = backend.Allocate(steps * batch, 4);
                backend.Write(x, [.. Enumerable.Range(0, x.Length).Select(i => (float)Math.Sin(i + 1))]);
                backend.Write(workspace.OutputGradient, [.. Enumerable.Range(0, steps * batch * width).Select(i => (float)Math.Cos(i))]);
                var pass = new PassContext(null, true, model.Seed, 1000, false);
                model.Forward(workspace, new LayerInput(x), null, pass);
                model.Backward(workspace, new LayerInput(x), null, pass);
                float[] mask = Mask(backend, new DropoutMask(0.25f, 9, 1, 1000, PerSample: true), 1, batch, width);
                float[] into = TrainingRuns.Read(backend, workspace.Layers[0].Output), from = TrainingRuns.Read(backend, workspace.Layers[1].Output);
                float[] dFrom = TrainingRuns.Read(backend, workspace.OutputGradient), dInto = TrainingRuns.Read(backend, workspace.Layers[0].OutputGradient!);
                for (int i = 0; i < from.Length; i++)
                {
                    Assert.Equal(into[i] * mask[i % mask.Length], from[i], 1e-6f);
                    Assert.Equal(dFrom[i] * mask[i % mask.Length], dInto[i], 1e-6f);
                }
                model.Forward(workspace, new LayerInput(x), null, pass with { Training = false });
                Bits.Same(TrainingRuns.Read(backend, workspace.Layers[0].Output), TrainingRuns.Read(backend, workspace.Layers[1].Output), "in inference");
            }
        }
    }

    [Fact]
    public void ForgetBiasIsAddedToTheForgetGateAlone()
    {
        const int hidden = 5;
        using var backend = new CpuBackend(1);
        using var plain = new Sequential(backend, 3, new Lstm(4, hidden), new Bidirectional(new Lstm(hidden, hidden)));
        using var biased = new Sequential(backend, 3, new Lstm(4, hidden, 1.5f), new Bidirectional(new Lstm(hidden, hidden, 1.5f)));
        foreach (Parameter parameter in plain.Parameters)
        {
            double[] before = Values(plain, parameter.Name), after = Values(biased, parameter.Name);
            for (int i = 0; i < before.Length; i++)
            {
                bool forget = parameter.Name.Contains("bias_ih", StringComparison.Ordinal) && i / hidden == 1;
                Assert.Equal((float)(before[i] + (forget ? 1.5f : 0)), (float)after[i]);
            }
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => new Lstm(4, hidden, float.NaN));
    }

    private static float[] Mask(Backend backend, DropoutMask mask, int steps, int batch, int width)
    {
        DeviceBuffer ones = backend.Allocate(steps * batch, width), dropped = backend.Allocate(steps * batch, width);
        backend.Write(ones, [.. Enumerable.Repeat(1f, ones.Length)]);
        backend.Dropout(ones, dropped, mask, steps, batch);
        return TrainingRuns.Read(backend, dropped);
    }

    private static double[] Values(Sequential model, string name)
    {
        Parameter parameter = model.Parameters.Single(p => p.Name == name);
        var values = new float[parameter.Length];
        parameter.Read(values);
        return [.. values.Select(v => (double)v)];
    }
}
