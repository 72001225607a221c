namespace FastRnn.Suites;

/// <summary>Times of single units in order, in seconds, and what they allocated.</summary>
internal sealed record Latencies(double P50, double P99, double P999, int Count, long Allocated, int Collections)
{
    /// <summary>Units of a full run.</summary>
    public const int Full = 1_000_000;
    private const int PartUnits = 512, UncountedUnits = 32;

    /// <summary>
    /// Every unit is timed alone, between two looks at the clock. Such a look costs tens of nanoseconds, as much as a small step: what nothing takes in the same
    /// loop, in the median, is taken off each time. The clock counts nanoseconds, so the percentiles do too; medians of rows come from bursts instead.
    /// </summary>
    /// <param name="work">Warm.</param>
    /// <param name="count">Units.</param>
    /// <param name="cancellation">Looked at every thousand units.</param>
    public static Latencies Measure(Work work, int count, CancellationToken cancellation = default)
    {
        var times = new double[count];
        double nothing = TimerSeconds(Math.Min(count, 10_000));
        work.Run(1);
        int collections = GC.CollectionCount(0);
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        Time(work, times, cancellation);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        collections = GC.CollectionCount(0) - collections;
        for (int i = 0; i < count; i++)
            times[i] = Math.Max(0, times[i] - nothing);
        Array.Sort(times);
        return new Latencies(
            Statistics.Percentile(times, 0.5), Statistics.PercentileIfKnown(times, 0.99), Statistics.PercentileIfKnown(times, 0.999), count, allocated, collections);
    }

    /// <summary>Median of what the clock and the call say nothing takes.</summary>
    public static double TimerSeconds(int count = 10_000)
    {
        var times = new double[count];
        using var nothing = new EmptyWork();
        for (int i = 0; i < 3; i++)
            Time(nothing, times, default);
        return Statistics.Median(times);
    }

    /// <summary>
    /// Times go to a small array first and from there to the large one between timings: writing to a new page takes long enough to be among the slowest of a
    /// thousand units. The units after that do not count.
    /// </summary>
    private static void Time(Work work, double[] times, CancellationToken cancellation)
    {
        double tick = Ticks.Seconds(1);
        Span<long> part = stackalloc long[PartUnits];
        for (int first = 0; first < times.Length; first += PartUnits)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(PartUnits, times.Length - first);
            work.Run(UncountedUnits);
            for (int i = 0; i < count; i++)
            {
                long start = Ticks.Now;
                work.Run(1);
                part[i] = Ticks.Now - start;
            }
            for (int i = 0; i < count; i++)
                times[first + i] = part[i] * tick;
        }
    }
}
