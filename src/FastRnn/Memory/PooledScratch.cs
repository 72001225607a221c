namespace FastRnn.Memory;

/// <summary>A rented block for the length of a <c>using</c>; of no length, nothing is rented: what only some calls need costs the others nothing.</summary>
internal readonly unsafe ref struct PooledScratch(BufferPool pool, nint length)
{
    private readonly AlignedBuffer? _block = length == 0 ? null : pool.Rent(length);

    public float* Pointer => _block == null ? null : _block.Pointer;

    public void Dispose()
    {
        if (_block != null)
            pool.Return(_block);
    }
}
