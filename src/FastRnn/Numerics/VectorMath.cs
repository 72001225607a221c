using System.Runtime.CompilerServices;

namespace FastRnn.Numerics;

internal static class VectorMath
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<L, V>(V x) where L : struct, ILanes<V> where V : unmanaged
    {
        x = L.Min(L.Broadcast(88.7f), x);
        x = L.Max(L.Broadcast(-87.3f), x);
        V n = L.Round(L.Multiply(x, L.Broadcast(1.44269504f)));
        V r = L.NegatedMultiplyAdd(n, L.Broadcast(0.693145752f), x);
        r = L.NegatedMultiplyAdd(n, L.Broadcast(1.42860677e-6f), r);
        V p = L.Broadcast(1f / 720);
        p = L.MultiplyAdd(p, r, L.Broadcast(1f / 120));
        p = L.MultiplyAdd(p, r, L.Broadcast(1f / 24));
        p = L.MultiplyAdd(p, r, L.Broadcast(1f / 6));
        p = L.MultiplyAdd(p, r, L.Broadcast(0.5f));
        p = L.MultiplyAdd(p, r, L.Broadcast(1f));
        p = L.MultiplyAdd(p, r, L.Broadcast(1f));
        return L.AddInt32(p, L.ShiftLeft(L.ToInt32Bits(n), 23));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<L, V>(V x) where L : struct, ILanes<V> where V : unmanaged =>
        L.Divide(L.Broadcast(1f), L.Add(L.Broadcast(1f), Exp<L, V>(L.Subtract(L.Broadcast(0f), x))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<L, V>(V x) where L : struct, ILanes<V> where V : unmanaged =>
        L.Subtract(L.Broadcast(1f), L.Divide(L.Broadcast(2f), L.Add(L.Broadcast(1f), Exp<L, V>(L.Add(x, x)))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log<L, V>(V x) where L : struct, ILanes<V> where V : unmanaged
    {
        V y = x; if (typeof(V) == typeof(float)) return (V)(object)MathF.Log((float)(object)x);
        return y;
    }
}
