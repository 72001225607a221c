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

/// <summary>
/// Gate strips of one window: a block of 16 units has those of its <see cref="GateLayout"/>, each [row = t·B + b][16 units]. In training they cover all steps and hold
/// activations, then their gradients; in inference one block of time is reused.
/// </summary>
internal sealed unsafe class CpuStash : RecurrentStash
{
    /// <summary>Gates of a block of time should stay in L2 between the input product that writes them and the recurrence.</summary>
    private const int BlockBytes = 1 << 20;

    private readonly AlignedBuffer _gates;
    private readonly int _hidden;
    private readonly bool _isShared;
    private int[]? _packed;

    public CpuStash(GateLayout layout, int hidden, int steps, int batch, bool training)
    {
        _hidden = hidden;
        (Steps, Batch, Training) = (steps, batch, training);
        Strips = AlignedBuffer.Pad(hidden) / 16 * layout.BlockStrips;
        GateColumns = (nint)AlignedBuffer.Pad(hidden) * layout.Gates;
        long stepBytes = (long)batch * Strips * 16 * sizeof(float);
        BlockSteps = (int)Math.Clamp(BlockBytes / stepBytes, 1, steps);
        nint rows = (nint)(training ? steps : BlockSteps) * batch;
        // An odd number of cache lines: equal rows of different strips must not fall into one set of the cache.
        StripStride = (rows | 1) * 16;
        _gates = new AlignedBuffer(Strips * StripStride);
    }

    private CpuStash(CpuStash whole, int steps)
    {
        (_gates, _hidden, _isShared) = (whole._gates, whole._hidden, true);
        (Steps, Batch, Training) = (steps, whole.Batch, whole.Training);
        (Strips, GateColumns, StripStride) = (whole.Strips, whole.GateColumns, whole.StripStride);
        BlockSteps = Math.Min(whole.BlockSteps, steps);
    }

    public int Steps { get; }

    public int Batch { get; }

    public bool Training { get; }

    public nint Strips { get; }

    /// <summary>Columns of a product with all gates of all units, padded to 16.</summary>
    public nint GateColumns { get; }

    public nint StripStride { get; }

    /// <summary>Time steps whose input product is computed at once.</summary>
    public int BlockSteps { get; }

    /// <summary>The strips at a row; in inference every block of time starts at the front.</summary>
    public float* GatesAt(nint row) => _gates.Pointer + (Training ? row * 16 : 0);

    /// <summary>Numbers the active positions in the order (t, b): where each stands in the window, and where each step begins.</summary>
    public int* Pack(byte* active, out int* stepStart)
    {
        int rows = Steps * Batch;
        _packed ??= GC.AllocateUninitializedArray<int>(rows + Steps + 1, pinned: true);
        var packed = (int*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_packed, 0);
        stepStart = packed + rows;
        int count = 0;
        for (int row = 0; row < rows; row++)
        {
            if (row % Batch == 0)
                stepStart[row / Batch] = count;
            if (active[row] != 0)
                packed[count++] = row;
        }
        stepStart[Steps] = count;
        return packed;
    }

    public CpuStash Checked(int hidden, int steps, int batch)
    {
        if (hidden != _hidden || steps != Steps || batch != Batch)
            throw new ArgumentException($"stash made for T={Steps}, B={Batch}, H={_hidden}; used with T={steps}, B={batch}, H={hidden}");
        return this;
    }

    public CpuStash CheckedForTraining(int hidden, int steps, int batch) =>
        Training ? Checked(hidden, steps, batch) : throw new ArgumentException("this stash was made for inference: it keeps nothing for a backward pass");

    public override RecurrentStash Shorter(int steps) => new CpuStash(this, steps);

    public override void CopySteps(RecurrentStash source, in StepRange range)
    {
        var from = (CpuStash)source;
        if (from._hidden != _hidden || from.Batch != Batch || from.Strips != Strips || !Training || !from.Training)
            throw new ArgumentException($"stash of B={from.Batch}, H={from._hidden} copied into one of B={Batch}, H={_hidden}");
        if (range.SourceStep < 0 || range.SourceStep > from.Steps - range.Count || range.Step < 0 || range.Step > Steps - range.Count)
            throw new ArgumentException($"{range.Count} steps from {range.SourceStep} of {from.Steps} to {range.Step} of {Steps}");
        nint first = Row(range.SourceFlags, range.SourceStep), count = Row(range.SourceFlags, range.SourceStep + range.Count) - first;
        nint to = Row(range.Flags, range.Step);
        for (nint strip = 0; strip < Strips; strip++)
        {
            new ReadOnlySpan<float>(from._gates.Pointer + (strip * from.StripStride) + (first * 16), (int)count * 16)
                .CopyTo(new Span<float>(_gates.Pointer + (strip * StripStride) + (to * 16), (int)count * 16));
        }
        GC.KeepAlive(from);
    }

    public override void Dispose()
    {
        if (!_isShared)
            _gates.Dispose();
    }

    /// <summary>Where a step's rows begin: with flags only active positions have one.</summary>
    private int Row(StepFlags? flags, int step) => flags == null ? step * Batch : flags.CountActive(step);
}
