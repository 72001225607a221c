using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>
/// A step of a cell whose time goes into reading weights: first all products, then the point-wise part once over all units. Pre-activations lie as
/// <code>[strip][unit], strips as in <see cref="GateLayout"/></code>
/// so that to the cell's kernel the blocks of 16 units are rows of one block. h and c are overwritten in place: who reads h_{t−1} has done so by then.
/// </summary>
internal abstract unsafe class ProductStage : StepStage
{
    private readonly AlignedBuffer _state;
    private readonly delegate*<CellArgs*, void> _cell;
    private readonly int _strips;

    protected ProductStage(KernelTable table, CpuRecurrentWeights weights)
        : base(weights.Input, weights.Hidden)
    {
        (Table, Weights, _strips) = (table, weights, weights.Layout.CellStrips);
        Units = AlignedBuffer.Pad(weights.Hidden);
        _state = new((2 + _strips) * Units);
        _cell = table.CellForward[(int)weights.Kernel];
    }

    protected KernelTable Table { get; }

    protected CpuRecurrentWeights Weights { get; }

    /// <summary>H, padded to whole blocks.</summary>
    protected nint Units { get; }

    /// <summary>h_{t−1} until the cell's kernel runs; padded units may hold anything.</summary>
    protected float* Hidden => _state.Pointer;

    /// <summary>Pre-activations, <see cref="Units"/> floats a strip.</summary>
    protected float* Gates => _state.Pointer + (2 * Units);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public sealed override float* Step(float* x)
    {
        float* hidden = Hidden, gates = Gates, apart = Weights.ApartBias();
        if (apart != null)
            new ReadOnlySpan<float>(apart, (int)Units).CopyTo(new Span<float>(gates + ((_strips - 1) * Units), (int)Units));
        Multiply(x, hidden, Weights.PackedBias(), gates);
        var args = new CellArgs
        {
            Gates = gates,
            GateStride = Units,
            GateRow = 16,
            PreviousHidden = hidden,
            PreviousCell = hidden + Units,
            Cell = hidden + Units,
            Hidden = hidden,
            StateRow = 16,
            Rows = Units / 16,
        };
        _cell(&args);
        return hidden;
    }

    public sealed override void Reset() => _state.Span.Clear();

    public sealed override void SetState(DeviceBuffer hidden, DeviceBuffer? cell)
    {
        Take(hidden, Hidden);
        Take(cell, Hidden + Units);
    }

    public sealed override void GetState(DeviceBuffer hidden, DeviceBuffer? cell)
    {
        Hand(Hidden, hidden);
        Hand(Hidden + Units, cell);
    }

    /// <summary>
    /// Pre-activations = bias + W x + R h, the bias as [block of units][gate of W][16]; a chain that R has for itself goes on from what is there.
    /// </summary>
    protected abstract void Multiply(float* x, float* hidden, float* bias, float* gates);
}
