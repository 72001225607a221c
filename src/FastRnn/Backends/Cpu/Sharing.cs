using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using FastRnn.Kernels;
using FastRnn.Numerics;
using FastRnn.Threading;

namespace FastRnn.Backends;

/// <summary>How a recurrence is cut: into <see cref="Parts"/>, of the samples or, where those are too few, of the units of every step.</summary>
internal readonly record struct Cut(int Parts, bool Units);

/// <summary>
/// When threads are worth their while: a model of the time of a job on one and on several threads, whose constants are measured on this machine
/// once in the process, by the first job that might be shared. What it decides changes times, never bits.
/// <code>
/// one thread      W / v(B)
/// samples cut     W·(rows of the largest share / B) / v(rows of the share) + hand-over       no meeting on the way
/// units cut       W·(blocks of the largest share / blocks) / v(B) + hand-over + T·meeting    each core keeps its share of R in its own cache
/// </code>
/// W multiply-adds, v(r) what a core does with r rows at a time: below three rows the tiles starve. 8-bit weights have no such steps; they are taken for
/// as fast as the tile. Sharing has to promise a tenth, so that it is not slower where the model errs.
/// </summary>
internal sealed unsafe class Sharing
{
    /// <summary>A share of the time of one thread above which sharing is not worth it.</summary>
    private const double Worth = 0.9;

    /// <summary>Real products against the tile in L1, from three rows on; one row reads a weight for each multiply-add.</summary>
    private const double Efficiency = 0.8, OneRow = 0.25, TwoRows = 0.5;

    /// <summary>
    /// Nanoseconds of a float in a job that does little with each: 0.2–0.3 for functions and optimisers in cache. From memory it is more, and sharing gains more.
    /// </summary>
    private const double ElementTime = 0.25;

    private const int Rounds = 40, Meetings = 20, TileRows = 12, TileDepth = 64;

    /// <summary>Milliseconds after which a measurement takes what it has: with fewer cores than threads a meeting takes as long as the system lets others run.</summary>
    private const double Patience = 2;

    /// <summary>Floats whose work, a microsecond, is over before another thread has begun: nothing is measured for fewer.</summary>
    public const nint LeastElements = 4096;

    private static readonly ConcurrentDictionary<(int Threads, IsaLevel Isa), Sharing> _measured = new();

    private readonly int _threads;

    private Sharing(int threads) => _threads = threads;

    /// <summary>Multiply-adds a nanosecond of one core, in L1.</summary>
    public double Speed { get; init; }

    /// <summary>Nanoseconds from a job given to all threads done, when they wait for it.</summary>
    public double HandOver { get; init; }

    /// <summary>The same when they sleep.</summary>
    public double WakeUp { get; init; }

    /// <summary>Nanoseconds of a meeting.</summary>
    public double Meeting { get; init; }

    /// <summary>Given constants, for tests of the model.</summary>
    public static Sharing Of(int threads, double speed, double handOver, double wakeUp, double meeting) =>
        new(threads) { Speed = speed, HandOver = handOver, WakeUp = wakeUp, Meeting = meeting };

    /// <summary>What was measured with so many threads, or is now.</summary>
    public static Sharing Measured(WorkerPool pool, KernelTable table) =>
        _measured.TryGetValue((pool.Threads, table.Isa), out Sharing? known) ? known : _measured.GetOrAdd((pool.Threads, table.Isa), Measure(pool, table));

    /// <summary>Measures, in a few milliseconds. The least of many rounds counts: whatever disturbs a round only makes it longer.</summary>
    public static Sharing Measure(WorkerPool pool, KernelTable table)
    {
        if (pool.Threads == 1)
            return Of(1, 1, 0, 0, 0);
        GCHandle handle = GCHandle.Alloc(pool);
        try
        {
            double handOver = LeastTime(pool, handle, Rounds, 0, false);
            double meeting = (LeastTime(pool, handle, Rounds, Meetings, false) - handOver) / Meetings;
            double wakeUp = LeastTime(pool, handle, 3, 0, true);
            return Of(pool.Threads, MeasureSpeed(table), handOver, Math.Max(wakeUp, handOver), Math.Max(meeting, 0));
        }
        finally
        {
            handle.Free(); // also where the pool has been disposed: a handle that stays would keep it
        }
    }

    /// <summary>Threads for independent units of so many multiply-adds each, of which a share holds three at least.</summary>
    public int Parts(nint units, nint cost, bool parked)
    {
        if (_threads == 1 || units < 6)
            return 1;
        return Cheapest(units * (double)cost / (Speed * Efficiency), units, (int)Math.Min(_threads, units / 3), parked);
    }

    /// <summary>Threads for a job that does little with each of so many floats.</summary>
    public int Elements(nint floats, bool parked) => Cheapest(floats * ElementTime, floats, _threads, parked);

