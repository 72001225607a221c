using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRnn.Inference;

namespace FastRnn.Native;

/// <summary>The C# halves of what concerns states.</summary>
internal static unsafe class StateExports
{
    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_warmup", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Warmup(ulong handle)
    {
        LastError.Touch();
        return Run(handle, &WarmupOf, default);
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_reset", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Reset(ulong handle) => Run(handle, &ResetOf, default);

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_reset_stream", CallConvs = [typeof(CallConvCdecl)])]
    public static Status ResetStream(ulong handle, int stream) => Run(handle, &ResetStreamOf, new Argument(null, 0, stream));

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_is_finite", CallConvs = [typeof(CallConvCdecl)])]
    public static Status IsFinite(ulong handle, int* finite) =>
        finite == null ? NullPointer() : Run(handle, &IsFiniteOf, new Argument(finite, 0, 0));

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_state_size", CallConvs = [typeof(CallConvCdecl)])]
    public static Status StateSize(ulong handle, nuint* size) =>
        size == null ? NullPointer() : Run(handle, &StateSizeOf, new Argument(size, 0, 0));

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_state_save", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Save(ulong handle, void* state, nuint size) =>
        state == null ? NullPointer() : Run(handle, &SaveOf, new Argument(state, size, 0));

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_state_load", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Load(ulong handle, void* state, nuint size) =>
        state == null && size != 0 ? NullPointer() : Run(handle, &LoadOf, new Argument(state, size, 0));

    private readonly record struct Argument(nint Pointer, nuint Size, int Stream)
    {
        public Argument(void* pointer, nuint size, int stream)
            : this((nint)pointer, size, stream)
        {
        }
    }

    private static Status Run(ulong handle, delegate*<Session, Argument, Status> what, Argument argument)
    {
        NativeSession? session = SessionExports.Enter(handle, out Status status);
        if (session == null)
            return status;
        try
        {
            return what(session.Session, argument);
        }
        catch (Exception e)
        {
            return LastError.Fail(e, touchesCaller: argument.Pointer != 0);
        }
        finally
        {
            session.Leave();
        }
    }

    private static Status NullPointer() => LastError.Fail(Status.Argument, "a null pointer for what is read or written"u8);

    private static Status WarmupOf(Session s, Argument argument)
    {
        s.Warmup();
        return Status.Ok;
    }

    private static Status ResetOf(Session s, Argument argument)
    {
        s.Reset();
        return Status.Ok;
    }

    private static Status ResetStreamOf(Session s, Argument argument)
    {
        if ((uint)argument.Stream >= (uint)s.Streams)
            return LastError.Fail(Status.Argument, "a stream is not one of the session's"u8);
        s.Reset(argument.Stream);
        return Status.Ok;
    }

    private static Status IsFiniteOf(Session s, Argument argument)
    {
        *(int*)argument.Pointer = s.IsFinite ? 1 : 0;
        return Status.Ok;
    }

    private static Status StateSizeOf(Session s, Argument argument)
    {
        *(nuint*)argument.Pointer = (nuint)s.StateSize;
        return Status.Ok;
    }

    private static Status SaveOf(Session s, Argument argument)
    {
        if (argument.Size != (nuint)s.StateSize)
            return LastError.Fail(Status.Argument, "the size is not that of fastrnn_state_size"u8);
        s.SaveState(new Span<byte>((void*)argument.Pointer, s.StateSize));
        return Status.Ok;
    }

    private static Status LoadOf(Session s, Argument argument)
    {
        if (argument.Size != (nuint)s.StateSize)
            return LastError.Fail(Status.State, "the state is cut short or of another model: its size is not that of fastrnn_state_size"u8);
        s.LoadState(new ReadOnlySpan<byte>((void*)argument.Pointer, s.StateSize));
        return Status.Ok;
    }
}
