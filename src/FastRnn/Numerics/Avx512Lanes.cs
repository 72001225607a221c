using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FastRnn.Numerics;

/// <summary>Width 16: AVX-512 (F, DQ for the bitwise float operations).</summary>
internal readonly unsafe struct Avx512Lanes : ILanes<Vector512<float>>
{
    public static int Width => 16;

    public static int TileRows => 6;

    public static Vector512<float> Load(float* p) => *(Vector512<float>*)p;

    public static void Store(float* p, Vector512<float> v) => *(Vector512<float>*)p = v;

    public static Vector512<float> Broadcast(float x) => Vector512.Create(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BroadcastFour(float* p, out Vector512<float> x0, out Vector512<float> x1, out Vector512<float> x2, out Vector512<float> x3)
    {
        Vector512<float> four = Avx512F.BroadcastVector128ToVector512(p);
        x0 = Avx512F.Permute4x32(four, 0x00);
        x1 = Avx512F.Permute4x32(four, 0x55);
        x2 = Avx512F.Permute4x32(four, 0xAA);
        x3 = Avx512F.Permute4x32(four, 0xFF);
    }

    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    public static Vector512<float> Divide(Vector512<float> a, Vector512<float> b) => a / b;

    public static Vector512<float> Sqrt(Vector512<float> a) => Avx512F.Sqrt(a);

    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Avx512F.FusedMultiplyAdd(a, b, c);

    public static Vector512<float> NegatedMultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Avx512F.FusedMultiplyAddNegated(a, b, c);

    public static Vector512<float> Min(Vector512<float> a, Vector512<float> b) => Avx512F.Min(a, b);

    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Avx512F.Max(a, b);

    public static Vector512<float> SelectLess(Vector512<float> a, Vector512<float> b, Vector512<float> x, Vector512<float> y) =>
        Avx512F.BlendVariable(y, x, Avx512F.CompareLessThan(a, b));

    public static Vector512<float> Round(Vector512<float> a) => Avx512F.RoundScale(a, 0);

    public static Vector512<float> And(Vector512<float> a, Vector512<float> b) => a & b;

    public static Vector512<float> Or(Vector512<float> a, Vector512<float> b) => a | b;

    public static Vector512<float> Xor(Vector512<float> a, Vector512<float> b) => a ^ b;

    public static Vector512<float> ToInt32Bits(Vector512<float> a) => Avx512F.ConvertToVector512Int32(a).AsSingle();

    public static Vector512<float> FromInt32Bits(Vector512<float> a) => Avx512F.ConvertToVector512Single(a.AsInt32());

    public static Vector512<float> AddInt32(Vector512<float> a, Vector512<float> b) => (a.AsInt32() + b.AsInt32()).AsSingle();

    public static Vector512<float> SubtractInt32(Vector512<float> a, Vector512<float> b) => (a.AsInt32() - b.AsInt32()).AsSingle();

    public static Vector512<float> MinInt32(Vector512<float> a, Vector512<float> b) => Avx512F.Min(a.AsInt32(), b.AsInt32()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Lookup(Vector512<float> index, float x0, float x1, float x2, float x3, float x4, float x5, float x6, float x7) =>
        Avx512F.PermuteVar16x32(Vector512.Create(x0, x1, x2, x3, x4, x5, x6, x7, x0, x1, x2, x3, x4, x5, x6, x7), index.AsInt32());

    public static bool SameBits(Vector512<float> a, Vector512<float> b) => Vector512.EqualsAll(a.AsInt32(), b.AsInt32());

    public static Vector512<float> ShiftLeft(Vector512<float> a, [ConstantExpected] byte count) => Avx512F.ShiftLeftLogical(a.AsInt32(), count).AsSingle();

    public static Vector512<float> ShiftRightArithmetic(Vector512<float> a, [ConstantExpected] byte count) =>
        Avx512F.ShiftRightArithmetic(a.AsInt32(), count).AsSingle();

    public static Vector512<float> ShiftRightLogical(Vector512<float> a, [ConstantExpected] byte count) =>
        Avx512F.ShiftRightLogical(a.AsInt32(), count).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyWords(Vector512<float> a, Vector512<float> b, out Vector512<float> high, out Vector512<float> low)
    {
        Vector512<uint> even = Avx512F.Multiply(a.AsUInt32(), b.AsUInt32()).AsUInt32();
        Vector512<uint> odd = Avx512F.Multiply(
            Avx512F.ShiftRightLogical(a.AsUInt64(), 32).AsUInt32(), Avx512F.ShiftRightLogical(b.AsUInt64(), 32).AsUInt32()).AsUInt32();
        high = Avx512F.PermuteVar16x32x2(even, Vector512.Create(1u, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31), odd).AsSingle();
        low = Avx512F.PermuteVar16x32x2(even, Vector512.Create(0u, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30), odd).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> QuadIndex(int first) => (Vector512.Create(first) + Vector512.Create(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreQuads(float* p, Vector512<float> x0, Vector512<float> x1, Vector512<float> x2, Vector512<float> x3)
    {
        Vector512<double> low01 = Avx512F.UnpackLow(x0, x1).AsDouble(), high01 = Avx512F.UnpackHigh(x0, x1).AsDouble();
        Vector512<double> low23 = Avx512F.UnpackLow(x2, x3).AsDouble(), high23 = Avx512F.UnpackHigh(x2, x3).AsDouble();
        Avx512F.UnpackLow(low01, low23).AsSingle().Store(p);
        Avx512F.UnpackHigh(low01, low23).AsSingle().Store(p + 16);
        Avx512F.UnpackLow(high01, high23).AsSingle().Store(p + 32);
        Avx512F.UnpackHigh(high01, high23).AsSingle().Store(p + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AccumulateSquares(float* x, double* acc)
    {
        Vector512<double> low = Avx512F.ConvertToVector512Double(Vector256.Load(x));
        Vector512<double> high = Avx512F.ConvertToVector512Double(Vector256.Load(x + 8));
        Avx512F.FusedMultiplyAdd(low, low, Vector512.Load(acc)).Store(acc);
        Avx512F.FusedMultiplyAdd(high, high, Vector512.Load(acc + 8)).Store(acc + 8);
    }

    public static void Prefetch(float* p) => Sse.Prefetch1(p);

    public static void PrefetchNear(float* p) => Sse.Prefetch0(p);
}
