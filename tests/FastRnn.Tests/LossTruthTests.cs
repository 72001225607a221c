using FastRnn.Backends;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Every loss and its gradient, on every back end and instruction set, against PyTorch; see Truth/make_losses.py.</summary>
public class LossTruthTests
{
    private const string Reference = "reference";
    private static readonly TruthFile Truth = new("losses.json");

    public static TheoryData<string> Backends =>
        new([Reference, .. Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest).Select(Isa.Name)]);

    [Theory]
    [MemberData(nameof(Backends))]
    public void LossesAndGradients(string name)
    {
        using Backend backend = name == Reference ? new ReferenceBackend() : new CpuBackend(2, Isa.Parse(name));
        var left = new HashSet<string>(Truth.Expected.Keys);
        foreach ((string loss, string source, float[]? targets, Func<LossReduction, Loss> create) in Cases())
        {
            foreach (LossReduction reduction in Enum.GetValues<LossReduction>())
            {
                string what = $"{loss}.{(reduction == LossReduction.Mean ? "mean" : "sum")}";
                Loss made = create(reduction);
                (LossSum sum, double[] gradient) = Compute(backend, made, Truth.Floats(source), targets);
                // Values as elsewhere: 1e-6·max(1, |y|); gradients relative to the largest. In double both are PyTorch's but for rounding.
                double value = Truth.Expected[what][0], largest = Truth.Expected[$"{what}.gradient"].Max(Math.Abs);
                double tolerance = name == Reference ? 1e-13 : 1e-6;
                Close(made.Reduce(sum.Sum, sum.Divisor), value, tolerance * Math.Max(1, Math.Abs(value)), $"{name}: {what}");
                for (int i = 0; i < gradient.Length; i++)
                    Close(gradient[i], Truth.Expected[$"{what}.gradient"][i], tolerance * largest, $"{name}: {what}.gradient[{i}]");
                Assert.True(left.Remove(what) && left.Remove($"{what}.gradient"));
            }
        }
        Assert.Empty(left);
    }

    private static IEnumerable<(string Loss, string Source, float[]? Targets, Func<LossReduction, Loss> Create)> Cases()
    {
        float[] values = Truth.Floats("values"), probabilities = Truth.Floats("probabilities");
        float[] classWeights = Truth.Floats("class_weights"), positiveWeights = Truth.Floats("positive_weights");
        float[] answers = [.. probabilities.Select(p => p > 0.5f ? 1f : 0f)];
        float delta = (float)Truth.Constant("delta"), smoothing = (float)Truth.Constant("smoothing");
        float positive = (float)Truth.Constant("positive_weight");
        int padding = Truth.Size("padding");
        return
        [
            ("mse", "outputs", values, r => new MeanSquaredError { Reduction = r }),
            ("mae", "outputs", values, r => new MeanAbsoluteError { Reduction = r }),
            ("huber", "outputs", values, r => new Huber(delta) { Reduction = r }),
            ("pinball", "outputs", values, r => new PinballLoss(0.1f, 0.5f, 0.8f) { Reduction = r }),
            ("pinball_one", "outputs", values, r => new PinballLoss(0.1f) { Reduction = r }),
            ("bce", "logits", probabilities, r => new BinaryCrossEntropy { Reduction = r }),
            ("bce_answers", "logits", answers, r => new BinaryCrossEntropy { Reduction = r }),
            ("bce_one_weight", "logits", answers, r => new BinaryCrossEntropy(positive) { Reduction = r }),
            ("bce_weights", "logits", probabilities, r => new BinaryCrossEntropy(positiveWeights) { Reduction = r }),
            ("cross", "outputs", null, r => r == LossReduction.Mean ? Loss.CrossEntropy : new CrossEntropy { Reduction = r }),
            ("cross_large", "logits", null, r => new CrossEntropy { Reduction = r }),
            ("cross_weights", "outputs", null, r => new CrossEntropy(classWeights) { Reduction = r }),
            ("cross_smooth", "outputs", null, r => new CrossEntropy(labelSmoothing: smoothing) { Reduction = r }),
            ("cross_uniform", "outputs", null, r => new CrossEntropy(labelSmoothing: 1f) { Reduction = r }),
            ("cross_ignore", "outputs", null, r => new CrossEntropy(ignoreIndex: padding) { Reduction = r }),
            ("cross_all", "outputs", null, r => new CrossEntropy(classWeights, smoothing, padding) { Reduction = r }),
            ("nll", "log_probabilities", null, r => new NegativeLogLikelihood { Reduction = r }),
            ("nll_weights", "log_probabilities", null, r => new NegativeLogLikelihood(classWeights, padding) { Reduction = r }),
        ];
    }

    /// <summary>Rows that PyTorch did not see are inactive or ignored here, and hold NaN.</summary>
    private static (LossSum Sum, double[] Gradient) Compute(Backend backend, Loss loss, float[] outputs, float[]? targets)
    {
        const int batch = 3;
        int rows = Truth.Size("rows"), columns = Truth.Size("columns");
        var chunk = new SequenceChunk(rows / batch, batch, 1, targets == null ? 0 : columns);
        int[] counted = Truth.Integers("counted");
        DeviceBuffer output = backend.Allocate(rows, columns), gradient = backend.Allocate(rows, columns);
        DeviceBuffer? target = targets == null ? null : backend.Allocate(rows, columns);
        for (int r = 0; r < rows; r++)
        {
            if (counted[r] != 0)
                continue;
            if (r % 2 == 0)
                chunk.SetInactive(r / batch, r % batch);
            else
                chunk.SetIgnored(r / batch, r % batch);
            outputs.AsSpan(r * columns, columns).Fill(float.NaN);
        }
        if (targets == null)
            Truth.Integers("targets").CopyTo(chunk.Targets); // after the flags: what an inactive step holds is not looked at
        else
            backend.Write(target!, targets);
        backend.Write(output, outputs);
        backend.Write(gradient, [.. Enumerable.Repeat(float.NaN, outputs.Length)]);
        LossSum sum = loss.Compute(backend, output, chunk, target, gradient);
        Assert.Equal(Enumerable.Range(0, rows).Count(r => counted[r] != 0 && (targets != null || Counts(chunk.Targets[r], loss))), sum.Count);
        return (sum, GradientCheck.Values(backend, gradient));
    }

    private static bool Counts(int target, Loss loss)
    {
        var one = new SequenceChunk(1, 1, 1, 0);
        one.Targets[0] = target;
        using var backend = new ReferenceBackend();
        return LossRuns.Compute(backend, loss, new float[Truth.Size("columns")], one).Sum.Count == 1;
    }

    private static void Close(double actual, double expected, double allowed, string what)
    {
        if (!(Math.Abs(actual - expected) <= allowed))
            Assert.Fail($"{what} is {actual:R}, PyTorch {expected:R}, allowed {allowed:E1}");
    }
}
