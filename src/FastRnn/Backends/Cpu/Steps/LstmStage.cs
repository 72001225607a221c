using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>A step of <see cref="LstmCell"/> for any size: one register of units at a time, all four gates of it together.</summary>
internal sealed unsafe class LstmStage<L, V>(CpuRecurrentWeights weights) : RecurrentStage(weights)
    where L : struct, ILanes<V>
    where V : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        Refresh();
        float* h = Hidden, c = Cell, next = Next;
        nint inputs = Input, units = Output, depth = Depth;
        for (nint u = 0; u < Units; u += L.Width)
        {
            nint block = (u & ~(nint)15) * 4, lane = u & 15;
            float* w = Panels + (block * depth) + lane, b = Bias + block + lane;
            V i = L.Load(b), f = L.Load(b + 16), g = L.Load(b + 32), o = L.Load(b + 48);
            for (nint k = 0; k < inputs; k++, w += 64)
                AddProducts(L.Broadcast(x[k]), w, ref i, ref f, ref g, ref o);
            for (nint k = 0; k < units; k++, w += 64)
                AddProducts(L.Broadcast(h[k]), w, ref i, ref f, ref g, ref o);
            LstmCell.Forward<L, V>(ref i, ref f, ref g, ref o, L.Load(c + u), out V cell, out V hidden);
            L.Store(c + u, cell);
            L.Store(next + u, hidden);
        }
        return Swap();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProducts(V a, float* w, ref V i, ref V f, ref V g, ref V o)
    {
        i = L.MultiplyAdd(a, L.Load(w), i);
        f = L.MultiplyAdd(a, L.Load(w + 16), f);
        g = L.MultiplyAdd(a, L.Load(w + 32), g);
        o = L.MultiplyAdd(a, L.Load(w + 48), o);
    }
}
