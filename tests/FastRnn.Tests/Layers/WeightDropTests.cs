using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Layers;

/// <summary>Weight drop: gradients, what it computes, which weights are trained, and that inference knows nothing of it.</summary>
public class WeightDropTests
{
    private const int Input = 4, Hidden = 4, Steps = 5, Batch = 3;

    public static TheoryData<int> Kinds => new(Enumerable.Range(0, 4 * CellRun.Cells.Length));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void GradientsAgreeWithCentralDifferences(int kind)
    {
        for (int seed = 0; seed < 6; seed++)
        {
            using var backend = new ReferenceBackend();
            StepFlags? flags = seed % 2 == 0 ? null : BitsTests.RandomFlags(Steps, Batch, seed);
            var run = new DirectionRun(backend, Create(kind, 0.4f), Input, Steps, Batch, flags, seed);
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

    /// <summary>
    /// It is the plain layer with R·mask/(1 − rate) for R, and R's gradient is that layer's through the same mask, each direction with its own.
    /// </summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void ItIsTheLayerWithMaskedWeights(int kind)
    {
        const float rate = 0.4f;
        foreach (Backend backend in new Backend[] { new ReferenceBackend(), new CpuBackend(2) })
        {
            using (backend)
            {
                Layer dropping = Create(kind, rate), plain = Create(kind, 0);
                var dropped = new DirectionRun(backend, dropping, Input, Steps, Batch, null, seed: 5);
                var masked = new DirectionRun(backend, plain, Input, Steps, Batch, null, seed: 5);
                var masks = new Dictionary<string, DropoutMask>();
                foreach (Parameter parameter in plain.Parameters.Where(p => p.Name.Contains("weight_hh", StringComparison.Ordinal)))
                {
                    bool reverse = parameter.Name.EndsWith("_reverse", StringComparison.Ordinal);
                    masks[parameter.Name] = new DropoutMask(rate, 5, 0, 0, DropoutUse.RecurrentWeights, PerSample: true, reverse);
                    backend.Dropout(parameter.Value, parameter.Value, masks[parameter.Name], 1, parameter.Value.Rows);
                    int zeros = GradientCheck.Values(backend, parameter.Value).Count(w => w == 0);
                    Assert.InRange(zeros, 1, parameter.Length - 1);
                }
                Dictionary<string, double[]> expected = masked.Results(), actual = dropped.Results();
                foreach ((Parameter parameter, Parameter raw) in plain.Parameters.Zip(dropping.Parameters))
                {
                    if (!masks.TryGetValue(parameter.Name, out DropoutMask mask))
                        continue;
                    backend.Dropout(parameter.Gradient, parameter.Gradient, mask, 1, parameter.Value.Rows);
                    expected["d" + parameter.Name] = GradientCheck.Values(backend, parameter.Gradient);
                    Assert.Equal(GradientCheck.Values(backend, raw.Gradient), actual["d" + raw.Name]);
                }
                foreach ((string name, double[] values) in expected)
                    Assert.True(values.SequenceEqual(actual[name]), $"{backend.Name}: {name} kind={kind}");
            }
        }
    }

    /// <summary>In inference, also between two training steps and after any change of the weights, it is the plain layer.</summary>
    [Fact]
    public void InferenceUsesTheWeightsAsTheyAre()
    {
        foreach (Backend backend in new Backend[] { new ReferenceBackend(), new CpuBackend(1) })
        {
            using (backend)
            {
                using Sequential model = Model(backend, 0.5f), plain = Model(backend, 0f);
                var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.05f)) { AverageDecay = 0.5f };
                var stopping = new EarlyStopping(model, 1);
                stopping.Report(1);
                SameAsPlain("at first");
                for (int step = 0; step < 3; step++)
                {
                    trainer.Step(TrainingRuns.RandomChunk(6, 3, 13, step));
                    SameAsPlain($"after step {step}");
                    SameAsPlain("again");
                }
                trainer.SwapAverage();
                SameAsPlain("averaged");
                trainer.SwapAverage();
                stopping.RestoreBest();
                SameAsPlain("restored");

                void SameAsPlain(string when)
                {
                    foreach ((Parameter from, Parameter to) in model.Parameters.Zip(plain.Parameters))
                        backend.Copy(from.Value, to.Value);
                    Bits.Same(Logits(plain), Logits(model), $"{backend.Name}, {when}");
                }
            }
        }
    }

