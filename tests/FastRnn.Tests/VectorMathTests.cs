using System.Runtime.Intrinsics;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// exp, exp − 1, sigmoid, tanh, log against double at every width. The default sweep takes every 1,009th of all 2³² floats, so every exponent and
/// both signs; FASTRNN_FULL_SWEEP=1 takes them all.
/// </summary>
public unsafe class VectorMathTests
{
    private const float SmallestNormal = 1.17549435e-38f;

    private static readonly long Stride = Environment.GetEnvironmentVariable("FASTRNN_FULL_SWEEP") == "1" ? 1 : 1009;

    private delegate void Apply(float* x, float* y);

    public static TheoryData<string> Functions => ["exp", "expm1", "sigmoid", "tanh", "log"];

    [Theory]
    [MemberData(nameof(Functions))]
    public void ErrorIsWithinItsBoundAndBitsAgreeAtAllWidths(string name)
    {
        (string Isa, int Width, Apply Run)[] widths = Widths(name);
        (Func<double, double> truth, double bound) = Truth(name);
        double worst = 0;
        var gate = new Lock();
        long blocks = (1L << 32) / (16 * Stride);
        Parallel.For(0, 64, part =>
        {
            float* x = stackalloc float[16], y = stackalloc float[16], other = stackalloc float[16];
            double worstHere = 0;
            for (long block = blocks * part / 64; block < blocks * (part + 1) / 64; block++)
            {
                for (int i = 0; i < 16; i++)
                    x[i] = BitConverter.UInt32BitsToSingle((uint)(((block * 16) + i) * Stride));
                Evaluate(widths[^1], x, y);
                for (int w = 0; w < widths.Length - 1; w++)
                {
                    Evaluate(widths[w], x, other);
                    for (int i = 0; i < 16; i++)
                        SameBits(y[i], other[i], $"{name}({x[i]:R}) {widths[w].Isa} against {widths[^1].Isa}");
                }
                for (int i = 0; i < 16; i++)
                    worstHere = Math.Max(worstHere, Error(name, x[i], y[i], truth, bound));
            }
            lock (gate)
                worst = Math.Max(worst, worstHere);
        });
        Assert.True(worst > 0.4, $"{name}: worst error {worst} ulp is too good to be true: did the sweep run?");
        Assert.True(worst <= bound, $"{name}: worst error {worst} ulp, bound {bound}");
        Console.WriteLine($"{name}: worst error {worst:F3} ulp of {blocks * 16} floats");
    }

