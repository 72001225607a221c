using FastRnn.Backends;
using FastRnn.Kernels;

namespace FastRnn.OpenCL;

/// <summary>
/// Gates of one window, rows (t, b) as the states have them, of a unit <see cref="GateLayout.BlockStrips"/> neighbours; and what a cell's options keep
/// beside them. In training they hold activations, then their gradients: of all steps or, to be computed again span by span, of one span of 64. In
/// inference one block of time is used again and again.
/// </summary>
internal sealed class OpenClStash : RecurrentStash
{
    private readonly int _hidden;
    private readonly bool _isShared;
    private readonly OpenClBackend _backend;

    public OpenClStash(OpenClBackend backend, OpenClRecurrentWeights weights, DevicePool pool, int steps, int batch, Keep keep, long blockBytes)
    {
        _backend = backend;
        CellType cell = weights.Cell;
        (_hidden, Steps, Batch, Keep) = (weights.Hidden, steps, batch, keep);
        SpanSteps = keep == Keep.States ? Math.Min(steps, WeightGradient.SpanSteps) : steps;
        int columns = weights.Hidden * weights.Layout.BlockStrips;
        BlockSteps = (int)Math.Clamp(blockBytes / ((long)batch * columns * sizeof(float)), 1, SpanSteps);
        int rows = (keep == Keep.Nothing ? BlockSteps : SpanSteps) * batch, kept = keep == Keep.Nothing ? batch : rows;
        Gates = new OpenClBuffer(pool, rows, columns);
        Scales = cell.LayerNorm ? [new(pool, rows, 1), new(pool, rows, 1), new(pool, rows, 1)] : [];
        ResetHidden = cell.ResetBefore ? new(pool, kept, weights.Hidden) : null;
        Unprojected = cell.Projection > 0 ? new(pool, kept, weights.Hidden) : null;
        ProjectedGradient = cell.Projection > 0 && keep != Keep.Nothing ? new(pool, kept, weights.State) : null;
        FreshCell = cell.CellZoneout > 0 ? new(pool, kept, weights.Hidden) : null;
    }

    private OpenClStash(OpenClStash whole, int steps)
    {
        (_backend, _hidden, _isShared, Steps, Batch, Keep) = (whole._backend, whole._hidden, true, steps, whole.Batch, whole.Keep);
        (SpanSteps, BlockSteps) = (Math.Min(whole.SpanSteps, steps), Math.Min(whole.BlockSteps, steps));
        (Gates, Scales, ResetHidden) = (whole.Gates, whole.Scales, whole.ResetHidden);
        (Unprojected, ProjectedGradient, FreshCell) = (whole.Unprojected, whole.ProjectedGradient, whole.FreshCell);
    }

    public int Steps { get; }

    public int Batch { get; }

    public Keep Keep { get; }

    /// <summary>Steps that a backward pass finds, or computes again, at once.</summary>
    public int SpanSteps { get; }

    public int Spans => (Steps + SpanSteps - 1) / SpanSteps;

    /// <summary>Steps whose input product is computed at once where their gates are not kept.</summary>
    public int BlockSteps { get; }

    public OpenClBuffer Gates { get; }

    /// <summary>1/√variance of the rows of the input, the recurrent and the second product.</summary>
    public OpenClBuffer[] Scales { get; }

    /// <summary>r⊙h_{t−1}, [rows, H], as everything below; in inference of one step.</summary>
    public OpenClBuffer? ResetHidden { get; }

    /// <summary>m = o·φ(c).</summary>
    public OpenClBuffer? Unprojected { get; }

    /// <summary>∂L/∂(W_hr m), [rows, P].</summary>
    public OpenClBuffer? ProjectedGradient { get; }

    /// <summary>c_t before zoneout.</summary>
    public OpenClBuffer? FreshCell { get; }

    /// <summary>All of c is kept, even where the gates are computed again span by span: H numbers a step beside BlockStrips·H, and no copies of c.</summary>
    public override int CellSlots => Steps + 1;

    private IEnumerable<OpenClBuffer> Buffers
    {
        get
        {
            OpenClBuffer?[] others = [ResetHidden, Unprojected, ProjectedGradient, FreshCell];
            return [Gates, .. Scales, .. others.OfType<OpenClBuffer>()];
        }
    }

    public OpenClStash Checked(OpenClRecurrentWeights weights, int steps, int batch)
    {
        if (weights.Hidden != _hidden || steps != Steps || batch != Batch || Gates.Columns != _hidden * weights.Layout.BlockStrips)
            throw new ArgumentException($"stash made for T={Steps}, B={Batch}, H={_hidden}; used with T={steps}, B={batch}, H={weights.Hidden}");
        return this;
    }

    public OpenClStash CheckedForTraining(OpenClRecurrentWeights weights, int steps, int batch) => Keep != Keep.Nothing
        ? Checked(weights, steps, batch)
        : throw new ArgumentException("this stash was made for inference: it keeps nothing for a backward pass");

    public override RecurrentStash Shorter(int steps) => new OpenClStash(this, steps);

    public override void CopySteps(RecurrentStash source, in StepRange range)
    {
        var from = (OpenClStash)source;
        if (from._hidden != _hidden || from.Batch != Batch || from.Gates.Columns != Gates.Columns || Keep != Keep.Everything || from.Keep != Keep.Everything)
            throw new ArgumentException($"stash of B={from.Batch}, H={from._hidden}, {from.Keep} copied into one of B={Batch}, H={_hidden}, {Keep}");
        if (range.SourceStep < 0 || range.SourceStep > from.Steps - range.Count || range.Step < 0 || range.Step > Steps - range.Count)
            throw new ArgumentException($"{range.Count} steps from {range.SourceStep} of {from.Steps} to {range.Step} of {Steps}");
        int first = range.SourceStep * Batch, to = range.Step * Batch, count = range.Count * Batch;
        foreach ((OpenClBuffer theirs, OpenClBuffer ours) in from.Buffers.Zip(Buffers, (theirs, ours) => (theirs, ours)))
            _backend.CopyRows(theirs, first, ours, to, count);
    }

    public override void Dispose()
    {
        if (_isShared)
            return;
        foreach (OpenClBuffer buffer in Buffers)
            buffer.Block.Dispose();
    }
}
