using System.Runtime.Intrinsics;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Ground;

/// <summary>
/// Every operation of every register width gives the bits of plain C# on one float: on all pairs of special values – zeros of both signs,
/// subnormals, infinities, NaN, ties – and on random bits.
/// </summary>
public unsafe class LanesTests
{
    private const int Length = 16 * 400;

    private static readonly float[] Special =
    [
        0f, -0f, 1f, -1f, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 3f, 1e-30f, float.Epsilon, -float.Epsilon, 1.17549435e-38f, float.MaxValue, float.MinValue,
        float.PositiveInfinity, float.NegativeInfinity, float.NaN, 8388608.5f, 16777216f, 0.1f, 1 / 3f, -7.25f, 1e20f,
    ];

    private delegate void Kernel(float* a, float* b, float* c, float* y);

    /// <summary>The levels that this CPU, or this run with some switched off, has.</summary>
    public static TheoryData<IsaLevel> Levels => BitsTests.Levels;

    [Theory]
    [MemberData(nameof(Levels))]
    public void OperationsEqualPlainFloats(IsaLevel isa)
    {
        switch (isa)
        {
            case IsaLevel.Avx512:
                Compare<Avx512Lanes, Vector512<float>>();
                break;
            case IsaLevel.Avx2:
                Compare<Avx2Lanes, Vector256<float>>();
                break;
            default:
                Compare<ScalarLanes, float>();
                break;
        }
    }

    private static void Compare<L, V>()
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        (float[] a, float[] b, float[] c) = Operands(seed: 21);
        Check("+", (x, y, z) => x + y, (p, q, r, to) => L.Store(to, L.Add(L.Load(p), L.Load(q))));
        Check("-", (x, y, z) => x - y, (p, q, r, to) => L.Store(to, L.Subtract(L.Load(p), L.Load(q))));
        Check("·", (x, y, z) => x * y, (p, q, r, to) => L.Store(to, L.Multiply(L.Load(p), L.Load(q))));
        Check("/", (x, y, z) => x / y, (p, q, r, to) => L.Store(to, L.Divide(L.Load(p), L.Load(q))));
        Check("√", (x, y, z) => MathF.Sqrt(x), (p, q, r, to) => L.Store(to, L.Sqrt(L.Load(p))));
        Check("fma", MathF.FusedMultiplyAdd, (p, q, r, to) => L.Store(to, L.MultiplyAdd(L.Load(p), L.Load(q), L.Load(r))));
        Check("fnma", (x, y, z) => MathF.FusedMultiplyAdd(-x, y, z), (p, q, r, to) => L.Store(to, L.NegatedMultiplyAdd(L.Load(p), L.Load(q), L.Load(r))));
        Check("min", (x, y, z) => x < y ? x : y, (p, q, r, to) => L.Store(to, L.Min(L.Load(p), L.Load(q))));
        Check("max", (x, y, z) => x > y ? x : y, (p, q, r, to) => L.Store(to, L.Max(L.Load(p), L.Load(q))));
        Check("select", (x, y, z) => x < y ? z : x, (p, q, r, to) => L.Store(to, L.SelectLess(L.Load(p), L.Load(q), L.Load(r), L.Load(p))));
        Check("round", (x, y, z) => MathF.Round(x, MidpointRounding.ToEven), (p, q, r, to) => L.Store(to, L.Round(L.Load(p))));
        Check("and", (x, y, z) => From(To(x) & To(y)), (p, q, r, to) => L.Store(to, L.And(L.Load(p), L.Load(q))));
        Check("or", (x, y, z) => From(To(x) | To(y)), (p, q, r, to) => L.Store(to, L.Or(L.Load(p), L.Load(q))));
        Check("xor", (x, y, z) => From(To(x) ^ To(y)), (p, q, r, to) => L.Store(to, L.Xor(L.Load(p), L.Load(q))));
        Check("add int", (x, y, z) => From(To(x) + To(y)), (p, q, r, to) => L.Store(to, L.AddInt32(L.Load(p), L.Load(q))));
        Check("subtract int", (x, y, z) => From(To(x) - To(y)), (p, q, r, to) => L.Store(to, L.SubtractInt32(L.Load(p), L.Load(q))));
        Check("<<", (x, y, z) => From(To(x) << 23), (p, q, r, to) => L.Store(to, L.ShiftLeft(L.Load(p), 23)));
        Check(">>", (x, y, z) => From(To(x) >> 1), (p, q, r, to) => L.Store(to, L.ShiftRightArithmetic(L.Load(p), 1)));
        Check(">>>", (x, y, z) => From(To(x) >>> 9), (p, q, r, to) => L.Store(to, L.ShiftRightLogical(L.Load(p), 9)));
        Check("high word", (x, y, z) => From((int)(((ulong)(uint)To(x) * (uint)To(y)) >> 32)), (p, q, r, to) =>
        {
            L.MultiplyWords(L.Load(p), L.Load(q), out V high, out _);
            L.Store(to, high);
        });
        Check("low word", (x, y, z) => From(To(x) * To(y)), (p, q, r, to) =>
        {
            L.MultiplyWords(L.Load(p), L.Load(q), out _, out V low);
            L.Store(to, low);
        });
        Check("from int", (x, y, z) => To(x), (p, q, r, to) => L.Store(to, L.FromInt32Bits(L.Load(p))));
        Check("broadcast", (x, y, z) => x, (p, q, r, to) =>
        {
            float* spread = stackalloc float[16];
            for (int i = 0; i < L.Width; i++)
            {
                L.Store(spread, L.Broadcast(p[i]));
                to[i] = spread[L.Width - 1 - i];
            }
        });
        CheckToInt();

