using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// Probabilities of one row, and their gradient:
/// <code>y = exp(x − max x) / Σ exp(x − max x)        dX = y·(dY − Σ y·dY)</code>
/// Subtracting the true maximum keeps every exponent ≤ 0, so no finite row overflows. Sums run in sixteen virtual accumulators.
/// </summary>
internal static unsafe class Softmax
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
            V sum = L.Broadcast(0f), e;
            for (nint i = lane; i < body; i += 16)
            {
                e = VectorMath.Exp<L, V>(L.Subtract(L.Load(x + i), max));
                L.Store(y + i, e);
                sum = L.Add(sum, e);
            }
            e = VectorMath.Exp<L, V>(L.Subtract(L.Load(tail + lane), max));
            L.Store(tail + lane, e);
            L.Store(acc + lane, L.Add(sum, e));
        }
        V total = L.Broadcast(Reductions.Tree(acc));
        for (nint i = 0; i < body; i += L.Width)
            L.Store(y + i, L.Divide(L.Load(y + i), total));
        for (int lane = 0; lane < 16; lane += L.Width)
            L.Store(tail + lane, L.Divide(L.Load(tail + lane), total));
        Activations.StoreLast(tail, y + body, columns - body);
    }

    /// <summary>dX from y and dY, all padded to 16, the padding of y and dY zero; dX may be dY. x is not read.</summary>
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
                sum = L.MultiplyAdd(L.Load(y + i), L.Load(dY + i), sum);
            L.Store(acc + lane, sum);
        }
        V mean = L.Broadcast(Reductions.Tree(acc));
        for (nint i = 0; i < body; i += L.Width)
            L.Store(dX + i, L.Multiply(L.Load(y + i), L.Subtract(L.Load(dY + i), mean)));
        for (int lane = 0; lane < 16; lane += L.Width)
            L.Store(acc + lane, L.Multiply(L.Load(y + body + lane), L.Subtract(L.Load(dY + body + lane), mean)));
        Activations.StoreLast(acc, dX + body, columns - body);
    }
}
