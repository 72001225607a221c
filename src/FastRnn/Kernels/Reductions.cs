using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// Sums whose order is part of the definition: sixteen virtual accumulators by index mod 16, then one fixed tree – the same at every
/// width, so the bits do not depend on the instruction set.
/// </summary>
internal static unsafe class Reductions
{
    /// <summary>The fixed tree over sixteen accumulators: i + (i+8), then +4, +2, +1.</summary>
    public static double Tree(double* acc)
    {
        for (int half = 8; half > 0; half >>= 1)
        {
            for (int i = 0; i < half; i++)
                acc[i] += acc[i + half];
        }
        return acc[0];
    }

    /// <inheritdoc cref="Tree(double*)"/>
    public static float Tree(float* acc)
    {
        for (int half = 8; half > 0; half >>= 1)
        {
            for (int i = 0; i < half; i++)
                acc[i] += acc[i + half];
        }
        return acc[0];
    }

    /// <summary>Σ x² over rows of padded length, in double; the padding is zero and adds nothing. length is a multiple of 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double SumOfSquares<L, V>(float* x, nint length)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        double* acc = stackalloc double[16];
        new Span<double>(acc, 16).Clear();
        for (nint i = 0; i < length; i += 16)
            L.AccumulateSquares(x + i, acc);
        return Tree(acc);
    }

    /// <summary>
    /// sum[0…16·strips − 1] = chains of additions from zero over rows in the order (outer, inner) of up to four neighbouring strips
    /// x[outer·outerStride + inner·innerStride]. Four at a time hide the latency of the additions.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SumStripRows<L, V>(float* x, nint strips, nint outerCount, nint outerStride, nint innerCount, nint innerStride, float* sum)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        for (int lane = 0; lane < 16; lane += L.Width)
        {
            V s0 = L.Broadcast(0f), s1 = s0, s2 = s0, s3 = s0;
            for (nint outer = 0; outer < outerCount; outer++)
            {
                float* row = x + (outer * outerStride) + lane;
                for (nint inner = 0; inner < innerCount; inner++, row += innerStride)
                {
                    s0 = L.Add(s0, L.Load(row));
                    if (strips > 1)
                        s1 = L.Add(s1, L.Load(row + 16));
                    if (strips > 2)
                        s2 = L.Add(s2, L.Load(row + 32));
                    if (strips > 3)
                        s3 = L.Add(s3, L.Load(row + 48));
                }
            }
            L.Store(sum + lane, s0);
            if (strips > 1)
                L.Store(sum + 16 + lane, s1);
            if (strips > 2)
                L.Store(sum + 32 + lane, s2);
            if (strips > 3)
                L.Store(sum + 48 + lane, s3);
        }
    }

    /// <summary>y += x; length is a multiple of 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddTo<L, V>(float* x, float* y, nint length)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        for (nint i = 0; i < length; i += L.Width)
            L.Store(y + i, L.Add(L.Load(y + i), L.Load(x + i)));
    }
}
