namespace FastRnn.Backends;

/// <summary>
/// One recurrent layer's parameters under PyTorch's layouts, G gates: W [G·H, I], R [G·H, P], two biases [1, G·H], both trained. They are
/// summed before use, but for the candidate of the GRU. A back end derives from this class to keep packed copies beside them.
/// </summary>
internal class RecurrentWeights(CellType cell, int input, int hidden, Func<int, int, DeviceBuffer> allocate) : ProductWeights
{
    public override int LongestSum => Math.Max(Input, Hidden);

    public CellType Cell { get; } = cell;

    public int Input { get; } = input;

    public int Hidden { get; } = hidden;

    public int Gates => Cell.Gates;

    /// <summary>P: width of h.</summary>
    public int State { get; } = cell.StateSize(hidden);

    /// <summary>W: [G·H, I].</summary>
    public DeviceBuffer InputWeight { get; } = allocate(cell.Gates * hidden, input);

    /// <summary>R: [G·H, P].</summary>
    public DeviceBuffer RecurrentWeight { get; } = allocate(cell.Gates * hidden, cell.StateSize(hidden));

    /// <summary>b_ih: [1, G·H].</summary>
    public DeviceBuffer InputBias { get; } = allocate(1, cell.Gates * hidden);

    /// <summary>b_hh: [1, G·H].</summary>
    public DeviceBuffer RecurrentBias { get; } = allocate(1, cell.Gates * hidden);

    /// <summary>p: [3, H], of i, f and o.</summary>
    public DeviceBuffer? Peephole { get; } = cell.Peepholes ? allocate(3, hidden) : null;

    /// <summary>W_hr: [P, H].</summary>
    public DeviceBuffer? Projection { get; } = cell.Projection > 0 ? allocate(cell.Projection, hidden) : null;

    /// <summary>γ_x: [1, G·H].</summary>
    public DeviceBuffer? InputNorm { get; } = cell.LayerNorm ? allocate(1, cell.Gates * hidden) : null;

    /// <summary>γ_h: [1, G·H].</summary>
    public DeviceBuffer? RecurrentNorm { get; } = cell.LayerNorm ? allocate(1, cell.Gates * hidden) : null;
}

/// <summary>Gradients of <see cref="RecurrentWeights"/>, same shapes. Backward operations add to them.</summary>
internal sealed record RecurrentGradients(
    DeviceBuffer InputWeight, DeviceBuffer RecurrentWeight, DeviceBuffer InputBias, DeviceBuffer RecurrentBias)
{
    public DeviceBuffer? Peephole { get; init; }

    public DeviceBuffer? Projection { get; init; }

    public DeviceBuffer? InputNorm { get; init; }

    public DeviceBuffer? RecurrentNorm { get; init; }
}

/// <summary>What a forward pass keeps for a backward pass.</summary>
internal enum Keep
{
    /// <summary>There will be none.</summary>
    Nothing,

    /// <summary>States only, on a back end that can compute the rest again, span by span: less memory, more time, the same bits.</summary>
    States,

    /// <summary>All that it reads.</summary>
    Everything,
}

/// <summary>What a forward pass keeps for its backward pass; laid out by the back end.</summary>
internal abstract class RecurrentStash : IDisposable
{
    /// <summary>
    /// Slots of c, each [B, H], that <see cref="RecurrentStates.Cell"/> must have: T + 1, or fewer when the back end needs only some of them. The first is the
    /// initial and the last the final one.
    /// </summary>
    public abstract int CellSlots { get; }

    /// <summary>A stash for the first steps of such a window, in the same memory. One of the two is in use at a time.</summary>
    public abstract RecurrentStash Shorter(int steps);

    /// <summary>Takes over what a forward pass has kept of some steps of another window of the same layer and batch.</summary>
    public abstract void CopySteps(RecurrentStash source, in StepRange range);

    public abstract void Dispose();
}

/// <summary>
/// The state of a recurrent layer over one window: <see cref="Hidden"/> [(T+1)·B, P] and, for cells that have it, <see cref="Cell"/> [slots·B, H] with as many
/// slots as <see cref="RecurrentStash.CellSlots"/> says; the first B rows hold the initial state on entry, the last B the final state afterwards.
/// Without flags rows B… of <see cref="Hidden"/> are the outputs.
/// With flags the outputs (zero where inactive) go to <see cref="MaskedOutput"/> [T·B, P], unless it is null because nobody reads them, and a reset position's
/// previous state reads as zero.
/// </summary>
internal sealed record RecurrentStates(DeviceBuffer Hidden, DeviceBuffer? Cell, DeviceBuffer? MaskedOutput);

/// <summary>
/// Gradients that enter and leave a recurrent layer's backward pass. Given: <see cref="Output"/> dY [T·B, P] and, or null for zero,
/// <see cref="FinalHidden"/> [B, P], <see cref="FinalCell"/> [B, H]. Written: <see cref="Input"/> dX [T·B, I] (null: not wanted),
/// <see cref="InitialHidden"/> [B, P], <see cref="InitialCell"/> [B, H]; the latter is null where there is no c.
/// </summary>
internal sealed record RecurrentStateGradients(
    DeviceBuffer Output,
    DeviceBuffer? FinalHidden,
    DeviceBuffer? FinalCell,
    DeviceBuffer? Input,
    DeviceBuffer InitialHidden,
    DeviceBuffer? InitialCell);
