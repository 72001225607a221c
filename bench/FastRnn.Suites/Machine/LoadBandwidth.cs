using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>
/// How a probe walks through its block: 1, 2, 4 or 8 streams of lines side by side, with or without a prefetch ahead, or – no streams – as the
/// product of one row with weight panels does, four registers of weights and one broadcast value at a time.
/// </summary>
internal readonly record struct LoadPattern(int Streams, bool Prefetch)
{
    /// <summary>All that are tried. The fastest counts, so that no slow probe can flatter a kernel.</summary>
    public static IReadOnlyList<LoadPattern> All { get; } =
        [new(0, false), new(0, true), new(1, false), new(1, true), new(2, false), new(2, true), new(4, false), new(4, true), new(8, false), new(8, true)];

    public override string ToString() =>
        (Streams == 0 ? "panels" : Streams == 1 ? "1 stream" : string.Create(CultureInfo.InvariantCulture, $"{Streams} streams")) + (Prefetch ? ", prefetch" : "");
}

/// <summary>The fastest pattern of a probe, bytes in 10⁹ a second.</summary>
internal readonly record struct Bandwidth(double GigabytesPerSecond, LoadPattern Pattern);

/// <summary>Loads a second from a block of some size: what the level of memory delivers that holds it.</summary>
internal sealed unsafe class LoadBandwidth(IsaLevel isa, nint bytes) : IDisposable
{
    private const int LineFloats = 16;
    private const int PrefetchLines = 32;
    private readonly AlignedBuffer _block = new(bytes / sizeof(float) + (PrefetchLines + 8) * LineFloats);
    private readonly nint _lines = bytes / (LineFloats * sizeof(float)) / 8 * 8;

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

    public void Dispose() => _block.Dispose();

    private double Time(LoadPattern pattern, int sweeps)
    {
        long start = Ticks.Now;
        float sum = isa switch
        {
            IsaLevel.Avx512 => Run512(_block.Pointer, _lines, sweeps, pattern),
            IsaLevel.Avx2 => Run256(_block.Pointer, _lines, sweeps, pattern),
            _ => RunScalar(_block.Pointer, _lines, sweeps, pattern),
        };
        double seconds = Ticks.SecondsSince(start);
        GC.KeepAlive(_block);
        return sum == 0 ? seconds : throw new InvalidOperationException("a block of zeros has another sum"); // the sum keeps the loads
    }

    private static float Run512(float* block, nint lines, int sweeps, LoadPattern pattern) => pattern.Streams == 0
        ? Panels<Avx512Lanes, Vector512<float>>(block, lines, sweeps, pattern.Prefetch ? PrefetchLines * LineFloats : 0)
        : Streams<Avx512Lanes, Vector512<float>>(block, lines, sweeps, pattern.Streams, pattern.Prefetch ? PrefetchLines * LineFloats : 0);

    private static float Run256(float* block, nint lines, int sweeps, LoadPattern pattern) => pattern.Streams == 0
        ? Panels<Avx2Lanes, Vector256<float>>(block, lines, sweeps, pattern.Prefetch ? PrefetchLines * LineFloats : 0)
        : Streams<Avx2Lanes, Vector256<float>>(block, lines, sweeps, pattern.Streams, pattern.Prefetch ? PrefetchLines * LineFloats : 0);

    private static float RunScalar(float* block, nint lines, int sweeps, LoadPattern pattern) =>
        Streams<ScalarLanes, float>(block, lines, sweeps, Math.Max(pattern.Streams, 1), 0);

