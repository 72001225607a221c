using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FastRnn.Numerics;

/// <summary>Width 1: the portable path. It runs the same kernels and gives the same bits; it exists for correctness, not for speed.</summary>
internal readonly unsafe struct ScalarLanes : ILanes<float>
{
    public static int Width => 1;

    public static int TileRows => 3;

    public static float Load(float* p) => *p;

    public static void Store(float* p, float v) => *p = v;

    public static float Broadcast(float x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BroadcastFour(float* p, out float x0, out float x1, out float x2, out float x3) => (x0, x1, x2, x3) = (p[0], p[1], p[2], p[3]);

    public static float Add(float a, float b) => a + b;

    public static float Subtract(float a, float b) => a - b;

    public static float Multiply(float a, float b) => a * b;

    public static float Divide(float a, float b) => a / b;

    public static float Sqrt(float a) => MathF.Sqrt(a);

    public static float MultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    public static float NegatedMultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(-a, b, c);

    public static float Min(float a, float b) => a < b ? a : b;

    public static float Max(float a, float b) => a > b ? a : b;

    public static float SelectLess(float a, float b, float x, float y) => a < b ? x : y;

    public static float Round(float a) => MathF.Round(a, MidpointRounding.ToEven);

    public static float And(float a, float b) => FromBits(Bits(a) & Bits(b));

    public static float Or(float a, float b) => FromBits(Bits(a) | Bits(b));

    public static float Xor(float a, float b) => FromBits(Bits(a) ^ Bits(b));

    public static float ToInt32Bits(float a) => FromBits((int)MathF.Round(a, MidpointRounding.ToEven));

    public static float FromInt32Bits(float a) => Bits(a);

    public static float AddInt32(float a, float b) => FromBits(Bits(a) + Bits(b));

    public static float SubtractInt32(float a, float b) => FromBits(Bits(a) - Bits(b));

    public static float MinInt32(float a, float b) => FromBits(Math.Min(Bits(a), Bits(b)));

    public static float Lookup(float index, float x0, float x1, float x2, float x3, float x4, float x5, float x6, float x7) => (Bits(index) & 7) switch
    {
        0 => x0,
        1 => x1,
        2 => x2,
        3 => x3,
        4 => x4,
        5 => x5,
        6 => x6,
        _ => x7,
    };

    public static bool SameBits(float a, float b) => Bits(a) == Bits(b);

    public static float ShiftLeft(float a, [ConstantExpected] byte count) => FromBits(Bits(a) << count);

    public static float ShiftRightArithmetic(float a, [ConstantExpected] byte count) => FromBits(Bits(a) >> count);

    public static float ShiftRightLogical(float a, [ConstantExpected] byte count) => FromBits(Bits(a) >>> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyWords(float a, float b, out float high, out float low)
    {
        ulong product = (ulong)(uint)Bits(a) * (uint)Bits(b);
        high = FromBits((int)(product >> 32));
        low = FromBits((int)product);
    }

    public static float QuadIndex(int first) => FromBits(first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreQuads(float* p, float x0, float x1, float x2, float x3) => (p[0], p[1], p[2], p[3]) = (x0, x1, x2, x3);

    public static void AccumulateSquares(float* x, double* acc)
    {
        for (int i = 0; i < 16; i++)
            acc[i] = Math.FusedMultiplyAdd(x[i], (double)x[i], acc[i]);
    }

    public static void Prefetch(float* p)
    {
    }

    public static void PrefetchNear(float* p)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Bits(float a) => BitConverter.SingleToInt32Bits(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float FromBits(int a) => BitConverter.Int32BitsToSingle(a);
}

/// <summary>Width 8: AVX2 with FMA.</summary>
internal readonly unsafe struct Avx2Lanes : ILanes<Vector256<float>>
{
    public static int Width => 8;

    public static int TileRows => 3;

    public static Vector256<float> Load(float* p) => *(Vector256<float>*)p;

    public static void Store(float* p, Vector256<float> v) => *(Vector256<float>*)p = v;

    public static Vector256<float> Broadcast(float x) => Vector256.Create(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BroadcastFour(float* p, out Vector256<float> x0, out Vector256<float> x1, out Vector256<float> x2, out Vector256<float> x3)
    {
        Vector256<float> four = Avx.BroadcastVector128ToVector256(p);
        x0 = Avx.Permute(four, 0x00);
        x1 = Avx.Permute(four, 0x55);
        x2 = Avx.Permute(four, 0xAA);
        x3 = Avx.Permute(four, 0xFF);
    }

    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    public static Vector256<float> Sqrt(Vector256<float> a) => Avx.Sqrt(a);

    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Fma.MultiplyAdd(a, b, c);

    public static Vector256<float> NegatedMultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Fma.MultiplyAddNegated(a, b, c);

    public static Vector256<float> Min(Vector256<float> a, Vector256<float> b) => Avx.Min(a, b);

    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) => Avx.Max(a, b);

    public static Vector256<float> SelectLess(Vector256<float> a, Vector256<float> b, Vector256<float> x, Vector256<float> y) =>
        Avx.BlendVariable(y, x, Avx.CompareLessThan(a, b));

    public static Vector256<float> Round(Vector256<float> a) => Avx.RoundToNearestInteger(a);

    public static Vector256<float> And(Vector256<float> a, Vector256<float> b) => a & b;

    public static Vector256<float> Or(Vector256<float> a, Vector256<float> b) => a | b;

    public static Vector256<float> Xor(Vector256<float> a, Vector256<float> b) => a ^ b;

    public static Vector256<float> ToInt32Bits(Vector256<float> a) => Avx.ConvertToVector256Int32(a).AsSingle();

    public static Vector256<float> FromInt32Bits(Vector256<float> a) => Avx.ConvertToVector256Single(a.AsInt32());

    public static Vector256<float> AddInt32(Vector256<float> a, Vector256<float> b) => (a.AsInt32() + b.AsInt32()).AsSingle();

    public static Vector256<float> SubtractInt32(Vector256<float> a, Vector256<float> b) => (a.AsInt32() - b.AsInt32()).AsSingle();

    public static Vector256<float> MinInt32(Vector256<float> a, Vector256<float> b) => Avx2.Min(a.AsInt32(), b.AsInt32()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Lookup(Vector256<float> index, float x0, float x1, float x2, float x3, float x4, float x5, float x6, float x7) =>
        Avx2.PermuteVar8x32(Vector256.Create(x0, x1, x2, x3, x4, x5, x6, x7), index.AsInt32());

    public static bool SameBits(Vector256<float> a, Vector256<float> b) => Vector256.EqualsAll(a.AsInt32(), b.AsInt32());

    public static Vector256<float> ShiftLeft(Vector256<float> a, [ConstantExpected] byte count) => Avx2.ShiftLeftLogical(a.AsInt32(), count).AsSingle();

    public static Vector256<float> ShiftRightArithmetic(Vector256<float> a, [ConstantExpected] byte count) =>
        Avx2.ShiftRightArithmetic(a.AsInt32(), count).AsSingle();

    public static Vector256<float> ShiftRightLogical(Vector256<float> a, [ConstantExpected] byte count) =>
        Avx2.ShiftRightLogical(a.AsInt32(), count).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyWords(Vector256<float> a, Vector256<float> b, out Vector256<float> high, out Vector256<float> low)
    {
        Vector256<ulong> even = Avx2.Multiply(a.AsUInt32(), b.AsUInt32());
        Vector256<ulong> odd = Avx2.Multiply(Avx2.ShiftRightLogical(a.AsUInt64(), 32).AsUInt32(), Avx2.ShiftRightLogical(b.AsUInt64(), 32).AsUInt32());
        high = Avx2.Blend(Avx2.ShiftRightLogical(even, 32).AsUInt32(), odd.AsUInt32(), 0xAA).AsSingle();
        low = Avx2.Blend(even.AsUInt32(), Avx2.ShiftLeftLogical(odd, 32).AsUInt32(), 0xAA).AsSingle();
    }

    public static Vector256<float> QuadIndex(int first) => (Vector256.Create(first) + Vector256.Create(0, 2, 4, 6, 1, 3, 5, 7)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreQuads(float* p, Vector256<float> x0, Vector256<float> x1, Vector256<float> x2, Vector256<float> x3)
    {
        Vector256<double> low01 = Avx.UnpackLow(x0, x1).AsDouble(), high01 = Avx.UnpackHigh(x0, x1).AsDouble();
        Vector256<double> low23 = Avx.UnpackLow(x2, x3).AsDouble(), high23 = Avx.UnpackHigh(x2, x3).AsDouble();
        Avx.UnpackLow(low01, low23).AsSingle().Store(p);
        Avx.UnpackHigh(low01, low23).AsSingle().Store(p + 8);
        Avx.UnpackLow(high01, high23).AsSingle().Store(p + 16);
        Avx.UnpackHigh(high01, high23).AsSingle().Store(p + 24);
    }

    public static void AccumulateSquares(float* x, double* acc)
    {
        for (int i = 0; i < 16; i += 4)
        {
            Vector256<double> wide = Avx.ConvertToVector256Double(Vector128.Load(x + i));
            Fma.MultiplyAdd(wide, wide, Vector256.Load(acc + i)).Store(acc + i);
        }
    }

    public static void Prefetch(float* p) => Sse.Prefetch1(p);

    public static void PrefetchNear(float* p) => Sse.Prefetch0(p);
}
