using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>A step of a plain cell with 8-bit weights; x and h are rounded first, each with a scale of its own.</summary>
internal sealed unsafe class ByteStage(KernelTable table, CpuRecurrentWeights weights) : ProductStage(table, weights)
{
    private readonly AlignedBuffer _x = ByteVector.Room(weights.Input), _hidden = ByteVector.Room(weights.Hidden);

    protected override void Multiply(float* x, float* hidden, float* gates)
    {
        GateLayout layout = Weights.Layout;
        BytePanels* w = Weights.FromInput.Bytes(WeightPrecision.Int8), r = Weights.FromState.Bytes(WeightPrecision.Int8);
        ByteVector input = new(Table, x, Input, _x), state = new(Table, hidden, Output, _hidden);
        // A block of units has its gates behind each other in a panel; a cell with one gate has four blocks of units there.
        nint strips = layout.Input.Gates.Length, step = strips == 1 ? 64 : 16, stride = strips == 1 ? 16 : Units;
        float* fromState = gates + (layout.Recurrent.FirstStrip * Units);
        for (nint unit = 0, panel = 0; unit < Units; unit += step, panel++)
        {
            nint count = strips == 1 ? Math.Min(4, (Units - unit) / 16) : strips;
            input.Multiply(Table, w, panel, count, gates + unit, stride);
            state.Multiply(Table, r, panel, count, fromState + unit, stride);
        }
    }
}

/// <summary>y = x·Wᵀ + b for one row with 8-bit weights.</summary>
internal sealed unsafe class ByteLinearStage(KernelTable table, CpuBackend.CpuLinearWeights weights) : StepStage(weights.Input, weights.Output)
{
    private readonly AlignedBuffer _x = ByteVector.Room(weights.Input), _y = new(AlignedBuffer.Pad(weights.Output));

    public override float* Step(float* x)
    {
        BytePanels* w = weights.ForwardBytes(WeightPrecision.Int8);
        var input = new ByteVector(table, x, Input, _x);
        float* y = _y.Pointer;
        new ReadOnlySpan<float>(weights.PackedBias(), (int)_y.Length).CopyTo(_y.Span);
        for (nint first = 0, panel = 0; first < _y.Length; first += Gemm.PanelColumns, panel++)
            input.Multiply(table, w, panel, Math.Min(4, (_y.Length - first) / 16), y + first, 16);
        return y;
    }
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

    /// <summary>c += one panel's strips, <paramref name="stride"/> floats from one to the next.</summary>
    public void Multiply(KernelTable table, BytePanels* panels, nint panel, nint strips, float* c, nint stride)
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
            Init = c,
            C = c,
            InitStrip = stride,
            CStrip = stride,
        };
        table.ByteProducts[strips - 1](&product);
    }
}
