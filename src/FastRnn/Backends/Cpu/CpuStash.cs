using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>
/// Gates of one window, [block of 16 units][row = t·B + b][strip of <see cref="GateLayout"/>][16 units]. In training they
/// hold activations, then their gradients: of all steps or, to be computed again span by span, of one span of 64, and then c of one span
/// beside them. In inference one block of time is reused.
/// </summary>
internal sealed unsafe class CpuStash : RecurrentStash
{
    /// <summary>Gates of a block of time should stay in L2 between the input product that writes them and the recurrence.</summary>
    private const int BlockBytes = 1 << 20;

    private readonly AlignedBuffer _gates;
    private readonly AlignedBuffer? _cells;
    private readonly int _hidden;
    private readonly nint _stepStates;
    private readonly bool _isShared;
    private int[]? _packed;

    public CpuStash(CpuRecurrentWeights weights, int steps, int batch, Keep keep)
    {
        GateLayout layout = weights.Layout;
        _hidden = weights.Hidden;
        int row = AlignedBuffer.Pad(_hidden);
        (Steps, Batch, Keep) = (steps, batch, keep);
        Blocks = row / 16;
        GateRow = layout.BlockStrips * 16;
        SpanSteps = keep == Keep.States ? Math.Min(steps, WeightGradient.SpanSteps) : steps;
        Spans = (steps + SpanSteps - 1) / SpanSteps;
        HasOptions = weights.HasOptions;
        long stepBytes = (long)batch * Blocks * GateRow * sizeof(float);
        BlockSteps = (int)Math.Clamp(BlockBytes / stepBytes, 1, steps);
        nint rows = (nint)(keep == Keep.Nothing ? BlockSteps : SpanSteps) * batch;
        // An odd number of cache lines: equal rows of different blocks must not fall into one set of the cache.
        BlockStride = ((rows * layout.BlockStrips) | 1) * 16;
        _gates = new AlignedBuffer(Blocks * BlockStride);
        Options = new CpuOptionStash(weights, rows, keep == Keep.Nothing ? 0 : rows);
        _stepStates = (nint)batch * row;
        if (Spans > 1 && weights.Cell.HasCell)
            _cells = new AlignedBuffer((SpanSteps + 1) * _stepStates);
    }

    private CpuStash(CpuStash whole, int steps)
    {
        (_gates, _cells, _hidden, _stepStates, _isShared) = (whole._gates, whole._cells, whole._hidden, whole._stepStates, true);
        (Steps, Batch, Keep, Options) = (steps, whole.Batch, whole.Keep, whole.Options);
        (Blocks, BlockStride, GateRow) = (whole.Blocks, whole.BlockStride, whole.GateRow);
        BlockSteps = Math.Min(whole.BlockSteps, steps);
        SpanSteps = _cells == null ? Math.Min(whole.SpanSteps, steps) : whole.SpanSteps;
        (Spans, HasOptions) = ((steps + SpanSteps - 1) / SpanSteps, whole.HasOptions);
    }

    /// <summary>What options keep beside the strips, of the same steps.</summary>
    public CpuOptionStash Options { get; }

    public int Steps { get; }

    public int Batch { get; }

    public Keep Keep { get; }

    public nint Blocks { get; }

    /// <summary>Floats from one block to the next.</summary>
    public nint BlockStride { get; }

    /// <summary>Floats of a row of a block.</summary>
    public nint GateRow { get; }

    /// <summary>Time steps whose input product is computed at once.</summary>
    public int BlockSteps { get; }

    /// <summary>Time steps that a backward pass finds, or computes again, at once.</summary>
    public int SpanSteps { get; }

    public int Spans { get; }

    public bool HasOptions { get; }

    public override int CellSlots => _cells != null ? Spans + 1 : Steps + 1;

    /// <summary>Bytes kept from the forward pass for the backward pass, c between spans not included.</summary>
    public long Bytes => sizeof(float) * (_gates.Length + (long)(_cells?.Length ?? 0) + Options.Length);

    /// <summary>The strips from the front.</summary>
    public float* Gates => _gates.Pointer;

    /// <summary>
    /// Before a span: where slot 0 of c would stand if all slots followed each other, so that those of the span can be reached. The states of
    /// c in <paramref name="slots"/> are all, or those between spans.
    /// </summary>
    public float* EnterSpan(int span, float* slots)
    {
        if (_cells == null)
            return slots;
        CopyState(slots + (span * _stepStates), _cells.Pointer);
        return _cells.Pointer - (span * SpanSteps * _stepStates);
    }

    /// <summary>After a span's forward pass: hands its last c on.</summary>
    public void LeaveSpan(int span, float* slots)
    {
        if (_cells != null)
            CopyState(_cells.Pointer + (Math.Min(SpanSteps, Steps - (span * SpanSteps)) * _stepStates), slots + ((span + 1) * _stepStates));
    }

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

    public CpuStash CheckedForTraining(int hidden, int steps, int batch) => Keep != Keep.Nothing
        ? Checked(hidden, steps, batch)
        : throw new ArgumentException("this stash was made for inference: it keeps nothing for a backward pass");

    public override RecurrentStash Shorter(int steps) => new CpuStash(this, steps);

