namespace FastRnn.Backends;

/// <summary>The recurrent cells. Gates are stored in PyTorch's row order: LSTM i, f, g, o.</summary>
internal enum CellKind
{
    Lstm,
}

/// <summary>
/// One recurrent layer's parameters under PyTorch's layouts, G gates: W [G·H, I], R [G·H, H], two biases [1, G·H] that are
/// summed before use and both trained. A back end derives from this class to keep packed copies beside them.
/// </summary>
internal class RecurrentWeights(CellKind cell, int input, int hidden, Func<int, int, DeviceBuffer> allocate)
{
    public CellKind Cell { get; } = cell;

    public int Input { get; } = input;

    public int Hidden { get; } = hidden;

    /// <summary>Gates of the cell: 4 for the LSTM.</summary>
    public static int Gates => 4;

    /// <summary>W: [G·H, I].</summary>
    public DeviceBuffer InputWeight { get; } = allocate(4 * hidden, input);

    /// <summary>R: [G·H, H].</summary>
    public DeviceBuffer RecurrentWeight { get; } = allocate(4 * hidden, hidden);

    /// <summary>b_ih: [1, G·H].</summary>
    public DeviceBuffer InputBias { get; } = allocate(1, 4 * hidden);

    /// <summary>b_hh: [1, G·H].</summary>
    public DeviceBuffer RecurrentBias { get; } = allocate(1, 4 * hidden);
}

/// <summary>Gradients of <see cref="RecurrentWeights"/>, same shapes. Backward operations add to them.</summary>
internal sealed record RecurrentGradients(
    DeviceBuffer InputWeight, DeviceBuffer RecurrentWeight, DeviceBuffer InputBias, DeviceBuffer RecurrentBias);

/// <summary>What a forward pass keeps for its backward pass; laid out by the back end.</summary>
internal abstract class RecurrentStash : IDisposable
{
    public abstract void Dispose();
}

/// <summary>
/// The state of a recurrent layer over one window: <see cref="Hidden"/> and <see cref="Cell"/> are [(T+1)·B, H]; rows 0…B−1 hold the
/// initial state on entry, rows T·B…(T+1)·B−1 the final state afterwards. Without flags rows B… of <see cref="Hidden"/> are the outputs.
/// With flags the outputs (zero where inactive) go to <see cref="MaskedOutput"/> [T·B, H], and a reset position's previous state
/// reads as zero.
/// </summary>
internal sealed record RecurrentStates(DeviceBuffer Hidden, DeviceBuffer Cell, DeviceBuffer? MaskedOutput);

/// <summary>
/// Gradients that enter and leave a recurrent layer's backward pass. Given: <see cref="Output"/> dY [T·B, H] and, or null for zero,
/// <see cref="FinalHidden"/>, <see cref="FinalCell"/> [B, H]. Written: <see cref="Input"/> dX [T·B, I] (null: not wanted),
/// <see cref="InitialHidden"/>, <see cref="InitialCell"/> [B, H].
/// </summary>
internal sealed record RecurrentStateGradients(
    DeviceBuffer Output,
    DeviceBuffer? FinalHidden,
    DeviceBuffer? FinalCell,
    DeviceBuffer? Input,
    DeviceBuffer InitialHidden,
    DeviceBuffer InitialCell);
