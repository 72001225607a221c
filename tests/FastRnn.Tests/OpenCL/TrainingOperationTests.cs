using FastRnn.Backends;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>Losses and optimisers, see <see cref="OpenClComparison"/>.</summary>
public class TrainingOperationTests(OpenClFixture fixture) : IClassFixture<OpenClFixture>
{
    public static TheoryData<string> Kinds => OpenClFixture.Kinds;

    public static TheoryData<string> Optimizers => OptimizerKernelTests.Names;

    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void LossesAtEveryLength(string kind)
    {
        foreach (int n in OpenClComparison.Lengths)
        {
            foreach ((string name, Func<int, LossReduction, Loss> create) in LossRuns.All)
            {
                Loss loss = create(n, (LossReduction)(n % 2));
                SequenceChunk chunk = LossRuns.RandomWindow(loss, 1 + (n % 4), 1 + (n % 3), 1, n, seed: n);
                if (n % 2 == 1 && chunk.Steps > 1)
                    chunk.SetIgnored(0, 0);
                OpenClComparison.Check(
                    fixture.Of(kind), $"loss={name} kernels={kind} n={n}", (b, log) => LossTests.Compute(b, log, loss, chunk, n), kind == "gpu" ? ["squares"] : []);
            }
        }
    }

    /// <summary>Skipped rows may hold anything, extreme scores have finite losses, and what is not finite shows.</summary>
    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void LossesAtTheLimits(string kind)
    {
        Backend backend = fixture.Of(kind);
        foreach ((string name, Func<int, LossReduction, Loss> create) in LossRuns.All)
        {
            Loss loss = create(19, LossReduction.Mean);
            SequenceChunk chunk = LossRuns.RandomWindow(loss, 2, 2, 1, 19, seed: 5);
            chunk.Targets.Replace(0, 1); // a class that some of these losses ignore
            chunk.SetInactive(1, 0);
            float[] outputs = LossTests.Outputs(4 * 19, seed: 6);
            (double expected, float[] gradient) = Run(new CpuBackend(1), outputs);
            outputs.AsSpan(2 * 19, 19).Fill(float.NaN);
            (double actual, float[] actualGradient) = Run(backend, outputs);
            Assert.True(expected == actual && gradient.AsSpan().SequenceEqual(actualGradient), $"{name}: {actual}, on the CPU {expected}");
            outputs[LossRuns.TakesClasses(loss) ? chunk.Targets[1] + 19 : 30] = float.NaN;
            Assert.False(double.IsFinite(Run(backend, outputs).Sum), name);

            (double Sum, float[] Gradient) Run(Backend b, float[] values)
            {
                (LossSum sum, float[] slopes) = LossRuns.Compute(b, loss, values, chunk);
                return (sum.Sum, slopes);
            }
        }
        var two = new SequenceChunk(1, 2, 1, 0);
        two.Targets[1] = 1;
        Assert.Equal(2e30, LossRuns.Compute(backend, new CrossEntropy(labelSmoothing: 0.5f), [1e30f, -1e30f, 1e30f, -1e30f], two).Sum.Sum, 1e24);
    }

    [OpenClTheory]
    [MemberData(nameof(Optimizers))]
    public void OptimizersAtEveryLength(string name)
    {
        foreach (string kind in (string[])["own", "gpu"])
        {
            foreach (int n in OpenClComparison.Lengths)
            {
                OpenClComparison.Check(
                    fixture.Of(kind), $"optimizer={name} kernels={kind} n={n}",
                    (b, log) => OptimizerKernelTests.Run(b, OptimizerKernelTests.Optimizers[name](), 2, n, seed: n).ForEach(e => log(e.Name, e.Values)));
            }
        }
    }

    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void SumsOfManyAreThoseOfEach(string kind)
    {
        Backend b = fixture.Of(kind);
        var random = new Random(9);
        DeviceBuffer[] buffers = [.. Enumerable.Range(1, 40).Select(n => CpuAgainstReferenceTests.Filled(b, random, n * 7, 1 + (n * 5 % 37), 1))];
        var sums = new double[buffers.Length];
        b.SumsOfSquares(buffers, sums);
        Assert.Equal(buffers.Select(b.SumOfSquares), sums);
    }

    [OpenClFact]
    public void OtherShapesAreRefused()
    {
        Backend b = fixture.Backend;
        DeviceBuffer w = b.Allocate(2, 3), other = b.Allocate(3, 2);
        Assert.Throws<ArgumentException>(() => b.SgdUpdate(w, other, new SgdStep(1, 1)));
        Assert.Throws<ArgumentException>(() => b.AdamUpdate(w, w, w, other, default));
        Assert.Throws<ArgumentException>(() => b.Update(w, other, default, new UpdateStep()));
        Assert.Throws<ArgumentException>(() => b.Update(w, w, new UpdateArrays(Mean: w), new UpdateStep()));
        Assert.Throws<ArgumentOutOfRangeException>(() => b.CrossEntropy(w, [1, 3], null));
        Assert.Throws<ArgumentException>(() => b.CrossEntropy(w, [1], null));
        Assert.Throws<ArgumentException>(() => b.ClassLoss(w, [1, 1], [1], ClassLossRule.CrossEntropy, null));
        Assert.Throws<ArgumentException>(() => b.ElementLoss(w, other, default, default, null));
    }
}
