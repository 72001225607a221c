using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Layers;

/// <summary>Penalties of activities: value and derivative against plain loops and central differences, what counts, where they appear.</summary>
public class ActivityRegularizationTests
{
    private const float L1 = 0.25f, L2 = 0.5f, Temporal = 0.75f;

    /// <summary>Every width around the vectors', with and without flags, each weight alone and all: both back ends against loops in double.</summary>
    [Fact]
    public void ValueAndDerivativeAreThoseOfPlainLoops()
    {
        foreach (Backend backend in new Backend[] { new ReferenceBackend(), new CpuBackend(2) })
        {
            using (backend)
            {
                int seed = 0;
                foreach (int width in new[] { 1, 3, 8, 15, 16, 17, 33, 50 })
                {
                    foreach ((float l1, float l2, float temporal) in new[] { (L1, 0f, 0f), (0f, L2, 0f), (0f, 0f, Temporal), (L1, L2, Temporal) })
                    {
                        foreach (int steps in new[] { 1, 2, 6 })
                        {
                            seed++;
                            StepFlags? flags = seed % 3 == 0 ? null : BitsTests.RandomFlags(steps, 3, seed);
                            Compare(backend, new ActivityRule(l1, l2, temporal), flags, steps, 3, width, seed);
                        }
                    }
                }
            }
        }
    }

    [Fact]
    public void NothingCountsWhereNothingIsActive()
    {
        foreach (Backend backend in new Backend[] { new ReferenceBackend(), new CpuBackend(1) })
        {
            using (backend)
            {
                var flags = new StepFlags(2, 2);
                flags.Active.Clear();
                DeviceBuffer h = Filled(backend, 4, 3, float.NaN), g = Filled(backend, 4, 3, 1);
                Assert.Equal(0, backend.ActivityPenalty(h, h, g, new ActivityRule(1, 1, 1), flags, 2, 2));
                Assert.All(TrainingRuns.Read(backend, g), x => Assert.Equal(0, x));
                flags.Active[0] = flags.Active[3] = 1; // neighbours in memory, no pair
                DeviceBuffer ones = Filled(backend, 4, 3, 1);
                Assert.Equal(2, backend.ActivityPenalty(ones, ones, null, new ActivityRule(1, 1, 1), flags, 2, 2));
            }
        }
    }

    /// <summary>The gradient of the loss that a step reports is the gradient that the step makes.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void GradientsAgreeWithCentralDifferences(bool flagged)
    {
        for (int seed = 0; seed < 4; seed++)
        {
            using var backend = new ReferenceBackend();
            using Sequential model = Model(backend, new ActivityRegularization(L1, L2, Temporal));
            // A step of 1e-30 leaves every double as it is, so a training step is a function.
            var trainer = new Trainer(model, Loss.CrossEntropy, new Sgd(1e-30f)) { CarryState = false };
            SequenceChunk chunk = TrainingRuns.RandomChunk(5, 3, 13, seed);
            var random = new Random(seed);
            for (int row = 0; flagged && row < 15; row++)
            {
                if (row != 14 && random.Next(4) == 0)
                    chunk.SetInactive(row / 3, row % 3);
                if (random.Next(4) == 0)
                    chunk.SetReset(row / 3, row % 3);
            }
            trainer.Step(chunk);
            List<(Parameter Parameter, double[] Gradient)> analytic = [.. model.Parameters.Select(p => (p, GradientCheck.Values(backend, p.Gradient)))];
            foreach ((Parameter parameter, double[] gradient) in analytic)
            {
                double[] direction = [.. gradient.Select(_ => random.NextDouble() - 0.5)];
                trainer.RestoreCounters(0, 0);
                double numeric = GradientCheck.Numeric(backend, parameter.Value, direction, () => Loss0(trainer, chunk));
                double expected = GradientCheck.Dot(gradient, direction);
                Assert.True(GradientCheck.Agree(expected, numeric), $"{parameter.Name}: {expected:R}, central difference {numeric:R}; seed={seed}");
            }
        }
    }