    [Fact]
    public void TrainingGivesTheSameBitsEverywhereAndDiffersFromPlainTraining()
    {
        List<(string Name, float[] Values)>? expected = null;
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            foreach (int threads in new[] { 1, 3 })
            {
                using var backend = new CpuBackend(threads, isa);
                List<(string, float[])> actual = Trained(backend, 0.5f);
                expected ??= actual;
                TrainerTests.Same(expected, actual);
            }
        }
        using var plain = new CpuBackend(1);
        Assert.NotEqual(expected![2].Values, Trained(plain, 0f)[2].Values);
    }

    /// <summary>Windows that wait for one update have masks of their own, and a loss asked for in between changes nothing.</summary>
    [Fact]
    public void WindowsInAnUpdateHaveMasksOfTheirOwn()
    {
        using var backend = new ReferenceBackend();
        using Sequential model = Model(backend, 0.5f), watched = Model(backend, 0.5f);
        Trainer first = Accumulating(model), second = Accumulating(watched);
        SequenceChunk chunk = TrainingRuns.RandomChunk(6, 3, 13, 1);
        var losses = new HashSet<double>();
        for (int window = 0; window < 3; window++)
        {
            losses.Add(first.Step(chunk).Loss);
            second.Evaluate([chunk]);
            second.Step(chunk);
        }
        Assert.Equal(3, losses.Count);
        TrainerTests.Same(TrainingRuns.Everything(first), TrainingRuns.Everything(second));

        static Trainer Accumulating(Sequential model) => new(model, Loss.CrossEntropy, new Sgd(0.1f)) { AccumulatedWindows = 3, CarryState = false };
    }

    [Fact]
    public void WrongSharesAreRefused()
    {
        foreach (float share in new[] { 1f, -0.1f, float.NaN })
            Assert.Throws<ArgumentOutOfRangeException>("WeightDrop", () => new Gru(2, 3) { WeightDrop = share });
        Assert.Equal("Gru(2, 3, weight drop 0.5)", new Gru(2, 3) { WeightDrop = 0.5f }.ToString());
        Assert.Equal("Gru(2, 3)", new Gru(2, 3).ToString());
    }

    private static List<(string Name, float[] Values)> Trained(Backend backend, float share)
    {
        using Sequential model = Model(backend, share);
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.01f)) { ClipNorm = 1 };
        for (int step = 0; step < 4; step++)
            trainer.Step(TrainingRuns.RandomChunk(6, 3, 13, step));
        return TrainingRuns.Everything(trainer);
    }

    private static Sequential Model(Backend backend, float share) => new(
        backend, 3, new Embedding(13, 9), new Lstm(9, 21) { WeightDrop = share }, new Gru(21, 17) { WeightDrop = share / 2 }, new Linear(17, 13));

    private static float[] Logits(Sequential model)
    {
        Session session = model.OpenSession();
        var y = new float[13];
        var all = new List<float>();
        foreach (int token in (int[])[3, 1, 4, 1, 5])
        {
            session.Step(token, y);
            all.AddRange(y);
        }
        return [.. all];
    }

    private static Layer Create(int kind, float share)
    {
        CellType cell = CellRun.Cells[kind / 4];
        RecurrentLayer layer = cell.Kind switch
        {
            CellKind.Lstm => new Lstm(Input, Hidden) { WeightDrop = share },
            CellKind.Gru => new Gru(Input, Hidden) { WeightDrop = share },
            _ => new Rnn(Input, Hidden, cell.Activation) { WeightDrop = share },
        };
        return (kind % 4) switch
        {
            0 => layer,
            1 => new Bidirectional(layer),
            2 => new GoBackwards(layer),
            _ => new Residual(layer),
        };
    }
}
