using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>
/// How a probe walks through its block: as 1, 2, 4 or 8 streams of lines side by side, with or without a prefetch ahead, or – no streams – by the
/// library's own kernel for a step of one sample. The parts of a block follow each other the same way every time, or to and fro: then the next sweep finds what was
/// read last in the nearer cache.
/// </summary>
internal readonly record struct LoadPattern(int Streams, bool Prefetch, bool ToAndFro, int Parts)
{
    /// <summary>All that are tried. The fastest counts, so that no slow probe can flatter a kernel.</summary>
    public static IReadOnlyList<LoadPattern> All { get; } =
    [
        .. from parts in new[] { 4, 16 }
           from back in new[] { false, true }
           select new LoadPattern(0, false, back, parts),
        .. from streams in new[] { 1, 2, 4, 8 }
           from prefetch in new[] { false, true }
           from back in new[] { false, true }
           select new LoadPattern(streams, prefetch, back, back ? 16 : 1),
    ];

    public override string ToString() =>
        (Streams == 0 ? "step kernel" : Streams == 1 ? "1 stream" : string.Create(CultureInfo.InvariantCulture, $"{Streams} streams"))
        + (Prefetch ? ", prefetch" : "") + (ToAndFro ? ", to and fro" : "");
}

/// <summary>The fastest pattern of a probe, bytes in 10⁹ a second.</summary>
internal readonly record struct Bandwidth(double GigabytesPerSecond, LoadPattern Pattern);

/// <summary>Loads a second from a block of some size: what the level of memory delivers that holds it.</summary>
internal sealed unsafe class LoadBandwidth : IDisposable
{
    private const int LineFloats = 16;
    private const int PrefetchLines = 32;

    /// <summary>Lines of a turn of the loops, and the fewest of a part.</summary>
    private const int TurnLines = 16;
    private readonly KernelTable _table;
    private readonly AlignedBuffer _block, _row, _chains = new(2 * 4 * LineFloats);
    private readonly nint _lines;

    public LoadBandwidth(IsaLevel isa, nint bytes)
    {
        const int unit = 16 * TurnLines; // parts of a block are whole turns
        _table = KernelTable.For(isa);
        _lines = Math.Max(1, bytes / (LineFloats * sizeof(float)) / unit) * unit;
        _block = new AlignedBuffer((_lines + PrefetchLines + TurnLines) * LineFloats);
        _row = new AlignedBuffer(_lines);
    }

    public nint Bytes => _lines * LineFloats * sizeof(float);

