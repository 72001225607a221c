using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>y = x·Wᵀ + b for one row: panels [block of 16 outputs][k][16], a register of outputs at a time.</summary>
internal sealed unsafe class LinearStage<L, V> : StepStage
    where L : struct, ILanes<V>
    where V : unmanaged
{
    private readonly LinearWeights _weights;
    private readonly AlignedBuffer _panels, _y;
    private int _version;

    public LinearStage(LinearWeights weights)
        : base(weights.Input, weights.Output)
    {
        _weights = weights;
        _y = new(AlignedBuffer.Pad(weights.Output));
        _panels = new(_y.Length * weights.Input);
        _version = weights.Weight.Version - 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        if (_weights.Weight.Version != _version) // the bias is read where it is
            Pack();
        float* y = _y.Pointer, bias = ((CpuBuffer)_weights.Bias).Pointer, panels = _panels.Pointer;
        nint inputs = Input;
        for (nint u = 0; u < _y.Length; u += L.Width)
        {
            float* w = panels + ((u & ~(nint)15) * inputs) + (u & 15);
            V a = L.Load(bias + u);
            for (nint k = 0; k < inputs; k++, w += 16)
                a = L.MultiplyAdd(L.Broadcast(x[k]), L.Load(w), a);
            L.Store(y + u, a);
        }
        return y;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Pack()
    {
        var weight = (CpuBuffer)_weights.Weight;
        Packing.GateColumns(weight.Pointer, weight.Stride, Output, [0], Input, _panels.Pointer);
        _version = _weights.Weight.Version;
    }
}
