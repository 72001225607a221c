using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>Weights of a recurrent layer with their packed forms, each refreshed when its sources have changed.</summary>
internal sealed unsafe class CpuRecurrentWeights : RecurrentWeights
{
    private readonly CpuPack _input, _recurrent, _inputBackward, _recurrentBackward, _bias, _apart;

    public CpuRecurrentWeights(CellType cell, int input, int hidden)
        : base(cell, input, hidden, (rows, columns) => new CpuBuffer(rows, columns))
    {
        Layout = GateLayout.Of(cell.Kind);
        Kernel = GateLayout.Kernel(cell);
        nint units = AlignedBuffer.Pad(hidden), columns = (nint)Gates * units;
        _input = new(Padded(columns) * input);
        _recurrent = new(Padded(columns) * hidden);
        _inputBackward = new(Packing.PanelLength(columns, input));
        _recurrentBackward = new(Packing.PanelLength(columns, hidden));
        _bias = new(Padded(columns));
        _apart = new(Layout.Apart < 0 ? 16 : units);
    }

    public GateLayout Layout { get; }

    public CellKernel Kernel { get; }

    public float* InputPanels() => GateColumns(_input, InputWeight, Layout.InputGates, Input);

    public float* RecurrentPanels() => GateColumns(_recurrent, RecurrentWeight, Layout.RecurrentGates, Hidden);

    public float* InputBackwardPanels() => GateRows(_inputBackward, InputWeight, Layout.InputGates, Input);

    public float* RecurrentBackwardPanels() => GateRows(_recurrentBackward, RecurrentWeight, Layout.RecurrentGates, Hidden);

    /// <summary>Where the chains start, panel by panel.</summary>
    public float* PackedBias()
    {
        if (_bias.IsStale(InputBias.Version + RecurrentBias.Version))
            Packing.GateBias(Pointer(InputBias), Pointer(RecurrentBias), Hidden, Layout.InputGates, Layout.Apart, _bias.Pointer);
        return _bias.Pointer;
    }

    /// <summary>b_hh of the gate whose recurrent chain is one of its own, by unit, or null.</summary>
    public float* ApartBias()
    {
        if (Layout.Apart < 0)
            return null;
        if (_apart.IsStale(RecurrentBias.Version))
            new ReadOnlySpan<float>(Pointer(RecurrentBias) + (Layout.Apart * Hidden), Hidden).CopyTo(new Span<float>(_apart.Pointer, Hidden));
        return _apart.Pointer;
    }

    private static float* Pointer(DeviceBuffer buffer) => ((CpuBuffer)buffer).Pointer;

    /// <summary>Columns of whole panels.</summary>
    private nint Padded(nint columns) => (columns + Layout.PanelWidth - 1) / Layout.PanelWidth * Layout.PanelWidth;

    private float* GateColumns(CpuPack pack, DeviceBuffer weight, int[] gates, int depth)
    {
        if (!pack.IsStale(weight.Version))
            return pack.Pointer;
        int stride = ((CpuBuffer)weight).Stride;
        if (gates.Length == 1)
            Packing.Columns(Pointer(weight), stride, Hidden, depth, pack.Pointer);
        else
            Packing.GateColumns(Pointer(weight), stride, Hidden, gates, depth, pack.Pointer);
        return pack.Pointer;
    }

    private float* GateRows(CpuPack pack, DeviceBuffer weight, int[] gates, int columns)
    {
        if (pack.IsStale(weight.Version))
            Packing.GateRows(Pointer(weight), ((CpuBuffer)weight).Stride, Hidden, gates, columns, pack.Pointer);
        return pack.Pointer;
    }
}
