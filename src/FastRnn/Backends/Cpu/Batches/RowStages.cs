using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>Tokens' rows of an embedding's table [V, E].</summary>
internal sealed unsafe class TableBatchStage(CpuBuffer table) : BatchStage(1, table.Columns)
{
    private CpuBuffer _table = table;
    private AlignedBuffer _y = new(0);

    public override BatchRows Step(BatchRows x, int* streams)
    {
        var tokens = (int*)x.First;
        nint stride = _table.Stride;
        for (nint row = 0; row < x.Count; row++)
            new ReadOnlySpan<float>(_table.Pointer + (tokens[row] * stride), (int)stride).CopyTo(new Span<float>(_y.Pointer + (row * stride), (int)stride));
        return new BatchRows(_y.Pointer, stride, x.Count);
    }

    public override void Share(BatchStage other) => _table = ((TableBatchStage)other)._table;

    protected override void MakeState(int streams) => _y = new((nint)streams * _table.Stride);
}

/// <summary>y = f(x), row by row.</summary>
internal sealed unsafe class ActivationBatchStage(KernelTable table, ActivationFunction function, int width) : BatchStage(width, width)
{
    private readonly delegate*<float*, float*, nint, CellFunctionArgs, void> _function = table.ActivationForward[(int)function.Kind];
    private readonly CellFunctionArgs _chosen = function.Chosen.Args;
    private AlignedBuffer _y = new(0);

    public override BatchRows Step(BatchRows x, int* streams)
    {
        var y = new BatchRows(_y.Pointer, AlignedBuffer.Pad(Output), x.Count);
        for (nint row = 0; row < x.Count; row++)
            _function(x.Row(row), y.Row(row), Input, _chosen);
        return y;
    }

    public override void Share(BatchStage other)
    {
    }

    protected override void MakeState(int streams) => _y = new((nint)streams * AlignedBuffer.Pad(Output));
}

/// <summary>Layer normalisation, row by row.</summary>
internal sealed unsafe class LayerNormBatchStage(KernelTable table, LayerNormParameters parameters) : BatchStage(parameters.Width, parameters.Width)
{
    private LayerNormParameters _parameters = parameters;
    private AlignedBuffer _y = new(0);

    public override BatchRows Step(BatchRows x, int* streams)
    {
        var y = new BatchRows(_y.Pointer, AlignedBuffer.Pad(Output), x.Count);
        CpuBackend.Rows(_parameters).Forward(table, x.First, x.Stride, y.First, x.Count);
        return y;
    }

    public override void Share(BatchStage other) => _parameters = ((LayerNormBatchStage)other)._parameters;

    protected override void MakeState(int streams) => _y = new((nint)streams * AlignedBuffer.Pad(Output));
}

/// <summary>y = x·Wᵀ + b.</summary>
internal sealed unsafe class LinearBatchStage(KernelTable table, CpuBackend.CpuLinearWeights weights, WeightPrecision precision)
    : BatchStage(weights.Input, weights.Output)
{
    private CpuBackend.CpuLinearWeights _weights = weights;
    private AlignedBuffer _y = new(0);

    public override BatchRows Step(BatchRows x, int* streams)
    {
        nint stride = AlignedBuffer.Pad(Output);
        var gemm = new GemmArgs { Rows = x.Count, Columns = stride, Panels = _weights.ForwardPanels(precision), Bytes = _weights.ForwardBytes(precision) };
        gemm.SetRowMajorA(x.First, x.Stride, Input);
        gemm.SetInitRow(_weights.PackedBias(), 16, Gemm.PanelColumns);
        gemm.SetRowMajorC(_y.Pointer, stride);
        Gemm.Run(table, gemm);
        return new BatchRows(_y.Pointer, stride, x.Count);
    }

    public override void Share(BatchStage other) => _weights = ((LinearBatchStage)other)._weights;

    protected override void MakeState(int streams) => _y = new((nint)streams * AlignedBuffer.Pad(Output));
}
