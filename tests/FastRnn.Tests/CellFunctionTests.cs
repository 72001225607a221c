using System.Runtime.Intrinsics;
using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Numerics;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Every function of a cell, and its slope, from the smallest to the largest floats, at infinity and for NaN, at every width.</summary>
public unsafe class CellFunctionTests
{
    /// <summary>By name, with the function and its slope in double.</summary>
    private static readonly (CellActivation Activation, Func<double, double> Value, Func<double, double> Slope)[] _functions =
    [
        (CellActivation.Tanh, Math.Tanh, x => 1 / Square(Math.Cosh(x))),
        (CellActivation.Relu, x => Math.Max(x, 0), x => x > 0 ? 1 : 0),
        (CellActivation.Sigmoid, Sigmoid, x => Sigmoid(x) * Sigmoid(-x)),
        (CellActivation.Identity, x => x, _ => 1),
        (CellActivation.HardSigmoid, x => Math.Clamp((x / 6) + 0.5, 0, 1), x => Math.Abs(x) < 3 ? 1.0 / 6 : 0),
        (CellActivation.HardSigmoidOf(0.4f, 1.5f), x => Math.Clamp((0.4f * x) + 1.5, 0, 1), x => x > -3.75 && x < -1.25 ? 0.4 : 0),
        (CellActivation.Softsign, x => x / (1 + Math.Abs(x)), x => 1 / Square(1 + Math.Abs(x))),
        (CellActivation.Softplus, x => Math.Max(x, 0) + Log1p(Math.Exp(-Math.Abs(x))), Sigmoid),
        (CellActivation.Elu(0.7f), x => x >= 0 ? x : 0.7f * ExpMinus1(x), x => x > 0 ? 1 : 0.7f * Math.Exp(x)),
        (CellActivation.LeakyRelu(0.1f), x => x >= 0 ? x : 0.1f * x, x => x > 0 ? 1 : 0.1f),
        (CellActivation.ThresholdedRelu(0.2f), x => x > 0.2f ? x : 0, x => x > 0.2f ? 1 : 0),
        (CellActivation.ScaledTanh(1.7159f, 0.6667f), x => 1.7159f * Math.Tanh(0.6667f * x), x => 1.7159f * 0.6667f / Square(Math.Cosh(0.6667f * x))),
        (CellActivation.ScaledTanh(1e20f, 1e-20f), x => 1e20f * Math.Tanh(1e-20f * x), x => 1e20f * 1e-20f / Square(Math.Cosh(1e-20f * x))),
        (CellActivation.ScaledTanh(1e-20f, 1e20f), x => 1e-20f * Math.Tanh(1e20f * x), x => 1e-20f * 1e20f / Square(Math.Cosh(1e20f * x))),
        (CellActivation.Affine(0.5f, 0.1f), x => (0.5f * x) + 0.1f, _ => 0.5),
        (CellActivation.Selu, x => 1.0507009873554805 * (x >= 0 ? x : 1.6732632423543773 * ExpMinus1(x)), x => 1.0507009873554805 * (x > 0 ? 1 : 1.6732632423543773 * Math.Exp(x))),
        (CellActivation.Clip(-0.5f, 2f), x => Math.Clamp(x, -0.5, 2), x => x is > -0.5 and < 2 ? 1 : 0),
        (CellActivation.Exponential, x => x > 88.7 ? double.PositiveInfinity : Math.Exp(x), x => x > 88.7 ? double.PositiveInfinity : Math.Exp(x)),
    ];

    private delegate void Apply(CellFunctionArgs* function, float* x, float* y, float* slope);

    public static TheoryData<int> Functions => new(Enumerable.Range(0, _functions.Length));

    [Theory]
    [MemberData(nameof(Functions))]
    public void ValuesAndSlopesAreThoseInDouble(int index)
    {
        (CellActivation activation, Func<double, double> value, Func<double, double> slope) = _functions[index];
        foreach (float x in Points())
        {
            (float y, float dy) = Evaluate(activation, x);
            double expected = value(x), expectedSlope = slope(x);
            double smallest = 1e-37 * Math.Max(1, activation.Args.Alpha); // what lies below may become 0 on its way
            Assert.True(y == expected || Math.Abs(y - expected) <= (1e-6 * Math.Abs(expected)) + smallest, $"{activation}({x:R}) = {y:R}, expected {expected:R}");
            // A slope comes from a rounded value: what it loses is small beside the largest slope.
            double largest = activation.Args.Function switch
            {
                CellFunction.ScaledTanh => activation.Args.Alpha * activation.Args.Beta,
                CellFunction.Exponential => Math.Max(1, expectedSlope),
                CellFunction.Selu => 2,
                _ => 1,
            };
            Assert.True(dy == expectedSlope || Math.Abs(dy - expectedSlope) <= 1e-6 * largest, $"slope of {activation} at {x:R} = {dy:R}, expected {expectedSlope:R}");
            Assert.True(dy >= 0, $"{activation} falls at {x:R}: slope {dy:R}");
        }
    }

