using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>A step of a small <see cref="ElmanCell"/>: one register of units at a time.</summary>
internal sealed unsafe class RnnStage<L, V, F>(CpuRecurrentWeights weights) : RecurrentStage(weights, L.Width)
    where L : struct, ILanes<V>
    where V : unmanaged
    where F : struct, IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        float* h = Hidden, next = Next;
        nint inputs = Input, units = Output, depth = Depth;
        for (nint u = 0; u < Units; u += L.Width)
        {
            nint block = u & ~(nint)15, lane = u & 15;
            float* w = Panels + (block * depth) + lane;
            V a = L.Load(Bias + u);
            for (nint k = 0; k < inputs; k++, w += 16)
                a = L.MultiplyAdd(L.Broadcast(x[k]), L.Load(w), a);
            for (nint k = 0; k < units; k++, w += 16)
                a = L.MultiplyAdd(L.Broadcast(h[k]), L.Load(w), a);
            L.Store(next + u, LstmCell.Flush<L, V>(F.Value<L, V>(null, a)));
        }
        return Swap();
    }
}
