using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// x·Φ(x) with the normal distribution's Φ (Hendrycks, Gimpel 2016), slope Φ(x) + x·φ(x); ≤ <see cref="Ulps"/> ulp. Φ(−a) = e^{−a²/2}·t·P(t) for a ≥ 0
/// with t = 1/(1 + 0.35·a) and a polynomial P that leaves 5.5e-8 of relative error where Φ is a normal number and 8.8e-8 up to a = 16: the form of Hastings
/// (1955), so that a small Φ keeps its digits.
/// </summary>
internal readonly struct GeluFunction : IFunction
{
    /// <summary>Bound of values, where they are normal.</summary>
    public const double Ulps = 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(in CellFunctionArgs chosen, V x)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Multiply(Bounded<L, V>(x), Distribution<L, V>(x, out _));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(in CellFunctionArgs chosen, V x, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V distribution = Distribution<L, V>(x, out V bell);
        V density = L.Multiply(bell, L.Broadcast(0.3989422804014327f)); // 1/√(2π)
        return L.Multiply(dy, L.MultiplyAdd(L.Min(L.Broadcast(16f), Bounded<L, V>(x)), density, distribution));
    }

    /// <summary>Φ is 0 long before −16, and 0·∞ would be NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Bounded<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Max(L.Broadcast(-16f), x);

    /// <summary>Φ(x), and e^{−x²/2}.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Distribution<L, V>(V x, out V bell)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V a = L.Min(L.Broadcast(16f), CellFunctions.Magnitude<L, V>(x)), one = L.Broadcast(1f);
        V square = L.Multiply(a, a), rounded = L.MultiplyAdd(a, a, L.Subtract(L.Broadcast(0f), square));
        bell = VectorMath.Exp<L, V>(L.Multiply(square, L.Broadcast(-0.5f)));
        bell = L.NegatedMultiplyAdd(L.Multiply(bell, rounded), L.Broadcast(0.5f), bell); // what the square lost
        V t = L.Divide(one, L.MultiplyAdd(L.Broadcast(0.35f), a, one));
        V p = L.MultiplyAdd(L.Broadcast(-0.02914594f), t, L.Broadcast(0.14397174f));
        p = L.MultiplyAdd(p, t, L.Broadcast(-0.25571433f));
        p = L.MultiplyAdd(p, t, L.Broadcast(0.15917425f));
        p = L.MultiplyAdd(p, t, L.Broadcast(-0.023109898f));
        p = L.MultiplyAdd(p, t, L.Broadcast(0.10550803f));
        p = L.MultiplyAdd(p, t, L.Broadcast(0.11983286f));
        p = L.MultiplyAdd(p, t, L.Broadcast(0.13986187f));
        p = L.MultiplyAdd(p, t, L.Broadcast(0.1396214f));
        V below = L.Multiply(bell, L.Multiply(p, t));
        return L.SelectLess(x, L.Broadcast(0f), below, L.Subtract(one, below));
    }
}