    /// <summary>The loss of a step has the penalty, through a residual layer too, whichever way the loss reduces; evaluation has none.</summary>
    [Fact]
    public void PenaltyIsInTheLossOfAStepAlone()
    {
        using var backend = new CpuBackend(1);
        foreach (bool residual in new[] { false, true })
        {
            foreach (LossReduction reduction in Enum.GetValues<LossReduction>())
            {
                Layer Inside(float l2) => residual ? new Residual(new ActivityRegularization(l2: l2)) : new ActivityRegularization(l2: l2);
                using Sequential plain = Model(backend, Inside(0)), penalised = Model(backend, Inside(L2));
                Trainer free = Create(plain), paying = Create(penalised);
                SequenceChunk chunk = TrainingRuns.RandomChunk(5, 3, 13, 1);
                Assert.Equal(free.Evaluate([chunk]), paying.Evaluate([chunk]));
                SequentialWorkspace workspace = plain.CreateWorkspace(5, 3, Keep.Nothing);
                plain.Forward(workspace, new LayerInput(chunk.InputMemory), null, new PassContext(null, false, 1, 0, false));
                double[] h = GradientCheck.Values(backend, workspace.Layers[1].Output);
                double expected = L2 * h.Sum(x => x * x) / h.Length;
                Assert.Equal(expected, paying.Step(chunk).Loss - free.Step(chunk).Loss, 1e-9);

                Trainer Create(Sequential model) => new(model, new CrossEntropy { Reduction = reduction }, new Sgd(0.1f));
            }
        }
    }

