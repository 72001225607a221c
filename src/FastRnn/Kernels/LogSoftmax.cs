using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// Log-probabilities of one row, and their gradient:
/// <code>y = (x − max x) − log Σ exp(x − max x)        dX = dY − exp(y)·Σ dY</code>
/// Subtracting the true maximum keeps every exponent ≤ 0, so no finite row overflows. Sums run in sixteen virtual accumulators.
/// </summary>
internal static unsafe class LogSoftmax
{
    /// <summary>x and y padded to 16, y may be x; the padding of x may hold anything, that of y becomes zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward<L, V>(float* x, float* y, nint columns, CellFunctionArgs chosen)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        float* tail = stackalloc float[32];
        float* acc = tail + 16;
        nint body = (columns - 1) & ~(nint)15;
        SoftmaxCrossEntropy.CopyTail(x, body, columns, tail);
        V max = L.Broadcast(SoftmaxCrossEntropy.Maximum<L, V>(x, body, tail, acc));
        for (int lane = 0; lane < 16; lane += L.Width)
        {
            V sum = L.Broadcast(0f);
            for (nint i = lane; i < body; i += 16)
                sum = L.Add(sum, VectorMath.Exp<L, V>(L.Subtract(L.Load(x + i), max)));
            L.Store(acc + lane, L.Add(sum, VectorMath.Exp<L, V>(L.Subtract(L.Load(tail + lane), max))));
        }
        V log = L.Broadcast(VectorMath.Log<ScalarLanes, float>(Reductions.Tree(acc)));
        for (nint i = 0; i < body; i += L.Width)
            L.Store(y + i, L.Subtract(L.Subtract(L.Load(x + i), max), log));
        for (int lane = 0; lane < 16; lane += L.Width)
            L.Store(tail + lane, L.Subtract(L.Subtract(L.Load(tail + lane), max), log));
        Activations.StoreLast(tail, y + body, columns - body);
    }

    /// <summary>dX from y and dY, all padded to 16, the padding of dY zero; dX may be dY. x is not read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward<L, V>(float* x, float* y, float* dY, float* dX, nint columns, CellFunctionArgs chosen)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        float* acc = stackalloc float[16];
        nint body = (columns - 1) & ~(nint)15;
        for (int lane = 0; lane < 16; lane += L.Width)
        {
            V sum = L.Broadcast(0f);
            for (nint i = lane; i < columns + lane; i += 16)
                sum = L.Add(sum, L.Load(dY + i));
            L.Store(acc + lane, sum);
        }
        V all = L.Broadcast(Reductions.Tree(acc));
        for (nint i = 0; i < body; i += L.Width)
            L.Store(dX + i, L.NegatedMultiplyAdd(VectorMath.Exp<L, V>(L.Load(y + i)), all, L.Load(dY + i)));
        for (int lane = 0; lane < 16; lane += L.Width)
            L.Store(acc + lane, L.NegatedMultiplyAdd(VectorMath.Exp<L, V>(L.Load(y + body + lane)), all, L.Load(dY + body + lane)));
        Activations.StoreLast(acc, dX + body, columns - body);
    }
}
