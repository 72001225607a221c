using FastRnn.Backends;

namespace FastRnn.Training;

/// <summary>
/// One window of a batch of streams, time-major: element (t, b) of a [T, B] window is at index t·B + b, feature f of it at
/// (t·B + b)·F + f. Inputs are tokens or values, and so are targets.
/// </summary>
public sealed class SequenceChunk
{
    private readonly int[] _inputs;
    private readonly int[] _targets;
    private readonly float[] _inputValues;
    private readonly float[] _targetValues;
    private StepFlags? _flags;
    private bool _flagged;
    private byte[]? _ignored;
    private byte[]? _counted;

    /// <summary>A window of tokens 0, to be filled.</summary>
    /// <param name="steps">T, at least 1.</param>
    /// <param name="batch">B, at least 1.</param>
    public SequenceChunk(int steps, int batch)
        : this(steps, batch, 0, 0)
    {
    }

    /// <summary>A window of zeros to be filled.</summary>
    /// <param name="steps">T, at least 1.</param>
    /// <param name="batch">B, at least 1.</param>
    /// <param name="features">F, values a step that go in; 0: tokens go in.</param>
    /// <param name="outputs">O, target values a step; 0: targets are tokens, or classes.</param>
    public SequenceChunk(int steps, int batch, int features, int outputs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(features);
        ArgumentOutOfRangeException.ThrowIfNegative(outputs);
        (Steps, Batch, Features, Outputs) = (steps, batch, features, outputs);
        int rows = checked(steps * batch);
        _inputs = features == 0 ? new int[rows] : [];
        _targets = outputs == 0 ? new int[rows] : [];
        _inputValues = new float[checked(rows * features)];
        _targetValues = new float[checked(rows * outputs)];
    }

    /// <summary>T.</summary>
    public int Steps { get; }

    /// <summary>B.</summary>
    public int Batch { get; }

    /// <summary>F, values a step that go in; 0 when tokens do.</summary>
    public int Features { get; }

    /// <summary>O, target values a step; 0 when targets are tokens or classes.</summary>
    public int Outputs { get; }

    /// <summary>Input tokens [T·B]; empty when values go in.</summary>
    public Span<int> Inputs => _inputs;

    /// <summary>Target tokens or classes [T·B]; negative: not counted. Empty when targets are values.</summary>
    public Span<int> Targets => _targets;

    /// <summary>Input values [T·B·F]; empty when tokens go in.</summary>
    public Span<float> InputValues => _inputValues;

    /// <summary>Target values [T·B·O]; empty when targets are tokens or classes.</summary>
    public Span<float> TargetValues => _targetValues;

    /// <summary>The streams begin here: carried state is zeroed before this window.</summary>
    public bool StartsStreams { get; set; }

    /// <summary>
    /// Of each sample, only the last active step of this window counts in the loss: one answer for a whole sequence, whatever its length.
    /// </summary>
    public bool LastStepOnly { get; set; }

    /// <summary>Multiplies the learning rate of the update that this window makes; of accumulated windows, the last one's counts.</summary>
    public float RateFactor
    {
        get;
        set => field = value >= 0 && float.IsFinite(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "must be finite and not negative");
    }
        = 1f;

    internal ReadOnlyMemory<int> InputMemory => _inputs;

    internal StepFlags? Flags => _flagged ? _flags : null;

    /// <summary>Sample b starts a new sequence at step t: its state is zeroed there, and no gradient crosses.</summary>
    public void SetReset(int t, int b) => EnsureFlags().Reset[Index(t, b)] = 1;

    /// <summary>Sample b has nothing at step t: its state is frozen, nothing is learnt from it. What it holds there is not looked at.</summary>
    public void SetInactive(int t, int b)
    {
        int index = Index(t, b);
        EnsureFlags().Active[index] = 0;
        if (Features == 0)
            _inputs[index] = -1;
        if (Outputs == 0)
            _targets[index] = -1;
    }

    /// <summary>
    /// Of sample b only the first steps are there, or, padded left, only the last: the others become inactive. To make a sample longer
    /// again, <see cref="ClearFlags"/> first.
    /// </summary>
    /// <param name="b">The sample.</param>
    /// <param name="length">Steps that are there, 0 … T.</param>
    /// <param name="padLeft">Padding comes before the sample, not after it.</param>
    public void SetLength(int b, int length, bool padLeft = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > Steps)
            throw new ArgumentOutOfRangeException(nameof(length), length, $"does not fit into a window of {Steps} steps");
        int padding = Steps - length, first = padLeft ? 0 : length;
        for (int t = first; t < first + padding; t++)
            SetInactive(t, b);
    }

    /// <summary>The model reads step t of sample b, but its output there does not count in the loss.</summary>
    public void SetIgnored(int t, int b)
    {
        int index = Index(t, b);
        (_ignored ??= new byte[Steps * Batch])[index] = 1;
    }

    /// <summary>Takes back <see cref="SetReset"/>, <see cref="SetInactive"/> and <see cref="SetIgnored"/> everywhere: the window can be filled anew.</summary>
    public void ClearFlags()
    {
        _flagged = false;
        _ignored.AsSpan().Clear();
    }

    /// <summary>One byte a position, 0 where it does not count whatever the target; empty when all do. Valid until the next change.</summary>
    internal ReadOnlySpan<byte> Counted()
    {
        StepFlags? flags = Flags;
        if (!LastStepOnly && _ignored == null)
            return flags == null ? default : flags.Active;
        _counted ??= new byte[Steps * Batch];
        for (int b = 0; b < Batch; b++)
        {
            bool later = false;
            for (int t = Steps - 1; t >= 0; t--)
            {
                int index = (t * Batch) + b;
                bool active = flags == null || flags.Active[index] != 0;
                bool counts = active && !(LastStepOnly && later) && (_ignored == null || _ignored[index] == 0);
                _counted[index] = counts ? (byte)1 : (byte)0;
                later |= active;
            }
        }
        return _counted;
    }

    private int Index(int t, int b)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(t);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(t, Steps);
        ArgumentOutOfRangeException.ThrowIfNegative(b);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(b, Batch);
        return (t * Batch) + b;
    }

    private StepFlags EnsureFlags()
    {
        _flags ??= new StepFlags(Steps, Batch);
        if (!_flagged)
        {
            _flags.Active.Fill(1);
            _flags.Reset.Clear();
        }
        _flagged = true;
        return _flags;
    }
}
