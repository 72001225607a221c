using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>Weights of a recurrent layer with their four packed forms, each refreshed when its sources have changed.</summary>
internal sealed unsafe class CpuRecurrentWeights(CellKind cell, int input, int hidden)
    : RecurrentWeights(cell, input, hidden, (rows, columns) => new CpuBuffer(rows, columns))
{
    private readonly CpuPack _input = new(GatePanelLength(input, hidden));
    private readonly CpuPack _recurrent = new(GatePanelLength(hidden, hidden));
    private readonly CpuPack _inputBackward = new(Packing.PanelLength(Gates * AlignedBuffer.Pad(hidden), input));
    private readonly CpuPack _recurrentBackward = new(Packing.PanelLength(Gates * AlignedBuffer.Pad(hidden), hidden));
    private readonly CpuPack _bias = new(Gates * AlignedBuffer.Pad(hidden));

    public float* InputPanels() => GateColumns(_input, InputWeight, Input);

    public float* RecurrentPanels() => GateColumns(_recurrent, RecurrentWeight, Hidden);

    public float* InputBackwardPanels() => GateRows(_inputBackward, InputWeight, Input);

    public float* RecurrentBackwardPanels() => GateRows(_recurrentBackward, RecurrentWeight, Hidden);

    public float* PackedBias()
    {
        if (_bias.IsStale(InputBias.Version + RecurrentBias.Version))
            Packing.GateBias(Pointer(InputBias), Pointer(RecurrentBias), Hidden, Gates, _bias.Pointer);
        return _bias.Pointer;
    }

    private static nint GatePanelLength(int depth, int hidden) => (nint)AlignedBuffer.Pad(hidden) * Gates * depth;

    private static float* Pointer(DeviceBuffer buffer) => ((CpuBuffer)buffer).Pointer;

    private float* GateColumns(CpuPack pack, DeviceBuffer weight, int depth)
    {
        if (pack.IsStale(weight.Version))
            Packing.GateColumns(Pointer(weight), ((CpuBuffer)weight).Stride, Hidden, Gates, depth, pack.Pointer);
        return pack.Pointer;
    }

    private float* GateRows(CpuPack pack, DeviceBuffer weight, int columns)
    {
        if (pack.IsStale(weight.Version))
            Packing.GateRows(Pointer(weight), ((CpuBuffer)weight).Stride, Hidden, Gates, columns, pack.Pointer);
        return pack.Pointer;
    }
}

/// <summary>
/// Gate strips of one window: strip (4·block + gate) holds [row = t·B + b][16 units]. In training they cover all steps and hold
/// activations, then their gradients; in inference one block of time is reused.
/// </summary>
internal sealed unsafe class CpuStash : RecurrentStash
{
    /// <summary>Gates of a block of time should stay in L2 between the input product that writes them and the recurrence.</summary>
    private const int BlockBytes = 1 << 20;

    private readonly AlignedBuffer _gates;
    private readonly int _hidden;

    public CpuStash(int hidden, int steps, int batch, bool training)
    {
        _hidden = hidden;
        (Steps, Batch, Training) = (steps, batch, training);
        Strips = AlignedBuffer.Pad(hidden) / 16 * RecurrentWeights.Gates;
        long stepBytes = (long)batch * Strips * 16 * sizeof(float);
        BlockSteps = (int)Math.Clamp(BlockBytes / stepBytes, 1, steps);
        nint rows = (nint)(training ? steps : BlockSteps) * batch;
        // An odd number of cache lines: equal rows of different strips must not fall into one set of the cache.
        StripStride = (rows | 1) * 16;
        _gates = new AlignedBuffer(Strips * StripStride);
    }

    public int Steps { get; }

    public int Batch { get; }

    public bool Training { get; }

    public nint Strips { get; }

    public nint StripStride { get; }

    /// <summary>Time steps whose input product is computed at once.</summary>
    public int BlockSteps { get; }

    /// <summary>The strips at the first row of a step; in inference every block starts at the front.</summary>
    public float* GatesAt(int step) => _gates.Pointer + (Training ? (nint)step * Batch * 16 : 0);

    public CpuStash Checked(int hidden, int steps, int batch)
    {
        if (hidden != _hidden || steps != Steps || batch != Batch)
            throw new ArgumentException($"stash made for T={Steps}, B={Batch}, H={_hidden}; used with T={steps}, B={batch}, H={hidden}");
        return this;
    }

    public CpuStash CheckedForTraining(int hidden, int steps, int batch) =>
        Training ? Checked(hidden, steps, batch) : throw new ArgumentException("this stash was made for inference: it keeps nothing for a backward pass");

    public override void Dispose() => _gates.Dispose();
}