    /// <summary>
    /// Eight lines a turn, from as many streams as asked for: pointer i walks through stream i mod S. Exclusive or, whose latency of one clock
    /// lets eight chains keep up with two loads a clock.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Streams<L, V>(float* block, nint lines, int sweeps, int streams, nint ahead)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        nint part = lines / streams * LineFloats, step = 8 / streams * LineFloats;
        for (int sweep = 0; sweep < sweeps; sweep++)
        {
            float* p0 = At(block, 0, streams, part), p1 = At(block, 1, streams, part), p2 = At(block, 2, streams, part), p3 = At(block, 3, streams, part);
            float* p4 = At(block, 4, streams, part), p5 = At(block, 5, streams, part), p6 = At(block, 6, streams, part), p7 = At(block, 7, streams, part);
            for (nint i = lines; i > 0; i -= 8)
            {
                c0 = Line<L, V>(c0, p0);
                c1 = Line<L, V>(c1, p1);
                c2 = Line<L, V>(c2, p2);
                c3 = Line<L, V>(c3, p3);
                c4 = Line<L, V>(c4, p4);
                c5 = Line<L, V>(c5, p5);
                c6 = Line<L, V>(c6, p6);
                c7 = Line<L, V>(c7, p7);
                if (ahead > 0)
                {
                    L.Prefetch(p0 + ahead);
                    L.Prefetch(p1 + ahead);
                    L.Prefetch(p2 + ahead);
                    L.Prefetch(p3 + ahead);
                    L.Prefetch(p4 + ahead);
                    L.Prefetch(p5 + ahead);
                    L.Prefetch(p6 + ahead);
                    L.Prefetch(p7 + ahead);
                }
                p0 += step;
                p1 += step;
                p2 += step;
                p3 += step;
                p4 += step;
                p5 += step;
                p6 += step;
                p7 += step;
            }
        }
        return Sum<L, V>(L.Xor(L.Xor(L.Xor(c0, c1), L.Xor(c2, c3)), L.Xor(L.Xor(c4, c5), L.Xor(c6, c7))));
    }

    private static float* At(float* block, int pointer, int streams, nint part) =>
        block + (pointer % streams * part) + (pointer / streams * LineFloats);

    /// <summary>Two panels of four registers side by side, each multiplied with its own broadcast value: eight chains of multiply-adds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Panels<L, V>(float* block, nint lines, int sweeps, nint ahead)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        float* values = stackalloc float[2];
        (values[0], values[1]) = (1.5f, -0.5f);
        nint half = lines / 8 * 4 * LineFloats;
        for (int sweep = 0; sweep < sweeps; sweep++)
        {
            float* p = block, q = block + half;
            for (nint i = lines; i > 0; i -= 8)
            {
                V a = L.Broadcast(values[0]), b = L.Broadcast(values[1]);
                c0 = Line<L, V>(c0, p, a);
                c1 = Line<L, V>(c1, p + 16, a);
                c2 = Line<L, V>(c2, p + 32, a);
                c3 = Line<L, V>(c3, p + 48, a);
                c4 = Line<L, V>(c4, q, b);
                c5 = Line<L, V>(c5, q + 16, b);
                c6 = Line<L, V>(c6, q + 32, b);
                c7 = Line<L, V>(c7, q + 48, b);
                if (ahead > 0)
                {
                    L.Prefetch(p + ahead);
                    L.Prefetch(p + ahead + 16);
                    L.Prefetch(p + ahead + 32);
                    L.Prefetch(p + ahead + 48);
                    L.Prefetch(q + ahead);
                    L.Prefetch(q + ahead + 16);
                    L.Prefetch(q + ahead + 32);
                    L.Prefetch(q + ahead + 48);
                }
                p += 4 * LineFloats;
                q += 4 * LineFloats;
            }
        }
        return Sum<L, V>(L.Add(L.Add(L.Add(c0, c1), L.Add(c2, c3)), L.Add(L.Add(c4, c5), L.Add(c6, c7))));
    }

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
    private static V Line<L, V>(V chain, float* line, V factor)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        chain = L.MultiplyAdd(L.Load(line), factor, chain);
        return L.Width == LineFloats ? chain : L.MultiplyAdd(L.Load(line + (LineFloats / 2)), factor, chain);
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