    public override void CopySteps(RecurrentStash source, in StepRange range)
    {
        var from = (CpuStash)source;
        if (from._hidden != _hidden || from.Batch != Batch || from.Blocks != Blocks || from.GateRow != GateRow || Keep != Keep.Everything || from.Keep != Keep.Everything)
            throw new ArgumentException($"stash of B={from.Batch}, H={from._hidden}, {from.Keep} copied into one of B={Batch}, H={_hidden}, {Keep}");
        if (range.SourceStep < 0 || range.SourceStep > from.Steps - range.Count || range.Step < 0 || range.Step > Steps - range.Count)
            throw new ArgumentException($"{range.Count} steps from {range.SourceStep} of {from.Steps} to {range.Step} of {Steps}");
        nint first = Row(range.SourceFlags, range.SourceStep), count = Row(range.SourceFlags, range.SourceStep + range.Count) - first;
        nint to = Row(range.Flags, range.Step);
        for (nint block = 0; block < Blocks; block++)
        {
            float* rows = from._gates.Pointer + (block * from.BlockStride) + (first * GateRow);
            Copy(rows, _gates.Pointer + (block * BlockStride) + (to * GateRow), count * GateRow);
        }
        Options.CopyRows(from.Options, first, to, count);
        Options.CopyPositions(from.Options, (nint)range.SourceStep * Batch, (nint)range.Step * Batch, (nint)range.Count * Batch);
        GC.KeepAlive(from);
    }

    public override void Dispose()
    {
        if (_isShared)
            return;
        _gates.Dispose();
        _cells?.Dispose();
        Options.Dispose();
    }

    /// <summary>Where a step's rows begin: with flags only active positions have one.</summary>
    private int Row(StepFlags? flags, int step) => flags == null ? step * Batch : flags.CountActive(step);

    private void CopyState(float* from, float* to) => Copy(from, to, _stepStates);

    internal static void Copy(float* from, float* to, nint length) =>
        new ReadOnlySpan<float>(from, checked((int)length)).CopyTo(new Span<float>(to, (int)length));
}

/// <summary>
/// What a cell's options keep for the backward pass; null where a cell does not have the option. Rows of X – the second factor of a weight gradient –
/// stand at t·B + b even in a batch with flags, as those of the states do; rows of scales and strips stand where the gates' do.
/// </summary>
internal sealed unsafe class CpuOptionStash : IDisposable
{
    private readonly List<AlignedBuffer> _buffers = [];
    private readonly nint _units, _state;

    public CpuOptionStash(CpuRecurrentWeights weights, nint gateRows, nint kept)
    {
        CellType cell = weights.Cell;
        nint units = AlignedBuffer.Pad(weights.Hidden), state = AlignedBuffer.Pad(weights.State);
        (_units, _state) = (units, state);
        ScaleStride = gateRows;
        Scales = Allocate(cell.LayerNorm, 3 * gateRows);
        Seen = Allocate(cell.RecurrentDropout > 0, kept * state);
        ResetHidden = Allocate(cell.ResetBefore, kept * units);
        Unprojected = Allocate(cell.Projection > 0, kept * units);
        ProjectedStride = (kept | 1) * 16;
        ProjectedGradient = Allocate(cell.Projection > 0 && kept > 0, state / 16 * ProjectedStride);
        FreshCell = Allocate(cell.CellZoneout > 0, kept * units);
    }

    /// <summary>1/√variance of the products' rows: input, recurrent, second; <see cref="ScaleStride"/> apart.</summary>
    public float* Scales { get; }

    public nint ScaleStride { get; }

    /// <summary>h_{t−1} after recurrent dropout, [rows, P].</summary>
    public float* Seen { get; }

    /// <summary>r⊙h_{t−1}, [rows, H].</summary>
    public float* ResetHidden { get; }

    /// <summary>m = o·φ(c), [rows, H].</summary>
    public float* Unprojected { get; }

    /// <summary>dh of the projected state as strips of 16.</summary>
    public float* ProjectedGradient { get; }

    public nint ProjectedStride { get; }

    /// <summary>c_t before zoneout, [rows, H].</summary>
    public float* FreshCell { get; }

    /// <summary>Takes over scales of rows from another stash of the layer.</summary>
    public void CopyRows(CpuOptionStash source, nint first, nint to, nint count)
    {
        for (int product = 0; Scales != null && product < 3; product++)
            CpuStash.Copy(source.Scales + (product * source.ScaleStride) + first, Scales + (product * ScaleStride) + to, count);
    }

    /// <summary>Takes over what is kept by position.</summary>
    public void CopyPositions(CpuOptionStash source, nint first, nint to, nint count)
    {
        CopyKept(source.Seen, Seen, _state);
        CopyKept(source.ResetHidden, ResetHidden, _units);
        CopyKept(source.Unprojected, Unprojected, _units);
        CopyKept(source.FreshCell, FreshCell, _units);

        void CopyKept(float* from, float* target, nint row)
        {
            if (target != null)
                CpuStash.Copy(from + (first * row), target + (to * row), count * row);
        }
    }

    public long Length => _buffers.Sum(buffer => (long)buffer.Length);

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
        return _buffers[^1].IsMade ? _buffers[^1].Pointer : null; // a plan counts blocks and makes none
    }
}
