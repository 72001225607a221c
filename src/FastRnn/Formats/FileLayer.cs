using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FastRnn.Formats;

/// <summary>
/// The file operations that an atomic write consists of, one method each, so that tests can let any one of them fail as a full disk, a
/// missing permission or a lost mount would.
/// </summary>
internal partial class FileLayer
{
    public static FileLayer System { get; } = new();

    /// <summary>
    /// Opens a new file for writing, unbuffered: every later error shows in the call that caused it. FileShare.None also locks, so a
    /// second save to the same target from this process fails instead of mixing with the first.
    /// </summary>
    public virtual FileStream Create(string path) => new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);

    public virtual void Write(FileStream stream, ReadOnlySpan<byte> bytes)
    {
        try
        {
            stream.Write(bytes);
        }
        catch (ArgumentOutOfRangeException e)
        {
            // What .NET makes of EFBIG.
            throw new IOException($"{stream.Name}: the file would be larger than the file system or this process's limit allows.", e);
        }
    }

    /// <summary>Returns when the bytes are on the disk, not only in the system's cache.</summary>
    public virtual void Flush(FileStream stream) => stream.Flush(flushToDisk: true);

    public virtual void Close(FileStream stream) => stream.Dispose();

    /// <summary>Renames over the target in one step. On Windows this is MoveFileEx(REPLACE_EXISTING), atomic on NTFS.</summary>
    public virtual void Replace(string source, string target) => File.Move(source, target, overwrite: true);

    /// <summary>Makes the rename itself durable.</summary>
    public virtual void SyncDirectory(string directory) => DirectorySync.Flush(directory);

    public virtual void Delete(string path) => File.Delete(path);

    public virtual IEnumerable<string> Find(string directory, string pattern) => Directory.EnumerateFiles(directory, pattern);

    public virtual bool IsRunning(int processId)
    {
        // Outside Windows by the C library: the framework's class of processes would bring 0.5 MB into a native program.
        if (!OperatingSystem.IsWindows())
            return processId > 0 && (Signal(processId, 0) == 0 || Marshal.GetLastPInvokeError() != NoSuchProcess);
        try
        {
            using var process = Process.GetProcessById(processId);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false; // The documented answer of GetProcessById for a process that is not running.
        }
    }

    private const int NoSuchProcess = 3; // ESRCH

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Signal(int process, int signal);
}