    [Theory]
    [InlineData("exp", 0f, 1f)]
    [InlineData("exp", float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData("exp", float.NegativeInfinity, 0f)]
    [InlineData("exp", 88.72284f, float.PositiveInfinity)]
    [InlineData("exp", -87.4f, 0f)]
    [InlineData("exp", float.NaN, float.NaN)]
    [InlineData("expm1", 0f, 0f)]
    [InlineData("expm1", 1f, 0f)]
    [InlineData("expm1", -1e-40f, -1e-40f)]
    [InlineData("expm1", -18f, -1f)]
    [InlineData("expm1", float.NegativeInfinity, -1f)]
    [InlineData("expm1", float.PositiveInfinity, 0f)]
    [InlineData("expm1", float.NaN, float.NaN)]
    [InlineData("sigmoid", 0f, 0.5f)]
    [InlineData("sigmoid", float.PositiveInfinity, 1f)]
    [InlineData("sigmoid", float.NegativeInfinity, 0f)]
    [InlineData("sigmoid", float.NaN, float.NaN)]
    [InlineData("tanh", 0f, 0f)]
    [InlineData("tanh", float.PositiveInfinity, 1f)]
    [InlineData("tanh", float.NegativeInfinity, -1f)]
    [InlineData("tanh", 1e-39f, 0f)]
    [InlineData("tanh", -1e-39f, -0f)]
    [InlineData("tanh", float.NaN, float.NaN)]
    [InlineData("log", 0f, float.NegativeInfinity)]
    [InlineData("log", 1f, 0f)]
    [InlineData("log", -1f, float.NaN)]
    [InlineData("log", float.NegativeInfinity, float.NaN)]
    [InlineData("log", float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData("log", float.NaN, float.NaN)]
    public void SpecialValues(string name, float x, float expected)
    {
        float* input = stackalloc float[16], output = stackalloc float[16];
        foreach (var width in Widths(name))
        {
            new Span<float>(input, 16).Fill(x);
            Evaluate(width, input, output);
            for (int i = 0; i < 16; i++)
                SameBits(expected, output[i], $"{name}({x:R}) {width.Isa} lane {i}");
        }
    }

    /// <summary>Apart from the theory above, whose runner takes −0 for 0.</summary>
    [Fact]
    public void NegativeZero()
    {
        SpecialValues("tanh", -0f, -0f);
        SpecialValues("log", -0f, float.NegativeInfinity);
        SpecialValues("exp", -0f, 1f);
    }

    /// <summary>
    /// tanh is one polynomial for each of eight spans: around every joint no float's result falls by more than 1 ulp behind its left neighbour's, none
    /// passes 1, and from the limit on all are 1.
    /// </summary>
    [Fact]
    public void TanhRisesAcrossItsSpansToOne()
    {
        // |x|·0.775 + 0.5 at the joints.
        float* x = stackalloc float[16], y = stackalloc float[16];
        float[] joints = [0.75f, 1f, 1.5f, 2f, 3f, 4f, 6f];
        foreach (var width in Widths("tanh"))
        {
            foreach (float joint in joints)
                AssertRises(width, (joint - 0.5f) / 0.775f, 4096);
            AssertRises(width, 9.01091385f, 4096);
            new Span<float>(x, 16).Fill(9.01091385f);
            x[1] = -9.01091385f;
            x[2] = 9.02f;
            x[3] = 1e30f;
            x[4] = float.MaxValue;
            x[5] = -float.MaxValue;
            Evaluate(width, x, y);
            for (int i = 0; i < 16; i++)
                SameBits(i is 1 or 5 ? -1f : 1f, y[i], $"tanh({x[i]:R}) {width.Isa}");
        }
    }

    private static void AssertRises((string Isa, int Width, Apply Run) width, float middle, int neighbours)
    {
        float* x = stackalloc float[16], y = stackalloc float[16];
        int first = BitConverter.SingleToInt32Bits(middle) - neighbours, before = 0;
        for (int block = 0; block < 2 * neighbours; block += 16)
        {
            for (int i = 0; i < 16; i++)
                x[i] = BitConverter.Int32BitsToSingle(first + block + i);
            Evaluate(width, x, y);
            for (int i = 0; i < 16; i++)
            {
                int bits = BitConverter.SingleToInt32Bits(y[i]);
                Assert.True(y[i] <= 1f && bits >= before - 1, $"tanh({x[i]:R}) {width.Isa} is {y[i]:R}, after {BitConverter.Int32BitsToSingle(before):R}");
                before = bits;
            }
        }
    }

    /// <summary>A value gives the same bits at every place of every length, in memory that ends at an inaccessible page.</summary>
    [Theory]
    [MemberData(nameof(Functions))]
    public void BitsDoNotDependOnTheLane(string name)
    {
        using var guard = new GuardedBlocks();
        foreach (var width in Widths(name))
        {
            for (int length = 1; length <= 257; length++)
            {
                using var x = new Memory.AlignedBuffer(length);
                using var y = new Memory.AlignedBuffer(length);
                for (int i = 0; i < length; i++)
                    x.Pointer[i] = 0.37f;
                int padded = (length + 15) / 16 * 16;
                for (int i = 0; i < padded; i += width.Width)
                    width.Run(x.Pointer + i, y.Pointer + i);
                for (int i = 1; i < length; i++)
                    SameBits(y.Pointer[0], y.Pointer[i], $"{name} {width.Isa} length {length} element {i}");
            }
        }
    }

    private static double Error(string name, float x, float actual, Func<double, double> truth, double bound)
    {
        double expected = truth(x);
        if (double.IsNaN(expected))
        {
            Assert.True(float.IsNaN(actual), $"{name}({x:R}) is {actual:R}, expected NaN");
            return 0;
        }
        if (name == "tanh" && MathF.Abs(x) < SmallestNormal)
            expected = x < 0 || BitConverter.SingleToInt32Bits(x) < 0 ? -0.0 : 0.0;
        double magnitude = Math.Abs(expected);
        if (name == "expm1" && magnitude < SmallestNormal)
        {
            Assert.True(actual == Math.Min(x, 0f), $"{name}({x:R}) is {actual:R}, expected x itself, or 0 above 0");
            return 0;
        }
        if (magnitude >= (double)float.MaxValue + Math.ScaleB(1, 103))
        {
            Assert.True(actual == (float)expected, $"{name}({x:R}) is {actual:R}, expected {(float)expected}");
            return 0;
        }
        if (magnitude < SmallestNormal * (1 - 1e-6))
        {
            Assert.True(actual == 0 && Math.Sign(1 / (double)actual) == (name == "tanh" ? Math.Sign(1 / expected) : 1) || expected == 0, $"{name}({x:R}) is {actual:R}, expected 0");
            return 0;
        }
        if (magnitude < SmallestNormal * (1 + 1e-6) && actual == 0)
            return 0; // on the edge the rounded result decides
        double ulp = Math.ScaleB(1, Math.Max(-126, Math.ILogB(magnitude)) - 23);
        double error = Math.Abs(actual - expected) / ulp;
        Assert.True(error <= bound, $"{name}({x:R}) is {actual:R}, expected {expected:R}: {error:F2} ulp, bound {bound}");
        return error;
    }

    private static (Func<double, double> Truth, double Bound) Truth(string name) => name switch
    {
        "exp" => (Math.Exp, VectorMath.ExpUlps),
        "expm1" => (x => x > 0 ? 0 : x < -40 ? -1 : 2 * Math.Exp(x / 2) * Math.Sinh(x / 2), VectorMath.ExpMinus1Ulps), // without cancellation
        "sigmoid" => (x => 1 / (1 + Math.Exp(-x)), VectorMath.SigmoidUlps),
        "tanh" => (Math.Tanh, VectorMath.TanhUlps),
        _ => (Math.Log, VectorMath.LogUlps),
    };

    private static void Evaluate((string Isa, int Width, Apply Run) width, float* x, float* y)
    {
        for (int i = 0; i < 16; i += width.Width)
            width.Run(x + i, y + i);
    }

    private static (string Isa, int Width, Apply Run)[] Widths(string name)
    {
        var widths = new List<(string, int, Apply)> { ("scalar", 1, Function<ScalarLanes, float>(name)) };
        if (Isa.Widest >= IsaLevel.Avx2)
            widths.Add(("avx2", 8, Function<Avx2Lanes, Vector256<float>>(name)));
        if (Isa.Widest >= IsaLevel.Avx512)
            widths.Add(("avx512", 16, Function<Avx512Lanes, Vector512<float>>(name)));
        return [.. widths];
    }

    private static Apply Function<L, V>(string name)
        where L : struct, ILanes<V>
        where V : unmanaged => name switch
        {
            "exp" => (x, y) => L.Store(y, VectorMath.Exp<L, V>(L.Load(x))),
            "expm1" => (x, y) => L.Store(y, VectorMath.ExpMinus1<L, V>(L.Load(x))),
            "sigmoid" => (x, y) => L.Store(y, VectorMath.Sigmoid<L, V>(L.Load(x))),
            "tanh" => (x, y) => L.Store(y, VectorMath.Tanh<L, V>(L.Load(x))),
            _ => (x, y) => L.Store(y, VectorMath.Log<L, V>(L.Load(x))),
        };

    private static void SameBits(float expected, float actual, string what)
    {
        bool same = float.IsNaN(expected) ? float.IsNaN(actual) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual);
        if (!same)
            Assert.Fail($"{what}: {actual:R}, expected {expected:R}");
    }
}
