using System.Runtime.CompilerServices;
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

/// <summary>Writes packed weights.</summary>
internal unsafe delegate void PackWeights<in T>(T source, float* packed);

/// <summary>
/// Packed copies of weights that know when they are stale. Threads that share the weights may ask at the same time: one packs, the others wait for it. Asked for
/// what is there, none writes or locks.
/// </summary>
/// <param name="length">Floats.</param>
/// <param name="lazily">Make the block when it is first asked for: nobody counts it.</param>
internal sealed unsafe class CpuPack(nint length, bool lazily = false)
{
    private readonly Lock _gate = new();
    private AlignedBuffer? _block = lazily ? null : new(length);
    private int _version = -1;

    /// <summary>Whether there is memory for it.</summary>
    public bool IsMade => _block != null;

    /// <summary>Of what was packed last.</summary>
    public float* Pointer => _block!.Pointer;

    /// <summary>Gives the memory back until it is asked for again.</summary>
    public void Release()
    {
        lock (_gate)
        {
            _block?.Dispose();
            (_block, _version) = (null, -1);
        }
    }

    /// <summary>Whether the sources, of that version, are packed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Holds(int version) => Volatile.Read(ref _version) == version;

    /// <summary>Packs the sources unless they are. The version goes last: who sees it sees all that was packed.</summary>
    public float* Pack<T>(int version, T source, PackWeights<T> pack)
    {
        lock (_gate)
        {
            _block ??= new(length);
            if (_version != version)
            {
                pack(source, _block.Pointer);
                Volatile.Write(ref _version, version);
            }
            return _block.Pointer;
        }
    }
}
