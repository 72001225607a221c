using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Threading;

namespace FastRnn.Backends;

/// <summary>
/// The fast back end: float32 kernels of one instruction set over a pool of threads. Results do not depend on the number of threads or
/// the instruction set, to the bit. Dispose it to end its threads.
/// A native block goes with its last reference, so every operation keeps alive whatever it has taken a pointer of until it is done.
/// </summary>
public sealed partial class CpuBackend : Backend
{
    private readonly KernelTable _table;
    private readonly WorkerPool _workers;
    private readonly BufferPool _pool = new();
    private readonly Arena[] _arenas;
    private Sharing? _sharing;
    private AlignedBuffer _zeros = new(64);

    /// <summary>How a job, which carries only unmanaged data, finds its back end. Weak: it must not keep the back end alive.</summary>
    private GCHandle _self;

    /// <summary>A back end on this machine's CPU.</summary>
    /// <param name="threads">Threads that compute, the caller's included; 0 takes all cores.</param>
    /// <param name="isa">Instruction set; by default <see cref="Numerics.Isa.Current"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of threads is negative.</exception>
    /// <exception cref="PlatformNotSupportedException">The CPU lacks the instruction set.</exception>
    public CpuBackend(int threads = 0, IsaLevel? isa = null)
        : this(threads, isa, false)
    {
    }

