using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// A step of a plain cell with 8-bit weights; x and h are rounded first, each with a scale of its own. First all products, then the point-wise
/// part once over all units. Pre-activations lie as
/// <code>[strip][unit], strips as in <see cref="GateLayout"/></code>
/// so that to the cell's kernel the blocks of 16 units are rows of one block. h and c are overwritten in place: who reads h_{t−1} has done so by then.
/// </summary>
internal sealed unsafe class ByteStage : StepStage
{
    private readonly KernelTable _table;
    private CpuRecurrentWeights _weights;
    private AlignedBuffer _state, _x, _hidden;
    private readonly delegate*<CellArgs*, void> _cell;
    private readonly int _strips;
    private readonly nint _units;

    /// <summary>
    /// Every other step begins with the last units: where the weights are larger than the level-2 cache, it finds there what the step before read last.
    /// </summary>
    private bool _fromEnd;

    public ByteStage(KernelTable table, CpuRecurrentWeights weights)
        : base(weights.Input, weights.Hidden)
    {
        (_table, _weights, _strips) = (table, weights, weights.Layout.CellStrips);
        _units = AlignedBuffer.Pad(weights.Hidden);
        _cell = table.CellForward[(int)weights.Kernel];
        MakeState();
        weights.PrepareBytes();
    }

    /// <summary>h_{t−1} until the cell's kernel runs; padded units may hold anything.</summary>
    private float* Hidden => _state.Pointer;

    /// <summary>Pre-activations, H padded to whole blocks a strip.</summary>
    private float* Gates => _state.Pointer + (2 * _units);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        float* hidden = Hidden, gates = Gates, apart = _weights.ApartBias();
        if (apart != null)
            new ReadOnlySpan<float>(apart, (int)_units).CopyTo(new Span<float>(gates + ((_strips - 1) * _units), (int)_units));
        Multiply(x, hidden, _weights.PackedBias(), gates);
        var args = new CellArgs
        {
            Gates = gates,
            GateStride = _units,
            GateRow = 16,
            PreviousHidden = hidden,
            PreviousCell = hidden + _units,
            Cell = hidden + _units,
            Hidden = hidden,
            StateRow = 16,
            Rows = _units / 16,
        };
        _cell(&args);
        return hidden;
    }

    public override int StateLength => _weights.Cell.HasCell ? 2 * Output : Output;

    public override void Reset() => _state.Span.Clear();

    public override void Read(Span<float> state)
    {
        Hand(Hidden, state[..Output]);
        Hand(Hidden + _units, state[Output..]);
    }

    public override void Write(ReadOnlySpan<float> state)
    {
        Take(state[..Output], Hidden);
        Take(state[Output..], Hidden + _units);
    }

    public override void Share(StepStage other) => _weights = ((ByteStage)other)._weights;

    public override void SetState(DeviceBuffer hidden, DeviceBuffer? cell)
    {
        Take(hidden, Hidden);
        Take(cell, Hidden + _units);
    }

    public override void GetState(DeviceBuffer hidden, DeviceBuffer? cell)
    {
        Hand(Hidden, hidden);
        Hand(Hidden + _units, cell);
    }

    [MemberNotNull(nameof(_state), nameof(_x), nameof(_hidden))]
    protected override void MakeState()
    {
        _state = new((2 + _strips) * _units);
        (_x, _hidden) = (ByteVector.Room(Input), ByteVector.Room(Output));
    }

    /// <summary>
    /// Pre-activations = bias + W x + R h, the bias as [block of units][gate of W][16]; a chain that R has for itself goes on from what is there.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(float* x, float* hidden, float* bias, float* gates)
    {
        GateLayout layout = _weights.Layout;
        BytePanels* w = _weights.FromInput.Bytes(WeightPrecision.Int8), r = _weights.FromState.Bytes(WeightPrecision.Int8);
        ByteVector input = new(_table, x, Input, _x), state = new(_table, hidden, Output, _hidden);
        // A block of units has its gates behind each other in a panel; a cell with one gate has four blocks of units there.
        nint strips = layout.Input.Gates.Length, step = strips == 1 ? 64 : 16, stride = strips == 1 ? 16 : _units;
        float* fromState = gates + (layout.Recurrent.FirstStrip * _units);
        nint panels = (_units + step - 1) / step;
        _fromEnd = !_fromEnd;
        for (nint i = 0; i < panels; i++)
        {
            nint panel = _fromEnd ? panels - 1 - i : i, unit = panel * step;
            nint count = strips == 1 ? Math.Min(4, (_units - unit) / 16) : strips;
            input.Multiply(_table, w, panel, count, bias + (unit * strips), 16, gates + unit, stride);
            state.Multiply(_table, r, panel, count, fromState + unit, stride, fromState + unit, stride);
        }
    }
}

/// <summary>y = x·Wᵀ + b for one row with 8-bit weights.</summary>
internal sealed unsafe class ByteLinearStage : StepStage
{
    private readonly KernelTable _table;
    private CpuBackend.CpuLinearWeights _weights;
    private AlignedBuffer _x, _y;

    public ByteLinearStage(KernelTable table, CpuBackend.CpuLinearWeights weights)
        : base(weights.Input, weights.Output)
    {
        (_table, _weights) = (table, weights);
        MakeState();
        weights.PackedBias();
        weights.ForwardBytes(WeightPrecision.Int8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        BytePanels* w = _weights.ForwardBytes(WeightPrecision.Int8);
        var input = new ByteVector(_table, x, Input, _x);
        float* y = _y.Pointer, bias = _weights.PackedBias();
        for (nint first = 0, panel = 0; first < _y.Length; first += Gemm.PanelColumns, panel++)
            input.Multiply(_table, w, panel, Math.Min(4, (_y.Length - first) / 16), bias + first, 16, y + first, 16);
        return y;
    }

    public override void Share(StepStage other) => _weights = ((ByteLinearStage)other)._weights;

    [MemberNotNull(nameof(_x), nameof(_y))]
    protected override void MakeState() => (_x, _y) = (ByteVector.Room(Input), new(AlignedBuffer.Pad(Output)));
}

/// <summary>A vector in 8 bits.</summary>
internal readonly unsafe struct ByteVector
{
    private readonly byte* _values;
    private readonly float _scale;

    public ByteVector(KernelTable table, float* x, nint length, AlignedBuffer room)
    {
        _values = (byte*)room.Pointer;
        _scale = table.Quantize(x, length, _values);
    }

    /// <summary>What a vector of so many values needs.</summary>
    public static AlignedBuffer Room(int length) => new((length + 63) / 64 * 16);

    /// <summary>c = init + one panel's strips, so many floats from one to the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Multiply(KernelTable table, BytePanels* panels, nint panel, nint strips, float* init, nint initStride, float* c, nint stride)
    {
        nint first = panel * panels->Width;
        var product = new ByteProductArgs
        {
            X = _values,
            Quads = panels->Quads,
            Scale = _scale,
            Panel = panels->Weights + (first * panels->Quads * 4),
            QuadBytes = 4 * panels->Width,
            WeightScales = panels->Scales + first,
            Starts = panels->Starts + first,
            Init = init,
            C = c,
            InitStrip = initStride,
            CStrip = stride,
        };
        table.ByteProducts[strips - 1](&product);
    }
}
