namespace FastRnn.Memory;

/// <summary>
/// Scratch memory that is taken in order and released as a whole: one for each worker thread, sized once, then reused for ever.
/// <see cref="Ensure"/> grows it while nothing is taken. Debug builds check that marks are released in order and that nothing is
/// still taken when the arena grows or goes.
/// </summary>
/// <param name="check">Whether to detect these mistakes.</param>
internal sealed unsafe class Arena(bool check = MemoryChecks.InThisBuild) : IDisposable
{
    private AlignedBuffer _block = new(0);
    private nint _used;

    /// <summary>Floats taken at the moment.</summary>
    public nint Used => _used;

    /// <summary>Makes room for <paramref name="length"/> floats; only while nothing is taken.</summary>
    public void Ensure(nint length)
    {
        CheckEmpty();
        if (_block.Length >= length)
            return;
        _block.Dispose();
        _block = new AlignedBuffer(Pad(length));
    }

    /// <summary>The next <paramref name="length"/> floats, 64-byte aligned, with old contents.</summary>
    /// <exception cref="InvalidOperationException">The arena is too small: its owner computed the size wrongly.</exception>
    public float* Take(nint length)
    {
        nint padded = Pad(length);
        if (_used + padded > _block.Length)
            throw new InvalidOperationException($"arena of {_block.Length} floats is too small: {_used} taken, {padded} asked for");
        float* p = _block.Pointer + _used;
        _used += padded;
        return p;
    }

    /// <summary>The next floats as a span.</summary>
    public Span<float> TakeSpan(int length) => new(Take(length), length);

    /// <summary>Releases everything taken since <see cref="Used"/> was <paramref name="mark"/>.</summary>
    public void Release(nint mark)
    {
        if (check && (mark < 0 || mark > _used))
            throw new InvalidOperationException($"arena released to {mark}, but only {_used} floats are taken: released twice or out of order");
        _used = mark;
    }

    public void Dispose()
    {
        CheckEmpty();
        _block.Dispose();
    }

    private static nint Pad(nint length) => (length + AlignedBuffer.RowMultiple - 1) & ~(nint)(AlignedBuffer.RowMultiple - 1);

    private void CheckEmpty()
    {
        if (check && _used != 0)
            throw new InvalidOperationException($"{_used} floats of the arena were never released");
    }
}
