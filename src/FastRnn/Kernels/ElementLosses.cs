using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// Losses that compare an output x with a target y element by element. One row: the sum of its losses, and the slope ∂loss/∂x of every
/// element times a scale. Each element costs a handful of IEEE operations in one order; the sum runs in sixteen virtual accumulators.
/// Element errors: 1 ulp of d = x − y for squared, absolute, Huber and pinball (there also 1 of 1 − q); <see cref="LogisticLoss.Ulps"/> for the logistic loss.
/// </summary>
internal static unsafe class ElementLosses
{
    /// <summary>
    /// Loss of one row of <paramref name="columns"/> elements. All arrays are padded to 16; constants holds δ, p or q for every column. Unless
    /// null, gradient is written, its padding zero; it may be x or y.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Row<L, V, TLoss>(float* x, float* y, float* constants, nint columns, float scale, float* gradient)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TLoss : struct, IElementLoss
    {
        // What the padding would give – the logistic loss of 0 is ln 2 – is cleared in the last 16 before it is added or stored.
        float* lastLosses = stackalloc float[48];
        float* lastSlopes = lastLosses + 16, acc = lastLosses + 32;
        nint body = (columns - 1) & ~(nint)15;
        V vScale = L.Broadcast(scale);
        for (int lane = 0; lane < 16; lane += L.Width)
        {
            V sum = L.Broadcast(0f);
            for (nint i = lane; i < body; i += 16)
            {
                sum = L.Add(sum, TLoss.Evaluate<L, V>(L.Load(x + i), L.Load(y + i), L.Load(constants + i), out V slope));
                if (gradient != null)
                    L.Store(gradient + i, L.Multiply(slope, vScale));
            }
            nint at = body + lane;
            L.Store(lastLosses + lane, TLoss.Evaluate<L, V>(L.Load(x + at), L.Load(y + at), L.Load(constants + at), out V last));
            L.Store(lastSlopes + lane, L.Multiply(last, vScale));
            L.Store(acc + lane, sum);
        }
        for (int i = 0; i < columns - body; i++)
            acc[i] += lastLosses[i];
        for (int i = 0; gradient != null && i < 16; i++)
            gradient[body + i] = i < columns - body ? lastSlopes[i] : 0f;
        return Reductions.Tree(acc);
    }
}

/// <summary>One element: loss of x against y, and its slope ∂loss/∂x. A NaN in x or y makes the loss NaN.</summary>
internal interface IElementLoss
{
    static abstract V Evaluate<L, V>(V x, V y, V constant, out V slope)
        where L : struct, ILanes<V>
        where V : unmanaged;
}

/// <summary>(x − y)²</summary>
internal readonly struct SquaredLoss : IElementLoss
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<L, V>(V x, V y, V constant, out V slope)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V d = L.Subtract(x, y);
        slope = L.Add(d, d);
        return L.Multiply(d, d);
    }
}

/// <summary>|x − y|, with slope 0 where they are equal.</summary>
internal readonly struct AbsoluteLoss : IElementLoss
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<L, V>(V x, V y, V constant, out V slope)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V zero = L.Broadcast(0f), signBit = L.Broadcast(-0f), d = L.Subtract(x, y);
        V sign = L.And(d, signBit), magnitude = L.Xor(d, sign);
        slope = L.SelectLess(zero, magnitude, L.Or(L.Broadcast(1f), sign), zero);
        return magnitude;
    }
}

/// <summary>With d = x − y: ½d² where |d| &lt; δ, otherwise δ·(|d| − ½δ).</summary>
internal readonly struct HuberLoss : IElementLoss
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<L, V>(V x, V y, V constant, out V slope)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V half = L.Broadcast(0.5f), signBit = L.Broadcast(-0f), d = L.Subtract(x, y);
        V sign = L.And(d, signBit), magnitude = L.Xor(d, sign);
        slope = L.Or(L.Min(constant, magnitude), sign);
        V square = L.Multiply(half, L.Multiply(d, d));
        return L.SelectLess(magnitude, constant, square, L.Multiply(constant, L.NegatedMultiplyAdd(half, constant, magnitude)));
    }
}

/// <summary>With d = x − y and a quantile q: −q·d where d &lt; 0, (1 − q)·d where d &gt; 0, with slope 0 where they are equal.</summary>
internal readonly struct QuantileLoss : IElementLoss
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<L, V>(V x, V y, V constant, out V slope)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V zero = L.Broadcast(0f), d = L.Subtract(x, y);
        V below = L.SelectLess(d, zero, L.Xor(constant, L.Broadcast(-0f)), zero);
        slope = L.SelectLess(zero, d, L.Subtract(L.Broadcast(1f), constant), below);
        return L.Multiply(slope, d); // 0·NaN is the NaN that is to show
    }
}

/// <summary>
/// Binary cross-entropy of a logit x, with p the weight of positive targets:
/// <code>loss = p·y·softplus(−x) + (1 − y)·softplus(x)        slope = (1 − y)·σ(x) − p·y·σ(−x)</code>
/// and softplus(x) = max(x, 0) + log(1 + e^{−|x|}): nothing overflows, and neither the loss nor the slope of a confident and right
/// answer is lost to cancellation.
/// </summary>
internal readonly struct LogisticLoss : IElementLoss
{
    /// <summary>Bound for y ∈ {0, 1} and p = 1, loss and slope, wherever they are normal (worst of 860,000 sampled: 2.58).</summary>
    public const double Ulps = 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Evaluate<L, V>(V x, V y, V constant, out V slope)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V zero = L.Broadcast(0f), one = L.Broadcast(1f), signBit = L.Broadcast(-0f);
        V negative = L.Subtract(one, y), positive = L.Multiply(constant, y);
        V minusX = L.Xor(x, signBit);
        slope = L.Subtract(
            L.Multiply(negative, VectorMath.Sigmoid<L, V>(x)), L.Multiply(positive, VectorMath.Sigmoid<L, V>(minusX)));
        V log = Log1p<L, V>(VectorMath.Exp<L, V>(L.Or(x, signBit)));
        V softplus = L.Add(L.Max(zero, x), log), softplusOfMinus = L.Add(L.Max(zero, minusX), log); // a NaN passes both maxima
        return L.MultiplyAdd(positive, softplusOfMinus, L.Multiply(negative, softplus));
    }

    /// <summary>log(1 + e) for e in [0, 1] as log(u)·e/(u − 1) with u = fl(1 + e) (Kahan): the rounding of u cancels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Log1p<L, V>(V e)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V one = L.Broadcast(1f), u = L.Add(one, e);
        return L.SelectLess(one, u, L.Multiply(VectorMath.Log<L, V>(u), L.Divide(e, L.Subtract(u, one))), e);
    }
}
