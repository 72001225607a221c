namespace FastRnn.Backends;

/// <summary>
/// Which positions of a [T, B] batch of sequences count. An inactive position freezes the state, yields zeros, and is skipped – its input
/// may hold anything, even NaN. A reset position starts from a zero state and cuts the gradient to the steps before it.
/// A null <see cref="StepFlags"/> means: all active, no resets – the fast path.
/// </summary>
internal sealed class StepFlags(int steps, int batch)
{
    private readonly byte[] _active = Filled(steps * batch);
    private readonly byte[] _reset = new byte[steps * batch];

    public int Steps { get; } = steps;

    public int Batch { get; } = batch;

    /// <summary>One byte a position, index t·B + b; non-zero is active.</summary>
    public Span<byte> Active => _active;

    /// <summary>One byte a position, index t·B + b; non-zero resets the state before that step. Ignored where inactive.</summary>
    public Span<byte> Reset => _reset;

    /// <summary>Positions of the first steps that count.</summary>
    public int CountActive(int steps) => (steps * Batch) - Active[..(steps * Batch)].Count((byte)0);

    public bool IsActive(int t, int b) => _active[(t * Batch) + b] != 0;

    public bool IsReset(int t, int b) => _active[(t * Batch) + b] != 0 && _reset[(t * Batch) + b] != 0;

    private static byte[] Filled(int length)
    {
        var bytes = new byte[length];
        Array.Fill(bytes, (byte)1);
        return bytes;
    }
}
