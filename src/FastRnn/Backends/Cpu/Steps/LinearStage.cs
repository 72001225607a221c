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
    private CpuBuffer _bias;
    private AlignedBuffer _panels, _y;

    public LinearStage(LinearWeights weights)
        : base(weights.Input, weights.Output)
    {
        _bias = (CpuBuffer)weights.Bias;
        _y = new(AlignedBuffer.Pad(weights.Output));
        _panels = new(_y.Length * weights.Input);
        var weight = (CpuBuffer)weights.Weight;
        Packing.GateColumns(weight.Pointer, weight.Stride, Output, [0], Input, _panels.Pointer);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        float* y = _y.Pointer, bias = _bias.Pointer, panels = _panels.Pointer;
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

    public override void Share(StepStage other) => (_bias, _panels) = (((LinearStage<L, V>)other)._bias, ((LinearStage<L, V>)other)._panels);

    protected override void MakeState() => _y = new(AlignedBuffer.Pad(Output));
}
