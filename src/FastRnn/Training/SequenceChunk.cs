using FastRnn.Backends;

namespace FastRnn.Training;

/// <summary>
/// One window of a batch of token streams, time-major: element (t, b) of a [T, B] window is at index t·B + b.
/// A negative target does not count in the loss.
/// </summary>
public sealed class SequenceChunk
{
    private readonly int[] _inputs;
    private readonly int[] _targets;

    /// <summary>A window of zeros to be filled.</summary>
    /// <param name="steps">T, at least 1.</param>
    /// <param name="batch">B, at least 1.</param>
    public SequenceChunk(int steps, int batch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        (Steps, Batch) = (steps, batch);
        _inputs = new int[checked(steps * batch)];
        _targets = new int[steps * batch];
    }

    /// <summary>T.</summary>
    public int Steps { get; }

    /// <summary>B.</summary>
    public int Batch { get; }

    /// <summary>Input tokens [T·B].</summary>
    public Span<int> Inputs => _inputs;

    /// <summary>Target tokens [T·B]; negative: not counted.</summary>
    public Span<int> Targets => _targets;

    /// <summary>The streams begin here: carried state is zeroed before this window.</summary>
    public bool StartsStreams { get; set; }

    internal ReadOnlyMemory<int> InputMemory => _inputs;

    internal StepFlags? Flags { get; private set; }

    /// <summary>Sample b starts a new sequence at step t: its state is zeroed there, and no gradient crosses.</summary>
    public void SetReset(int t, int b) => EnsureFlags().Reset[Index(t, b)] = 1;

    /// <summary>Sample b has nothing at step t: its state is frozen, nothing is learnt from it.</summary>
    public void SetInactive(int t, int b)
    {
        int index = Index(t, b);
        EnsureFlags().Active[index] = 0;
        _inputs[index] = -1;
        _targets[index] = -1;
    }

    private int Index(int t, int b)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(t);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(t, Steps);
        ArgumentOutOfRangeException.ThrowIfNegative(b);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(b, Batch);
        return (t * Batch) + b;
    }

    private StepFlags EnsureFlags() => Flags ??= new StepFlags(Steps, Batch);
}
