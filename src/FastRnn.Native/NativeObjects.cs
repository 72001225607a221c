using System.Runtime.CompilerServices;
using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;

namespace FastRnn.Native;

/// <summary>fastrnn_shape.</summary>
internal struct Shape
{
    public int InputSize, OutputSize, TakesTokens, Layers;
    public long Parameters;
}

/// <summary>A loaded model with its back end. It lives as long as its handle or a session needs it.</summary>
internal sealed class NativeModel(Sequential network, CpuBackend backend) : Handled
{
    private int _users = 1;

    public Sequential Network => network;

    public Shape Shape { get; } = new()
    {
        InputSize = network.InputSize,
        OutputSize = network.OutputSize,
        TakesTokens = network.TakesTokens ? 1 : 0,
        Layers = network.Layers.Count,
        Parameters = network.Parameters.Sum(parameter => parameter.Shape.Aggregate(1L, (product, size) => product * size)),
    };

    /// <summary>One more user; false where the last one has gone.</summary>
    public bool Hold()
    {
        int users = Volatile.Read(ref _users);
        while (users > 0)
        {
            int seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users)
                return true;
            users = seen;
        }
        return false;
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref _users) > 0)
            return;
        network.Dispose();
        backend.Dispose();
    }
}

/// <summary>
/// A session that knows whether a thread is in it: always, where <paramref name="exact"/>, else unless two threads come in the same nanosecond. The session in
/// C# looks for that no more: it would throw.
/// </summary>
internal sealed class NativeSession(NativeModel model, Session session, bool exact) : Handled
{
    private int _inside;
    private bool _ended;

    public NativeModel Model => model;

    public Session Session => session;

    public bool Exact => exact;

    /// <summary>
    /// A call begins. Where not exact by plain writes, no locked instruction: <see cref="End"/> pays for the order of the two accesses with a barrier in all
    /// threads (asymmetric fences). Inlined, as the way in and out is an eighth of a small model's step; all that fails is outside.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Status Enter()
    {
        if (exact)
        {
            if (Interlocked.Exchange(ref _inside, 1) != 0)
                return Busy();
        }
        else
        {
            if (Volatile.Read(ref _inside) != 0)
                return Busy();
            Volatile.Write(ref _inside, 1);
        }
        return Volatile.Read(ref _ended) ? Ended() : Status.Ok;
    }

    public void Leave() => Volatile.Write(ref _inside, 0);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Status Busy() => LastError.Fail(Status.Busy, "another thread is in this session: it belongs to one thread at a time"u8);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Status Ended()
    {
        Leave();
        return LastError.Fail(Status.Handle, "the session has been destroyed"u8);
    }

    /// <summary>After its handle has gone: waits for the call that may still run, then frees.</summary>
    public void End()
    {
        Volatile.Write(ref _ended, true);
        Interlocked.MemoryBarrierProcessWide();
        var patience = new SpinWait();
        while (Volatile.Read(ref _inside) != 0)
            patience.SpinOnce();
        session.Dispose();
        model.Release();
    }
}
