using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using Xunit;

namespace FastRnn.Tests.Layers;

/// <summary>y = x + f(x): gradients, carried state through it, streaming, names, and what it refuses.</summary>
public class ResidualTests
{
    private const int Width = 4;

    public static TheoryData<int> Kinds => new(Enumerable.Range(0, Create().Length));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void GradientsAgreeWithCentralDifferences(int kind)
    {
        for (int seed = 0; seed < 12; seed++)
        {
            using var backend = new ReferenceBackend();
            StepFlags? flags = seed % 2 == 0 ? null : BitsTests.RandomFlags(5, 3, seed);
            var run = new DirectionRun(backend, new Residual(Create()[kind]), Width, 5, 3, flags, seed);
            run.Loss();
            var random = new Random(seed);
            foreach ((string name, DeviceBuffer value, DeviceBuffer gradient) in run.Backward())
            {
                double[] direction = [.. Enumerable.Range(0, value.Length).Select(_ => random.NextDouble() - 0.5)];
                double analytic = GradientCheck.Dot(GradientCheck.Values(backend, gradient), direction);
                double numeric = GradientCheck.Numeric(backend, value, direction, run.Loss);
                Assert.True(GradientCheck.Agree(analytic, numeric), $"gradient of {name}: {analytic:R}, central difference {numeric:R}; kind={kind} seed={seed}");
            }
        }
    }

    [Fact]
    public void TheInputIsAdded()
    {
        using var backend = new CpuBackend(1);
        Lstm plain = new(Width, Width), inner = new(Width, Width);
        var residual = new Residual(inner);
        plain.Build(backend, 0, Width, 1);
        residual.Build(backend, 0, Width, 1);
        float[] x = [.. Enumerable.Range(0, 3 * Width).Select(i => MathF.Cos(i))];
        float[] y = Forward(plain), sum = Forward(residual);
        Bits.Same([.. x.Zip(y, (a, b) => a + b)], sum, "x + f(x)");

        float[] Forward(Layer layer)
        {
            Workspace ws = layer.CreateWorkspace(Width, 3, 1, Keep.Nothing);
            DeviceBuffer input = backend.Allocate(3, Width);
            backend.Write(input, x);
            layer.Forward(ws, new LayerInput(input), new PassContext(null, false, 1, 0, false));
            return TrainingRuns.Read(backend, ws.Output);
        }
    }

    /// <summary>Windows in turn, and a session step by step, give the bits of the whole.</summary>
    [Fact]
    public void StateIsCarriedThroughIt()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 5, new Embedding(7, Width), new Residual(new Lstm(Width, Width)), new Residual(Activation.Tanh()), new Linear(Width, 3));
        Assert.Equal(
            ["0.weight", "1.inner.weight_ih_l0", "1.inner.weight_hh_l0", "1.inner.bias_ih_l0", "1.inner.bias_hh_l0", "3.weight", "3.bias"],
            model.Parameters.Select(parameter => parameter.Name));
        var pass = new PassContext(null, false, 0, 0, false);
        int[] tokens = [1, 5, 0, 6, 2, 3];
        float[] whole = TrainingRuns.Read(backend, model.Forward(model.CreateWorkspace(6, 1, Keep.Nothing), new LayerInput(tokens), null, pass));
        SequentialWorkspace half = model.CreateWorkspace(3, 1, Keep.Nothing);
        RecurrentState?[] state = model.CreateState(1);
        float[] first = TrainingRuns.Read(backend, model.Forward(half, new LayerInput(tokens.AsMemory(0, 3)), state, pass));
        half.CopyFinal(state);
        float[] second = TrainingRuns.Read(backend, model.Forward(half, new LayerInput(tokens.AsMemory(3)), state, pass));
        Bits.Same(whole, [.. first, .. second], "two windows");
        Session session = model.OpenSession();
        for (int t = 0; t < tokens.Length; t++)
        {
            var y = new float[3];
            session.Step(tokens[t], y);
            Bits.Same(whole.AsSpan(t * 3, 3), y, $"step {t}");
        }
    }

    [Fact]
    public void WhatCannotBeAddedIsRefused()
    {
        Assert.Contains("makes 5 values of 4", Assert.Throws<ArgumentException>(() => new Residual(new Lstm(4, 5))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new Residual(new Embedding(4, 4)));
        Assert.Throws<ArgumentException>(() => new Residual(new Residual(new Lstm(4, 4))));
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Residual(new Bidirectional(new Lstm(4, 2))));
        Assert.Contains("layer 0, Residual(Bidirectional", Assert.Throws<NotSupportedException>(() => model.OpenSession()).Message, StringComparison.Ordinal);
        var inner = new Lstm(4, 4);
        using var owner = new Sequential(backend, 1, inner);
        Assert.Throws<InvalidOperationException>(() => new Sequential(backend, 1, new Residual(inner)));
    }

    private static Layer[] Create() =>
    [
        new Lstm(Width, Width), new Gru(Width, Width), new Rnn(Width, Width), new Linear(Width, Width), Activation.Silu(), new Dropout(0.3f),
        new Bidirectional(new Gru(Width, 2)), new Bidirectional(new Lstm(Width, Width), Merge.Average), new GoBackwards(new Lstm(Width, Width)),
    ];
}
