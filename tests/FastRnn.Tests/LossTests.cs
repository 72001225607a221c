using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Losses of the CPU back end: against the reference at every length, the same bits everywhere, and the logistic loss to the ulp.</summary>
public class LossTests
{
    public static TheoryData<IsaLevel> Levels => new(Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest));

    [Theory]
    [MemberData(nameof(Levels))]
    public void EveryLossAtEveryLength(IsaLevel isa)
    {
        for (int n = 1; n <= 257; n++)
        {
            foreach ((string name, Func<int, LossReduction, Loss> create) in LossRuns.All)
            {
                Loss loss = create(n, (LossReduction)(n % 2));
                SequenceChunk chunk = LossRuns.RandomWindow(loss, 1 + (n % 4), 1 + (n % 3), 1, n, seed: n);
                if (n % 2 == 1 && chunk.Steps > 1)
                    chunk.SetIgnored(0, 0);
                CpuAgainstReferenceTests.Compare(isa, $"op={name} isa={isa} n={n}", (b, log) => Compute(b, log, loss, chunk, n));
            }
        }
    }

    /// <summary>Enough rows to be cut over threads, of a width that leaves a rest.</summary>
    [Fact]
    public void BitsDoNotDependOnThreadsOrInstructionSet()
    {
        const int steps = 23, batch = 9, columns = 37;
        foreach ((string name, Func<int, LossReduction, Loss> create) in LossRuns.All)
        {
            Loss loss = create(columns, LossReduction.Mean);
            SequenceChunk chunk = LossRuns.RandomWindow(loss, steps, batch, 1, columns, seed: 3);
            for (int t = 0; t < steps; t += 2)
                chunk.SetInactive(t, t % batch);
            float[] outputs = Outputs(steps * batch * columns, seed: 4);
            (LossSum Sum, float[] Gradient)? expected = null;
            foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
            {
                for (int threads = 1; threads <= 4; threads++)
                {
                    using var backend = new CpuBackend(threads, isa);
                    (LossSum Sum, float[] Gradient) actual = LossRuns.Compute(backend, loss, outputs, chunk);
                    expected ??= actual;
                    Assert.True(expected.Value.Sum == actual.Sum, $"{name} isa={isa} threads={threads}: {actual.Sum}, expected {expected.Value.Sum}");
                    Bits.Same(expected.Value.Gradient, actual.Gradient, $"gradient of {name} isa={isa} threads={threads}");
                }
            }
        }
    }

    /// <summary>Loss and slope of sure answers, right and wrong: no cancellation anywhere, within the bound that the kernel states.</summary>
    [Fact]
    public void LogisticLossIsExactToTheUlp()
    {
        double worst = 0;
        for (int i = -1_500_000; i <= 1_500_000; i += 7)
        {
            float x = i * (86f / 1_500_000);
            for (int y = 0; y <= 1; y++)
            {
                float actual = LogisticLoss.Evaluate<ScalarLanes, float>(x, y, 1f, out float slope);
                double z = y == 1 ? -x : x; // softplus(z), and its slope times the sign of z
                double e = Math.Exp(-Math.Abs(z)), exactSlope = (z < 0 ? e : 1) / (1 + e) * (y == 1 ? -1 : 1);
                double u = 1 + e, exact = Math.Max(z, 0) + (u == 1 ? e : Math.Log(u) * e / (u - 1));
                worst = Math.Max(worst, Math.Max(Ulps(actual, exact), Ulps(slope, exactSlope)));
            }
        }
        Assert.InRange(worst, 0.5, LogisticLoss.Ulps);
    }

    [Fact]
    public void NonFiniteOutputsShowInTheLoss()
    {
        using var backend = new CpuBackend(1);
        foreach ((string name, Func<int, LossReduction, Loss> create) in LossRuns.All)
        {
            Loss loss = create(19, LossReduction.Mean);
            SequenceChunk chunk = LossRuns.RandomWindow(loss, 2, 2, 1, 19, seed: 5);
            foreach (float poison in new[] { float.NaN, float.PositiveInfinity })
            {
                float[] outputs = Outputs(4 * 19, seed: 6);
                outputs[40 + (LossRuns.TakesClasses(loss) ? chunk.Targets[2] - 2 : 13)] = poison;
                Assert.False(double.IsFinite(LossRuns.Compute(backend, loss, outputs, chunk).Sum.Sum), $"{name} with {poison}");
            }
        }
    }

    [Fact]
    public void ExtremeButFiniteLogitsHaveFiniteLosses()
    {
        using var backend = new CpuBackend(1);
        var chunk = new SequenceChunk(1, 2, 1, 0);
        chunk.Targets[1] = 1;
        (LossSum sum, float[] gradient) = LossRuns.Compute(backend, new CrossEntropy(labelSmoothing: 0.5f), [1e30f, -1e30f, 1e30f, -1e30f], chunk);
        Assert.Equal(2e30, sum.Sum, 1e24);
        Assert.Equal([0.125f, -0.125f, 0.375f, -0.375f], gradient);
        var answers = new SequenceChunk(1, 1, 1, 4);
        new[] { 0f, 1f, 0f, 1f }.CopyTo(answers.TargetValues);
        (sum, gradient) = LossRuns.Compute(backend, new BinaryCrossEntropy(), [-1e30f, 1e30f, 1e30f, -1e30f], answers);
        Assert.Equal(2e30, sum.Sum, 1e24);
        Assert.Equal([0f, 0f, 0.25f, -0.25f], gradient);
    }

    [Fact]
    public void NothingCountedIsNoLossAndNoGradient()
    {
        using var cpu = new CpuBackend(1);
        using var reference = new ReferenceBackend();
        foreach (Backend backend in new Backend[] { cpu, reference })
        {
            foreach ((_, Func<int, LossReduction, Loss> create) in LossRuns.All)
            {
                Loss loss = create(3, LossReduction.Mean);
                SequenceChunk chunk = LossRuns.RandomWindow(loss, 1, 2, 1, 3, seed: 7);
                chunk.SetIgnored(0, 0);
                chunk.SetIgnored(0, 1);
                (LossSum sum, float[] gradient) = LossRuns.Compute(backend, loss, Outputs(6, seed: 8), chunk);
                Assert.Equal((new LossSum(0, 0, 0), 0.0), (sum, loss.Reduce(sum.Sum, sum.Divisor)));
                Assert.Equal(new float[6], gradient);
            }
        }
    }

    [Fact]
    public void WrongConstantsAreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Huber(0f));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Huber(float.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CrossEntropy(labelSmoothing: 1.1f));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CrossEntropy([1f, -1f]));
        Assert.Throws<ArgumentException>(() => new NegativeLogLikelihood([0f, 0f]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BinaryCrossEntropy(float.PositiveInfinity));
        Assert.Throws<ArgumentException>(() => new PinballLoss());
        foreach (float quantile in new[] { 0f, 1f, -0.5f, float.NaN })
            Assert.Throws<ArgumentOutOfRangeException>(() => new PinballLoss(0.5f, quantile));
        foreach (float quantile in new[] { 0.5f, 0.4f })
            Assert.Throws<ArgumentException>(() => new PinballLoss(0.5f, quantile));
    }

    internal static void Compute(Backend b, Action<string, double[]> log, Loss loss, SequenceChunk chunk, int columns)
    {
        int rows = chunk.Steps * chunk.Batch;
        DeviceBuffer output = b.Allocate(rows, columns), gradient = b.Allocate(rows, columns);
        DeviceBuffer? target = chunk.Outputs == 0 ? null : b.Allocate(rows, columns);
        b.Write(output, Outputs(output.Length, seed: columns));
        if (target != null)
            b.Write(target, chunk.TargetValues);
        LossSum sum = loss.Compute(b, output, chunk, target, gradient);
        log("sum", [sum.Sum]);
        log("count", [sum.Count]);
        log("divisor", [sum.Divisor]);
        log("sum alone", [loss.Compute(b, output, chunk, target, null).Sum]);
        CpuAgainstReferenceTests.Log(b, log, "gradient", gradient);
        log("squares", [b.SumOfSquares(gradient)]); // padding that is not zero would count here
    }

    internal static float[] Outputs(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (float)((random.NextDouble() - 0.5) * 8))];
    }

    private static double Ulps(float actual, double exact)
    {
        float nearest = MathF.Abs((float)exact);
        if (nearest < 1.17549435e-38f)
            return Math.Abs(actual) <= 1.2e-38f ? 0 : double.PositiveInfinity;
        return Math.Abs(actual - exact) / (MathF.BitIncrement(nearest) - (double)nearest);
    }
}
