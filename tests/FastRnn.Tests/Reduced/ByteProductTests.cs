using System.Runtime.Intrinsics.X86;
using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Reduced;

/// <summary>8-bit kernels on their own, each instruction's path against plain integers.</summary>
public unsafe class ByteProductTests
{
    public static TheoryData<string> Paths => [.. Products.Keys];

    private static Dictionary<string, nint[]> Products
    {
        get
        {
            var paths = new Dictionary<string, nint[]>
            {
                ["scalar"] =
                [
                    (nint)(delegate*<ByteProductArgs*, void>)&ByteProduct.ScalarStrips<N1>, (nint)(delegate*<ByteProductArgs*, void>)&ByteProduct.ScalarStrips<N2>,
                    (nint)(delegate*<ByteProductArgs*, void>)&ByteProduct.ScalarStrips<N3>, (nint)(delegate*<ByteProductArgs*, void>)&ByteProduct.ScalarStrips<N4>,
                ],
            };
            if (Avx2.IsSupported)
                paths["avx2"] = Of<Avx2QuadSum>();
            if (AvxVnni.IsSupported)
                paths["vnni"] = Of<VnniQuadSum>();
            return paths;
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void SumsAreExact(string path)
    {
        using var guard = new GuardedBlocks();
        var random = new Random(5);
        foreach (int depth in (int[])[1, 3, 4, 5, 15, 16, 17, 33, 64, 200, 513])
        {
            for (int strips = 1; strips <= 4; strips++)
            {
                Compare(path, depth, strips, () => random.Next(-127, 128), () => random.Next(-127, 128));
                Compare(path, depth, strips, () => 127, () => -127);
                Compare(path, depth, strips, () => random.Next(2) == 0 ? 127 : -127, () => 127); // what saturates where 16 bits are too few
            }
        }
    }

    /// <summary>The greatest sums of as many terms as there may be; of one more the weights are refused.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void SumsOfTheMostTermsFit(string path)
    {
        foreach ((int activation, int weight) in new[] { (127, 127), (127, -127), (-127, 127), (-127, -127) })
            Compare(path, Int8Rounding.MostTerms, 1, () => activation, () => weight);
        Assert.Throws<NotSupportedException>(() => new CpuBytePack(Int8Rounding.MostTerms + 1, 1, Gemm.PanelColumns));
    }

    [Fact]
    public void RoundingFollowsItsDefinition()
    {
        var random = new Random(3);
        foreach (int length in (int[])[1, 7, 15, 16, 17, 33, 64, 300])
        {
            foreach (double size in (double[])[1, 1e-3, 1e20, 1e-30, 1e-31, 0])
            {
                var x = new float[length];
                for (int k = 0; k < length; k++)
                    x[k] = (float)(size * ((2 * random.NextDouble()) - 1));
                CompareRounding(x);
            }
        }
    }

    /// <summary>k + ½ goes to the even neighbour; the greatest is ±127, never more.</summary>
    [Fact]
    public void RoundingTiesToEven()
    {
        float[] ties = [127f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 126.5f, -126.5f, -127f];
        CompareRounding(ties);
        CompareRounding([float.MaxValue, -float.MaxValue, float.MaxValue / 254, 1f]);
        Assert.Equal((int[])[127, 0, 2, 2, 0, -2, -2, 126, -126, -127], ReducedReference.Quantize(ties).Values);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void WhatIsNotFiniteMakesTheScaleNaN(float odd)
    {
        for (int at = 0; at < 20; at++)
        {
            var x = new float[20];
            Array.Fill(x, 3f);
            x[at] = odd;
            CompareRounding(x);
            Assert.True(float.IsNaN(ReducedReference.Quantize(x).Scale));
        }
    }

    private static nint[] Of<TSum>()
        where TSum : struct, IQuadSum =>
        [
            (nint)(delegate*<ByteProductArgs*, void>)&ByteProduct.Strips<TSum, N1>, (nint)(delegate*<ByteProductArgs*, void>)&ByteProduct.Strips<TSum, N2>,
            (nint)(delegate*<ByteProductArgs*, void>)&ByteProduct.Strips<TSum, N3>, (nint)(delegate*<ByteProductArgs*, void>)&ByteProduct.Strips<TSum, N4>,
        ];

    private static void Compare(string path, int depth, int strips, Func<int> activation, Func<int> weight)
    {
        int quads = (depth + 3) / 4, columns = 16 * strips;
        using AlignedBuffer x = new((quads + 15) / 16 * 16), panel = new(quads * columns), numbers = new(4 * columns);
        var starts = (int*)numbers.Pointer;
        float* scales = numbers.Pointer + columns, init = scales + columns, c = init + columns;
        int[] q = [.. Enumerable.Range(0, depth).Select(_ => activation())];
        for (int k = 0; k < depth; k++)
            ((byte*)x.Pointer)[k] = (byte)(q[k] + 128);
        var expected = new float[columns];
        for (int n = 0; n < columns; n++)
        {
            (scales[n], init[n], starts[n]) = (0.001f * (n + 1), n - 3.25f, 0);
            long sum = 0;
            for (int k = 0; k < depth; k++)
            {
                int w = weight();
                ((sbyte*)panel.Pointer)[(((k / 4 * columns) + n) * 4) + (k % 4)] = (sbyte)w;
                starts[n] -= 128 * w;
                sum += q[k] * w;
            }
            expected[n] = MathF.FusedMultiplyAdd(0.37f * scales[n], sum, init[n]);
        }
        var args = new ByteProductArgs
        {
            X = (byte*)x.Pointer,
            Quads = quads,
            Scale = 0.37f,
            Panel = (sbyte*)panel.Pointer,
            QuadBytes = 4 * columns,
            WeightScales = scales,
            Starts = starts,
            Init = init,
            C = c,
            InitStrip = 16,
            CStrip = 16,
        };
        ((delegate*<ByteProductArgs*, void>)Products[path][strips - 1])(&args);
        Bits.Same(expected, new ReadOnlySpan<float>(c, columns), $"{path}, K {depth}, {strips} strips");
    }

    private static void CompareRounding(float[] values)
    {
        (int[] expected, float scale) = ReducedReference.Quantize(values);
        using AlignedBuffer x = new(AlignedBuffer.Pad(values.Length)), q = new((values.Length + 63) / 64 * 16);
        x.Span.Fill(1e30f); // what lies behind the vector counts for nothing
        values.CopyTo(x.Span);
        for (int path = 0; path < (Avx2.IsSupported ? 2 : 1); path++)
        {
            var bytes = (byte*)q.Pointer;
            float found = path == 0 ? ByteProduct.ScalarQuantize(x.Pointer, values.Length, bytes) : ByteProduct.Quantize(x.Pointer, values.Length, bytes);
            Bits.Same([scale], [found], $"scale of {values.Length}, path {path}");
            for (int k = 0; k < values.Length; k++)
                Assert.True(expected[k] + 128 == bytes[k], $"path {path}, {k} of {values.Length}: {values[k]:R} became {bytes[k] - 128}, expected {expected[k]}");
        }
    }
}
