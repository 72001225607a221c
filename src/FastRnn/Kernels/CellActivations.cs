using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// A function of a cell, whose derivative is a function of its value. Most are compiled into their cell and need no settings; the chosen ones are
/// looked up there.
/// </summary>
internal unsafe interface IActivation
{
    /// <summary>y = f(a).</summary>
    static abstract V Value<L, V>(CellSettings* settings, V a)
        where L : struct, ILanes<V>
        where V : unmanaged;

    /// <summary>dy·f'(a), from y.</summary>
    static abstract V Gradient<L, V>(CellSettings* settings, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged;
}

internal readonly unsafe struct TanhActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(CellSettings* settings, V a)
        where L : struct, ILanes<V>
        where V : unmanaged => VectorMath.Tanh<L, V>(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(CellSettings* settings, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Multiply(dy, L.NegatedMultiplyAdd(y, y, L.Broadcast(1f)));
}

internal readonly unsafe struct SigmoidActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(CellSettings* settings, V a)
        where L : struct, ILanes<V>
        where V : unmanaged => VectorMath.Sigmoid<L, V>(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(CellSettings* settings, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Multiply(dy, L.Multiply(y, L.Subtract(L.Broadcast(1f), y)));
}

/// <summary>max(a, 0); f'(0) = 0. NaN passes.</summary>
internal readonly unsafe struct ReluActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(CellSettings* settings, V a)
        where L : struct, ILanes<V>
        where V : unmanaged => L.SelectLess(a, L.Broadcast(0f), L.Broadcast(0f), a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(CellSettings* settings, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => L.SelectLess(L.Broadcast(0f), y, dy, L.Broadcast(0f));
}

internal readonly unsafe struct IdentityActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(CellSettings* settings, V a)
        where L : struct, ILanes<V>
        where V : unmanaged => a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(CellSettings* settings, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => dy;
}

/// <summary>The function that the settings have for gates, behind their clip.</summary>
internal readonly unsafe struct ChosenGate : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(CellSettings* settings, V a)
        where L : struct, ILanes<V>
        where V : unmanaged => CellFunctions.Value<L, V>(settings->Gate, CellFunctions.Clip<L, V>(a, settings->GateClip));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(CellSettings* settings, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => CutFunction<L, V>.OfGate(settings, 0).Gradient(y, dy);
}

/// <summary>The function that the settings have for candidates, and for the simple cell, behind their clip.</summary>
internal readonly unsafe struct ChosenCandidate : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(CellSettings* settings, V a)
        where L : struct, ILanes<V>
        where V : unmanaged => CellFunctions.Value<L, V>(settings->Candidate, CellFunctions.Clip<L, V>(a, settings->GateClip));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(CellSettings* settings, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => CutFunction<L, V>.OfCandidate(settings, 0).Gradient(y, dy);
}
