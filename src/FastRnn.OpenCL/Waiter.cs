using System.Runtime.ExceptionServices;

namespace FastRnn.OpenCL;

/// <summary>What to wait for: a call that blocks.</summary>
internal readonly unsafe struct WaitRequest
{
    private enum Kind
    {
        Finish,
        Read,
        Event,
        Map,
    }

    private readonly Kind _kind;
    private readonly nint _queue;
    private readonly nint _object;
    private readonly nuint _offset;
    private readonly nuint _size;
    private readonly nint _host;

    private WaitRequest(Kind kind, nint queue, nint target, nuint offset, nuint size, nint host) =>
        (_kind, _queue, _object, _offset, _size, _host) = (kind, queue, target, offset, size, host);

    public string Call => _kind switch
    {
        Kind.Finish => "clFinish",
        Kind.Read => "clEnqueueReadBuffer",
        Kind.Event => "clWaitForEvents",
        _ => "clEnqueueMapBuffer",
    };

    public static WaitRequest Finish(nint queue) => new(Kind.Finish, queue, 0, 0, 0, 0);

    /// <summary>The memory must outlive the back end: a device that was given up may still write to it.</summary>
    public static WaitRequest Read(nint queue, nint buffer, nuint offset, nuint size, void* host) => new(Kind.Read, queue, buffer, offset, size, (nint)host);

    public static WaitRequest Event(nint target) => new(Kind.Event, 0, target, 0, 0, 0);

    /// <summary>Maps a buffer for good; the address is written to <paramref name="address"/>, which must outlive the back end.</summary>
    public static WaitRequest Map(nint queue, nint buffer, nuint size, void** address) => new(Kind.Map, queue, buffer, 0, size, (nint)address);

    public int Run(CL api)
    {
        int code = 0;
        nint target = _object;
        switch (_kind)
        {
            case Kind.Finish:
                return api.Finish(_queue);
            case Kind.Read:
                return api.EnqueueReadBuffer(_queue, _object, true, _offset, _size, (void*)_host, 0, null, null);
            case Kind.Event:
                return api.WaitForEvents(1, &target);
            default:
                *(void**)_host = api.EnqueueMapBuffer(_queue, _object, true, MapFlags.Read | MapFlags.Write, 0, _size, 0, null, null, &code);
                return code;
        }
    }
}

/// <summary>
/// A thread that makes the calls which may never return, while its owner waits for so long and no longer. Polling an event's status instead would take a
/// core from drivers that compute on the CPU.
/// </summary>
internal sealed class Waiter(CL api) : IDisposable
{
    private readonly SemaphoreSlim _asked = new(0), _answered = new(0);
    private Thread? _thread;
    private WaitRequest _request;
    private volatile bool _ends;
    private int _code;
    private ExceptionDispatchInfo? _error;

    /// <summary>False when there was no answer in time; the thread stays in the call then, and must not be asked again.</summary>
    public bool TryRun(in WaitRequest request, TimeSpan limit, out int code)
    {
        if (_thread == null)
        {
            _thread = new Thread(Serve) { IsBackground = true, Name = "FastRnn OpenCL waits" };
            _thread.Start();
        }
        (_request, _error) = (request, null);
        _asked.Release();
        bool isAnswered = _answered.Wait(limit);
        code = isAnswered ? _code : 0;
        if (isAnswered)
            _error?.Throw();
        return isAnswered;
    }

    public void Dispose()
    {
        _ends = true;
        _asked.Release();
    }

    private void Serve()
    {
        while (true)
        {
            _asked.Wait();
            if (_ends)
                return;
            try
            {
                _code = _request.Run(api);
            }
            catch (Exception error)
            {
                // A library without the function: it is the owner that must be told, not the process that must end.
                _error = ExceptionDispatchInfo.Capture(error);
            }
            _answered.Release();
        }
    }
}
