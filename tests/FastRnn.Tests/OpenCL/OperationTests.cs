using FastRnn.Backends;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>Operations on rows and elements, see <see cref="OpenClComparison"/>, with the kernels of every kind of device.</summary>
public class OperationTests(OpenClFixture fixture) : IClassFixture<OpenClFixture>
{
    public static TheoryData<string> Kinds => OpenClFixture.Kinds;

    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void EmbeddingAtEveryLength(string kind) => Each(kind, (b, log, n) =>
    {
        var random = new Random(n);
        DeviceBuffer table = Filled(b, random, 5, n, 1), y = b.Allocate(7, n), dTable = Filled(b, random, 5, n, 1), dY = Filled(b, random, 7, n, 1);
        int[] tokens = [4, 0, -1, 4, 2, 4, 0];
        b.EmbeddingForward(table, tokens, y);
        Read(b, log, "y", y);
        b.EmbeddingBackward(dTable, tokens, dY);
        b.EmbeddingBackward(dTable, [1, -1, -1, 1, -1, 3, 3], dY);
        b.EmbeddingBackward(dTable, [-1, -1, -1, -1, -1, -1, -1], dY);
        Read(b, log, "dTable", dTable);
    });

    [OpenClFact]
    public void TokensOutsideTheVocabularyAreRefused()
    {
        Backend b = fixture.Backend;
        DeviceBuffer table = b.Allocate(3, 2), y = b.Allocate(1, 2);
        Assert.Contains("token 3", Assert.Throws<ArgumentOutOfRangeException>(() => b.EmbeddingForward(table, [3], y)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => b.EmbeddingBackward(table, [3], y));
    }

    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void DropoutAtEveryLength(string kind) => Each(kind, (b, log, n) =>
    {
        var random = new Random(n);
        DeviceBuffer x = Filled(b, random, 6, n, 1), y = b.Allocate(6, n);
        foreach (DropoutUse use in Enum.GetValues<DropoutUse>())
        {
            b.Dropout(x, y, new DropoutMask(0.4f, 77UL << 33, 3, (1L << 33) + n, use, Reverse: n % 2 == 0), 3, 2);
            Read(b, log, $"{use}", y);
        }
        b.Dropout(x, x, new DropoutMask(0.3f, 78, 200, 1000 + n, PerSample: true), 3, 2);
        Read(b, log, "one mask a sample", x);
    });

    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void GatherRowsAtEveryLength(string kind) => Each(kind, (b, log, n) =>
    {
        var random = new Random(n);
        DeviceBuffer source = Filled(b, random, 4, n + 5, 1), target = Filled(b, random, 6, n + 3, 1);
        foreach (GatherMode mode in Enum.GetValues<GatherMode>())
        {
            b.GatherRows(source, [3, -1, 0, 3, -1, 2], target, new RowGather(mode, 5, 2, n, 0.75f));
            Read(b, log, $"{mode}", target);
            b.GatherRows(source, default, b.View(target, 1, 4), new RowGather(mode, 1, 0, n, 1));
            Read(b, log, $"{mode} in place", target);
        }
    });

    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void ActivationsAtEveryLength(string kind) => Each(kind, (b, log, n) =>
    {
        foreach (ActivationFunction function in ActivationRuns.All)
        {
            var random = new Random(n);
            // A probability of almost 1 has a gradient that is the difference of two numbers.
            DeviceBuffer x = Filled(b, random, 6, n, function.Kind == ActivationKind.Softmax ? 2 : 8), y = b.Allocate(6, n), dY = Filled(b, random, 6, n, 1), dX = b.Allocate(6, n);
            b.ActivationForward(function, x, y);
            Read(b, log, $"{function}", y);
            b.ActivationBackward(function, x, y, dY, dX, null);
            Read(b, log, $"{function} back", dX);
            var flags = new StepFlags(3, 2);
            flags.Active[1] = flags.Active[4] = 0;
            b.Write(b.View(x, 4, 1), Enumerable.Repeat(float.NaN, n).ToArray());
            b.ActivationBackward(function, x, y, dY, dY, flags);
            Read(b, log, $"{function} back, some", dY);
        }
    });

    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void LayerNormAtEveryLength(string kind) => Each(kind, (b, log, n) =>
    {
        const int steps = 3, batch = 5;
        var random = new Random(n);
        float epsilon = n == 2 ? 10f : 1e-3f; // otherwise both are ±1, whatever x, and the gradient is what rounding leaves
        var parameters = new LayerNormParameters(Filled(b, random, 1, n, 2), Filled(b, random, 1, n, 1), epsilon);
        var gradients = new LayerNormParameters(Filled(b, random, 1, n, 1), Filled(b, random, 1, n, 1), epsilon);
        DeviceBuffer x = Filled(b, random, steps * batch, n, 8), y = b.Allocate(steps * batch, n), dY = Filled(b, random, steps * batch, n, 1);
        DeviceBuffer dX = b.Allocate(steps * batch, n);
        b.LayerNormForward(parameters, x, y);
        Read(b, log, "y", y);
        var flags = new StepFlags(steps, batch);
        flags.Active[4] = flags.Active[9] = flags.Active[14] = 0;
        foreach (StepFlags? some in (StepFlags?[])[null, flags])
        {
            b.LayerNormBackward(parameters, gradients, x, dY, dX, some, steps, batch);
            Read(b, log, "dX", dX);
            Read(b, log, "dGamma", gradients.Gamma);
            Read(b, log, "dBeta", gradients.Beta);
            b.Write(b.View(x, 9, 1), Enumerable.Repeat(float.NaN, n).ToArray());
        }
        b.LayerNormBackward(parameters, gradients, x, dY, null, flags, steps, batch);
        Read(b, log, "dGamma alone", gradients.Gamma);
    });

    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void SumsAndPenaltiesAtEveryLength(string kind) => Each(
        kind,
        (b, log, n) =>
        {
            var random = new Random(n);
            DeviceBuffer w = Filled(b, random, 7, n, 2), g = Filled(b, random, 7, n, 1);
            b.Write(b.View(w, 3, 1), new float[n]);
            log("squares", [b.SumOfSquares(w), b.SumOfSquares(b.View(g, 2, 3))]);
            log("penalty", [b.Penalty(w, g, 0.3f, 0.7f), b.Penalty(w, null, 0.3f, 0f), b.Penalty(w, null, 0f, 0.7f)]);
            Read(b, log, "slopes", g);
            b.ClampValues(g, 0.75f);
            Read(b, log, "clamped", g);
            b.LimitRowNorms(w, 1.5f);
            Read(b, log, "limited", w);
            b.Accumulate(g, w);
            Read(b, log, "accumulated", w);
        },
        "squares", "penalty");

    /// <summary>Many rows, so that a GPU's sums are cut into segments.</summary>
    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void SumOfManyRows(string kind) => OpenClComparison.Check(
        fixture.Of(kind), kind, (b, log) => log("squares", [b.SumOfSquares(Filled(b, new Random(1), 1031, 33, 3))]), Almost(kind, "squares"));

    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void SumsShowWhatIsNotFinite(string kind)
    {
        Backend b = fixture.Of(kind);
        DeviceBuffer x = b.Allocate(3, 5);
        b.Write(b.View(x, 1, 1), (ReadOnlySpan<float>)[1, 2, float.PositiveInfinity, 3, 4]);
        Assert.Equal(double.PositiveInfinity, b.SumOfSquares(x));
        b.Write(b.View(x, 2, 1), (ReadOnlySpan<float>)[1, 2, float.NaN, 3, 4]);
        Assert.True(double.IsNaN(b.SumOfSquares(x)));
    }

    [OpenClTheory]
    [MemberData(nameof(Kinds))]
    public void ActivityPenaltyAtEveryLength(string kind) => Each(
        kind,
        (b, log, n) =>
        {
            const int steps = 5, batch = 3;
            var random = new Random(n);
            DeviceBuffer x = Filled(b, random, steps * batch, n, 1), dY = Filled(b, random, steps * batch, n, 1), g = b.Allocate(steps * batch, n);
            var flags = new StepFlags(steps, batch);
            flags.Active[4] = flags.Active[14] = 0;
            flags.Reset[8] = 1;
            foreach (ActivityRule rule in (ActivityRule[])[new(0.2f, 0.3f, 0.4f), new(0, 0.3f, 0), new(0.2f, 0, 0), new(0, 0, 0.4f)])
            {
                log("penalty", [b.ActivityPenalty(x, dY, g, rule, null, steps, batch), b.ActivityPenalty(x, dY, null, rule, flags, steps, batch)]);
                Read(b, log, "slopes", g);
                b.ActivityPenalty(x, dY, g, rule, flags, steps, batch);
                Read(b, log, "slopes, some", g);
            }
        },
        "penalty");

    private static DeviceBuffer Filled(Backend b, Random random, int rows, int columns, double scale) =>
        CpuAgainstReferenceTests.Filled(b, random, rows, columns, scale);

    private static void Read(Backend b, Action<string, double[]> log, string name, DeviceBuffer buffer) =>
        CpuAgainstReferenceTests.Log(b, log, name, buffer);

    private static string[] Almost(string kind, params string[] sums) => kind == "gpu" ? sums : [];

    private void Each(string kind, Action<Backend, Action<string, double[]>, int> work, params string[] sums)
    {
        foreach (int n in OpenClComparison.Lengths)
            OpenClComparison.Check(fixture.Of(kind), $"kernels={kind} n={n}", (b, log) => work(b, log, n), Almost(kind, sums));
    }
}
