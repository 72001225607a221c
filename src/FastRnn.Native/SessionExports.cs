using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRnn.Inference;
using FastRnn.Numerics;

namespace FastRnn.Native;

/// <summary>fastrnn_session_options.</summary>
internal readonly record struct Options(uint Size, int Precision, int Streams, int Threads, int DetectSharing, ulong MemoryLimit);

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
        if (session == null)
        {
            status = LastError.Fail(Status.Handle, "not the handle of a session"u8);
            return null;
        }
        status = session.Enter();
        return status == Status.Ok ? session : null;
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_session_create", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Create(ulong model, Options* given, ulong* session)
    {
        if (session == null)
            return LastError.Fail(Status.Argument, "session is a null pointer"u8);
        NativeModel? owner = null;
        try
        {
            Status status = Read(given, out SessionOptions options);
            if (status == Status.Ok)
                owner = ModelExports.Hold(model, out status);
            if (owner == null)
                return status;
            *session = _sessions.Add(new NativeSession(owner, owner.Network.OpenSession(options)));
            return Status.Ok;
        }
        catch (Exception e)
        {
            owner?.Release();
            return LastError.Fail(e);
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
            *clone = _sessions.Add(new NativeSession(session.Model, session.Session.Clone()));
            return Status.Ok;
        }
        catch (Exception e)
        {
            if (held)
                session.Model.Release();
            return LastError.Fail(e);
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
                return LastError.Fail(Status.Handle, "not the handle of a session"u8);
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
        if (_sessions.Find(handle) is not { } session)
            return LastError.Fail(Status.Handle, "not the handle of a session"u8);
        if (shape != null)
            *shape = session.Model.Shape;
        if (streams != null)
            *streams = session.Session.Streams;
        return Status.Ok;
    }

    private static Status Read(Options* given, out SessionOptions options)
    {
        options = new SessionOptions { Threads = ModelExports.Threads };
        if (given == null)
            return Status.Ok;
        if (given->Size != sizeof(Options))
            return LastError.Fail(Status.Argument, "options: size is not that of fastrnn_session_options"u8);
        if (given->Precision is < 0 or > 3)
            return LastError.Fail(Status.Argument, "options: precision is none of fastrnn_precision"u8);
        if (given->Streams is < 1 or > MostStreams)
            return LastError.Fail(Status.Argument, "options: expected 1 to 2^20 streams"u8);
        if (given->Threads is < 0 or > 1024)
            return LastError.Fail(Status.Argument, "options: expected 0 to 1024 threads"u8);
        options = new SessionOptions
        {
            Weights = given->Precision == 0 ? null : (WeightPrecision)(given->Precision - 1),
            Streams = given->Streams,
            Threads = given->Threads == 0 ? ModelExports.Threads : given->Threads,
            DetectSharing = given->DetectSharing != 0,
            MemoryLimit = (long)Math.Min(given->MemoryLimit, long.MaxValue),
        };
        return Status.Ok;
    }
}
