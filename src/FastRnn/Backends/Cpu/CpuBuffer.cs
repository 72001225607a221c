using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>float32, row-major, rows padded to 16 floats with zeros that stay zero, 64-byte aligned. A view shares its owner's block.</summary>
internal sealed unsafe class CpuBuffer : DeviceBuffer
{
    private readonly AlignedBuffer _block;
    private readonly nint _offset;
    private readonly CpuBuffer? _owner;

    public CpuBuffer(int rows, int columns)
        : base(rows, columns)
    {
        Stride = AlignedBuffer.Pad(columns);
        _block = new AlignedBuffer((nint)rows * Stride);
    }

    private CpuBuffer(CpuBuffer owner, int firstRow, int rows)
        : base(rows, owner.Columns)
    {
        if (firstRow < 0 || rows < 0 || firstRow > owner.Rows - rows)
            throw new ArgumentOutOfRangeException(nameof(firstRow), $"rows {firstRow}…{firstRow + rows - 1} of a buffer {owner}");
        Stride = owner.Stride;
        _block = owner._block;
        _offset = owner._offset + ((nint)firstRow * Stride);
        _owner = owner;
    }

    /// <summary>Floats a row.</summary>
    public int Stride { get; }

    /// <summary>Floats of all rows, padding included.</summary>
    public nint PaddedLength => (nint)Rows * Stride;

    public float* Pointer => _block.Pointer + _offset;

    public Span<float> Row(int row) => new(Pointer + ((nint)row * Stride), Columns);

    public CpuBuffer View(int firstRow, int rows) => new(this, firstRow, rows);

    /// <summary>Marks this buffer, and the one it is a view of, as written.</summary>
    public void Written()
    {
        for (CpuBuffer? buffer = this; buffer != null; buffer = buffer._owner)
            buffer.Touch();
    }
}

/// <summary>Packed copies of weights that know when they are stale.</summary>
/// <param name="length">Floats.</param>
/// <param name="lazily">Make the block when it is first asked for: nobody counts it.</param>
internal sealed unsafe class CpuPack(nint length, bool lazily = false)
{
    private AlignedBuffer? _block = lazily ? null : new(length);
    private int _version = -1;

    public float* Pointer => (_block ??= new(length)).Pointer;

    /// <summary>Gives the memory back until it is asked for again.</summary>
    public void Release()
    {
        _block?.Dispose();
        (_block, _version) = (null, -1);
    }

    /// <summary>True, once, when the sources have changed since the last call.</summary>
    public bool IsStale(int version)
    {
        if (version == _version)
            return false; // not written: threads that share the weights share the line
        _version = version;
        return true;
    }
}
