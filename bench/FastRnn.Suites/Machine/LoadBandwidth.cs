using System.Runtime.Intrinsics;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>The fastest pattern of a probe, bytes in 10⁹ a second.</summary>
internal readonly record struct Bandwidth(double GigabytesPerSecond, LoadPattern Pattern);

/// <summary>Loads a second from a block of some size: what the level of memory delivers that holds it.</summary>
internal sealed unsafe class LoadBandwidth : IDisposable
{
    private const int LineFloats = LoadLoops.LineFloats;

    /// <summary>Sweeps of a timing to and fro: the first goes where the one before went.</summary>
    private const int FewestTurns = 6;
    private readonly KernelTable _table;
    private readonly AlignedBuffer _block, _row, _chains = new(2 * 4 * LineFloats);
    private readonly nint _lines;

    public LoadBandwidth(IsaLevel isa, nint bytes)
    {
        const int unit = 16 * LoadLoops.TurnLines; // parts of a block are whole turns
        _table = KernelTable.For(isa);
        _lines = Math.Max(1, bytes / (LineFloats * sizeof(float)) / unit) * unit;
        _block = new AlignedBuffer((_lines + LoadLoops.PrefetchLines + LoadLoops.TurnLines) * LineFloats);
        _row = new AlignedBuffer(_lines);
    }

    public nint Bytes => _lines * LineFloats * sizeof(float);

    /// <summary>
    /// The best pattern, each the fastest of <paramref name="repeats"/> timings of at least <paramref name="seconds"/>: a bound is what the machine can do, and
    /// a block as large as a cache is read at rates that differ by a tenth from one moment to the next.
    /// </summary>
    public Bandwidth Measure(double seconds, int repeats)
    {
        var best = new Bandwidth(0, default);
        foreach (LoadPattern pattern in LoadPattern.All)
        {
            double once = Time(pattern, 1); // brings the block where it belongs
            int sweeps = (int)Math.Clamp(seconds / Math.Max(once, 1e-9), pattern.ToAndFro ? FewestTurns : 1, 1_000_000);
            double time = double.MaxValue;
            for (int i = 0; i < repeats; i++)
                time = Math.Min(time, Time(pattern, sweeps));
            double rate = Bytes * (double)sweeps / time / 1e9;
            if (rate > best.GigabytesPerSecond)
                best = new Bandwidth(rate, pattern);
        }
        return best;
    }

    public void Dispose()
    {
        _block.Dispose();
        _row.Dispose();
        _chains.Dispose();
    }

    /// <summary>Reads all of the block so many times.</summary>
    public void Sweep(int sweeps) => Time(new LoadPattern(LoadLoop.Streams, 1, false, false, 1), sweeps);

    private double Time(LoadPattern pattern, int sweeps)
    {
        nint part = _lines / pattern.Parts;
        int calls = pattern.Parts == 1 ? 1 : sweeps, inside = pattern.Parts == 1 ? sweeps : 1;
        float sum = 0;
        long start = Ticks.Now;
        for (int sweep = 0; sweep < calls; sweep++)
        {
            bool back = pattern.ToAndFro && (sweep & 1) == 1; // of whole parts; with one part the loops inside turn
            for (int i = 0; i < pattern.Parts; i++)
                sum += Run(pattern, _block.Pointer + ((back ? pattern.Parts - 1 - i : i) * part * LineFloats), part, inside);
        }
        double seconds = Ticks.SecondsSince(start);
        GC.KeepAlive(this);
        return sum == 0 ? seconds : throw new InvalidOperationException("a block of zeros has another sum"); // the sum keeps the loads
    }

    private float Run(LoadPattern pattern, float* part, nint lines, int sweeps) => pattern.Loop == LoadLoop.Kernel ? RunKernel(part, lines) : _table.Isa switch
    {
        IsaLevel.Avx512 when Isa.HasAvx512 => LoadLoops.Run<Avx512Lanes, Vector512<float>>(pattern, part, lines, sweeps),
        IsaLevel.Avx2 when Isa.HasAvx2Alone => LoadLoops.Run<Avx2Lanes, Vector256<float>>(pattern, part, lines, sweeps),
        _ when Isa.HasScalar => LoadLoops.Run<ScalarLanes, float>(pattern, part, lines, sweeps),
        _ => throw Isa.Lacks("loads", _table.Isa),
    };

    /// <summary>A row of zeros times panels of four gates, as many as the kernel takes together.</summary>
    private float RunKernel(float* part, nint lines)
    {
        int panels = _table.RowTilePanels;
        nint depth = lines / (4 * panels);
        var args = new RowTileArgs
        {
            X = _row.Pointer,
            Depth = depth,
            W = part,
            WPanel = depth * 4 * LineFloats,
            Init = _chains.Pointer,
            C = _chains.Pointer,
            Panel = LineFloats,
            Gate = panels * LineFloats,
        };
        _table.RowTiles[3, panels - 1](&args);
        return *_chains.Pointer;
    }
}
