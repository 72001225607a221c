using System.Runtime;

namespace FastRnn.Suites;

/// <summary>Times one work in short turns, so that others can be timed between them.</summary>
internal sealed class Measurement
{
    private const double LeastTiming = 1e-4;

    /// <summary>Seconds. The runtime waits 0.1 s for a pause in calls of new methods before it compiles the hot ones again.</summary>
    private const double Quiet = 0.3;
    private readonly Work _work;
    private readonly double[] _turn = new double[4096];
    private readonly double[] _units;

    /// <param name="work">Ready; it is warmed up here.</param>
    /// <param name="seconds">Of the whole row: a part of it warms up.</param>
    /// <param name="capacity">Most units whose times are kept one by one.</param>
    public Measurement(Work work, double seconds, int capacity = 100_000)
    {
        (_work, _units) = (work, new double[capacity]);
        WarmUp(seconds);
        long start = Ticks.Now;
        _work.Run(1);
        double once = Math.Max(Ticks.SecondsSince(start), 1e-9);
        Burst = (int)Math.Clamp(LeastTiming / once, 1, 100_000);
    }

    /// <summary>Units between two looks at the clock: one, or as many as take a tenth of a millisecond.</summary>
    public int Burst { get; }

    /// <summary>Times of single units, where a burst is one.</summary>
    public int Units { get; private set; }

    public ReadOnlySpan<double> UnitTimes => _units.AsSpan(0, Units);

    /// <summary>Managed bytes allocated, and collections, in all turns together.</summary>
    public long Allocated { get; private set; }

    public int Collections { get; private set; }

    /// <summary>
    /// Three units at least, and until the runtime, which compiles hot methods again while they run, has been quiet for a while.
    /// </summary>
    private void WarmUp(double seconds)
    {
        double quiet = Math.Min(Quiet, seconds);
        long start = Ticks.Now, changed = start, methods = -1;
        for (int units = 0; units < 3 || (Ticks.SecondsSince(changed) < quiet && Ticks.SecondsSince(start) < 8 * quiet); units++)
        {
            _work.Run(1);
            if (JitInfo.GetCompiledMethodCount() is var now && now != methods)
                (methods, changed) = (now, Ticks.Now);
        }
    }

    /// <summary>
    /// Median seconds of a unit over a turn. What ran before has emptied the caches: with a burst of more than one unit the first does not count.
    /// </summary>
    public double Turn(double seconds)
    {
        int count = 0, collections = GC.CollectionCount(0);
        long allocated = GC.GetTotalAllocatedBytes(precise: true), begin = Ticks.Now;
        if (Burst > 1)
            _work.Run(Burst);
        do
        {
            long start = Ticks.Now;
            _work.Run(Burst);
            _turn[count++] = Ticks.SecondsSince(start) / Burst;
        }
        while (count < _turn.Length && Ticks.SecondsSince(begin) < seconds);
        Allocated += GC.GetTotalAllocatedBytes(precise: true) - allocated;
        Collections += GC.CollectionCount(0) - collections;
        if (Burst == 1)
        {
            int kept = Math.Min(count, _units.Length - Units);
            _turn.AsSpan(0, kept).CopyTo(_units.AsSpan(Units));
            Units += kept;
        }
        return Statistics.Median(_turn.AsSpan(0, count));
    }
}
