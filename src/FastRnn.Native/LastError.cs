using System.Runtime.InteropServices;
using System.Text;
using FastRnn.Formats;

namespace FastRnn.Native;

/// <summary>What fastrnn_last_error tells: the text lies in the thread's own memory, in the C half.</summary>
internal static unsafe partial class LastError
{
    /// <summary>Notes a failure without allocating; returns its status.</summary>
    public static Status Fail(Status status, ReadOnlySpan<byte> utf8)
    {
        fixed (byte* text = utf8)
            Note(status, text, (nuint)utf8.Length);
        return status;
    }

    /// <summary>Notes an exception that may not cross the border.</summary>
    public static Status Fail(Exception e)
    {
        Status status = e switch
        {
            PlatformNotSupportedException => Status.Cpu,
            ModelFormatException => Status.Format,
            InvalidDataException => Status.State, // of sessions; files throw ModelFormatException
            NotSupportedException => Status.Unsupported,
            OutOfMemoryException => Status.Memory,
            IOException or UnauthorizedAccessException => Status.Io,
            ArgumentException => Status.Argument,
            _ => Status.Internal,
        };
        string text = status == Status.Internal ? $"{e.GetType().Name}: {e.Message}" : e.Message;
        return Fail(status, Encoding.UTF8.GetBytes(text.ReplaceLineEndings(" ")));
    }

    /// <summary>The calling thread's memory for failures is there from now on.</summary>
    [LibraryImport("fastrnn_shim", EntryPoint = "shim_touch")]
    [SuppressGCTransition]
    public static partial void Touch();

    [LibraryImport("fastrnn_shim", EntryPoint = "shim_fail")]
    [SuppressGCTransition]
    private static partial void Note(Status status, byte* text, nuint length);
}
