using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// A step of <see cref="LstmCell"/>: TCount registers of units go together, all four gates of them, then the cell on each. What a step of a small cell
/// takes is the chain: H fused multiply-adds, a sigmoid, c, tanh, h; everything else overlaps with it. If registers of H are narrower than those of L,
/// one of them follows the others for the last units, two of its gates in one register of L: 20 units take 6 multiply-adds a k instead of 8.
/// <code>
/// panels [group][k = input, then unit][register][gate][unit]      biases likewise without k; of the narrow register [i|f], [g|o]
/// </code>
/// Measured bounds of a k: 4 clocks of the chain, or 0.7 for each multiply-add that loads a whole 512-bit register (0.5 without the loads), so that 32 units take
/// 5.6 and 40 take 7.2. Rejected: finishing one register while the products of the next run; the functions wait in the scheduler and leave no room for
/// them, 554 clocks a step instead of 341 for 32 units. AVX2's registers for 16 units: 222 clocks instead of 211.
/// </summary>
internal sealed unsafe class LstmStage<L, V, H, W, TCount>(CpuRecurrentWeights weights) : RecurrentStage(weights, L.Width)
    where L : struct, ILanes<V>
    where V : unmanaged
    where H : struct, ILanes<W>
    where W : unmanaged
    where TCount : unmanaged, ICount
{
    /// <summary>Floats of all gates of a register.</summary>
    private static nint Room => 4 * L.Width;

    /// <summary>Floats of a group's row of a panel.</summary>
    private static nint Row => (sizeof(TCount) * Room) + (HasNarrow ? 4 * H.Width : 0);

    private static bool HasNarrow => H.Width < L.Width;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        // Constants in locals, and helpers take them: the compiler stops inlining at 512 temporaries, and each use of a property is one.
        nint width = L.Width, room = 4 * width, count = sizeof(TCount), narrow = H.Width < width ? count * room : 0, row = (count * room) + (narrow > 0 ? 2 * width : 0);
        nint inputs = Input, units = Output, move = count * width, groups = 1, u = 0;
        if (H.Width == L.Width)
            (groups, u) = (Registers / count, FirstGroup(ref move));
        for (; groups > 0; groups--, u += move)
        {
            float* b = Bias + (u * 4), w = Panels + (u * 4 * Depth), h = Hidden;
            V i0 = L.Load(b), f0 = L.Load(b + width), g0 = L.Load(b + (2 * width)), o0 = L.Load(b + (3 * width));
            V i1 = default, f1 = default, g1 = default, o1 = default, i2 = default, f2 = default, g2 = default, o2 = default;
            V i3 = default, f3 = default, g3 = default, o3 = default, inputForget = default, candidateOutput = default;
            if (sizeof(TCount) > 1)
                Start(width, b + room, out i1, out f1, out g1, out o1);
            if (sizeof(TCount) > 2)
                Start(width, b + (2 * room), out i2, out f2, out g2, out o2);
            if (sizeof(TCount) > 3)
                Start(width, b + (3 * room), out i3, out f3, out g3, out o3);
            if (H.Width < L.Width)
                (inputForget, candidateOutput) = (L.Load(b + narrow), L.Load(b + narrow + width));
            for (nint k = 0; k < inputs; k++, w += row)
            {
                V a = L.Broadcast(x[k]);
                AddProducts(a, width, w, ref i0, ref f0, ref g0, ref o0);
                if (sizeof(TCount) > 1)
                    AddProducts(a, width, w + room, ref i1, ref f1, ref g1, ref o1);
                if (sizeof(TCount) > 2)
                    AddProducts(a, width, w + (2 * room), ref i2, ref f2, ref g2, ref o2);
                if (sizeof(TCount) > 3)
                    AddProducts(a, width, w + (3 * room), ref i3, ref f3, ref g3, ref o3);
                if (H.Width == L.Width)
                    continue;
                inputForget = L.MultiplyAdd(a, L.Load(w + narrow), inputForget);
                candidateOutput = L.MultiplyAdd(a, L.Load(w + narrow + width), candidateOutput);
            }
            for (nint k = 0; k < units; k++, w += row)
            {
                V a = L.Broadcast(h[k]);
                AddProducts(a, width, w, ref i0, ref f0, ref g0, ref o0);
                if (sizeof(TCount) > 1)
                    AddProducts(a, width, w + room, ref i1, ref f1, ref g1, ref o1);
                if (sizeof(TCount) > 2)
                    AddProducts(a, width, w + (2 * room), ref i2, ref f2, ref g2, ref o2);
                if (sizeof(TCount) > 3)
                    AddProducts(a, width, w + (3 * room), ref i3, ref f3, ref g3, ref o3);
                if (H.Width == L.Width)
                    continue;
                inputForget = L.MultiplyAdd(a, L.Load(w + narrow), inputForget);
                candidateOutput = L.MultiplyAdd(a, L.Load(w + narrow + width), candidateOutput);
            }
            float* c = Cell + u, next = Next + u, gates = Gates;
            if (sizeof(TCount) == 1 && H.Width == L.Width)
            {
                LstmSingle<L, V>.Finish(i0, f0, g0, o0, c, next);
                continue;
            }
            // Through memory, with one copy of the cell's code: the compiler stops inlining at 512 temporaries.
            Keep(width, gates, i0, f0, g0, o0);
            if (sizeof(TCount) > 1)
                Keep(width, gates + room, i1, f1, g1, o1);
            if (sizeof(TCount) > 2)
                Keep(width, gates + (2 * room), i2, f2, g2, o2);
            if (sizeof(TCount) > 3)
                Keep(width, gates + (3 * room), i3, f3, g3, o3);
            if (H.Width < L.Width)
            {
                L.Store(gates + narrow, inputForget);
                L.Store(gates + narrow + width, candidateOutput);
            }
            FinishAll(gates, c, next);
        }
        return Swap();
    }

    protected override void PackPanels(CpuBuffer w, CpuBuffer r)
    {
        int[] gates = GatesInOrder;
        for (nint unit = 0; unit < Output; unit++)
        {
            for (int g = 0; g < 4; g++)
            {
                nint source = (gates[g] * Output) + unit;
                float* to = Panels + At(unit, g, Depth), fromInput = w.Pointer + (source * w.Stride), fromState = r.Pointer + (source * r.Stride);
                for (nint k = 0; k < Input; k++, to += Row)
                    *to = fromInput[k];
                for (nint k = 0; k < Output; k++, to += Row)
                    *to = fromState[k];
            }
        }
    }

    protected override nint BiasAt(nint strip, nint unit) => At(unit, strip, 1);

    /// <summary>Where a unit's first k of a gate stands, with so many of them.</summary>
    private static nint At(nint unit, nint gate, nint depth)
    {
        nint wide = sizeof(TCount) * L.Width;
        if (HasNarrow && unit >= wide)
            return (sizeof(TCount) * Room) + ((unit - wide) / H.Width * 4 * H.Width) + (gate * H.Width) + (unit % H.Width);
        nint group = unit / wide, inGroup = unit % wide;
        return (group * depth * Row) + (inGroup / L.Width * Room) + (gate * L.Width) + (unit % L.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Start(nint width, float* b, out V i, out V f, out V g, out V o)
    {
        i = L.Load(b);
        f = L.Load(b + width);
        g = L.Load(b + (2 * width));
        o = L.Load(b + (3 * width));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProducts(V a, nint width, float* w, ref V i, ref V f, ref V g, ref V o)
    {
        i = L.MultiplyAdd(a, L.Load(w), i);
        f = L.MultiplyAdd(a, L.Load(w + width), f);
        g = L.MultiplyAdd(a, L.Load(w + (2 * width)), g);
        o = L.MultiplyAdd(a, L.Load(w + (3 * width)), o);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(nint width, float* gates, V i, V f, V g, V o)
    {
        L.Store(gates, i);
        L.Store(gates + width, f);
        L.Store(gates + (2 * width), g);
        L.Store(gates + (3 * width), o);
    }

    /// <summary>The cell on all registers of a group, two at a time, the narrow one with the last of an odd number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FinishAll(float* gates, float* c, float* next)
    {
        for (int r = 0; r < sizeof(TCount) / 2; r++, gates += 2 * Room, c += 2 * L.Width, next += 2 * L.Width)
        {
            LstmPair<L, V, L, V>.Activate(gates);
            LstmPair<L, V, L, V>.Finish(gates, c, next);
        }
        if (sizeof(TCount) % 2 == 1 && H.Width < L.Width)
        {
            LstmPair<L, V, H, W>.Activate(gates);
            LstmPair<L, V, H, W>.Finish(gates, c, next);
        }
        else if (sizeof(TCount) % 2 == 1)
        {
            LstmSingle<L, V>.Finish(gates, c, next);
        }
        else if (H.Width < L.Width)
        {
            LstmSingle<H, W>.Finish(gates, c, next);
        }
    }
}