        void Check(string name, Func<float, float, float, float> plain, Kernel kernel)
        {
            using var guard = new GuardedBlocks();
            using Memory.AlignedBuffer x = Filled(a), y = Filled(b), z = Filled(c), result = new(Length);
            for (int i = 0; i < Length; i += L.Width)
                kernel(x.Pointer + i, y.Pointer + i, z.Pointer + i, result.Pointer + i);
            for (int i = 0; i < Length; i++)
            {
                float expected = plain(a[i], b[i], c[i]), actual = result.Span[i];
                // Which NaN an operation makes is not defined, and nothing here depends on it.
                bool same = To(expected) == To(actual) || (float.IsNaN(expected) && float.IsNaN(actual));
                Assert.True(same, $"{typeof(L).Name} {name}: {a[i]:R}, {b[i]:R}, {c[i]:R} gives {actual:R}, expected {expected:R}");
            }
        }

        void CheckToInt() // defined for |x| < 2³¹ only
        {
            float[] kept = a;
            a = [.. a.Select(x => MathF.Abs(x) < 2147483000f ? x : 2.5f)];
            Check("to int", (x, y, z) => From((int)MathF.Round(x, MidpointRounding.ToEven)), (p, q, r, to) => L.Store(to, L.ToInt32Bits(L.Load(p))));
            a = kept;
        }
    }

    [Fact]
    public void SumOfSquaresAccumulatesInDouble()
    {
        (float[] a, _, _) = Operands(seed: 22);
        a = [.. a.Where(float.IsFinite)];
        for (int i = 0; i + 16 <= a.Length; i += 16)
        {
            double[] expected = Accumulate<ScalarLanes, float>(a, i);
            for (int k = 0; k < 16; k++)
                Assert.Equal(Math.FusedMultiplyAdd(a[i + k], (double)a[i + k], k), expected[k]);
            if (Isa.Widest >= IsaLevel.Avx2)
                Assert.Equal(expected, Accumulate<Avx2Lanes, Vector256<float>>(a, i));
            if (Isa.Widest >= IsaLevel.Avx512)
                Assert.Equal(expected, Accumulate<Avx512Lanes, Vector512<float>>(a, i));
        }
    }

    private static double[] Accumulate<L, V>(float[] a, int first)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        double[] sums = [.. Enumerable.Range(0, 16).Select(k => (double)k)];
        fixed (float* x = a)
        fixed (double* to = sums)
            L.AccumulateSquares(x + first, to);
        return sums;
    }

    private static Memory.AlignedBuffer Filled(float[] values)
    {
        var buffer = new Memory.AlignedBuffer(values.Length);
        values.CopyTo(buffer.Span);
        return buffer;
    }

    /// <summary>All pairs of special values first, then random bits.</summary>
    private static (float[] A, float[] B, float[] C) Operands(int seed)
    {
        var random = new Random(seed);
        var (a, b, c) = (new float[Length], new float[Length], new float[Length]);
        for (int i = 0; i < Length; i++)
        {
            int pair = i % (2 * Special.Length * Special.Length);
            bool special = pair < Special.Length * Special.Length;
            a[i] = special ? Special[pair % Special.Length] : From(random.Next(int.MinValue, int.MaxValue));
            b[i] = special ? Special[pair / Special.Length] : From(random.Next(int.MinValue, int.MaxValue));
            c[i] = random.Next(2) == 0 ? Special[random.Next(Special.Length)] : From(random.Next(int.MinValue, int.MaxValue));
        }
        return (a, b, c);
    }

    private static int To(float x) => BitConverter.SingleToInt32Bits(x);

    private static float From(int bits) => BitConverter.Int32BitsToSingle(bits);
}
