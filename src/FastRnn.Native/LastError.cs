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

    /// <summary>Notes an exception that may not cross the border. Throws nothing, with no memory left either.</summary>
    /// <param name="e">What was thrown.</param>
    /// <param name="touchesCaller">
    /// Whether the call reads or writes where the caller says: addresses near 0 are looked up in no table, the hardware finds them. Elsewhere it is a defect.
    /// </param>
    public static Status Fail(Exception e, bool touchesCaller = false)
    {
        Status status = e is NullReferenceException && touchesCaller ? Status.Argument : StatusOf(e);
        try
        {
            string text = status switch
            {
                Status.Internal => $"{e.GetType().Name}: {e.Message}",
                Status.Handle => "the session has been destroyed",
                Status.Argument when e is NullReferenceException => $"a pointer that is not the caller's ({e.GetType().Name})",
                _ => e.Message,
            };
            return Fail(status, Encoding.UTF8.GetBytes(text.ReplaceLineEndings(" ")));
        }
        catch (Exception)
        {
            return Fail(status, "there is too little memory to say more"u8);
        }
    }

    private static Status StatusOf(Exception e) => e switch
    {
        PlatformNotSupportedException => Status.Cpu,
        ModelFormatException => Status.Format,
        InvalidDataException => Status.State, // of sessions; files throw ModelFormatException
        NotSupportedException => Status.Unsupported,
        OutOfMemoryException => Status.Memory,
        IOException or UnauthorizedAccessException => Status.Io,
        ObjectDisposedException => Status.Handle, // where two threads share a session and one ends it
        ArgumentException => Status.Argument,
        _ => Status.Internal,
    };

    /// <summary>The calling thread's memory for failures is there from now on.</summary>
    [LibraryImport("fastrnn_shim", EntryPoint = "shim_touch")]
    [SuppressGCTransition]
    public static partial void Touch();

    [LibraryImport("fastrnn_shim", EntryPoint = "shim_fail")]
    [SuppressGCTransition]
    private static partial void Note(Status status, byte* text, nuint length);
}
