namespace FastRnn.Backends;

/// <summary>The function of a simple recurrent cell.</summary>
public enum CellActivation
{
    /// <summary>tanh(a).</summary>
    Tanh,

    /// <summary>max(a, 0).</summary>
    Relu,

    /// <summary>1/(1 + e⁻ᵃ).</summary>
    Sigmoid,

    /// <summary>a.</summary>
    Identity,
}

/// <summary>The recurrent cells. Gates are stored in PyTorch's row order: LSTM i, f, g, o; GRU r, z, n.</summary>
internal enum CellKind
{
    Lstm,
    Gru,
    Rnn,
}

/// <summary>Which cell; the activation is that of <see cref="CellKind.Rnn"/>, the others have their own.</summary>
internal readonly record struct CellType(CellKind Kind, CellActivation Activation = CellActivation.Tanh)
{
    public static CellType Lstm => new(CellKind.Lstm);

    public static CellType Gru => new(CellKind.Gru);

    /// <summary>Gates: row blocks of H in the weights.</summary>
    public int Gates => Kind switch { CellKind.Lstm => 4, CellKind.Gru => 3, _ => 1 };

    /// <summary>Whether there is a state c beside h.</summary>
    public bool HasCell => Kind == CellKind.Lstm;
}

/// <summary>
/// One recurrent layer's parameters under PyTorch's layouts, G gates: W [G·H, I], R [G·H, H], two biases [1, G·H], both trained. They are
/// summed before use, but for the candidate of the GRU. A back end derives from this class to keep packed copies beside them.
/// </summary>
internal class RecurrentWeights(CellType cell, int input, int hidden, Func<int, int, DeviceBuffer> allocate)
{
    public CellType Cell { get; } = cell;

    public int Input { get; } = input;

    public int Hidden { get; } = hidden;

    public int Gates => Cell.Gates;

    /// <summary>W: [G·H, I].</summary>
    public DeviceBuffer InputWeight { get; } = allocate(cell.Gates * hidden, input);

    /// <summary>R: [G·H, H].</summary>
    public DeviceBuffer RecurrentWeight { get; } = allocate(cell.Gates * hidden, hidden);

    /// <summary>b_ih: [1, G·H].</summary>
    public DeviceBuffer InputBias { get; } = allocate(1, cell.Gates * hidden);

    /// <summary>b_hh: [1, G·H].</summary>
    public DeviceBuffer RecurrentBias { get; } = allocate(1, cell.Gates * hidden);
}

/// <summary>Gradients of <see cref="RecurrentWeights"/>, same shapes. Backward operations add to them.</summary>
internal sealed record RecurrentGradients(
    DeviceBuffer InputWeight, DeviceBuffer RecurrentWeight, DeviceBuffer InputBias, DeviceBuffer RecurrentBias);

/// <summary>What a forward pass keeps for its backward pass; laid out by the back end.</summary>
internal abstract class RecurrentStash : IDisposable
{
    /// <summary>A stash for the first steps of such a window, in the same memory. One of the two is in use at a time.</summary>
    public abstract RecurrentStash Shorter(int steps);

    /// <summary>Takes over what a forward pass has kept of some steps of another window of the same layer and batch.</summary>
    public abstract void CopySteps(RecurrentStash source, in StepRange range);

    public abstract void Dispose();
}

/// <summary>
/// The state of a recurrent layer over one window: <see cref="Hidden"/> and, for cells that have it, <see cref="Cell"/> are [(T+1)·B, H]; rows 0…B−1 hold the
/// initial state on entry, rows T·B…(T+1)·B−1 the final state afterwards. Without flags rows B… of <see cref="Hidden"/> are the outputs.
/// With flags the outputs (zero where inactive) go to <see cref="MaskedOutput"/> [T·B, H], and a reset position's previous state
/// reads as zero.
/// </summary>
internal sealed record RecurrentStates(DeviceBuffer Hidden, DeviceBuffer? Cell, DeviceBuffer? MaskedOutput);

/// <summary>
/// Gradients that enter and leave a recurrent layer's backward pass. Given: <see cref="Output"/> dY [T·B, H] and, or null for zero,
/// <see cref="FinalHidden"/>, <see cref="FinalCell"/> [B, H]. Written: <see cref="Input"/> dX [T·B, I] (null: not wanted),
/// <see cref="InitialHidden"/>, <see cref="InitialCell"/> [B, H]; the latter is null where there is no c.
/// </summary>
internal sealed record RecurrentStateGradients(
    DeviceBuffer Output,
    DeviceBuffer? FinalHidden,
    DeviceBuffer? FinalCell,
    DeviceBuffer? Input,
    DeviceBuffer InitialHidden,
    DeviceBuffer? InitialCell);
