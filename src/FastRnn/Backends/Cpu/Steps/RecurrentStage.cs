using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>
/// What the steps of recurrent layers share: h twice, so that a step can write h_t while others of its units still read h_{t−1}, c, and one set of
/// panels over [x | h]:
/// <code>[block of 16 units][k = input, then unit][gate][16]      biases [block][strip][16]</code>
/// unless a stage has its own places for them. Gates and strips stand in the order of <see cref="GateLayout"/>; a strip more than gates is the chain that R has for itself.
/// </summary>
internal abstract unsafe class RecurrentStage : StepStage
{
    private readonly CpuRecurrentWeights _weights;
    private readonly AlignedBuffer _panels, _bias, _state;
    private readonly int _width;
    private int _version;
    private bool _down;

    /// <param name="weights">Of the layer.</param>
    /// <param name="width">Floats of a register.</param>
    /// <param name="rows">Rows of a panel, where several k share one.</param>
    protected RecurrentStage(CpuRecurrentWeights weights, int width, nint? rows = null)
        : base(weights.Input, weights.Hidden)
    {
        _weights = weights;
        _width = width;
        Units = AlignedBuffer.Pad(weights.Hidden);
        Registers = (weights.Hidden + width - 1) / width;
        Depth = rows ?? (nint)weights.Input + weights.Hidden;
        _panels = new(Units * weights.Gates * Depth);
        _bias = new(Units * weights.Layout.CellStrips);
        _state = new((3 * Units) + (16 * AlignedBuffer.RowMultiple));
        Panels = _panels.Pointer;
        Bias = _bias.Pointer;
        Hidden = _state.Pointer;
        Next = Hidden + Units;
        Cell = Next + Units;
        Gates = Cell + Units;
        _version = Version - 1;
    }

    /// <summary>H, padded to whole blocks.</summary>
    protected nint Units { get; }

    /// <summary>Registers that hold H units.</summary>
    protected nint Registers { get; }

    /// <summary>Rows of a panel: the k of I + H.</summary>
    protected nint Depth { get; }

    protected float* Panels { get; }

    protected float* Bias { get; }

    /// <summary>h_{t−1}; padded units may hold anything.</summary>
    protected float* Hidden { get; private set; }

    /// <summary>Where a step writes h_t.</summary>
    protected float* Next { get; private set; }

    /// <summary>c_{t−1} before a step, c_t after it.</summary>
    protected float* Cell { get; }

    /// <summary>Sixteen registers of a step's own.</summary>
    protected float* Gates { get; }

    /// <summary>Gates as rows of W and R, in the order of the layout.</summary>
    protected int[] GatesInOrder => _weights.Layout.Input.Gates;

    private int Version
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _weights.InputWeight.Version + _weights.RecurrentWeight.Version + _weights.InputBias.Version + _weights.RecurrentBias.Version;
    }

    public override void Reset() => _state.Span.Clear();

    public override void SetState(DeviceBuffer hidden, DeviceBuffer? cell)
    {
        Take(hidden, Hidden);
        Take(cell, Cell);
    }

    public override void GetState(DeviceBuffer hidden, DeviceBuffer? cell)
    {
        Hand(Hidden, hidden);
        Hand(Cell, cell);
    }

    /// <summary>Packs again if a parameter was written. The versions only rise, so their sum tells.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void Refresh()
    {
        if (Version != _version)
            Pack();
    }

    /// <summary>h_t becomes h_{t−1}. Returns it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected float* Swap()
    {
        float* previous = Hidden;
        Hidden = Next;
        Next = previous;
        return Hidden;
    }

    /// <summary>
    /// First unit of a step's first group, and the way from group to group: up and down in turn, so that a step begins with the panels that the step before
    /// has left in L1.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected nint FirstGroup(ref nint move)
    {
        _down = !_down;
        if (!_down)
            return 0;
        move = -move;
        return (Registers * _width) + move;
    }

    /// <summary>W and R as <see cref="Panels"/>.</summary>
    protected virtual void PackPanels(CpuBuffer w, CpuBuffer r)
    {
        int[] gates = _weights.Layout.Input.Gates;
        nint width = gates.Length * 16, block = Depth * width;
        Packing.GateColumns(w.Pointer, w.Stride, Output, gates, Input, Panels, block);
        Packing.GateColumns(r.Pointer, r.Stride, Output, gates, Output, Panels + (Input * width), block);
    }

    /// <summary>Where a unit's number of a strip stands in <see cref="Bias"/>.</summary>
    protected virtual nint BiasAt(nint strip, nint unit) => (((unit / 16 * _weights.Layout.CellStrips) + strip) * 16) + (unit % 16);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Pack()
    {
        int[] gates = _weights.Layout.Input.Gates;
        PackPanels((CpuBuffer)_weights.InputWeight, (CpuBuffer)_weights.RecurrentWeight);
        float* inputBias = ((CpuBuffer)_weights.InputBias).Pointer, recurrentBias = ((CpuBuffer)_weights.RecurrentBias).Pointer;
        int apart = _weights.Layout.Apart, strips = _weights.Layout.CellStrips;
        for (nint i = 0; i < Units * strips; i++)
        {
            nint strip = i / 16 % strips, unit = (i / (strips * 16) * 16) + (i % 16);
            int gate = strip < gates.Length ? gates[(int)strip] : apart;
            nint row = (gate * Output) + unit;
            Bias[BiasAt(strip, unit)] = unit >= Output ? 0f
                : gate != apart ? inputBias[row] + recurrentBias[row]
                : strip < gates.Length ? inputBias[row] : recurrentBias[row];
        }
        _version = Version;
    }
}
