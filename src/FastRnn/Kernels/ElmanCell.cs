using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>A point-wise function whose derivative is a function of its value.</summary>
internal interface IActivation
{
    /// <summary>y = f(a).</summary>
    static abstract V Value<L, V>(V a)
        where L : struct, ILanes<V>
        where V : unmanaged;

    /// <summary>dy·f'(a), from y.</summary>
    static abstract V Gradient<L, V>(V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged;
}

internal readonly struct TanhActivation : IActivation
{
    public static V Value<L, V>(V a)
        where L : struct, ILanes<V>
        where V : unmanaged => VectorMath.Tanh<L, V>(a);

    public static V Gradient<L, V>(V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Multiply(dy, L.NegatedMultiplyAdd(y, y, L.Broadcast(1f)));
}

internal readonly struct SigmoidActivation : IActivation
{
    public static V Value<L, V>(V a)
        where L : struct, ILanes<V>
        where V : unmanaged => VectorMath.Sigmoid<L, V>(a);

    public static V Gradient<L, V>(V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Multiply(dy, L.Multiply(y, L.Subtract(L.Broadcast(1f), y)));
}

/// <summary>max(a, 0); f'(0) = 0. NaN passes.</summary>
internal readonly struct ReluActivation : IActivation
{
    public static V Value<L, V>(V a)
        where L : struct, ILanes<V>
        where V : unmanaged => L.SelectLess(a, L.Broadcast(0f), L.Broadcast(0f), a);

    public static V Gradient<L, V>(V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => L.SelectLess(L.Broadcast(0f), y, dy, L.Broadcast(0f));
}

internal readonly struct IdentityActivation : IActivation
{
    public static V Value<L, V>(V a)
        where L : struct, ILanes<V>
        where V : unmanaged => a;

    public static V Gradient<L, V>(V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => dy;
}

/// <summary>
/// The simple recurrent cell (Elman 1990), point-wise part: h_t = f(b + W x_t + R h_{t−1}). One strip a block. Stored |h| and dh below 2⁻¹⁰⁰
/// become +0; the strip keeps h for the backward pass, where it becomes the gradient of the pre-activation.
/// </summary>
internal static unsafe class ElmanCell
{
    /// <summary>Rows × 16 units forward; pre-activation in, state out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardRows<L, V, F>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
        where F : struct, IActivation
    {
        bool keep = args->KeepGates;
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gate = args->Gates + (row * 16), hidden = args->Hidden + (row * args->StateRow);
            for (int u = 0; u < 16; u += L.Width)
            {
                V h = LstmCell.Flush<L, V>(F.Value<L, V>(L.Load(gate + u)));
                L.Store(hidden + u, h);
                if (keep)
                    L.Store(gate + u, h);
            }
        }
    }

    /// <summary>Rows × 16 units backward; h in, gradient of the pre-activation out, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BackwardRows<L, V, F>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
        where F : struct, IActivation
    {
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gate = args->Gates + (row * 16), dHidden = args->HiddenGradient + (row * args->StateRow);
            for (int u = 0; u < 16; u += L.Width)
                L.Store(gate + u, F.Gradient<L, V>(L.Load(gate + u), LstmCell.Flush<L, V>(L.Load(dHidden + u))));
        }
    }

    /// <summary><see cref="ForwardRows{L,V,F}"/> with a function chosen at run time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void VariantForwardRows<L, V>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gate = args->Gates + (row * 16), hidden = args->Hidden + (row * args->StateRow);
            for (int u = 0; u < 16; u += L.Width)
            {
                V h = LstmCell.Flush<L, V>(CellFunctions.Value<L, V>(args->Settings->Candidate, L.Load(gate + u)));
                L.Store(hidden + u, h);
                if (args->KeepGates)
                    L.Store(gate + u, h);
            }
        }
    }

    /// <summary><see cref="BackwardRows{L,V,F}"/> with a function chosen at run time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void VariantBackwardRows<L, V>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gate = args->Gates + (row * 16), dHidden = args->HiddenGradient + (row * args->StateRow);
            for (int u = 0; u < 16; u += L.Width)
            {
                V dh = LstmCell.Flush<L, V>(L.Load(dHidden + u));
                L.Store(gate + u, L.Multiply(dh, CellFunctions.Slope<L, V>(args->Settings->Candidate, L.Load(gate + u))));
            }
        }
    }
}