    private CpuBackend(int threads, IsaLevel? isa, bool inferenceOnly)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        InferenceOnly = inferenceOnly;
        _table = KernelTable.For(isa ?? Numerics.Isa.Current);
        _workers = new WorkerPool(threads == 0 ? Environment.ProcessorCount : threads);
        _arenas = new Arena[_workers.Threads];
        for (int i = 0; i < _arenas.Length; i++)
            _arenas[i] = new Arena();
        _self = GCHandle.Alloc(this, GCHandleType.Weak);
    }

    /// <summary>
    /// A back end for models that only run: they have no gradients and, in sessions, no second copy of their weights, but cannot be trained.
    /// </summary>
    /// <inheritdoc cref="CpuBackend(int, IsaLevel?)"/>
    public static CpuBackend CreateForInference(int threads = 0, IsaLevel? isa = null) => new(threads, isa, inferenceOnly: true);

    /// <summary>Ends what nobody has disposed of: the handle; memory goes by itself.</summary>
    ~CpuBackend()
    {
        if (_self.IsAllocated)
            _self.Free();
    }

    /// <summary>The instruction set in use.</summary>
    public IsaLevel Isa => _table.Isa;

    /// <summary>Threads that compute, the caller's included.</summary>
    public int Threads => _workers.Threads;

    /// <inheritdoc/>
    public override string Name => $"cpu {Numerics.Isa.Name(Isa)}, {Threads} thread{(Threads == 1 ? "" : "s")}";

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (!_self.IsAllocated)
            return;
        _workers.Dispose();
        _pool.Dispose();
        foreach (Arena arena in _arenas)
            arena.Dispose();
        _zeros.Dispose();
        _self.Free();
        GC.SuppressFinalize(this);
    }

    internal override bool InferenceOnly { get; }

    internal override Backend ForInference(int threads) =>
        _self.IsAllocated ? new CpuBackend(threads, Isa, inferenceOnly: true) : throw new ObjectDisposedException(GetType().FullName);

    internal override bool IsLike(Backend other) => other is CpuBackend same && same.Isa == Isa;

    internal override DeviceBuffer Allocate(int rows, int columns) => new CpuBuffer(rows, columns);

    internal override DeviceBuffer View(DeviceBuffer buffer, int firstRow, int rows) => Cpu(buffer).View(firstRow, rows);

    internal override void Write(DeviceBuffer buffer, ReadOnlySpan<float> values)
    {
        CheckLength(buffer, values.Length);
        CpuBuffer target = Cpu(buffer);
        for (int r = 0; r < target.Rows; r++)
            values.Slice(r * target.Columns, target.Columns).CopyTo(target.Row(r));
        target.Written();
    }

    internal override int HostThreads => Threads;

    internal override unsafe Span<float> HostMemory(DeviceBuffer buffer)
    {
        CpuBuffer memory = Cpu(buffer);
        return memory.Stride == memory.Columns || memory.Rows == 1 ? new(memory.Pointer, memory.Length) : default;
    }

    internal override void Write(DeviceBuffer buffer, ReadOnlySpan<double> values)
    {
        CheckLength(buffer, values.Length);
        CpuBuffer target = Cpu(buffer);
        for (int r = 0; r < target.Rows; r++)
        {
            Span<float> row = target.Row(r);
            for (int c = 0; c < row.Length; c++)
                row[c] = (float)values[(r * target.Columns) + c];
        }
        target.Written();
    }

    internal override void Read(DeviceBuffer buffer, Span<float> values)
    {
        CheckLength(buffer, values.Length);
        CpuBuffer source = Cpu(buffer);
        for (int r = 0; r < source.Rows; r++)
            source.Row(r).CopyTo(values[(r * source.Columns)..]);
        GC.KeepAlive(source);
    }

    internal override void Read(DeviceBuffer buffer, Span<double> values)
    {
        CheckLength(buffer, values.Length);
        CpuBuffer source = Cpu(buffer);
        for (int r = 0; r < source.Rows; r++)
        {
            Span<float> row = source.Row(r);
            for (int c = 0; c < row.Length; c++)
                values[(r * source.Columns) + c] = row[c];
        }
        GC.KeepAlive(source);
    }

    internal override unsafe void Zero(DeviceBuffer buffer)
    {
        CpuBuffer target = Cpu(buffer);
        new Span<float>(target.Pointer, checked((int)target.PaddedLength)).Clear();
        target.Written();
    }

    internal override unsafe void Copy(DeviceBuffer source, DeviceBuffer destination)
    {
        CheckShape(destination, source.Rows, source.Columns);
        CpuBuffer from = Cpu(source), to = Cpu(destination);
        new ReadOnlySpan<float>(from.Pointer, checked((int)from.PaddedLength)).CopyTo(new Span<float>(to.Pointer, (int)to.PaddedLength));
        to.Written();
        GC.KeepAlive(from);
    }

    internal override unsafe void CopyRows(DeviceBuffer source, int sourceRow, DeviceBuffer destination, int destinationRow, int rows)
    {
        RowRange.Check(source, sourceRow, destination, destinationRow, rows);
        CpuBuffer from = Cpu(source), to = Cpu(destination);
        int length = checked(rows * from.Stride);
        new ReadOnlySpan<float>(from.Pointer + ((nint)sourceRow * from.Stride), length)
            .CopyTo(new Span<float>(to.Pointer + ((nint)destinationRow * to.Stride), length));
        to.Written();
        GC.KeepAlive(from);
    }

    internal override unsafe void Accumulate(DeviceBuffer source, DeviceBuffer destination)
    {
        CheckShape(destination, source.Rows, source.Columns);
        CpuBuffer from = Cpu(source), to = Cpu(destination);
        _table.AddTo(from.Pointer, to.Pointer, from.PaddedLength);
        to.Written();
        GC.KeepAlive(from);
    }

    internal override unsafe double SumOfSquares(DeviceBuffer x)
    {
        CpuBuffer buffer = Cpu(x);
        double sum = _table.SumOfSquares(buffer.Pointer, buffer.PaddedLength);
        GC.KeepAlive(buffer);
        return sum;
    }

    internal override bool Stores(WeightPrecision precision) => precision is WeightPrecision.Float32 or WeightPrecision.BFloat16 or WeightPrecision.Int8;

    internal KernelTable Kernels => _table;

    /// <summary>Measured by the first operation that asks; tests set what they want to see.</summary>
    internal Sharing Sharing
    {
        get => _sharing ??= Sharing.Measured(_workers, _table);
        set => _sharing = value;
    }

    /// <summary>Threads for a job that does little with each of so many floats.</summary>
    private int ElementParts(nint floats) => floats < Sharing.LeastElements || Threads == 1 ? 1 : Sharing.Elements(floats, _workers.IsParked);

    /// <summary>Called by all parts of a job; see <see cref="WorkerPool.Meet"/>.</summary>
    internal void Meet() => _workers.Meet();

    /// <summary>How often they have: 0 while nothing was cut by units.</summary>
    internal int Meetings => _workers.Meetings;

    private static CpuBackend Self(nint handle) => (CpuBackend)GCHandle.FromIntPtr(handle).Target!;

    // Checks that are inlined, with their messages made elsewhere: a step of one sample makes twenty of them in a quarter of a microsecond.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static CpuBuffer Cpu(DeviceBuffer buffer) => buffer as CpuBuffer ?? throw Foreign(buffer);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CheckLength(DeviceBuffer buffer, int length)
    {
        if (length != buffer.Length)
            throw OtherLength(buffer, length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CheckShape(DeviceBuffer buffer, int rows, int columns)
    {
        if (buffer.Rows != rows || buffer.Columns != columns)
            throw OtherShape(buffer, rows, columns);
    }

    private static ArgumentException Foreign(DeviceBuffer? buffer) => new($"buffer {buffer} belongs to another back end", nameof(buffer));

    private static ArgumentException OtherLength(DeviceBuffer buffer, int length) => new($"buffer {buffer} holds {buffer.Length} values, {length} given");

    private static ArgumentException OtherShape(DeviceBuffer buffer, int rows, int columns) =>
        new($"expected a buffer [{rows}, {columns}], got {buffer}");

    /// <summary>A run of zeros that no kernel writes: where chains from zero start, and the state before a reset.</summary>
    private unsafe float* Zeros(nint length)
    {
        if (_zeros.Length < length)
        {
            _zeros.Dispose();
            _zeros = new AlignedBuffer(length);
        }
        return _zeros.Pointer;
    }

    /// <summary>Part <paramref name="part"/> of a range cut into equal parts: the fixed partition of all work.</summary>
    internal static (nint First, nint Count) Part(nint length, int part, int parts)
    {
        nint first = length * part / parts;
        return (first, (length * (part + 1) / parts) - first);
    }
}
