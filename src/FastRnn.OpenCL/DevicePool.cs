using System.Collections.Concurrent;
using System.Numerics;

namespace FastRnn.OpenCL;

/// <summary>
/// A piece of device memory that goes back to its pool with its last reference. As the one queue runs in order, the next owner's commands come after
/// all of this one's, so nobody waits.
/// </summary>
internal sealed class DeviceBlock : IDisposable
{
    private int _isReturned;

    public DeviceBlock(DevicePool pool, nint memory, long bytes) => (Pool, Memory, Bytes) = (pool, memory, bytes);

    ~DeviceBlock() => Return();

    public DevicePool Pool { get; }

    public nint Memory { get; }

    public long Bytes { get; }

    /// <summary>Hands it back now. Nobody may hold on to it.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        Return();
    }

    // Once: memory that is handed back twice would be given to two owners.
    private void Return()
    {
        if (Interlocked.Exchange(ref _isReturned, 1) == 0)
            Pool.Return(Memory, Bytes);
    }
}

/// <summary>
/// Device memory by size class, four classes an octave: blocks are kept and handed out again. Their contents are whatever they were. All of it goes back to the device with
/// the pool, also what others still refer to.
/// </summary>
internal sealed unsafe class DevicePool(DeviceContext context) : IDisposable
{
    private const long Smallest = 256;

    private readonly ConcurrentQueue<(nint Memory, long Bytes)> _returned = new();
    private readonly Dictionary<long, Stack<nint>> _free = [];

    /// <summary>What others have. Whoever takes a piece out of it, its block or the pool at its end, is its only owner then.</summary>
    private readonly ConcurrentDictionary<nint, long> _taken = new();
    private volatile bool _isDisposed;

    public void Dispose()
    {
        _isDisposed = true;
        ReleaseFree();
        foreach (nint memory in _taken.Keys)
        {
            if (_taken.TryRemove(memory, out long bytes))
                Release(memory, bytes);
        }
    }

    public DeviceBlock Take(long bytes)
    {
        context.Guard();
        long size = SizeClass(bytes), largest = context.Device.LargestAllocation;
        if (size > largest && bytes <= largest)
            size = bytes;
        CollectReturned();
        if (_free.TryGetValue(size, out Stack<nint>? free) && free.TryPop(out nint memory))
            return Hand(memory, size);
        int code = Create(size, out memory);
        if (IsNoRoom(code))
        {
            // What nobody refers to any more, and blocks of other sizes, may make room.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            ReleaseFree();
            code = Create(size, out memory);
        }
        if (code != 0)
            throw context.Error(code, $"clCreateBuffer of {size} bytes");
        GC.AddMemoryPressure(size);
        return Hand(memory, size);
    }

    /// <summary>From any thread, the finalizer's too.</summary>
    public void Return(nint memory, long bytes)
    {
        if (!_taken.TryRemove(memory, out _))
            return; // The pool's end was before.
        _returned.Enqueue((memory, bytes));
        // Looked at behind it: either this sees that the pool is closed, or its owner, who closes it first, sees the memory.
        while (_isDisposed && _returned.TryDequeue(out (nint Memory, long Bytes) block))
            Release(block.Memory, block.Bytes);
    }

    /// <summary>The next of 1, 1¼, 1½, 1¾ times a power of two.</summary>
    internal static long SizeClass(long bytes)
    {
        bytes = Math.Max(bytes, Smallest);
        long step = 1L << (BitOperations.Log2((ulong)bytes - 1) - 2);
        return (bytes + step - 1) / step * step;
    }

    private DeviceBlock Hand(nint memory, long bytes)
    {
        _taken[memory] = bytes;
        return new DeviceBlock(this, memory, bytes);
    }

    private int Create(long bytes, out nint memory)
    {
        int code = 0;
        memory = context.Calling.CreateBuffer(context.Handle, MemFlags.ReadWrite, (nuint)bytes, null, &code);
        context.Returned();
        if (code != 0)
            return code;
        // Some drivers give memory at its first use: then it is this use that fails, while nothing depends on it yet.
        int nothing = 0;
        code = context.Calling.EnqueueFillBuffer(context.Queue, memory, &nothing, sizeof(int), 0, sizeof(int), 0, null, null);
        context.Returned();
        if (code == 0)
            return 0;
        _ = context.Api.ReleaseMemObject(memory);
        if (!IsNoRoom(code))
            context.Check(code, "clEnqueueFillBuffer");
        return code;
    }

    private static bool IsNoRoom(int code) =>
        code is (int)ErrorCodes.MemObjectAllocationFailure or (int)ErrorCodes.OutOfResources or (int)ErrorCodes.OutOfHostMemory;

    private void CollectReturned()
    {
        while (_returned.TryDequeue(out (nint Memory, long Bytes) block))
        {
            if (!_free.TryGetValue(block.Bytes, out Stack<nint>? free))
                _free.Add(block.Bytes, free = new Stack<nint>());
            free.Push(block.Memory);
        }
    }

    private void ReleaseFree()
    {
        CollectReturned();
        foreach ((long bytes, Stack<nint> free) in _free)
        {
            while (free.TryPop(out nint memory))
                Release(memory, bytes);
        }
    }

    private void Release(nint memory, long bytes)
    {
        GC.RemoveMemoryPressure(bytes);
        if (!context.IsLost)
            _ = context.Api.ReleaseMemObject(memory);
    }
}
