using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>A step of a plain cell with 8-bit weights; x and h are rounded first, each with a scale of its own.</summary>
internal sealed unsafe class ByteStage(KernelTable table, CpuRecurrentWeights weights) : ProductStage(table, weights)
{
    private readonly AlignedBuffer _x = ByteVector.Room(weights.Input), _hidden = ByteVector.Room(weights.Hidden);

    /// <summary>
    /// Every other step begins with the last units: where the weights are larger than the level-2 cache, it finds there what the step before read last.
    /// </summary>
    private bool _fromEnd;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Multiply(float* x, float* hidden, float* bias, float* gates)
    {
        GateLayout layout = Weights.Layout;
        BytePanels* w = Weights.FromInput.Bytes(WeightPrecision.Int8), r = Weights.FromState.Bytes(WeightPrecision.Int8);
        ByteVector input = new(Table, x, Input, _x), state = new(Table, hidden, Output, _hidden);
        // A block of units has its gates behind each other in a panel; a cell with one gate has four blocks of units there.
        nint strips = layout.Input.Gates.Length, step = strips == 1 ? 64 : 16, stride = strips == 1 ? 16 : Units;
        float* fromState = gates + (layout.Recurrent.FirstStrip * Units);
        nint panels = (Units + step - 1) / step;
        _fromEnd = !_fromEnd;
        for (nint i = 0; i < panels; i++)
        {
            nint panel = _fromEnd ? panels - 1 - i : i, unit = panel * step;
            nint count = strips == 1 ? Math.Min(4, (Units - unit) / 16) : strips;
            input.Multiply(Table, w, panel, count, bias + (unit * strips), 16, gates + unit, stride);
            state.Multiply(Table, r, panel, count, fromState + unit, stride, fromState + unit, stride);
        }
    }
}

/// <summary>y = x·Wᵀ + b for one row with 8-bit weights.</summary>
internal sealed unsafe class ByteLinearStage(KernelTable table, CpuBackend.CpuLinearWeights weights) : StepStage(weights.Input, weights.Output)
{
    private readonly AlignedBuffer _x = ByteVector.Room(weights.Input), _y = new(AlignedBuffer.Pad(weights.Output));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        BytePanels* w = weights.ForwardBytes(WeightPrecision.Int8);
        var input = new ByteVector(table, x, Input, _x);
        float* y = _y.Pointer, bias = weights.PackedBias();
        for (nint first = 0, panel = 0; first < _y.Length; first += Gemm.PanelColumns, panel++)
            input.Multiply(table, w, panel, Math.Min(4, (_y.Length - first) / 16), bias + first, 16, y + first, 16);
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