    /// <summary>The best pattern, each the median of <paramref name="repeats"/> timings of at least <paramref name="seconds"/>.</summary>
    public Bandwidth Measure(double seconds, int repeats)
    {
        var best = new Bandwidth(0, default);
        var times = new double[repeats];
        foreach (LoadPattern pattern in LoadPattern.All)
        {
            double once = Time(pattern, 1); // brings the block where it belongs
            int sweeps = (int)Math.Clamp(seconds / Math.Max(once, 1e-9), 1, 1_000_000);
            for (int i = 0; i < repeats; i++)
                times[i] = Time(pattern, sweeps);
            double rate = Bytes * (double)sweeps / Statistics.Median(times) / 1e9;
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

    private double Time(LoadPattern pattern, int sweeps)
    {
        nint part = _lines / pattern.Parts;
        int calls = pattern.Parts == 1 ? 1 : sweeps, inside = pattern.Parts == 1 ? sweeps : 1;
        float sum = 0;
        long start = Ticks.Now;
        for (int sweep = 0; sweep < calls; sweep++)
        {
            bool back = pattern.ToAndFro && (sweep & 1) == 1;
            for (int i = 0; i < pattern.Parts; i++)
                sum += Run(pattern, _block.Pointer + ((back ? pattern.Parts - 1 - i : i) * part * LineFloats), part, inside);
        }
        double seconds = Ticks.SecondsSince(start);
        GC.KeepAlive(this);
        return sum == 0 ? seconds : throw new InvalidOperationException("a block of zeros has another sum"); // the sum keeps the loads
    }

    private float Run(LoadPattern pattern, float* part, nint lines, int sweeps)
    {
        if (pattern.Streams == 0)
            return RunKernel(part, lines);
        nint ahead = pattern.Prefetch ? PrefetchLines * LineFloats : 0;
        return _table.Isa switch
        {
            IsaLevel.Avx512 => Streams<Avx512Lanes, Vector512<float>>(part, lines, sweeps, pattern.Streams, ahead),
            IsaLevel.Avx2 => Streams<Avx2Lanes, Vector256<float>>(part, lines, sweeps, pattern.Streams, ahead),
            _ => Streams<ScalarLanes, float>(part, lines, sweeps, pattern.Streams, ahead),
        };
    }

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

    /// <summary>
    /// Sixteen lines a turn, from as many streams as asked for: pointer i walks through stream i mod S. Exclusive or, whose latency of one clock
    /// lets eight chains keep up with two loads a clock.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Streams<L, V>(float* block, nint lines, int sweeps, int streams, nint ahead)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        nint part = lines / streams * LineFloats, next = 8 / streams * LineFloats;
        for (int sweep = 0; sweep < sweeps; sweep++)
        {
            float* p0 = At(block, 0, streams, part), p1 = At(block, 1, streams, part);
            float* p2 = At(block, 2, streams, part), p3 = At(block, 3, streams, part);
            float* p4 = At(block, 4, streams, part), p5 = At(block, 5, streams, part);
            float* p6 = At(block, 6, streams, part), p7 = At(block, 7, streams, part);
            for (nint i = lines; i > 0; i -= TurnLines)
            {
                c0 = Line<L, V>(Line<L, V>(c0, p0), p0 + next);
                c1 = Line<L, V>(Line<L, V>(c1, p1), p1 + next);
                c2 = Line<L, V>(Line<L, V>(c2, p2), p2 + next);
                c3 = Line<L, V>(Line<L, V>(c3, p3), p3 + next);
                c4 = Line<L, V>(Line<L, V>(c4, p4), p4 + next);
                c5 = Line<L, V>(Line<L, V>(c5, p5), p5 + next);
                c6 = Line<L, V>(Line<L, V>(c6, p6), p6 + next);
                c7 = Line<L, V>(Line<L, V>(c7, p7), p7 + next);
                if (ahead != 0)
                {
                    L.Prefetch(p0 + ahead);
                    L.Prefetch(p0 + ahead + next);
                    L.Prefetch(p1 + ahead);
                    L.Prefetch(p1 + ahead + next);
                    L.Prefetch(p2 + ahead);
                    L.Prefetch(p2 + ahead + next);
                    L.Prefetch(p3 + ahead);
                    L.Prefetch(p3 + ahead + next);
                    L.Prefetch(p4 + ahead);
                    L.Prefetch(p4 + ahead + next);
                    L.Prefetch(p5 + ahead);
                    L.Prefetch(p5 + ahead + next);
                    L.Prefetch(p6 + ahead);
                    L.Prefetch(p6 + ahead + next);
                    L.Prefetch(p7 + ahead);
                    L.Prefetch(p7 + ahead + next);
                }
                p0 += 2 * next;
                p1 += 2 * next;
                p2 += 2 * next;
                p3 += 2 * next;
                p4 += 2 * next;
                p5 += 2 * next;
                p6 += 2 * next;
                p7 += 2 * next;
            }
        }
        return Sum<L, V>(L.Xor(L.Xor(L.Xor(c0, c1), L.Xor(c2, c3)), L.Xor(L.Xor(c4, c5), L.Xor(c6, c7))));
    }

    private static float* At(float* block, int pointer, int streams, nint part) =>
        block + (pointer % streams * part) + (pointer / streams * LineFloats);

    /// <summary>All 16 floats of a line into one chain.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Line<L, V>(V chain, float* line)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        if (L.Width == LineFloats)
            return L.Xor(chain, L.Load(line));
        if (L.Width == LineFloats / 2)
            return L.Xor(L.Xor(chain, L.Load(line)), L.Load(line + (LineFloats / 2)));
        for (int lane = 0; lane < LineFloats; lane += L.Width)
            chain = L.Xor(chain, L.Load(line + lane));
        return chain;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Sum<L, V>(V v)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        float* lanes = stackalloc float[LineFloats];
        new Span<float>(lanes, LineFloats).Clear();
        L.Store(lanes, v);
        float sum = 0;
        for (int i = 0; i < LineFloats; i++)
            sum += lanes[i];
        return sum;
    }
}
