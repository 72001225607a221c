using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>A step of <see cref="GruCell"/> for any size: one register of units at a time; gates n, r, z, the candidate's recurrent chain apart.</summary>
internal sealed unsafe class GruStage<L, V>(CpuRecurrentWeights weights) : RecurrentStage(weights)
    where L : struct, ILanes<V>
    where V : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        Refresh();
        float* h = Hidden, next = Next;
        nint inputs = Input, units = Output, depth = Depth;
        for (nint u = 0; u < Units; u += L.Width)
        {
            nint block = u & ~(nint)15, lane = u & 15;
            float* w = Panels + (block * 3 * depth) + lane, b = Bias + (block * 4) + lane;
            V n = L.Load(b), r = L.Load(b + 16), z = L.Load(b + 32), candidate = L.Load(b + 48);
            for (nint k = 0; k < inputs; k++, w += 48)
                AddProducts(L.Broadcast(x[k]), w, ref n, ref r, ref z);
            for (nint k = 0; k < units; k++, w += 48)
                AddProducts(L.Broadcast(h[k]), w, ref candidate, ref r, ref z);
            V hidden = GruCell.Forward<L, V, SigmoidActivation, TanhActivation>(null, ref n, ref r, ref z, candidate, L.Load(h + u));
            L.Store(next + u, hidden);
        }
        return Swap();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProducts(V a, float* w, ref V n, ref V r, ref V z)
    {
        n = L.MultiplyAdd(a, L.Load(w), n);
        r = L.MultiplyAdd(a, L.Load(w + 16), r);
        z = L.MultiplyAdd(a, L.Load(w + 32), z);
    }
}
