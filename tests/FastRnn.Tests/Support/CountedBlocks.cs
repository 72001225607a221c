using System.Runtime.InteropServices;
using FastRnn.Memory;

namespace FastRnn.Tests.Support;

/// <summary>Counts the bytes of native blocks that this thread makes while it lives, as the allocator is asked for them.</summary>
internal sealed unsafe class CountedBlocks : IBlockSource, IDisposable
{
    private long _bytes;

    public CountedBlocks() => AlignedBuffer.Source = this;

    /// <summary>Bytes of the blocks that are there now.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    public nint Allocate(nuint bytes)
    {
        Interlocked.Add(ref _bytes, (long)bytes);
        return (nint)NativeMemory.AlignedAlloc(bytes, AlignedBuffer.Alignment);
    }

    public void Free(nint block, nuint bytes)
    {
        NativeMemory.AlignedFree((void*)block);
        Interlocked.Add(ref _bytes, -(long)bytes);
    }

    public void Dispose() => AlignedBuffer.Source = null;
}