    /// <summary>Activities become smaller and steadier than without: what it is for.</summary>
    [Fact]
    public void ActivitiesBecomeSmallerAndSteadier()
    {
        using var backend = new CpuBackend(1);
        using Sequential plain = Model(backend, new ActivityRegularization()), penalised = Model(backend, new ActivityRegularization(l2: 2, temporal: 2));
        double[] free = Trained(plain), paying = Trained(penalised);
        Assert.True(paying[0] < 0.5 * free[0] && paying[1] < 0.5 * free[1], $"squares {free[0]:R} → {paying[0]:R}, changes {free[1]:R} → {paying[1]:R}");

        double[] Trained(Sequential model)
        {
            var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.02f));
            SequenceChunk chunk = TrainingRuns.RandomChunk(8, 3, 13, 1);
            for (int step = 0; step < 60; step++)
                trainer.Step(chunk);
            SequentialWorkspace workspace = model.CreateWorkspace(8, 3, Keep.Nothing);
            model.Forward(workspace, new LayerInput(chunk.InputMemory), null, new PassContext(null, false, 1, 0, false));
            DeviceBuffer h = workspace.Layers[1].Output;
            return [backend.ActivityPenalty(h, h, null, new ActivityRule(0, 1, 0), null, 8, 3), backend.ActivityPenalty(h, h, null, new ActivityRule(0, 0, 1), null, 8, 3)];
        }
    }

    [Fact]
    public void WrongNumbersAreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>("l1", () => new ActivityRegularization(-1));
        Assert.Throws<ArgumentOutOfRangeException>("l2", () => new ActivityRegularization(l2: float.NaN));
        Assert.Throws<ArgumentOutOfRangeException>("temporal", () => new ActivityRegularization(temporal: float.PositiveInfinity));
        using var backend = new CpuBackend(1);
        Assert.Throws<ArgumentException>(() => new Sequential(backend, 1, new ActivityRegularization(1), new Linear(2, 3)));
    }

    private static double Loss0(Trainer trainer, SequenceChunk chunk)
    {
        trainer.RestoreCounters(0, 0);
        return trainer.Step(chunk).Loss;
    }

    private static Sequential Model(Backend backend, Layer after) =>
        new(backend, 3, new Embedding(13, 9), new Lstm(9, 21), after, new Gru(21, 17), new Linear(17, 13));

    private static void Compare(Backend backend, ActivityRule rule, StepFlags? flags, int steps, int batch, int width, int seed)
    {
        var random = new Random(seed);
        float[] h = [.. Enumerable.Range(0, steps * batch * width).Select(i => i % 7 == 3 ? 0f : (float)((random.NextDouble() * 2) - 1))];
        float[] dY = [.. h.Select(_ => (float)random.NextDouble())];
        for (int row = 0; row < steps * batch; row++)
        {
            if (flags != null && !flags.IsActive(row / batch, row % batch))
                h.AsSpan(row * width, width).Fill(float.NaN); // nobody may look
        }
        (double expected, double[] slopes) = Loops(rule, flags, steps, batch, width, h);
        DeviceBuffer x = backend.Allocate(steps * batch, width), from = backend.Allocate(steps * batch, width), to = Filled(backend, steps * batch, width, float.NaN);
        backend.Write(x, h);
        backend.Write(from, dY);
        string what = $"{backend.Name} {rule} steps={steps} width={width} seed={seed}";
        double value = backend.ActivityPenalty(x, from, to, rule, flags, steps, batch);
        Assert.True(Math.Abs(value - expected) <= 1e-7 * Math.Max(1e-3, expected), $"{value:R}, expected {expected:R}: {what}");
        Assert.Equal(value, backend.ActivityPenalty(x, from, null, rule, flags, steps, batch));
        float[] gradient = TrainingRuns.Read(backend, to);
        for (int i = 0; i < gradient.Length; i++)
        {
            bool active = flags == null || flags.Active[i / width] != 0;
            double wanted = active ? dY[i] + slopes[i] : 0;
            Assert.True(Math.Abs(gradient[i] - wanted) <= 1e-6, $"gradient[{i}] {gradient[i]:R}, expected {wanted:R}: {what}");
        }
    }

    /// <summary>The definition: sums over sequences, which are what stands between resets and inactive steps.</summary>
    private static (double Penalty, double[] Slopes) Loops(ActivityRule rule, StepFlags? flags, int steps, int batch, int width, float[] h)
    {
        var slopes = new double[h.Length];
        var elements = new List<int>();
        var pairs = new List<(int Before, int After)>();
        for (int b = 0; b < batch; b++)
        {
            int last = -1;
            for (int t = 0; t < steps; t++)
            {
                int row = (t * batch) + b;
                bool active = flags == null || flags.Active[row] != 0;
                if (flags != null && flags.Reset[row] != 0)
                    last = -1;
                for (int c = 0; c < width && active; c++)
                {
                    elements.Add((row * width) + c);
                    if (last >= 0)
                        pairs.Add(((last * width) + c, (row * width) + c));
                }
                last = active ? row : -1;
            }
        }
        double penalty = 0;
        foreach (int i in elements)
        {
            penalty += ((rule.L1 * Math.Abs((double)h[i])) + (rule.L2 * (double)h[i] * h[i])) / elements.Count;
            slopes[i] += ((rule.L1 * Math.Sign(h[i])) + (2.0 * rule.L2 * h[i])) / elements.Count;
        }
        foreach ((int before, int after) in pairs)
        {
            double change = (double)h[after] - h[before];
            penalty += rule.Temporal * change * change / pairs.Count;
            slopes[after] += 2.0 * rule.Temporal * change / pairs.Count;
            slopes[before] -= 2.0 * rule.Temporal * change / pairs.Count;
        }
        return (penalty, slopes);
    }

    private static DeviceBuffer Filled(Backend backend, int rows, int columns, float value)
    {
        DeviceBuffer buffer = backend.Allocate(rows, columns);
        backend.Write(buffer, [.. Enumerable.Repeat(value, rows * columns)]);
        return buffer;
    }
}
