namespace FastRnn.Memory;

/// <summary>A rented block for the length of a <c>using</c>.</summary>
internal readonly unsafe ref struct PooledScratch(BufferPool pool, nint length)
{
    private readonly AlignedBuffer _block = pool.Rent(length);

    public float* Pointer => _block.Pointer;

    public void Dispose() => pool.Return(_block);
}
