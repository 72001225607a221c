using FastRnn.Memory;

namespace FastRnn.Backends;

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
    private int[]? _packed;

    public CpuStash(CpuRecurrentWeights weights, int steps, int batch, bool training)
    {
        GateLayout layout = weights.Layout;
        _hidden = weights.Hidden;
        (Steps, Batch, Training) = (steps, batch, training);
        Strips = AlignedBuffer.Pad(_hidden) / 16 * layout.BlockStrips;
        long stepBytes = (long)batch * Strips * 16 * sizeof(float);
        BlockSteps = (int)Math.Clamp(BlockBytes / stepBytes, 1, steps);
        nint rows = (nint)(training ? steps : BlockSteps) * batch;
        // An odd number of cache lines: equal rows of different strips must not fall into one set of the cache.
        StripStride = (rows | 1) * 16;
        _gates = new AlignedBuffer(Strips * StripStride);
        Options = new CpuOptionStash(weights, rows, steps * batch, training);
    }

    /// <summary>What options keep beside the strips.</summary>
    public CpuOptionStash Options { get; }

    public int Steps { get; }

    public int Batch { get; }

    public bool Training { get; }

    public nint Strips { get; }

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

    public override void Dispose()
    {
        _gates.Dispose();
        Options.Dispose();
    }
}

/// <summary>
/// What a cell's options keep for the backward pass; null where a cell does not have the option. Rows of X – the second factor of a weight gradient –
/// stand at t·B + b even in a batch with flags, as those of the states do; rows of scales and strips stand where the gates' do.
/// </summary>
internal sealed unsafe class CpuOptionStash : IDisposable
{
    private readonly List<AlignedBuffer> _buffers = [];

    public CpuOptionStash(CpuRecurrentWeights weights, nint gateRows, nint positions, bool training)
    {
        CellType cell = weights.Cell;
        nint units = AlignedBuffer.Pad(weights.Hidden), state = AlignedBuffer.Pad(weights.State);
        nint kept = training ? positions : 0;
        ScaleStride = gateRows;
        Scales = Allocate(cell.LayerNorm, 3 * gateRows);
        Seen = Allocate(cell.RecurrentDropout > 0, kept * state);
        ResetHidden = Allocate(cell.ResetBefore, kept * units);
        Unprojected = Allocate(cell.Projection > 0, kept * units);
        ProjectedStride = (positions | 1) * 16;
        ProjectedGradient = Allocate(cell.Projection > 0 && training, state / 16 * ProjectedStride);
        FreshCell = Allocate(cell.CellZoneout > 0, kept * units);
    }

    /// <summary>1/√variance of the products' rows: input, recurrent, second; <see cref="ScaleStride"/> apart.</summary>
    public float* Scales { get; }

    public nint ScaleStride { get; }

    /// <summary>h_{t−1} after recurrent dropout, [T·B, P].</summary>
    public float* Seen { get; }

    /// <summary>r⊙h_{t−1}, [T·B, H].</summary>
    public float* ResetHidden { get; }

    /// <summary>m = o·φ(c), [T·B, H].</summary>
    public float* Unprojected { get; }

    /// <summary>dh of the projected state as strips of 16.</summary>
    public float* ProjectedGradient { get; }

    public nint ProjectedStride { get; }

    /// <summary>c_t before zoneout, [T·B, H].</summary>
    public float* FreshCell { get; }

    public void Dispose()
    {
        foreach (AlignedBuffer buffer in _buffers)
            buffer.Dispose();
    }

    private float* Allocate(bool wanted, nint length)
    {
        if (!wanted || length == 0)
            return null;
        _buffers.Add(new AlignedBuffer(length));
        return _buffers[^1].Pointer;
    }
}
