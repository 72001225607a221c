using System.Runtime.InteropServices;

namespace FastRnn.Memory;

/// <summary>
/// A zeroed block of native floats, 64-byte aligned, outside the garbage collector's reach. Released by <see cref="Dispose"/> or, with
/// the last reference, by the finalizer; whoever hands its pointer to a kernel keeps the object alive across the call.
/// </summary>
internal sealed unsafe class AlignedBuffer : IDisposable
{
    /// <summary>Alignment in bytes: one cache line, one 512-bit register.</summary>
    public const int Alignment = 64;

    /// <summary>Rows are padded to this many floats, so that no kernel has a tail loop. The padding is zero and stays zero.</summary>
    public const int RowMultiple = 16;

    /// <summary>Where this thread's new blocks come from instead of the heap: tests put blocks against an inaccessible page.</summary>
    [ThreadStatic]
    internal static IBlockSource? Source;

    private readonly IBlockSource? _source = Source;
    private float* _pointer;

    public AlignedBuffer(nint length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        if (!BlockBytes.Note(Bytes))
        {
            GC.SuppressFinalize(this);
            return;
        }
        _pointer = (float*)(_source == null ? (nint)HugePages.Allocate(Bytes, Alignment) : _source.Allocate(Bytes));
        if (_source != null)
            NativeMemory.Clear(_pointer, Bytes);
        GC.AddMemoryPressure((long)Bytes);
    }

    ~AlignedBuffer() => Release();

    public nint Length { get; }

    /// <summary>False for a block that was only counted, see <see cref="BlockBytes.Plan"/>.</summary>
    public bool IsMade => _pointer != null;

    private nuint Bytes => checked((nuint)Math.Max((Length + RowMultiple - 1) / RowMultiple * RowMultiple, RowMultiple) * sizeof(float));

    public float* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer == null, this);
            return _pointer;
        }
    }

    public Span<float> Span => new(Pointer, checked((int)Length));

    /// <summary>A row length rounded up to <see cref="RowMultiple"/>.</summary>
    public static int Pad(int columns) => checked(columns + RowMultiple - 1) & ~(RowMultiple - 1);

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        if (_pointer == null)
            return;
        if (_source == null)
            HugePages.Free(_pointer, Bytes);
        else
            _source.Free((nint)_pointer, Bytes);
        GC.RemoveMemoryPressure((long)Bytes);
        _pointer = null;
    }
}

/// <summary>Hands out native blocks, 64-byte aligned.</summary>
internal interface IBlockSource
{
    nint Allocate(nuint bytes);

    void Free(nint block, nuint bytes);
}
