using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>Layer normalisation of one row.</summary>
internal sealed unsafe class LayerNormStage(KernelTable table, LayerNormParameters parameters) : StepStage(parameters.Width, parameters.Width)
{
    private LayerNormParameters _parameters = parameters;
    private AlignedBuffer _y = new(AlignedBuffer.Pad(parameters.Width));

    public override float* Step(float* x)
    {
        CpuBackend.Rows(_parameters).Forward(table, x, Input, _y.Pointer, 1);
        return _y.Pointer;
    }

    public override void Share(StepStage other) => _parameters = ((LayerNormStage)other)._parameters;

    protected override void MakeState() => _y = new(AlignedBuffer.Pad(Output));
}
