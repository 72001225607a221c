using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>
/// y = x·Wᵀ + b for one row with weights in bfloat16: panels [64 outputs][two k][block][16], the last one with the blocks that are left.
/// </summary>
internal sealed unsafe class HalfLinearStage : StepStage
{
    private readonly delegate*<RowTileArgs*, void>[,] _tiles;
    private CpuBuffer _bias;
    private AlignedBuffer _panels, _y;

    public HalfLinearStage(CpuBackend.CpuLinearWeights weights, KernelTable table)
        : base(weights.Input, weights.Output)
    {
        (_bias, _tiles) = ((CpuBuffer)weights.Bias, table.HalfRowTiles);
        _y = new(AlignedBuffer.Pad(weights.Output));
        _panels = new(_y.Length * BFloat16Weights.Rows(weights.Input));
        Pack((CpuBuffer)weights.Weight);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        float* y = _y.Pointer, bias = _bias.Pointer;
        nint rows = BFloat16Weights.Rows(Input);
        for (nint first = 0; first < _y.Length; first += Gemm.PanelColumns)
        {
            var tile = new RowTileArgs { X = x, Depth = Input, W = _panels.Pointer + (first * rows), Init = bias + first, C = y + first, Gate = 16 };
            _tiles[(Math.Min(Gemm.PanelColumns, _y.Length - first) / 16) - 1, 0](&tile);
        }
        return y;
    }

    public override void Share(StepStage other) => (_bias, _panels) = (((HalfLinearStage)other)._bias, ((HalfLinearStage)other)._panels);

    protected override void MakeState() => _y = new(AlignedBuffer.Pad(Output));

    private void Pack(CpuBuffer weight)
    {
        nint depth = Input, panel = depth * Gemm.PanelColumns;
        using AlignedBuffer full = new(Packing.PanelLength(depth, Output)), narrow = new(panel);
        Packing.Columns(weight.Pointer, weight.Stride, Output, depth, full.Pointer);
        for (nint first = 0; first < _y.Length; first += Gemm.PanelColumns)
        {
            nint width = Math.Min(Gemm.PanelColumns, _y.Length - first);
            for (nint k = 0; k < depth; k++)
                new ReadOnlySpan<float>(full.Pointer + (first * depth) + (k * Gemm.PanelColumns), (int)width).CopyTo(new Span<float>(narrow.Pointer + (k * width), (int)width));
            BFloat16Weights.Pack(narrow.Pointer, depth, width, _panels.Pointer + (first * BFloat16Weights.Rows(depth)));
        }
    }
}