    private int Cheapest(double one, nint units, int most, bool parked)
    {
        double overhead = parked ? WakeUp : HandOver, least = Worth * one;
        int best = 1;
        for (int parts = 2; parts <= most; parts++)
        {
            double time = (one * Largest(units, parts) / units) + overhead;
            if (time < least)
                (best, least) = (parts, time);
        }
        return best;
    }

    /// <summary>The cut of a recurrence.</summary>
    /// <param name="steps">Steps of time.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="cost">Multiply-adds of a sample in a step.</param>
    /// <param name="blocks">Blocks of units that a step can be cut into; 1 where it cannot.</param>
    /// <param name="parked">Whether threads have to be woken.</param>
    /// <param name="eightBit">Whether weights have 8 bits.</param>
    public Cut Recurrence(nint steps, nint batch, nint cost, nint blocks, bool parked, bool eightBit)
    {
        if (_threads == 1)
            return new Cut(1, false);
        double work = steps * (double)cost * batch, one = work / SpeedOf(batch, eightBit), overhead = parked ? WakeUp : HandOver;
        var best = new Cut(1, false);
        double least = Worth * one;
        for (int parts = 2; parts <= _threads; parts++)
        {
            nint rows = Largest(batch, parts);
            double samples = (steps * (double)cost * rows / SpeedOf(rows, eightBit)) + overhead;
            double units = (one * Largest(blocks, parts) / blocks) + overhead + (steps * Meeting);
            if (parts <= batch && samples < least)
                (best, least) = (new Cut(parts, false), samples);
            if (parts <= blocks && units < least)
                (best, least) = (new Cut(parts, true), units);
        }
        return best;
    }

    /// <summary>
    /// Multiply-adds a nanosecond. With 8-bit weights LSTM steps of 64 to 1024 units do 0.35 to 0.96 of the tile's, and rows are not faster together: the most
    /// is taken, so that what sharing promises is the least that it gains. By the speed of float32 it promised up to four times what there was to gain.
    /// </summary>
    private double SpeedOf(nint rows, bool eightBit) => eightBit ? Speed : Speed * (rows switch { 1 => OneRow, 2 => TwoRows, _ => Efficiency });

    private static nint Largest(nint length, int parts) => (length + parts - 1) / parts;

    private static double MeasureSpeed(KernelTable table)
    {
        // On the stack: the one who asks may be counting what buffers would take, and then there are none. Zeros, to be fast.
        float* memory = stackalloc float[(TileRows * TileDepth) + (TileDepth * Gemm.PanelColumns) + (TileRows * Gemm.PanelColumns) + 16];
        memory += ((64 - ((nint)memory & 63)) & 63) / sizeof(float);
        new Span<float>(memory, (TileRows * TileDepth) + (TileDepth * Gemm.PanelColumns) + (TileRows * Gemm.PanelColumns)).Clear();
        var gemm = new GemmArgs { Rows = TileRows, Columns = Gemm.PanelColumns, Panels = memory + (TileRows * TileDepth) };
        gemm.SetRowMajorA(memory, TileDepth, TileDepth);
        gemm.SetRowMajorC(gemm.Panels + (TileDepth * Gemm.PanelColumns), Gemm.PanelColumns);
        gemm.SetInitC();
        double nanoseconds = double.MaxValue;
        for (int i = 0; i < Rounds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int k = 0; k < 4; k++)
                Gemm.Run(table, gemm);
            nanoseconds = Math.Min(nanoseconds, Stopwatch.GetElapsedTime(start).TotalNanoseconds / 4);
        }
        return TileRows * TileDepth * Gemm.PanelColumns / Math.Max(nanoseconds, 1);
    }

    /// <summary>Nanoseconds of a job that does nothing but meet.</summary>
    private static double LeastTime(WorkerPool pool, GCHandle handle, int rounds, int meetings, bool asleep)
    {
        double least = double.MaxValue;
        var job = new MeetingJob { Pool = GCHandle.ToIntPtr(handle), Meetings = meetings };
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < rounds && (i < 2 || Stopwatch.GetElapsedTime(began).TotalMilliseconds < Patience); i++)
        {
            for (int wait = 0; asleep && wait < 20 && !pool.IsParked; wait++)
                Thread.Sleep(1);
            long start = Stopwatch.GetTimestamp();
            pool.Run(&MeetingJob.Run, &job, pool.Threads);
            least = Math.Min(least, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        }
        return least;
    }

    private struct MeetingJob
    {
        public nint Pool;
        public int Meetings;

        public static void Run(void* context, int part, int parts)
        {
            var job = (MeetingJob*)context;
            var pool = (WorkerPool)GCHandle.FromIntPtr(job->Pool).Target!;
            for (int i = 0; i < job->Meetings; i++)
                pool.Meet();
        }
    }
}
