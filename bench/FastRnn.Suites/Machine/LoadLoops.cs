using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>Loops that read a block of zeros in patterns; their sums keep the loads.</summary>
internal static unsafe class LoadLoops
{
    /// <summary>Floats of a cache line.</summary>
    public const int LineFloats = 16;

    /// <summary>Lines that prefetches are ahead; a block has room for them.</summary>
    public const int PrefetchLines = 32;

    /// <summary>Lines of a turn of the loops, and the fewest of a part.</summary>
    public const int TurnLines = 16;

    public static float Run<L, V>(LoadPattern pattern, float* part, nint lines, int sweeps)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        bool turns = pattern.ToAndFro && pattern.Parts == 1;
        nint ahead = pattern.Prefetch ? PrefetchLines * LineFloats : 0;
        if (pattern.Loop == LoadLoop.Pairs)
            return Pairs<L, V>(part, lines, sweeps);
        return pattern.Loop == LoadLoop.Panels && L.Width > 1
            ? Panels<L, V>(part, lines, sweeps, turns, ahead)
            : Streams<L, V>(part, lines, sweeps, turns, Math.Max(1, pattern.Streams), ahead);
    }

    /// <summary>
    /// Sixteen lines a turn, from as many streams as asked for: pointer i walks through stream i mod S. Exclusive or, whose latency of one clock
    /// lets eight chains keep up with two loads a clock.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Streams<L, V>(float* block, nint lines, int sweeps, bool turns, int streams, nint ahead)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        nint part = lines / streams * LineFloats, step = 8 / streams * LineFloats;
        for (int sweep = 0; sweep < sweeps; sweep++)
        {
            bool back = turns && (sweep & 1) == 1;
            float* start = back ? block + (((lines / 8) - 1) * step) : block;
            nint next = back ? -step : step, far = back ? -ahead : ahead;
            float* p0 = At(start, 0, streams, part), p1 = At(start, 1, streams, part);
            float* p2 = At(start, 2, streams, part), p3 = At(start, 3, streams, part);
            float* p4 = At(start, 4, streams, part), p5 = At(start, 5, streams, part);
            float* p6 = At(start, 6, streams, part), p7 = At(start, 7, streams, part);
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
                if (far != 0)
                {
                    L.Prefetch(p0 + far);
                    L.Prefetch(p0 + far + next);
                    L.Prefetch(p1 + far);
                    L.Prefetch(p1 + far + next);
                    L.Prefetch(p2 + far);
                    L.Prefetch(p2 + far + next);
                    L.Prefetch(p3 + far);
                    L.Prefetch(p3 + far + next);
                    L.Prefetch(p4 + far);
                    L.Prefetch(p4 + far + next);
                    L.Prefetch(p5 + far);
                    L.Prefetch(p5 + far + next);
                    L.Prefetch(p6 + far);
                    L.Prefetch(p6 + far + next);
                    L.Prefetch(p7 + far);
                    L.Prefetch(p7 + far + next);
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

    /// <summary>
    /// Two loads for one multiply-add, from one pointer. Where L1 answers two loads a clock, loops with an operation for each of them do not show it: 82 bytes a
    /// clock with exclusive or, 105 this way; 118 in machine code that does nothing with what it loads.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Pairs<L, V>(float* block, nint lines, int sweeps)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        for (float* end = block + (lines * LineFloats); sweeps > 0; sweeps--)
        {
            for (float* p = block; p < end; p += 16 * L.Width)
            {
                c0 = L.MultiplyAdd(L.Load(p), L.Load(p + L.Width), c0);
                c1 = L.MultiplyAdd(L.Load(p + (2 * L.Width)), L.Load(p + (3 * L.Width)), c1);
                c2 = L.MultiplyAdd(L.Load(p + (4 * L.Width)), L.Load(p + (5 * L.Width)), c2);
                c3 = L.MultiplyAdd(L.Load(p + (6 * L.Width)), L.Load(p + (7 * L.Width)), c3);
                c4 = L.MultiplyAdd(L.Load(p + (8 * L.Width)), L.Load(p + (9 * L.Width)), c4);
                c5 = L.MultiplyAdd(L.Load(p + (10 * L.Width)), L.Load(p + (11 * L.Width)), c5);
                c6 = L.MultiplyAdd(L.Load(p + (12 * L.Width)), L.Load(p + (13 * L.Width)), c6);
                c7 = L.MultiplyAdd(L.Load(p + (14 * L.Width)), L.Load(p + (15 * L.Width)), c7);
            }
        }
        return Sum<L, V>(L.Add(L.Add(L.Add(c0, c1), L.Add(c2, c3)), L.Add(L.Add(c4, c5), L.Add(c6, c7))));
    }

    private static float* At(float* block, int pointer, int streams, nint part) =>
        block + (pointer % streams * part) + (pointer / streams * LineFloats);

    /// <summary>Two panels of four registers side by side, each multiplied with its own broadcast values: eight chains of multiply-adds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Panels<L, V>(float* block, nint lines, int sweeps, bool turns, nint ahead)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        float* values = stackalloc float[2];
        (values[0], values[1]) = (1.5f, -0.5f);
        nint half = lines / 2 * LineFloats;
        for (int sweep = 0; sweep < sweeps; sweep++)
        {
            bool back = turns && (sweep & 1) == 1;
            float* p = back ? block + half - (8 * LineFloats) : block, q = p + half;
            nint next = (back ? -8 : 8) * LineFloats, far = back ? -ahead : ahead;
            for (nint i = lines; i > 0; i -= TurnLines)
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
                c0 = Line<L, V>(c0, p + 64, b);
                c1 = Line<L, V>(c1, p + 80, b);
                c2 = Line<L, V>(c2, p + 96, b);
                c3 = Line<L, V>(c3, p + 112, b);
                c4 = Line<L, V>(c4, q + 64, a);
                c5 = Line<L, V>(c5, q + 80, a);
                c6 = Line<L, V>(c6, q + 96, a);
                c7 = Line<L, V>(c7, q + 112, a);
                if (far != 0)
                {
                    for (nint line = 0; line < 8 * LineFloats; line += LineFloats)
                    {
                        L.Prefetch(p + far + line);
                        L.Prefetch(q + far + line);
                    }
                }
                p += next;
                q += next;
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
