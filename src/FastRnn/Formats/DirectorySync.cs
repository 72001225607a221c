using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace FastRnn.Formats;

/// <summary>
/// fsync of a directory: after a rename, the new name survives a power failure only when its directory has reached the disk. .NET has no
/// call for it and refuses to open a directory as a file.
/// </summary>
internal static partial class DirectorySync
{
    private const int Interrupted = 4; // EINTR
    private const int Invalid = 22; // EINVAL

    /// <exception cref="IOException">The directory cannot be opened or its storage reports an error.</exception>
    public static void Flush(string directory)
    {
        // On Windows a directory cannot be flushed without administrator rights; NTFS journals the rename, so after a power failure either
        // the old or the new file is there whole, though perhaps still the old one.
        if (!OperatingSystem.IsWindows())
            FlushUnix(directory);
    }

    [UnsupportedOSPlatform("windows")]
    private static void FlushUnix(string directory)
    {
        int descriptor;
        while ((descriptor = Open(directory, flags: 0 /* O_RDONLY */)) < 0)
            ThrowUnlessInterrupted(directory, "opened to make a file in it durable");
        try
        {
            while (Fsync(descriptor) < 0)
            {
                // Some network and FUSE file systems have no fsync for directories and say EINVAL; there is nothing more to ask of them.
                if (Marshal.GetLastPInvokeError() == Invalid)
                    return;
                ThrowUnlessInterrupted(directory, "flushed to disk");
            }
        }
        finally
        {
            _ = Close(descriptor); // Read-only: there is nothing it could lose.
        }
    }

    private static void ThrowUnlessInterrupted(string directory, string what)
    {
        int error = Marshal.GetLastPInvokeError();
        if (error != Interrupted)
            throw new IOException($"{directory}: the folder could not be {what}: {Marshal.GetPInvokeErrorMessage(error)}", error);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
