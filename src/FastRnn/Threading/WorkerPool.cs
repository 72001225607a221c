using System.Runtime.ExceptionServices;
using System.Runtime.Intrinsics.X86;

namespace FastRnn.Threading;

/// <summary>
/// Persistent threads that run one job in equal parts. The caller runs part 0 itself; a pool of one thread starts none. Workers spin for
/// a bounded time – the gap between two jobs of one training step is microseconds – and then park, so an idle pool costs nothing.
/// Parts of a job may meet on the way. A call allocates nothing. Partition and result never depend on timing.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    /// <summary>Pause instructions before a waiting thread parks: about 50–100 µs on current CPUs.</summary>
    private const int SpinLimit = 2000;

    /// <summary>Looks at a meeting before the first pause, which alone takes 40 ns on some CPUs: as long as a line takes from core to core.</summary>
    private const int EagerLooks = 64;

    /// <summary>Where a meeting's two words lie, a cache line each: who arrives does not disturb who waits.</summary>
    private const int Arrived = 16, Held = 48, MeetingWords = 64;

    private readonly Thread[] _workers;
    private readonly SemaphoreSlim[] _wake;
    private readonly int[] _parked;
    private readonly int[] _meeting = new int[MeetingWords];
    private readonly SemaphoreSlim _done = new(0);
    private delegate*<void*, int, int, void> _job;
    private void* _context;
    private int _parts;
    private volatile int _sequence;
    private volatile bool _stop;
    private volatile bool _running;
    private int _pending;
    private int _callerParked;
    private int _disposed;
    private Exception? _failure;

    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _workers = new Thread[threads - 1];
        _wake = new SemaphoreSlim[threads - 1];
        _parked = new int[(threads - 1) * 16]; // one cache line each
        for (int i = 0; i < _workers.Length; i++)
        {
            _wake[i] = new SemaphoreSlim(0);
            int index = i;
            _workers[i] = new Thread(() => WorkerLoop(index)) { IsBackground = true, Name = $"FastRnn worker {i + 1}" };
            _workers[i].Start();
        }
    }

    /// <summary>Threads that work on a job, the caller's included.</summary>
    public int Threads { get; }

    /// <summary>How often the parts of jobs have met so far.</summary>
    public int Meetings => Volatile.Read(ref _meeting[Held]);

    /// <summary>Whether a worker sleeps now, so that a job would have to wake it.</summary>
    public bool IsParked
    {
        get
        {
            for (int i = 0; i < _workers.Length; i++)
            {
                if (Volatile.Read(ref _parked[i * 16]) != 0)
                    return true;
            }
            return false;
        }
    }

    /// <summary>
    /// Runs job(context, part, parts) for every part below <paramref name="parts"/> (at most <see cref="Threads"/>) and waits.
    /// An exception of any part is rethrown here after all parts have ended.
    /// </summary>
    public void Run(delegate*<void*, int, int, void> job, void* context, int parts)
    {
        ObjectDisposedException.ThrowIf(_stop, this); // nobody would come
        parts = Math.Min(parts, Threads);
        if (parts <= 1)
        {
            job(context, 0, 1);
            return;
        }
        _running = true;
        _job = job;
        _context = context;
        _parts = parts;
        _meeting[Arrived] = 0; // parts of a job that failed may have come in vain
        Volatile.Write(ref _pending, _workers.Length);
        _sequence++; // publishes the fields above: a volatile write releases
        Interlocked.MemoryBarrier(); // … and is visible before the parked flags are read
        for (int i = 0; i < _workers.Length; i++)
        {
            if (Volatile.Read(ref _parked[i * 16]) != 0 && Interlocked.Exchange(ref _parked[i * 16], 0) != 0)
                _wake[i].Release();
        }
        RunPart(0);
        WaitForWorkers();
        _running = false;
        if (_failure is { } failure)
        {
            _failure = null;
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>
    /// Called by every part of a job of at least two: returns when all of them have called, and what each wrote before is seen by all after.
    /// </summary>
    /// <exception cref="OperationCanceledException">Another part has failed and will never come.</exception>
    public void Meet()
    {
        int held = Volatile.Read(ref _meeting[Held]);
        if (Interlocked.Increment(ref _meeting[Arrived]) == _parts)
        {
            _meeting[Arrived] = 0;
            Volatile.Write(ref _meeting[Held], held + 1); // releases the zero and all that the parts wrote
            return;
        }
        for (int i = 0; Volatile.Read(ref _meeting[Held]) == held; i++)
            WaitForMeeting(i);
    }

    /// <summary>A part may have lost its core, or never had one; so whoever waits longer offers its own.</summary>
    private void WaitForMeeting(int looks)
    {
        if (looks < EagerLooks)
            return;
        if (Volatile.Read(ref _failure) != null)
            throw new OperationCanceledException("another part of the job has failed");
        if (looks < SpinLimit)
            Pause();
        else
            Thread.Yield();
    }

    /// <summary>Ends the threads, after the job that is running. A second call does nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        var spin = default(SpinWait);
        while (_running)
            spin.SpinOnce(); // a job of another thread
        _stop = true;
        _sequence++;
        for (int i = 0; i < _workers.Length; i++)
        {
            _wake[i].Release();
            _workers[i].Join();
            _wake[i].Dispose();
        }
        _done.Dispose();
    }

    private void WorkerLoop(int index)
    {
        int seen = 0;
        while (true)
        {
            WaitForJob(index, seen);
            if (_stop)
                return;
            seen = _sequence;
            if (index + 1 < _parts)
                RunPart(index + 1);
            if (Interlocked.Decrement(ref _pending) == 0 && Interlocked.Exchange(ref _callerParked, 0) != 0)
                _done.Release();
        }
    }

    private void RunPart(int part)
    {
        try
        {
            _job(_context, part, _parts);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
        }
    }

    // A wake-up is a hint, never the news itself: a thread that was held up between looking and releasing may wake the other one for
    // something that is long over. So both waits ask again after every wake-up. Each wake-up belongs to one exchange of 1 for 0,
    // and whoever loses that exchange consumes the wake-up that the winner has promised.

    private void WaitForJob(int index, int seen)
    {
        while (true)
        {
            for (int i = 0; i < SpinLimit; i++)
            {
                if (_sequence != seen)
                    return;
                Pause();
            }
            Volatile.Write(ref _parked[index * 16], 1);
            Interlocked.MemoryBarrier();
            if (_sequence == seen || Interlocked.Exchange(ref _parked[index * 16], 0) == 0)
                _wake[index].Wait();
        }
    }

    /// <summary>Returns when no part runs any more; until then the job's context is alive, so an interruption has to wait.</summary>
    private void WaitForWorkers()
    {
        bool interrupted = false;
        while (!WorkersAreDone(ref interrupted))
        {
        }
        if (interrupted)
            Thread.CurrentThread.Interrupt();
    }

    private bool WorkersAreDone(ref bool interrupted)
    {
        for (int i = 0; i < SpinLimit; i++)
        {
            if (Volatile.Read(ref _pending) == 0)
                return true;
            Pause();
        }
        Volatile.Write(ref _callerParked, 1);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _pending) != 0 || Interlocked.Exchange(ref _callerParked, 0) == 0)
            AwaitWakeUp(ref interrupted);
        return false;
    }

    private void AwaitWakeUp(ref bool interrupted)
    {
        while (true)
        {
            try
            {
                _done.Wait();
                return;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }
    }

    private static void Pause()
    {
        if (X86Base.IsSupported)
            X86Base.Pause();
        else
            Thread.SpinWait(1);
    }
}
