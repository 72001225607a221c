using FastRnn.Backends;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// A limit of the pre-activations' gradients is no gradient of anything: here one unit, one input and one step are worked out by hand.
/// </summary>
public class GradientLimitTests
{
    private const double Dh = 1.7, X = 0.9, H0 = -0.6, C0 = 0.8;

    public static TheoryData<float> Limits => new(0.002f, 0.02f, 0.1f, 0.25f, 1f, 100f);

    public static TheoryData<string> Options => new(CellRun.Options.Select(option => option.Name));

    [Theory]
    [MemberData(nameof(Limits))]
    public void SimpleCell(float limit)
    {
        CellRun run = One(CellType.Rnn(), limit);
        double a = Sum(run, 0), y = Math.Tanh(a), da = Cut(Dh * (1 - (y * y)), limit);
        Check(run, ("dW", [da * X]), ("dR", [da * H0]), ("db_ih", [da]), ("db_hh", [da]), ("dX", [da * run.W[0]]), ("dh0", [da * run.R[0]]));
    }

    [Theory]
    [MemberData(nameof(Limits))]
    public void LstmWithPeepholes(float limit)
    {
        CellRun run = One(CellType.Lstm with { Peepholes = true }, limit);
        float[] p = run.Peephole;
        double i = Sigmoid(Sum(run, 0) + (p[0] * C0)), f = Sigmoid(Sum(run, 1) + (p[1] * C0)), g = Math.Tanh(Sum(run, 2)), c = (f * C0) + (i * g);
        double o = Sigmoid(Sum(run, 3) + (p[2] * c)), y = Math.Tanh(c);
        double dao = Cut(Dh * y * o * (1 - o), limit), dc = (Dh * o * (1 - (y * y))) + (p[2] * dao);
        double dai = Cut(dc * g * i * (1 - i), limit), daf = Cut(dc * C0 * f * (1 - f), limit), dag = Cut(dc * i * (1 - (g * g)), limit);
        double[] da = [dai, daf, dag, dao];
        Check(
            run, ("dW", Times(da, X)), ("dR", Times(da, H0)), ("db_ih", da), ("db_hh", da), ("dX", [Dot(da, run.W)]), ("dh0", [Dot(da, run.R)]),
            ("dc0", [(dc * f) + (p[0] * dai) + (p[1] * daf)]), ("dP", [dai * C0, daf * C0, dao * c]));
    }

    /// <summary>The candidate's gradient is cut once for W and once, after the reset gate, for R.</summary>
    [Theory]
    [MemberData(nameof(Limits))]
    public void GruThatResetsAfter(float limit)
    {
        CellRun run = One(CellType.Gru, limit);
        double r = Sigmoid(Sum(run, 0)), z = Sigmoid(Sum(run, 1)), nh = (run.R[2] * H0) + run.RecurrentBias[2];
        double n = Math.Tanh((run.W[2] * X) + run.InputBias[2] + (r * nh)), dn = Dh * (1 - z) * (1 - (n * n));
        double dar = Cut(dn * nh * r * (1 - r), limit), daz = Cut(Dh * (H0 - n) * z * (1 - z), limit);
        double[] da = [dar, daz, Cut(dn, limit)], apart = [dar, daz, Cut(dn * r, limit)];
        Check(
            run, ("dW", Times(da, X)), ("dR", Times(apart, H0)), ("db_ih", da), ("db_hh", apart), ("dX", [Dot(da, run.W)]),
            ("dh0", [(Dh * z) + Dot(apart, run.R)]));
    }

    /// <summary>The candidate's gradient is cut before it goes through R_n to the reset gate.</summary>
    [Theory]
    [MemberData(nameof(Limits))]
    public void GruThatResetsBefore(float limit)
    {
        CellRun run = One(CellType.Gru with { ResetBefore = true }, limit);
        double r = Sigmoid(Sum(run, 0)), z = Sigmoid(Sum(run, 1));
        double n = Math.Tanh((run.W[2] * X) + run.InputBias[2] + (run.R[2] * r * H0) + run.RecurrentBias[2]);
        double dan = Cut(Dh * (1 - z) * (1 - (n * n)), limit), ds = dan * run.R[2];
        double dar = Cut(ds * H0 * r * (1 - r), limit), daz = Cut(Dh * (H0 - n) * z * (1 - z), limit);
        double[] da = [dar, daz, dan];
        Check(
            run, ("dW", Times(da, X)), ("dR", [dar * H0, daz * H0, dan * r * H0]), ("db_ih", da), ("db_hh", da), ("dX", [Dot(da, run.W)]),
            ("dh0", [(Dh * z) + (ds * r) + (dar * run.R[0]) + (daz * run.R[1])]));
    }

    /// <summary>A limit out of reach changes nothing; one within reach bounds what T·B positions can add up to, and is reached.</summary>
    [Theory]
    [MemberData(nameof(Options))]
    public void LimitsBoundTheGradientsOfBiases(string option)
    {
        CellType cell = CellRun.Options.Single(known => known.Name == option).Cell;
        var run = new CellRun(3, 6, 4, 3, seed: 31, cell) { Flags = BitsTests.RandomFlags(4, 3, 31) };
        using var backend = new ReferenceBackend();
        Dictionary<string, double[]> free = run.Train(backend);
        run.Pass = run.Pass with { GradientLimit = 1e6f };
        foreach ((string name, double[] values) in run.Train(backend))
            Assert.Equal(free[name], values);
        const float limit = 1e-3f;
        run.Pass = run.Pass with { GradientLimit = limit };
        Dictionary<string, double[]> cut = run.Train(backend);
        Assert.Equal(free["y"], cut["y"]);
        foreach (string bias in new[] { "db_ih", "db_hh" })
            Assert.InRange(cut[bias].Max(Math.Abs), 2 * limit, (4 * 3 * limit) + 1e-12);
    }

    private static CellRun One(CellType cell, float limit)
    {
        var run = new CellRun(1, 1, 1, 1, seed: 30, cell) { X = [(float)X], H0 = [(float)H0], C0 = [(float)C0], OutputGradient = [(float)Dh] };
        (run.FinalHiddenGradient, run.FinalCellGradient) = ([0], [0]);
        run.Pass = run.Pass with { GradientLimit = limit };
        return run;
    }

    private static double Sum(CellRun run, int gate) =>
        (run.W[gate] * X) + run.InputBias[gate] + (run.R[gate] * H0) + run.RecurrentBias[gate];

    private static void Check(CellRun run, params (string Name, double[] Values)[] expected)
    {
        using var backend = new ReferenceBackend();
        Dictionary<string, double[]> actual = run.Train(backend);
        foreach ((string name, double[] values) in expected)
        {
            Assert.Equal(values.Length, actual[name].Length);
            for (int i = 0; i < values.Length; i++)
                Assert.Equal(values[i], actual[name][i], 1e-7); // x, h and c above are floats there
        }
    }

    private static double Cut(double gradient, float limit) => Math.Clamp(gradient, -limit, limit);

    private static double Sigmoid(double a) => 1 / (1 + Math.Exp(-a));

    private static double[] Times(double[] a, double factor) => Array.ConvertAll(a, x => x * factor);

    private static double Dot(double[] a, float[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
