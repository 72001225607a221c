using System.Diagnostics;
using System.Runtime.InteropServices;
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

    /// <summary>Every part sees after a meeting what every other wrote before it, thousands of times over, with fewer cores than threads, too.</summary>
    [Theory]
    [InlineData(2, 20_000)]
    [InlineData(3, 3_000)]
    [InlineData(Most, 300)]
    public void PartsMeet(int threads, int meetings)
    {
        using var pool = new WorkerPool(threads);
        using var one = GCHandleOf(pool, out nint handle);
        var rounds = new Rounds { Pool = handle, Meetings = meetings };
        pool.Run(&MeetOften, &rounds, threads);
        Assert.Equal(0, rounds.Missed);
        for (int i = 0; i < Most; i++)
            Assert.Equal(i < threads ? meetings : 0, rounds.Steps[i]);
    }

    /// <summary>A part that fails on the way leaves nobody waiting; its error is the one that is told, and the next job meets as ever.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void FailedPartEndsTheMeeting(int throwing)
    {
        using var pool = new WorkerPool(3);
        using var one = GCHandleOf(pool, out nint handle);
        for (int i = 0; i < 20; i++)
        {
            var rounds = new Rounds { Pool = handle, Meetings = 50, Throwing = throwing + 1, ThrowingAt = 10 + i };
            Rounds* shared = &rounds;
            Assert.Equal($"part {throwing}", Assert.Throws<InvalidOperationException>(() => pool.Run(&MeetOften, shared, 3)).Message);
            rounds = new Rounds { Pool = handle, Meetings = 50 };
            pool.Run(&MeetOften, &rounds, 3);
            Assert.Equal((0, 50, 50, 50), (rounds.Missed, rounds.Steps[0], rounds.Steps[1], rounds.Steps[2]));
        }
    }

    [Fact]
    public void WorkersParkAfterAWhile()
    {
        using var pool = new WorkerPool(2);
        Counts counts = default;
        pool.Run(&Count, &counts, 2);
        var limit = Stopwatch.StartNew();
        while (!pool.IsParked && limit.Elapsed.TotalSeconds < 20)
            Thread.Sleep(1);
        Assert.True(pool.IsParked);
        using var alone = new WorkerPool(1);
        Assert.False(alone.IsParked);
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

    private struct Rounds
    {
        public fixed int Steps[Most];
        public nint Pool;
        public int Meetings, Missed, Throwing, ThrowingAt;
    }

    private static void MeetOften(void* context, int part, int parts)
    {
        var rounds = (Rounds*)context;
        var pool = (WorkerPool)GCHandle.FromIntPtr(rounds->Pool).Target!;
        for (int i = 1; i <= rounds->Meetings; i++)
        {
            rounds->Steps[part] = i;
            if (rounds->Throwing == part + 1 && rounds->ThrowingAt == i)
                throw new InvalidOperationException($"part {part}");
            pool.Meet();
            for (int other = 0; other < parts; other++)
            {
                if (rounds->Steps[other] < i || rounds->Steps[other] > i + 1)
                    Interlocked.Increment(ref rounds->Missed);
            }
        }
    }

    private static Releaser GCHandleOf(WorkerPool pool, out nint handle)
    {
        GCHandle made = GCHandle.Alloc(pool);
        handle = GCHandle.ToIntPtr(made);
        return new Releaser(made);
    }

    private sealed class Releaser(GCHandle handle) : IDisposable
    {
        public void Dispose() => handle.Free();
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
