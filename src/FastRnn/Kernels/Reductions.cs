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
    /// sum[0…15] = chain of additions from zero over rows in the order (outer, inner) of a strip x[outer·outerStride + inner·innerStride].
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SumStripRows<L, V>(float* x, nint outerCount, nint outerStride, nint innerCount, nint innerStride, float* sum)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        for (int lane = 0; lane < 16; lane += L.Width)
        {
            V acc = L.Broadcast(0f);
            for (nint outer = 0; outer < outerCount; outer++)
            {
                float* row = x + (outer * outerStride) + lane;
                for (nint inner = 0; inner < innerCount; inner++, row += innerStride)
                    acc = L.Add(acc, L.Load(row));
            }
            L.Store(sum + lane, acc);
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
