namespace FastRnn.OpenCL;

/// <summary>
/// Looks now and then whether the owner is still in the same call, and tells once. The owner only counts: handing every call to a thread of its own, as waits
/// are, would take two changes of threads a call.
/// </summary>
internal sealed class CallWatch : IDisposable
{
    private const int Looks = 4;

    private readonly Timer _timer;
    private readonly Action _tell;
    private long _calls;
    private volatile bool _isInside, _isTold;
    private long _seen;
    private int _times;

    public CallWatch(TimeSpan limit, Action tell)
    {
        _tell = tell;
        // The timer lives as long as it runs; it must not keep the owner.
        _timer = new Timer(
            static weak =>
            {
                if (((WeakReference<CallWatch>)weak!).TryGetTarget(out CallWatch? watch))
                    watch.Look();
            },
            new WeakReference<CallWatch>(this), limit / Looks, limit / Looks);
    }

    public void Dispose() => _timer.Dispose();

    public void Enter()
    {
        Volatile.Write(ref _calls, _calls + 1);
        _isInside = true;
    }

    public void Leave() => _isInside = false;

    private void Look()
    {
        long calls = Volatile.Read(ref _calls);
        _times = _isInside && calls == _seen ? _times + 1 : 0;
        _seen = calls;
        if (_times < Looks || _isTold)
            return;
        _isTold = true;
        _tell();
    }
}
