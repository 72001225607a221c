using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// One vector times one panel of 8-bit weights:
/// <code>C[n] = fma(fl(scale · WeightScales[n]), Σ_k x_k·w_kn, Init[n])</code>
/// The panel is [quad of k][strip][16 columns][4 k]: a strip is one cache line a quad. x is stored as q + 128 in unsigned bytes, up to the next quad.
/// </summary>
internal unsafe struct ByteProductArgs
{
    public byte* X;

    /// <summary>Four k each.</summary>
    public nint Quads;
    public float Scale;

    /// <summary>The panel's first strip here, and bytes from a quad to the next.</summary>
    public sbyte* Panel;
    public nint QuadBytes;

    /// <summary>By column: the weights' scales, and −128·Σ w, where a sum over q + 128 has to start.</summary>
    public float* WeightScales;
    public int* Starts;

    /// <summary>Strip s at 16 floats from Init[s·InitStrip] and C[s·CStrip].</summary>
    public float* Init, C;
    public nint InitStrip, CStrip;
}

/// <summary>How four 8-bit products are added to a 32-bit sum, eight sums at a time, exactly.</summary>
internal unsafe interface IQuadSum
{
    /// <summary>Where a sum starts for <see cref="Add"/>.</summary>
    static abstract Vector256<int> Start(int* starts);

    /// <summary>The quad of x in every 32-bit lane, in the two forms that <see cref="Add"/> takes.</summary>
    static abstract void Read(byte* x, out Vector256<byte> magnitude, out Vector256<sbyte> signed);

    static abstract Vector256<int> Add(Vector256<int> sum, Vector256<byte> magnitude, Vector256<sbyte> signed, sbyte* weights);
}

/// <summary>VPDPBUSD: unsigned times signed bytes into 32 bits. q + 128 is unsigned; the sum starts at −128·Σ w.</summary>
internal readonly unsafe struct VnniQuadSum : IQuadSum
{
    public static Vector256<int> Start(int* starts) => Vector256.Load(starts);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(byte* x, out Vector256<byte> magnitude, out Vector256<sbyte> signed)
    {
        magnitude = Vector256.Create(*(int*)x).AsByte();
        signed = default;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> magnitude, Vector256<sbyte> signed, sbyte* weights) =>
        AvxVnni.MultiplyWideningAndAdd(sum, magnitude, Vector256.Load(weights));
}

/// <summary>
/// AVX2: |q| times w with q's sign, in pairs in 16 bits – at most 2·127² = 32258, so VPMADDUBSW never saturates – and pairs of these in 32 bits.
/// </summary>
internal readonly unsafe struct Avx2QuadSum : IQuadSum
{
    public static Vector256<int> Start(int* starts) => Vector256<int>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(byte* x, out Vector256<byte> magnitude, out Vector256<sbyte> signed)
    {
        signed = Vector256.Create(*(int*)x ^ unchecked((int)0x80808080)).AsSByte();
        magnitude = Avx2.Abs(signed);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> magnitude, Vector256<sbyte> signed, sbyte* weights)
    {
        Vector256<short> pairs = Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Load(weights), signed));
        return sum + Avx2.MultiplyAddAdjacent(pairs, Vector256.Create((short)1));
    }
}

