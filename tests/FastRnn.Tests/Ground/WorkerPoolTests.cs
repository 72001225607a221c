using System.Diagnostics;
using FastRnn.Tests.Support;
using FastRnn.Threading;
using Xunit;

namespace FastRnn.Tests.Ground;

[Collection(AllocatedBytes.Alone)]
public unsafe class WorkerPoolTests
{
    private const int Most = 8;

    private static volatile int _started;

    private struct Counts
    {
        public fixed int Runs[Most];
        public int Parts, Throwing, Milliseconds;
        public int SameThread, Caller;
    }

    [Fact]
    public void EveryPartRunsOnceForAnyNumberOfThreadsAndParts()
    {
        for (int threads = 1; threads <= Most; threads++)
        {
            using var pool = new WorkerPool(threads);
            for (int round = 0; round < 50; round++)
            {
                for (int parts = 1; parts <= Most; parts++)
                {
                    Counts counts = default;
                    pool.Run(&Count, &counts, parts);
                    int expected = Math.Min(parts, threads);
                    Assert.Equal(expected, counts.Parts);
                    for (int i = 0; i < Most; i++)
                        Assert.Equal(i < expected ? 1 : 0, counts.Runs[i]);
                }
            }
        }
    }

    /// <summary>Pauses of every length around the moment when workers park: no job is lost and none runs twice.</summary>
    [Fact]
    public void ParkedWorkersWakeUp()
    {
        using var pool = new WorkerPool(3);
        var random = new Random(1);
        for (int i = 0; i < 300; i++)
        {
            long until = Stopwatch.GetTimestamp() + (random.Next(300) * Stopwatch.Frequency / 1_000_000);
            while (Stopwatch.GetTimestamp() < until)
                Thread.SpinWait(1);
            Counts counts = default;
            pool.Run(&Count, &counts, 3);
            Assert.Equal((1, 1, 1), (counts.Runs[0], counts.Runs[1], counts.Runs[2]));
        }
    }

    /// <summary>
    /// More threads than cores, several pools at once: every thread is held up between any two instructions sooner or later. When Run returns, every
    /// part has run exactly once and none is still running.
    /// </summary>
    [Fact]
    public void NoPartIsLostOrRepeatedOnACrowdedMachine()
    {
        long until = Stopwatch.GetTimestamp() + (2 * Stopwatch.Frequency);
        int callers = Math.Max(3, Environment.ProcessorCount);
        Parallel.For(0, callers, new ParallelOptions { MaxDegreeOfParallelism = callers }, caller =>
        {
            using var pool = new WorkerPool(Most);
            var random = new Random(caller);
            while (Stopwatch.GetTimestamp() < until)
            {
                Counts counts = default;
                pool.Run(&Count, &counts, Most);
                for (int i = 0; i < Most; i++)
                    Assert.Equal(1, Volatile.Read(ref counts.Runs[i]));
                Thread.SpinWait(random.Next(2000));
            }
        });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void ExceptionOfAPartReachesTheCallerAndThePoolGoesOn(int throwing)
    {
        using var pool = new WorkerPool(3);
        for (int i = 0; i < 3; i++)
        {
            var counts = new Counts { Throwing = throwing + 1 };
            Counts* shared = &counts;
            var error = Assert.Throws<InvalidOperationException>(() => pool.Run(&Count, shared, 3));
            Assert.Equal($"part {throwing}", error.Message);
            Assert.Equal((1, 1, 1), (counts.Runs[0], counts.Runs[1], counts.Runs[2])); // the others were waited for
            counts = default;
            pool.Run(&Count, &counts, 3);
            Assert.Equal((1, 1, 1), (counts.Runs[0], counts.Runs[1], counts.Runs[2]));
        }
    }

    [Fact]
    public void RunAllocatesNothing()
    {
        using var pool = new WorkerPool(3);
        AllocatedBytes.None(() =>
        {
            Counts counts = default;
            for (int i = 0; i < 200; i++)
                pool.Run(&Count, &counts, 3);
        });
    }

    [Fact]
    public void PoolOfOneRunsOnTheCallersThread()
    {
        using var pool = new WorkerPool(1);
        var counts = new Counts { Caller = Environment.CurrentManagedThreadId };
        pool.Run(&Count, &counts, 5);
        Assert.Equal((1, 1), (counts.Parts, counts.SameThread));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WorkerPool(0));
    }

    [Fact]
    public void ThreadsEndWithThePool()
    {
        var pool = new WorkerPool(4);
        Counts counts = default;
        pool.Run(&Count, &counts, 4);
        pool.Dispose(); // joins: a worker that did not stop would hang the test
        Assert.Throws<ObjectDisposedException>(() =>
        {
            Counts after = default;
            pool.Run(&Count, &after, 4);
        });
    }

    /// <summary>The parts end first, their caller gets its results, and a second call does nothing.</summary>
    [Fact]
    public void DisposeFromAnotherThreadWaitsForTheJob()
    {
        for (int trial = 0; trial < 20; trial++)
        {
            var pool = new WorkerPool(3);
            int ran = 0;
            _started = 0;
            var caller = new Thread(() =>
            {
                Counts counts = default;
                counts.Milliseconds = 5;
                pool.Run(&Count, &counts, 3);
                ran = counts.Runs[0] + counts.Runs[1] + counts.Runs[2];
            });
            caller.Start();
            while (_started == 0)
                Thread.Yield();
            pool.Dispose();
            Assert.True(caller.Join(10_000), "the caller hangs");
            Assert.Equal(3, ran);
            pool.Dispose();
        }
    }

    [Fact]
    public void InterruptedCallerStillWaitsForItsParts()
    {
        using var pool = new WorkerPool(3);
        int ran = 0;
        _started = 0;
        bool interrupted = false;
        var caller = new Thread(() =>
        {
            Counts counts = default;
            counts.Milliseconds = 50;
            pool.Run(&Count, &counts, 3);
            ran = counts.Runs[0] + counts.Runs[1] + counts.Runs[2];
            interrupted = Assert.Throws<ThreadInterruptedException>(() => Thread.Sleep(10_000)) != null;
        });
        caller.Start();
        while (_started == 0)
            Thread.Yield();
        caller.Interrupt();
        Assert.True(caller.Join(20_000), "the caller hangs");
        Assert.Equal((3, true), (ran, interrupted));
    }

    private static void Count(void* context, int part, int parts)
    {
        var counts = (Counts*)context;
        Interlocked.Increment(ref counts->Runs[part]);
        counts->Parts = parts;
        _started = 1;
        for (long start = Stopwatch.GetTimestamp(); part > 0 && Stopwatch.GetElapsedTime(start).TotalMilliseconds < counts->Milliseconds;)
            Thread.SpinWait(10);
        if (counts->Caller == Environment.CurrentManagedThreadId)
            counts->SameThread = 1;
        if (counts->Throwing == part + 1)
            throw new InvalidOperationException($"part {part}");
    }
}
