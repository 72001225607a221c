using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;
using GeluFunction = FastRnn.Kernels.GeluFunction;

namespace FastRnn.Tests;

/// <summary>Activations and log-softmax: against PyTorch, the reference and central differences, to the same bits, and as layers of models.</summary>
public class ActivationTests
{
    private const string Reference = "reference";

    private static readonly ActivationFunction[] Functions = ActivationRuns.All;

    public static TheoryData<IsaLevel> Levels => new(Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest));

    public static TheoryData<string> Backends =>
        new([Reference, .. Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest).Select(Isa.Name)]);

    [Theory]
    [MemberData(nameof(Backends))]
    public void AgreesWithPyTorch(string name)
    {
        var truth = new TruthFile("activations.json");
        using Backend backend = name == Reference ? new ReferenceBackend() : new CpuBackend(1, Isa.Parse(name));
        var left = new HashSet<string>(truth.Expected.Keys);
        foreach (ActivationFunction function in Functions)
        {
            string known = ActivationRuns.Name(function);
            (double[] y, double[] dX) = Run(backend, function, truth.Floats("x"), truth.Floats("dy"), truth.Size("rows"));
            foreach ((string what, double[] actual) in new[] { (known, y), ($"{known}.gradient", dX) })
            {
                double[] expected = truth.Expected[what];
                Assert.Equal(expected.Length, actual.Length);
                for (int i = 0; i < expected.Length; i++)
                {
                    double allowed = (name == Reference ? 1e-14 : 1e-6) * Math.Max(1, Math.Abs(expected[i]));
                    Assert.True(Math.Abs(actual[i] - expected[i]) <= allowed, $"{name}: {what}[{i}] is {actual[i]:R}, PyTorch {expected[i]:R}");
                }
                Assert.True(left.Remove(what));
            }
        }
        Assert.Empty(left);
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void EveryActivationAtEveryLength(IsaLevel isa)
    {
        for (int n = 1; n <= 257; n++)
        {
            foreach (ActivationFunction function in Functions)
            {
                CpuAgainstReferenceTests.Compare(isa, $"op={function} isa={isa} n={n}", (b, log) =>
                {
                    var random = new Random(n);
                    DeviceBuffer x = CpuAgainstReferenceTests.Filled(b, random, 3, n, 6), dY = CpuAgainstReferenceTests.Filled(b, random, 3, n, 1);
                    DeviceBuffer y = b.Allocate(3, n), dX = b.Allocate(3, n);
                    var flags = new StepFlags(3, 1);
                    flags.Active[n % 3] = 0;
                    b.ActivationForward(function, x, y);
                    CpuAgainstReferenceTests.Log(b, log, "y", y);
                    b.ActivationBackward(function, x, y, dY, dX, n % 2 == 0 ? flags : null);
                    CpuAgainstReferenceTests.Log(b, log, "dX", dX);
                    log("squares", [b.SumOfSquares(y), b.SumOfSquares(dX)]); // padding that is not zero would count here
                });
            }
        }
    }

    [Fact]
    public void BitsDoNotDependOnThreadsOrInstructionSet()
    {
        const int rows = 900, columns = 37;
        var random = new Random(1);
        float[] x = [.. Enumerable.Range(0, rows * columns).Select(_ => (float)((random.NextDouble() - 0.5) * 30))];
        float[] dY = [.. x.Reverse()];
        foreach (ActivationFunction function in Functions)
        {
            (double[] Y, double[] DX)? expected = null;
            foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
            {
                foreach (int threads in new[] { 1, 2, 4 })
                {
                    using var backend = new CpuBackend(threads, isa);
                    (double[] Y, double[] DX) actual = Run(backend, function, x, dY, rows);
                    expected ??= actual;
                    Bits.Same(Floats(expected.Value.Y), Floats(actual.Y), $"y of {function} isa={isa} threads={threads}");
                    Bits.Same(Floats(expected.Value.DX), Floats(actual.DX), $"dX of {function} isa={isa} threads={threads}");
                }
            }
        }
    }

    [Fact]
    public void GradientsAgreeWithCentralDifferences()
    {
        foreach (ActivationFunction function in Functions)
        {
            using var backend = new ReferenceBackend();
            var model = new Sequential(backend, 2, new Linear(2, 4), new Lstm(4, 5), ActivationRuns.Layer(function), new Linear(5, 3), ActivationRuns.Layer(function));
            var loss = new MeanSquaredError();
            var trainer = new Trainer(model, loss, new Sgd(1e-30f));
            SequenceChunk chunk = LossRuns.RandomWindow(loss, 4, 3, 2, 3, seed: 21);
            chunk.SetInactive(2, 1);
            chunk.StartsStreams = true;
            trainer.Step(chunk);
            var random = new Random(22);
            foreach ((Parameter parameter, double[] gradient) in model.Parameters.Select(p => (p, GradientCheck.Values(backend, p.Gradient))).ToList())
            {
                double[] along = [.. gradient.Select(_ => (random.NextDouble() * 2) - 1)];
                double exact = GradientCheck.Dot(gradient, along);
                double numeric = GradientCheck.Numeric(backend, parameter.Value, along, () => trainer.Step(chunk).Loss);
                Assert.True(GradientCheck.Agree(exact, numeric), $"{function}: {parameter.Name} {exact:R}, central difference {numeric:R}");
            }
        }
    }

    /// <summary>Log-softmax and negative log-likelihood are cross-entropy in two steps.</summary>
    [Fact]
    public void LogSoftmaxAndLikelihoodAreCrossEntropy()
    {
        using var backend = new ReferenceBackend();
        float[] weights = LossRuns.Weights(6);
        SequenceChunk chunk = LossRuns.RandomWindow(Loss.CrossEntropy, 5, 4, 2, 6, seed: 31);
        var joined = new Trainer(new Sequential(backend, 3, new Lstm(2, 5), new Linear(5, 6)), new CrossEntropy(weights), new Sgd(0.1f));
        var split = new Trainer(
            new Sequential(backend, 3, new Lstm(2, 5), new Linear(5, 6), new LogSoftmax()), new NegativeLogLikelihood(weights), new Sgd(0.1f));
        for (int step = 0; step < 3; step++)
        {
            StepResult one = joined.Step(chunk), other = split.Step(chunk);
            Assert.Equal(one.Loss, other.Loss, 12);
            Assert.Equal(one.GradientNorm, other.GradientNorm, 12);
        }
    }

    /// <summary>NaN in an inactive step meets the slope of an activation: nothing of it may arrive anywhere.</summary>
    [Fact]
    public void InactiveStepsMayHoldAnything()
    {
        using var backend = new CpuBackend(1);
        foreach (ActivationFunction function in Functions)
        {
            var trainer = new Trainer(
                new Sequential(backend, 4, new Linear(2, 4), ActivationRuns.Layer(function), new Linear(4, 4), ActivationRuns.Layer(function)), new MeanSquaredError(), new Sgd(0.1f));
            SequenceChunk chunk = LossRuns.RandomWindow(new MeanSquaredError(), 3, 2, 2, 4, seed: 41);
            chunk.SetInactive(1, 1);
            chunk.InputValues.Slice(3 * 2, 2).Fill(float.NaN);
            StepResult result = trainer.Step(chunk);
            Assert.True(double.IsFinite(result.Loss) && double.IsFinite(result.GradientNorm), $"{function}: {result}");
        }
    }

    [Fact]
    public void ModelsWithActivationsAreSavedAndReadBack()
    {
        string folder = Directory.CreateTempSubdirectory("fastrnn-activation-").FullName;
        try
        {
            using var backend = new CpuBackend(1);
            string path = Path.Combine(folder, "model.safetensors");
            using var model = new Sequential(
                backend, 5, [new Linear(3, 6), .. ActivationRuns.OfElements.Select(ActivationRuns.Layer), new Softmax(), new Linear(6, 4), new LogSoftmax()]);
            model.Save(path);
            (Sequential loaded, ModelInfo info) = ModelFile.Load(path, backend);
            using (loaded)
            {
                Assert.Equal(model.Layers.Select(layer => layer.ToString()), loaded.Layers.Select(layer => layer.ToString()));
                Assert.Equal(
                    ["linear(input 3, output 6)", "activation(activation relu)", "activation(activation tanh)"],
                    info.Layers.Take(3).Select(layer => layer.ToString()));
                Assert.Equal("log_softmax()", info.Layers[^1].ToString());
                float[] expected = new float[4], actual = new float[4], x = [0.5f, -2f, 1f];
                model.OpenSession().Step(x, expected);
                loaded.OpenSession().Step(x, actual);
                Bits.Same(expected, actual, "outputs");
                Assert.Equal(1, expected.Sum(log => Math.Exp(log)), 6);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Rows far from 0, of −∞ and of one class: probabilities add to 1 where there is a finite value.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void SoftmaxDoesNotOverflow(string name)
    {
        using Backend backend = name == Reference ? new ReferenceBackend() : new CpuBackend(1, Isa.Parse(name));
        foreach (int columns in new[] { 1, 15, 16, 17, 40 })
        {
            float[] x = [.. Enumerable.Range(0, 3 * columns).Select(i => i < columns ? 3e38f - (i * 1e37f) : i < 2 * columns ? -1e30f : i % 2 == 0 ? 5f : float.NegativeInfinity)];
            x[2 * columns] = 5f;
            (double[] y, _) = Run(backend, ActivationKind.Softmax, x, new float[x.Length], 3);
            for (int row = 0; row < 3; row++)
                Assert.Equal(1, y.Skip(row * columns).Take(columns).Sum(), 6);
            Assert.Equal(1, y[0], 6);
            Assert.Equal(1.0 / columns, y[columns], 6);
            Assert.All(Enumerable.Range(2 * columns, columns).Where(i => float.IsNegativeInfinity(x[i])), i => Assert.Equal(0, y[i]));
        }
    }

    /// <summary>Gelu keeps the digits of what is small, its limits at infinity, and NaN.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void GeluIsPreciseEverywhere(IsaLevel isa)
    {
        using CpuBackend backend = new(1, isa);
        using var reference = new ReferenceBackend();
        float[] x = [.. Enumerable.Range(-4000, 8001).Select(i => i / 320f)];
        double[] expected = Run(reference, ActivationKind.Gelu, x, new float[x.Length], 1).Y, actual = Run(backend, ActivationKind.Gelu, x, new float[x.Length], 1).Y;
        for (int i = 0; i < x.Length; i++)
        {
            float size = (float)Math.Abs(expected[i]);
            double allowed = size < 1.2e-38f ? 1.2e-38 : GeluFunction.Ulps * (MathF.BitIncrement(size) - size);
            Assert.True(Math.Abs(actual[i] - expected[i]) <= allowed, $"gelu({x[i]:R}) = {actual[i]:R}, expected {expected[i]:R}");
        }
        (double[] y, double[] slope) = Run(backend, ActivationKind.Gelu, [float.PositiveInfinity, float.NegativeInfinity, float.NaN, 1e30f, -1e30f], [1, 1, 1, 1, 1], 1);
        Assert.Equal([double.PositiveInfinity, 0, double.NaN, 1e30f, 0], y);
        Assert.Equal([1, 0, double.NaN, 1, 0], slope);
    }

    [Fact]
    public void FunctionsHaveOneName()
    {
        foreach (ActivationFunction function in ActivationRuns.OfElements)
            Assert.Equal(function, Activation.Named(ActivationRuns.Name(function))!.FunctionOf);
        foreach (CellActivation same in new[] { CellActivation.Relu, CellActivation.Tanh, CellActivation.Sigmoid, CellActivation.Softplus })
            Assert.Equal(same.ToString(), Activation.Of(same).Function);
        Assert.Equal("leaky_relu(0.01)", Activation.LeakyRelu().Function);
        Assert.Equal("elu(1)", Activation.Elu().Function);
        Assert.All(new[] { "chosen", "softmax", "log_softmax", "leaky_relu", "clip(1,1)", "clip(2,-1)", "gelu(1)", "" }, name => Assert.Null(Activation.Named(name)));
        Assert.Throws<ArgumentOutOfRangeException>(() => CellActivation.Clip(1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => CellActivation.Clip(float.NegativeInfinity, 1));
    }

    [Fact]
    public void AnActivationIsNotTheFirstLayer()
    {
        using var backend = new CpuBackend(1);
        Assert.Contains("Activation(relu)", Assert.Throws<ArgumentException>(() => new Sequential(backend, 1, Activation.Relu())).Message, StringComparison.Ordinal);
        Assert.Contains("LogSoftmax()", Assert.Throws<ArgumentException>(() => new Sequential(backend, 1, new LogSoftmax())).Message, StringComparison.Ordinal);
    }

    private static (double[] Y, double[] DX) Run(Backend backend, ActivationFunction function, float[] x, float[] dY, int rows)
    {
        int columns = x.Length / rows;
        DeviceBuffer input = backend.Allocate(rows, columns), output = backend.Allocate(rows, columns);
        DeviceBuffer above = backend.Allocate(rows, columns), below = backend.Allocate(rows, columns);
        backend.Write(input, x);
        backend.Write(above, dY);
        backend.ActivationForward(function, input, output);
        backend.ActivationBackward(function, input, output, above, below, null);
        return (GradientCheck.Values(backend, output), GradientCheck.Values(backend, below));
    }

    private static float[] Floats(double[] values) => Array.ConvertAll(values, value => (float)value);
}