/// <summary>
/// Products of 8-bit vectors and panels, and the rounding of vectors that goes before. The kernels keep up to eight accumulators of eight 32-bit sums, one
/// row of x: what bounds them is how fast a panel streams in. Measured from L2, GB/s, against 180 for f32 tiles of 512 bits: 136; rejected: two registers
/// cut from one load of 512 bits 129, four quads of x by one load 133–145, prefetching 2 or 4 KiB ahead nothing beyond the noise.
/// </summary>
internal static unsafe class ByteProduct
{
    /// <summary>TStrips ≤ 4 strips of a panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Strips<TSum, TStrips>(ByteProductArgs* args)
        where TSum : struct, IQuadSum
        where TStrips : unmanaged, ICount
    {
        Vector256<int> s0 = TSum.Start(args->Starts), s1 = TSum.Start(args->Starts + 8), s2 = default, s3 = default;
        Vector256<int> s4 = default, s5 = default, s6 = default, s7 = default;
        if (sizeof(TStrips) > 1)
            (s2, s3) = (TSum.Start(args->Starts + 16), TSum.Start(args->Starts + 24));
        if (sizeof(TStrips) > 2)
            (s4, s5) = (TSum.Start(args->Starts + 32), TSum.Start(args->Starts + 40));
        if (sizeof(TStrips) > 3)
            (s6, s7) = (TSum.Start(args->Starts + 48), TSum.Start(args->Starts + 56));
        sbyte* panel = args->Panel;
        nint step = args->QuadBytes;
        for (byte* x = args->X, end = x + (4 * args->Quads); x < end; x += 4, panel += step)
        {
            TSum.Read(x, out Vector256<byte> magnitude, out Vector256<sbyte> signed);
            s0 = TSum.Add(s0, magnitude, signed, panel);
            s1 = TSum.Add(s1, magnitude, signed, panel + 32);
            if (sizeof(TStrips) > 1)
            {
                s2 = TSum.Add(s2, magnitude, signed, panel + 64);
                s3 = TSum.Add(s3, magnitude, signed, panel + 96);
            }
            if (sizeof(TStrips) > 2)
            {
                s4 = TSum.Add(s4, magnitude, signed, panel + 128);
                s5 = TSum.Add(s5, magnitude, signed, panel + 160);
            }
            if (sizeof(TStrips) > 3)
            {
                s6 = TSum.Add(s6, magnitude, signed, panel + 192);
                s7 = TSum.Add(s7, magnitude, signed, panel + 224);
            }
        }
        Finish(args, 0, s0, s1);
        if (sizeof(TStrips) > 1)
            Finish(args, 1, s2, s3);
        if (sizeof(TStrips) > 2)
            Finish(args, 2, s4, s5);
        if (sizeof(TStrips) > 3)
            Finish(args, 3, s6, s7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(ByteProductArgs* args, nint strip, Vector256<int> low, Vector256<int> high)
    {
        float* scales = args->WeightScales + (strip * 16), from = args->Init + (strip * args->InitStrip), to = args->C + (strip * args->CStrip);
        Vector256<float> scale = Vector256.Create(args->Scale);
        Fma.MultiplyAdd(scale * Vector256.Load(scales), Avx.ConvertToVector256Single(low), Vector256.Load(from)).Store(to);
        Fma.MultiplyAdd(scale * Vector256.Load(scales + 8), Avx.ConvertToVector256Single(high), Vector256.Load(from + 8)).Store(to + 8);
    }

    /// <summary>The portable path.</summary>
    public static void ScalarStrips<TStrips>(ByteProductArgs* args)
        where TStrips : unmanaged, ICount
    {
        for (nint n = 0; n < 16 * sizeof(TStrips); n++)
        {
            sbyte* w = args->Panel + (4 * n);
            int sum = 0;
            for (nint quad = 0; quad < args->Quads; quad++, w += args->QuadBytes)
            {
                byte* x = args->X + (4 * quad);
                sum += ((x[0] - 128) * w[0]) + ((x[1] - 128) * w[1]) + ((x[2] - 128) * w[2]) + ((x[3] - 128) * w[3]);
            }
            nint strip = n / 16, lane = n % 16;
            float start = args->Init[(strip * args->InitStrip) + lane];
            args->C[(strip * args->CStrip) + lane] = MathF.FusedMultiplyAdd(args->Scale * args->WeightScales[n], sum, start);
        }
    }

    /// <summary>
    /// Rounds a vector as <see cref="Int8Rounding"/> says, to q + 128; whole groups of 16 are written. Returns the scale.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Quantize(float* x, nint length, byte* q)
    {
        Vector256<int> mask = Vector256.Create(0x7FFFFFFF), most = Vector256<int>.Zero;
        float* rest = stackalloc float[16];
        nint whole = length & ~(nint)15;
        for (nint k = whole; k < length; k++)
            rest[k - whole] = x[k]; // what lies beyond may be anything, and may not be there
        for (nint k = 0; k < whole; k += 16)
        {
            // Of magnitudes' bits, as integers, a NaN is the greatest: no order of the comparisons can lose it.
            most = Avx2.Max(most, Vector256.Load((int*)(x + k)) & mask);
            most = Avx2.Max(most, Vector256.Load((int*)(x + k + 8)) & mask);
        }
        most = Avx2.Max(most, Avx2.Max(Vector256.Load((int*)rest) & mask, Vector256.Load((int*)(rest + 8)) & mask));
        Vector128<int> half = Sse41.Max(most.GetLower(), most.GetUpper());
        half = Sse41.Max(half, Sse2.Shuffle(half, 0x4E));
        float magnitude = BitConverter.Int32BitsToSingle(Sse41.Max(half, Sse2.Shuffle(half, 0xB1)).ToScalar());
        float inverse = Int8Rounding.Inverse(magnitude);
        if (inverse == 0f)
            new Span<byte>(q, (int)((length + 15) & ~(nint)15)).Fill(128);
        for (nint k = 0; k < length && inverse != 0f; k += 16)
        {
            float* group = k < whole ? x + k : rest;
            Vector256<int> low = Avx.ConvertToVector256Int32(Vector256.Load(group) * Vector256.Create(inverse));
            Vector256<int> high = Avx.ConvertToVector256Int32(Vector256.Load(group + 8) * Vector256.Create(inverse));
            Vector256<short> words = Avx2.Permute4x64(Avx2.PackSignedSaturate(low, high).AsInt64(), 0b11_01_10_00).AsInt16();
            (Sse2.PackSignedSaturate(words.GetLower(), words.GetUpper()).AsByte() ^ Vector128.Create((byte)128)).Store(q + k);
        }
        return Int8Rounding.Scale(magnitude);
    }

    /// <summary>The portable path.</summary>
    public static float ScalarQuantize(float* x, nint length, byte* q)
    {
        nint padded = (length + 15) & ~(nint)15;
        int bits = 0;
        for (nint k = 0; k < length; k++)
            bits = Math.Max(bits, BitConverter.SingleToInt32Bits(x[k]) & 0x7FFFFFFF);
        float magnitude = BitConverter.Int32BitsToSingle(bits), inverse = Int8Rounding.Inverse(magnitude);
        for (nint k = 0; k < padded; k++)
            q[k] = (byte)(k < length ? Int8Rounding.Round(x[k], inverse) + 128 : 128);
        return Int8Rounding.Scale(magnitude);
    }
}
