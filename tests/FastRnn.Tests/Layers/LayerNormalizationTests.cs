using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Layers;

/// <summary>Layer normalisation of features: against PyTorch, the reference and central differences, to the same bits, masked, streamed.</summary>
public class LayerNormalizationTests
{
    private const string Reference = "reference";

    public static TheoryData<IsaLevel> Levels => new(Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest));

    public static TheoryData<string> Backends =>
        new([Reference, .. Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest).Select(Isa.Name)]);

    [Theory]
    [MemberData(nameof(Backends))]
    public void AgreesWithPyTorch(string name)
    {
        var truth = new TruthFile("layer_norm.json");
        using Backend backend = name == Reference ? new ReferenceBackend() : new CpuBackend(1, Isa.Parse(name));
        int rows = truth.Size("rows"), columns = truth.Size("columns");
        var left = new HashSet<string>(truth.Expected.Keys);
        foreach ((string framework, float epsilon) in new[] { ("torch", 1e-5f), ("keras", 1e-3f) })
        {
            var run = new NormRun(backend, truth.Floats("weight"), truth.Floats("bias"), epsilon, truth.Floats("x"), truth.Floats("dy"), rows, 1, null);
            foreach ((string what, double[] actual) in run.Results())
            {
                double[] expected = truth.Expected[$"{framework}.{what}"];
                double largest = expected.Max(Math.Abs);
                for (int i = 0; i < expected.Length; i++)
                {
                    double allowed = (name == Reference ? 1e-12 : 2e-6) * Math.Max(1, largest);
                    Assert.True(Math.Abs(actual[i] - expected[i]) <= allowed, $"{name}, {framework}: {what}[{i}] is {actual[i]:R}, PyTorch {expected[i]:R}");
                }
                Assert.Equal(what.EndsWith('t') || what.EndsWith('s') ? columns : rows * columns, actual.Length);
                Assert.True(left.Remove($"{framework}.{what}"));
            }
        }
        Assert.Empty(left);
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void EveryLength(IsaLevel isa)
    {
        for (int n = 1; n <= 257; n += n < 70 ? 1 : 17)
        {
            const int steps = 5, batch = 4;
            CpuAgainstReferenceTests.Compare(isa, $"op=layer norm isa={isa} n={n}", (b, log) =>
            {
                var random = new Random(n);
                float[] x = Values(random, steps * batch * n, 6);
                StepFlags? flags = n % 2 == 0 ? BitsTests.RandomFlags(steps, batch, n) : null;
                float epsilon = n == 2 ? 10f : 1e-3f; // otherwise both are ±1, whatever x, and the gradient is what rounding leaves
                var run = new NormRun(b, Values(random, n, 2), Values(random, n, 1), epsilon, x, Values(random, x.Length, 1), steps, batch, flags);
                foreach ((string what, double[] values) in run.Results())
                    log(what, values);
                log("squares", [b.SumOfSquares(run.Output), b.SumOfSquares(run.InputGradient)]); // padding that is not zero would count here
            }, 2e-5);
        }
    }

    [Fact]
    public void BitsDoNotDependOnThreadsOrInstructionSet()
    {
        const int steps = 70, batch = 19, width = 37;
        var random = new Random(1);
        float[] weight = Values(random, width, 2), bias = Values(random, width, 1), x = Values(random, steps * batch * width, 5), dY = Values(random, x.Length, 1);
        foreach (StepFlags? flags in new[] { null, BitsTests.RandomFlags(steps, batch, 3) })
        {
            List<(string Name, double[] Values)>? expected = null;
            foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
            {
                foreach (int threads in new[] { 1, 2, 4 })
                {
                    using var backend = new CpuBackend(threads, isa);
                    List<(string Name, double[] Values)> actual = [.. new NormRun(backend, weight, bias, 1e-5f, x, dY, steps, batch, flags).Results()];
                    expected ??= actual;
                    for (int i = 0; i < actual.Count; i++)
                        Bits.Same(Floats(expected[i].Values), Floats(actual[i].Values), $"{actual[i].Name} isa={isa} threads={threads}");
                }
            }
        }
    }

    /// <summary>What goes in at steps that do not count arrives nowhere.</summary>
    [Fact]
    public void InactiveStepsMayHoldAnything()
    {
        using var backend = new CpuBackend(1);
        var trainer = new Trainer(
            new Sequential(backend, 4, new LayerNormalization(2), new Linear(2, 4), new LayerNormalization(4), new Linear(4, 4)), new MeanSquaredError(), new Sgd(0.1f));
        SequenceChunk chunk = LossRuns.RandomWindow(new MeanSquaredError(), 3, 2, 2, 4, seed: 41);
        chunk.SetInactive(1, 1);
        chunk.InputValues.Slice(3 * 2, 2).Fill(float.NaN);
        StepResult result = trainer.Step(chunk);
        Assert.True(double.IsFinite(result.Loss) && double.IsFinite(result.GradientNorm), $"{result}");
    }

    [Fact]
    public void GradientsAgreeWithCentralDifferences()
    {
        for (int seed = 0; seed < 6; seed++)
        {
            using var backend = new ReferenceBackend();
            var model = new Sequential(
                backend, 2, new LayerNormalization(2, 0.1f), new Lstm(2, 5), new LayerNormalization(5), new Residual(new LayerNormalization(5, 0.01f)), new Linear(5, 3));
            var random = new Random(seed);
            foreach (Parameter parameter in model.Parameters)
                parameter.Write([.. Values(random, parameter.Length, 1).Select(value => value + 0.1f)]);
            var loss = new MeanSquaredError();
            var trainer = new Trainer(model, loss, new Sgd(1e-30f));
            SequenceChunk chunk = LossRuns.RandomWindow(loss, 4, 3, 2, 3, seed);
            if (seed % 2 == 1)
                chunk.SetInactive(2, 1);
            chunk.StartsStreams = true;
            trainer.Step(chunk);
            foreach ((Parameter parameter, double[] gradient) in model.Parameters.Select(p => (p, GradientCheck.Values(backend, p.Gradient))).ToList())
            {
                double[] along = [.. gradient.Select(_ => (random.NextDouble() * 2) - 1)];
                double exact = GradientCheck.Dot(gradient, along);
                double numeric = GradientCheck.Numeric(backend, parameter.Value, along, () => trainer.Step(chunk).Loss);
                Assert.True(GradientCheck.Agree(exact, numeric), $"{parameter.Name} {exact:R}, central difference {numeric:R}");
            }
        }
    }

    /// <summary>A session step by step, many streams, and one window have the same bits; open sessions see training.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void Streams(IsaLevel isa)
    {
        using var backend = new CpuBackend(2, isa);
        using var model = new Sequential(backend, 5, new LayerNormalization(3), new Gru(3, 19), new LayerNormalization(19, 0.01f), new Linear(19, 2), new Softmax());
        using Session session = model.OpenSession(), many = model.OpenSession(new SessionOptions { Streams = 2 });
        Assert.NotNull(session.Plan);
        var random = new Random(6);
        for (int round = 0; round < 2; round++)
        {
            foreach (Parameter parameter in model.Parameters)
                parameter.Write(Values(random, parameter.Length, 1));
            session.Reset();
            many.Reset();
            float[] x = Values(random, 7 * 3, 3);
            DeviceBuffer input = backend.Allocate(7, 3);
            backend.Write(input, x);
            float[] whole = TrainingRuns.Read(
                backend, model.Forward(model.CreateWorkspace(7, 1, Keep.Nothing), new LayerInput(input), null, new PassContext(null, false, 0, 0, false)));
            float[] y = new float[2], both = new float[4];
            for (int t = 0; t < 7; t++)
            {
                session.Step(x.AsSpan(t * 3, 3), y);
                Bits.Same(whole.AsSpan(t * 2, 2), y, $"step {t}");
                many.StepBatch([.. x.AsSpan(t * 3, 3), .. x.AsSpan(t * 3, 3)], both);
                Bits.Same([.. y, .. y], both, $"streams, step {t}");
            }
        }
    }

    [Fact]
    public void StartsAsPyTorchDoesAndRefusesNonsense()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new LayerNormalization(3));
        Assert.Equal(["0.weight", "0.bias"], model.Parameters.Select(parameter => parameter.Name));
        Assert.Equal([1f, 1f, 1f], TrainingRuns.Read(backend, model.Parameters[0].Value));
        Assert.Equal([0f, 0f, 0f], TrainingRuns.Read(backend, model.Parameters[1].Value));
        Assert.Equal([3], model.Parameters[0].Shape);
        Assert.Throws<ArgumentOutOfRangeException>(() => new LayerNormalization(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LayerNormalization(3, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LayerNormalization(3, float.NaN));
        Assert.Throws<ArgumentException>(() => new Sequential(backend, 1, new Linear(3, 4), new LayerNormalization(3)));
    }

    private static float[] Values(Random random, int count, double scale) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * 2 * scale))];

    private static float[] Floats(double[] values) => Array.ConvertAll(values, value => (float)value);

    /// <summary>One pass forward and backward.</summary>
    private sealed class NormRun
    {
        private readonly Backend _backend;
        private readonly LayerNormParameters _gradients;

        public NormRun(Backend backend, float[] weight, float[] bias, float epsilon, float[] x, float[] dY, int steps, int batch, StepFlags? flags)
        {
            int width = weight.Length;
            _backend = backend;
            var parameters = new LayerNormParameters(Filled(1, weight), Filled(1, bias), epsilon);
            _gradients = new LayerNormParameters(backend.Allocate(1, width), backend.Allocate(1, width), epsilon);
            DeviceBuffer input = Filled(steps * batch, x), above = Filled(steps * batch, dY);
            Output = backend.Allocate(steps * batch, width);
            InputGradient = backend.Allocate(steps * batch, width);
            backend.LayerNormForward(parameters, input, Output);
            backend.LayerNormBackward(parameters, _gradients, input, above, InputGradient, flags, steps, batch);
        }

        public DeviceBuffer Output { get; }

        public DeviceBuffer InputGradient { get; }

        public IEnumerable<(string Name, double[] Values)> Results() =>
        [
            ("y", GradientCheck.Values(_backend, Output)), ("dx", GradientCheck.Values(_backend, InputGradient)),
            ("dweight", GradientCheck.Values(_backend, _gradients.Gamma)), ("dbias", GradientCheck.Values(_backend, _gradients.Beta)),
        ];

        private DeviceBuffer Filled(int rows, float[] values)
        {
            DeviceBuffer buffer = _backend.Allocate(rows, values.Length / rows);
            _backend.Write(buffer, values);
            return buffer;
        }
    }
}
