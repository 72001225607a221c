using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>y = f(x) for one row.</summary>
internal sealed unsafe class ActivationStage(KernelTable table, ActivationFunction function, int width) : StepStage(width, width)
{
    private readonly delegate*<float*, float*, nint, CellFunctionArgs, void> _function = table.ActivationForward[(int)function.Kind];
    private readonly CellFunctionArgs _chosen = function.Chosen.Args;
    private AlignedBuffer _x = new(AlignedBuffer.Pad(width)), _y = new(AlignedBuffer.Pad(width));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        new ReadOnlySpan<float>(x, Input).CopyTo(_x.Span); // the kernel reads whole lines
        _function(_x.Pointer, _y.Pointer, Input, _chosen);
        return _y.Pointer;
    }

    public override void Share(StepStage other)
    {
    }

    protected override void MakeState() => (_x, _y) = (new(AlignedBuffer.Pad(Input)), new(AlignedBuffer.Pad(Input)));
}
