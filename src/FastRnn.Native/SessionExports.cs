using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRnn.Inference;
using FastRnn.Numerics;

namespace FastRnn.Native;

/// <summary>fastrnn_session_options.</summary>
internal readonly record struct Options(uint Size, int Precision, int Streams, int Threads, int DetectSharing, ulong MemoryLimit)
{
    /// <summary>Bytes in the first header: later ones append fields.</summary>
    public const uint FirstSize = 32;

    /// <summary>FASTRNN_SESSION_OPTIONS_INIT: what fields have that an older header does not know.</summary>
    public Options()
        : this(FirstSize, 0, 1, 0, 0, 0)
    {
    }
}

/// <summary>The C# halves of what makes, describes and ends sessions.</summary>
internal static unsafe class SessionExports
{
    private const int MostStreams = 1 << 20;

    private static readonly Handles<NativeSession> _sessions = new(0x53);

    /// <summary>The session with the calling thread in it, or null with the failure noted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NativeSession? Enter(ulong handle, out Status status)
    {
        NativeSession? session = _sessions.Find(handle);
        status = session != null ? session.Enter() : NoHandle();
        return status == Status.Ok ? session : null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Status NoHandle() => LastError.Fail(Status.Handle, "not the handle of a session"u8);

    /// <summary>The first call of all: the tables of handles are there afterwards, so that looking into them never throws.</summary>
    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_start", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Start()
    {
        try
        {
            _sessions.Find(0);
            return ModelExports.Start();
        }
        catch (Exception e)
        {
            return LastError.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_session_create", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Create(ulong model, Options* given, ulong* session)
    {
        if (session == null)
            return LastError.Fail(Status.Argument, "session is a null pointer"u8);
        NativeModel? owner = null;
        try
        {
            Status status = Read(given, out SessionOptions options, out bool exact);
            if (status == Status.Ok)
                owner = ModelExports.Hold(model, out status);
            if (owner == null)
                return status;
            *session = _sessions.Add(new NativeSession(owner, owner.Network.OpenSession(options), exact));
            return Status.Ok;
        }
        catch (Exception e)
        {
            owner?.Release();
            return LastError.Fail(e, touchesCaller: true);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_session_clone", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Clone(ulong handle, ulong* clone)
    {
        if (clone == null)
            return LastError.Fail(Status.Argument, "clone is a null pointer"u8);
        NativeSession? session = Enter(handle, out Status status);
        if (session == null)
            return status;
        bool held = false;
        try
        {
            held = session.Model.Hold();
            *clone = _sessions.Add(new NativeSession(session.Model, session.Session.Clone(), session.Exact));
            return Status.Ok;
        }
        catch (Exception e)
        {
            if (held)
                session.Model.Release();
            return LastError.Fail(e, touchesCaller: true);
        }
        finally
        {
            session.Leave();
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_session_destroy", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Destroy(ulong handle)
    {
        try
        {
            if (_sessions.Remove(handle) is not { } session)
                return NoHandle();
            session.End();
            return Status.Ok;
        }
        catch (Exception e)
        {
            return LastError.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_session_shape", CallConvs = [typeof(CallConvCdecl)])]
    public static Status GetShape(ulong handle, Shape* shape, int* streams)
    {
        try
        {
            if (_sessions.Find(handle) is not { } session)
                return NoHandle();
            if (shape != null)
                *shape = session.Model.Shape;
            if (streams != null)
                *streams = session.Session.Streams;
            return Status.Ok;
        }
        catch (Exception e)
        {
            return LastError.Fail(e, touchesCaller: true);
        }
    }

    private static Status Read(Options* given, out SessionOptions options, out bool exact)
    {
        options = new SessionOptions { Threads = ModelExports.Threads };
        exact = false;
        if (given == null)
            return Status.Ok;
        if (given->Size < Options.FirstSize || given->Size > sizeof(Options))
            return LastError.Fail(Status.Argument, "options: size is not that of a fastrnn_session_options that this library knows"u8);
        var read = new Options();
        Buffer.MemoryCopy(given, &read, sizeof(Options), given->Size);
        if (read.Precision is < 0 or > 3)
            return LastError.Fail(Status.Argument, "options: precision is none of fastrnn_precision"u8);
        if (read.Streams is < 1 or > MostStreams)
            return LastError.Fail(Status.Argument, "options: expected 1 to 2^20 streams"u8);
        if (read.Threads is < 0 or > 1024)
            return LastError.Fail(Status.Argument, "options: expected 0 to 1024 threads"u8);
        options = new SessionOptions
        {
            Weights = read.Precision == 0 ? null : (WeightPrecision)(read.Precision - 1),
            Streams = read.Streams,
            Threads = read.Threads == 0 ? ModelExports.Threads : read.Threads,
            MemoryLimit = (long)Math.Min(read.MemoryLimit, long.MaxValue),
        };
        // Several threads of a session wait for each other: a second caller among them could wait for ever.
        exact = read.DetectSharing != 0 || (options.Threads > 1 && options.Streams > 1);
        return Status.Ok;
    }
}