    /// <summary>Limits at infinity, of values and slopes; x/(1 + |x|) is NaN there, as in PyTorch.</summary>
    [Theory]
    [MemberData(nameof(Functions))]
    public void InfinityIsTheLimitAndNaNPasses(int index)
    {
        (CellActivation activation, Func<double, double> value, _) = _functions[index];
        Assert.True(float.IsNaN(Evaluate(activation, float.NaN).Value), $"{activation}(NaN)");
        foreach (float x in new[] { float.NegativeInfinity, float.PositiveInfinity })
        {
            (float y, float slope) = Evaluate(activation, x);
            Assert.Equal((float)value(x), y);
            if (activation == CellActivation.Exponential)
                Assert.Equal(y, slope);
            else if (activation != CellActivation.Softsign)
                Assert.InRange(slope, 0f, Math.Max(1f, Evaluate(activation, 0f).Slope));
        }
    }

    /// <summary>A scaled tanh that has reached ±α is flat there, whatever α: no sign of the slope comes from rounding.</summary>
    [Fact]
    public void ScaledTanhIsFlatWhereItIsSaturated()
    {
        for (float alpha = 0.5f; alpha < 4; alpha += 0.0137f)
        {
            foreach (float x in new[] { -100f, 100f })
                Assert.Equal(0f, Evaluate(CellActivation.ScaledTanh(alpha, 1), x).Slope);
        }
    }

    private static IEnumerable<float> Points()
    {
        foreach (float x in new[] { 0f, float.Epsilon, 1e-39f, 1e-30f, 1e-10f, 1e-4f, 0.03f, 0.19f, 0.7f, 1.5f, 2.9f, 5f, 9f, 18f, 40f, 90f, 1e3f, 1e10f, 1e25f, 1e38f })
        {
            yield return x;
            yield return -x;
        }
    }

    /// <summary>f(x) and f'(x), checked to be the same at every width and in every lane.</summary>
    private static (float Value, float Slope) Evaluate(CellActivation activation, float x)
    {
        float* input = stackalloc float[16], values = stackalloc float[16], slopes = stackalloc float[16];
        CellFunctionArgs function = activation.Args;
        (float Value, float Slope)? first = null;
        foreach ((string isa, Apply run) in Widths())
        {
            new Span<float>(input, 16).Fill(x);
            run(&function, input, values, slopes);
            first ??= (values[0], slopes[0]);
            for (int i = 0; i < 16; i++)
            {
                bool same = Same(first.Value.Value, values[i]) && Same(first.Value.Slope, slopes[i]);
                Assert.True(same, $"{activation} at {x:R}, {isa} lane {i}: {values[i]:R}, {slopes[i]:R}; expected {first}");
            }
        }
        return first!.Value;
    }

    private static bool Same(float expected, float actual) =>
        BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual) || (float.IsNaN(expected) && float.IsNaN(actual));

    private static List<(string Isa, Apply Run)> Widths()
    {
        var widths = new List<(string, Apply)> { ("scalar", Run<ScalarLanes, float>) };
        if (Isa.Widest >= IsaLevel.Avx2)
            widths.Add(("avx2", Run<Avx2Lanes, Vector256<float>>));
        if (Isa.Widest >= IsaLevel.Avx512)
            widths.Add(("avx512", Run<Avx512Lanes, Vector512<float>>));
        return widths;
    }

    private static void Run<L, V>(CellFunctionArgs* function, float* x, float* y, float* slope)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        for (int i = 0; i < 16; i += L.Width)
        {
            V value = CellFunctions.Value<L, V>(*function, L.Load(x + i));
            L.Store(y + i, value);
            L.Store(slope + i, CellFunctions.Slope<L, V>(*function, value));
        }
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>eˣ − 1 without cancellation.</summary>
    private static double ExpMinus1(double x) => x < -40 ? -1 : 2 * Math.Exp(x / 2) * Math.Sinh(x / 2);

    /// <summary>log(1 + x) of a small x without what 1 + x rounds away.</summary>
    private static double Log1p(double x) => x < 1e-6 ? x - (x * x / 2) : Math.Log(1 + x);

    private static double Square(double x) => x * x;
}
