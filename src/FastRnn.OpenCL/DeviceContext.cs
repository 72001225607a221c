namespace FastRnn.OpenCL;

/// <summary>
/// One device, its context and its one in-order queue. Every call of OpenCL of a back end goes through here: errors get their names, waits their
/// watchdog, and after a fault nothing is called any more.
/// </summary>
internal sealed unsafe class DeviceContext : IDisposable
{
    private const int LaunchesToFlush = 64;

    private readonly Waiter _waiter;
    private readonly CallWatch? _watch;
    private volatile string? _fault;
    private volatile bool _isLost;
    private bool _isDisposed;
    private int _launches;

    public DeviceContext(OpenClDevice device, OpenClOptions options)
    {
        (Api, Device, Options) = (OpenClLibrary.Load(), device, options);
        _waiter = new Waiter(Api);
        if (options.NotAnswering != null)
            _watch = new CallWatch(options.WaitLimit, GiveUp);
        nint handle = device.Handle;
        int code = 0;
        try
        {
            Handle = Calling.CreateContext(null, 1, &handle, null, null, &code);
            Check(code, "clCreateContext");
            Queue = Calling.CreateCommandQueue(Handle, handle, default, &code);
            if (code != 0)
                _ = Api.ReleaseContext(Handle);
            Check(code, "clCreateCommandQueue");
        }
        catch (OpenClException)
        {
            _watch?.Dispose();
            throw;
        }
    }

    public CL Api { get; }

    /// <summary>The library, for a call that must return at once: watched until <see cref="Check"/> or <see cref="Returned"/>.</summary>
    public CL Calling
    {
        get
        {
            _watch?.Enter();
            return Api;
        }
    }

    public OpenClDevice Device { get; }

    public OpenClOptions Options { get; }

    /// <summary>
    /// Whether kernels are those of CPUs: each work-item has long loops of wide vectors. Otherwise they are many small work-items that share local memory.
    /// </summary>
    public bool IsWide => (Options.KernelsFor ?? Device.Kind) == OpenClDeviceKind.Cpu;

    public bool HasDouble => Device.HasDouble && !Options.WithoutDouble;

    public nint Handle { get; }

    public nint Queue { get; }

    /// <summary>True once the device has not answered in time: it may still write wherever it was told to, so nothing is released.</summary>
    public bool IsLost => _isLost;

    /// <summary>
    /// The back end that has it. Whoever uses the context, a buffer above all, keeps the back end, which would otherwise be taken for garbage, and release
    /// everything, while its last call runs.
    /// </summary>
    public object? Owner { get; set; }

    /// <summary>The operation that was started last: asynchronous errors surface behind it.</summary>
    public string LastOperation { get; set; } = "";

    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (!IsLost)
        {
            _ = Api.ReleaseCommandQueue(Queue);
            _ = Api.ReleaseContext(Handle);
        }
        _watch?.Dispose();
        _waiter.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// Before anything is released: waits until the device touches none of it any more, also where it has failed before. What it answers is nobody's concern
    /// any longer; where it does not answer it is lost.
    /// </summary>
    public void Quiesce()
    {
        if (IsLost || _isDisposed)
            return;
        try
        {
            _isLost = !_waiter.TryRun(WaitRequest.Finish(Queue), Options.WaitLimit, out _);
        }
        catch (EntryPointNotFoundException)
        {
            _isLost = true; // A library without clFinish: nobody can tell when the device is done.
        }
    }

    /// <summary>Before every call.</summary>
    /// <exception cref="OpenClException">The device has failed before.</exception>
    public void Guard()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, typeof(OpenClBackend));
        if (_fault != null)
            throw new OpenClException($"the back end is out of use since: {_fault}");
    }

    /// <summary>Throws where a call has failed; what the arrays hold is unknown from then on.</summary>
    public void Check(int code, string call)
    {
        Returned();
        if (code == 0)
            return;
        string after = LastOperation.Length == 0 ? "" : $" after {LastOperation}";
        throw Broken(new OpenClException(call, code, $"{Device}{after}"));
    }

    /// <summary>Remembers an error after which nobody knows what the arrays hold.</summary>
    public OpenClException Broken(OpenClException error)
    {
        _fault ??= error.Message;
        return error;
    }

    /// <summary>A call that was watched is back.</summary>
    public void Returned() => _watch?.Leave();

    /// <summary>
    /// A kernel was started. Drivers may keep what they are given until somebody waits: the device would be idle until the host has queued a whole pass.
    /// </summary>
    public void Launched()
    {
        if (++_launches < LaunchesToFlush)
            return;
        _launches = 0;
        Check(Calling.Flush(Queue), "clFlush");
    }

    /// <summary>An error that leaves the arrays as they were.</summary>
    public OpenClException Error(int code, string call) => new(call, code, Device.ToString());

    /// <summary>Waits for a call that does not return before the device has done its work.</summary>
    public void Wait(in WaitRequest request)
    {
        Guard();
        if (!_waiter.TryRun(request, Options.WaitLimit, out int code))
        {
            _isLost = true;
            _fault = $"{request.Call}: no answer within {Options.WaitLimit.TotalSeconds:0.###} s on {Device} after {LastOperation}";
            throw new OpenClException(_fault);
        }
        Check(code, request.Call);
    }

    /// <summary>Until everything that was started is done.</summary>
    public void Finish() => Wait(WaitRequest.Finish(Queue));

    private void GiveUp()
    {
        _isLost = true;
        _fault = $"a call into the driver did not return within {Options.WaitLimit.TotalSeconds:0.###} s on {Device} after {LastOperation}";
        Options.NotAnswering!(new OpenClException(_fault));
    }
}
