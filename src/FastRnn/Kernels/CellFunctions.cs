using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// The functions that a cell with options may have, chosen at run time. The branch is the same for every vector of a call and costs little beside the
/// function; the cells without options have theirs compiled in.
/// </summary>
internal static class CellFunctions
{
    /// <summary>The fixed point of mean 0 and variance 1 (Klambauer, Unterthiner, Mayr, Hochreiter 2017).</summary>
    public const double SeluScale = 1.0507009873554804934, SeluAlpha = 1.6732632423543772848;

    /// <summary>y = f(x).</summary>
    public static V Value<L, V>(in CellFunctionArgs f, V x)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V zero = L.Broadcast(0f), alpha = L.Broadcast(f.Alpha), beta = L.Broadcast(f.Beta);
        return f.Function switch
        {
            CellFunction.Tanh => VectorMath.Tanh<L, V>(x),
            CellFunction.Relu => L.SelectLess(x, zero, zero, x),
            CellFunction.Sigmoid => VectorMath.Sigmoid<L, V>(x),
            CellFunction.HardSigmoid => L.Min(L.Broadcast(1f), L.Max(zero, L.MultiplyAdd(alpha, x, beta))),
            CellFunction.Softsign => L.Divide(x, L.Add(L.Broadcast(1f), Magnitude<L, V>(x))),
            CellFunction.Softplus => SoftplusFunction.Value<L, V>(f, x),
            CellFunction.Elu => L.SelectLess(x, zero, L.Multiply(alpha, VectorMath.ExpMinus1<L, V>(x)), x),
            CellFunction.LeakyRelu => L.SelectLess(x, zero, L.Multiply(alpha, x), x),
            CellFunction.ThresholdedRelu => L.SelectLess(alpha, x, x, L.SelectLess(x, L.Broadcast(float.PositiveInfinity), zero, x)),
            CellFunction.ScaledTanh => L.Multiply(alpha, VectorMath.Tanh<L, V>(L.Multiply(beta, x))),
            CellFunction.Affine => L.MultiplyAdd(alpha, x, beta),
            CellFunction.Selu => L.SelectLess(
                x, zero, L.Multiply(L.Broadcast((float)(SeluScale * SeluAlpha)), VectorMath.ExpMinus1<L, V>(x)), L.Multiply(L.Broadcast((float)SeluScale), x)),
            CellFunction.Exponential => VectorMath.Exp<L, V>(x),
            CellFunction.Clip => L.Min(beta, L.Max(alpha, x)),
            _ => x,
        };
    }

    /// <summary>f'(x) from y = f(x).</summary>
    public static V Slope<L, V>(in CellFunctionArgs f, V y)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V zero = L.Broadcast(0f), one = L.Broadcast(1f), alpha = L.Broadcast(f.Alpha);
        return f.Function switch
        {
            CellFunction.Tanh => L.NegatedMultiplyAdd(y, y, one),
            CellFunction.Relu or CellFunction.ThresholdedRelu => L.SelectLess(zero, y, one, zero),
            CellFunction.Sigmoid => L.Multiply(y, L.Subtract(one, y)),
            CellFunction.HardSigmoid => L.SelectLess(zero, y, L.SelectLess(y, one, alpha, zero), zero),
            CellFunction.Softsign => Square<L, V>(L.Subtract(one, Magnitude<L, V>(y))),
            CellFunction.Softplus => L.Subtract(zero, VectorMath.ExpMinus1<L, V>(L.Subtract(zero, y))),
            CellFunction.Elu => L.SelectLess(zero, y, one, L.Add(y, alpha)),
            CellFunction.LeakyRelu => L.SelectLess(zero, y, one, alpha),
            // y/α is tanh itself: exact where it is ±1, and no α makes a square overflow or vanish.
            CellFunction.ScaledTanh => L.Multiply(L.Broadcast(f.Beta), L.NegatedMultiplyAdd(y, L.Divide(y, alpha), alpha)),
            CellFunction.Affine => alpha,
            CellFunction.Selu => L.SelectLess(zero, y, L.Broadcast((float)SeluScale), L.Add(y, L.Broadcast((float)(SeluScale * SeluAlpha)))),
            CellFunction.Exponential => y,
            CellFunction.Clip => L.SelectLess(alpha, y, L.SelectLess(y, L.Broadcast(f.Beta), one, zero), zero),
            _ => one,
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Magnitude<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged => L.And(x, L.Broadcast(BitConverter.Int32BitsToSingle(0x7FFFFFFF)));

    /// <summary>min(max(x, −limit), limit); NaN passes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Clamp<L, V>(V x, V limit)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Min(limit, L.Max(L.Subtract(L.Broadcast(0f), limit), x));

    /// <summary>The same where there is a limit: 0 is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Clip<L, V>(V x, float limit)
        where L : struct, ILanes<V>
        where V : unmanaged => limit > 0 ? Clamp<L, V>(x, L.Broadcast(limit)) : x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Square<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Multiply(x, x);
}
