using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>What one thread reached in one moment: multiply-adds, clock, loads from every level.</summary>
internal sealed record ProbeReading(double Gflops, double Gigahertz, Bandwidth L1, Bandwidth L2, Bandwidth L3)
{
    /// <summary>Floating-point operations a clock.</summary>
    public double FlopsPerClock => Gflops / Gigahertz;

    /// <summary>The faster of two readings, part by part: nothing between them was faster than the machine.</summary>
    public static ProbeReading Best(ProbeReading a, ProbeReading b) => new(
        Math.Max(a.Gflops, b.Gflops), Math.Max(a.Gigahertz, b.Gigahertz), Best(a.L1, b.L1), Best(a.L2, b.L2), Best(a.L3, b.L3));

    private static Bandwidth Best(Bandwidth a, Bandwidth b) => a.GigabytesPerSecond >= b.GigabytesPerSecond ? a : b;
}

/// <summary>Measures the machine beside the rows, in the same thread.</summary>
internal sealed class MachineProbe : IDisposable
{
    /// <summary>Share of the operations a clock that the units allow, below which the probe, not the machine, is at fault.</summary>
    public const double LeastShare = 0.97;

    private readonly IsaLevel _isa;
    private readonly LoadBandwidth _l1, _l2, _l3;
    private readonly double _seconds;
    private readonly int _repeats;

    /// <param name="isa">Whose registers are used.</param>
    /// <param name="caches">Half of a cache is read for its level; for L3 eight times L2, or half of it where it is smaller.</param>
    /// <param name="seconds">Of one timing.</param>
    /// <param name="repeats">Timings of a pattern.</param>
    public MachineProbe(IsaLevel isa, Caches caches, double seconds = 3e-4, int repeats = 5)
    {
        (_isa, _seconds, _repeats) = (isa, seconds, repeats);
        _l1 = new LoadBandwidth(isa, (nint)(caches.L1 / 2));
        _l2 = new LoadBandwidth(isa, (nint)(caches.L2 / 2));
        _l3 = new LoadBandwidth(isa, (nint)Math.Max(Math.Min(caches.L2 * 8, caches.L3 / 2), caches.L2 / 2));
    }

    /// <summary>What the units of a level do in a clock: two multiply-adds on full registers.</summary>
    public static double UnitsPerClock(IsaLevel isa) => isa switch { IsaLevel.Avx512 => 64, IsaLevel.Avx2 => 32, _ => 4 };

    /// <summary>One reading; the arithmetic is the best of several turns, as is the clock beside it.</summary>
    public ProbeReading Read()
    {
        double gflops = 0, gigahertz = 0;
        for (int i = 0; i < _repeats; i++)
        {
            gflops = Math.Max(gflops, FmaPeak.Measure(_isa));
            gigahertz = Math.Max(gigahertz, Clock.Measure());
        }
        return new ProbeReading(
            gflops, gigahertz, _l1.Measure(_seconds, _repeats), _l2.Measure(_seconds, _repeats), _l3.Measure(_seconds, Math.Min(_repeats, 3)));
    }

    /// <summary>A block of a row's own size, to be read beside it; null where it is so small that the loop would be measured: L1's rate holds.</summary>
    public LoadBandwidth? Own(double bytes) => bytes <= _l1.Bytes ? null : new LoadBandwidth(_isa, (nint)bytes);

    /// <summary>The rate of such a block.</summary>
    public double Rate(LoadBandwidth block) => block.Measure(_seconds, Math.Min(_repeats, 3)).GigabytesPerSecond * 1e9;

    /// <summary>Loads from memory, once a run: a block larger than the last cache, but no more than some bytes and an eighth of the memory there is.</summary>
    public static Bandwidth Memory(IsaLevel isa, Caches caches, long most)
    {
        using var block = new LoadBandwidth(isa, (nint)Math.Min(Math.Min(caches.L3 * 2, most), GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 8));
        return block.Measure(0, 1);
    }

    /// <summary>Null, or why the arithmetic probe cannot be right.</summary>
    public static string? Fault(IsaLevel isa, ProbeReading reading)
    {
        double least = LeastShare * UnitsPerClock(isa);
        return isa == IsaLevel.Scalar || reading.FlopsPerClock >= least ? null : FormattableString.Invariant(
            $"probe of multiply-adds: {reading.FlopsPerClock:F1} FLOP a clock of a dependent addition ({reading.Gflops:F0} GFLOP/s at {reading.Gigahertz:F2} GHz), at least {least:F1} expected");
    }

    public void Dispose()
    {
        _l1.Dispose();
        _l2.Dispose();
        _l3.Dispose();
    }
}
