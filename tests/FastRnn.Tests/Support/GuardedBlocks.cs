using System.Runtime.InteropServices;
using FastRnn.Memory;

namespace FastRnn.Tests.Support;

/// <summary>
/// Native blocks that end at an inaccessible page: a kernel that reads or writes one float too far ends the process instead of passing.
/// While the object lives, every <see cref="AlignedBuffer"/> of this thread comes from here. Linux only; elsewhere blocks come from the
/// heap and the same tests still compare results.
/// </summary>
internal sealed unsafe partial class GuardedBlocks : IBlockSource, IDisposable
{
    private const int NoAccess = 0, ReadWrite = 3, PrivateAnonymous = 0x22;
    private static readonly nuint Page = (nuint)Environment.SystemPageSize;

    public GuardedBlocks()
    {
        if (OperatingSystem.IsLinux())
            AlignedBuffer.Source = this;
    }

    public int Blocks { get; private set; }

    public nint Allocate(nuint bytes)
    {
        nuint pages = Round(bytes);
        nint start = MemoryMap(0, pages + Page, ReadWrite, PrivateAnonymous, -1, 0);
        if (start == -1 || MemoryProtect(start + (nint)pages, Page, NoAccess) != 0)
            throw new InvalidOperationException($"no guarded block of {bytes} bytes");
        Blocks++;
        return start + (nint)(pages - bytes);
    }

    public void Free(nint block, nuint bytes)
    {
        nuint pages = Round(bytes);
        if (MemoryUnmap(block - (nint)(pages - bytes), pages + Page) != 0)
            throw new InvalidOperationException("munmap failed");
    }

    public void Dispose() => AlignedBuffer.Source = null;

    private static nuint Round(nuint bytes) => (bytes + Page - 1) / Page * Page;

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint MemoryMap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int MemoryProtect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MemoryUnmap(nint address, nuint length);
}
