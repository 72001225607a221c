using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// A step of <see cref="LstmCell"/>: TCount registers of units go together, all four gates of them, then the cell on each. What a step of a small cell
/// takes is the chain: H fused multiply-adds, a sigmoid, c, tanh, h; everything else overlaps with it.
/// </summary>
internal sealed unsafe class LstmStage<L, V, TCount>(CpuRecurrentWeights weights) : RecurrentStage(weights, L.Width)
    where L : struct, ILanes<V>
    where V : unmanaged
    where TCount : struct, ICount
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        nint inputs = Input, units = Output, depth = Depth, move = TCount.Value * L.Width, u = FirstGroup(ref move);
        // Registers of a group lie in neighbouring blocks or, if narrower than these, in one.
        nint step = L.Width == 16 ? depth * 64 : L.Width, biasStep = L.Width == 16 ? 64 : L.Width;
        for (nint groups = Registers / TCount.Value; groups > 0; groups--, u += move)
        {
            float* b = Bias + ((u & ~(nint)15) * 4) + (u & 15), w = Panels + ((u & ~(nint)15) * 4 * depth) + (u & 15), h = Hidden;
            V i0 = L.Load(b), f0 = L.Load(b + 16), g0 = L.Load(b + 32), o0 = L.Load(b + 48);
            V i1 = default, f1 = default, g1 = default, o1 = default, i2 = default, f2 = default, g2 = default, o2 = default;
            V i3 = default, f3 = default, g3 = default, o3 = default;
            if (TCount.Value > 1)
                Start(b + biasStep, out i1, out f1, out g1, out o1);
            if (TCount.Value > 2)
                Start(b + (2 * biasStep), out i2, out f2, out g2, out o2);
            if (TCount.Value > 3)
                Start(b + (3 * biasStep), out i3, out f3, out g3, out o3);
            for (nint k = 0; k < inputs; k++, w += 64)
            {
                V a = L.Broadcast(x[k]);
                AddProducts(a, w, ref i0, ref f0, ref g0, ref o0);
                if (TCount.Value > 1)
                    AddProducts(a, w + step, ref i1, ref f1, ref g1, ref o1);
                if (TCount.Value > 2)
                    AddProducts(a, w + (2 * step), ref i2, ref f2, ref g2, ref o2);
                if (TCount.Value > 3)
                    AddProducts(a, w + (3 * step), ref i3, ref f3, ref g3, ref o3);
            }
            for (nint k = 0; k < units; k++, w += 64)
            {
                V a = L.Broadcast(h[k]);
                AddProducts(a, w, ref i0, ref f0, ref g0, ref o0);
                if (TCount.Value > 1)
                    AddProducts(a, w + step, ref i1, ref f1, ref g1, ref o1);
                if (TCount.Value > 2)
                    AddProducts(a, w + (2 * step), ref i2, ref f2, ref g2, ref o2);
                if (TCount.Value > 3)
                    AddProducts(a, w + (3 * step), ref i3, ref f3, ref g3, ref o3);
            }
            float* c = Cell + u, next = Next + u, gates = Gates;
            if (TCount.Value == 1)
            {
                Finish(i0, f0, g0, o0, c, next);
                continue;
            }
            // Through memory, with one copy of the cell's code: the compiler stops inlining at 512 temporaries.
            Keep(gates, i0, f0, g0, o0);
            Keep(gates + (4 * L.Width), i1, f1, g1, o1);
            if (TCount.Value > 2)
                Keep(gates + (8 * L.Width), i2, f2, g2, o2);
            if (TCount.Value > 3)
                Keep(gates + (12 * L.Width), i3, f3, g3, o3);
            FinishAll(gates, c, next);
        }
        return Swap();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Start(float* b, out V i, out V f, out V g, out V o)
    {
        i = L.Load(b);
        f = L.Load(b + 16);
        g = L.Load(b + 32);
        o = L.Load(b + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProducts(V a, float* w, ref V i, ref V f, ref V g, ref V o)
    {
        i = L.MultiplyAdd(a, L.Load(w), i);
        f = L.MultiplyAdd(a, L.Load(w + 16), f);
        g = L.MultiplyAdd(a, L.Load(w + 32), g);
        o = L.MultiplyAdd(a, L.Load(w + 48), o);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(float* gates, V i, V f, V g, V o)
    {
        L.Store(gates, i);
        L.Store(gates + L.Width, f);
        L.Store(gates + (2 * L.Width), g);
        L.Store(gates + (3 * L.Width), o);
    }

    /// <summary>The cell on all registers of a group, two at a time: methods of their own, because the compiler stops inlining at 512 temporaries.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FinishAll(float* gates, float* c, float* next)
    {
        for (int r = 0; r < TCount.Value / 2; r++)
        {
            ActivatePair(gates + (r * 8 * L.Width));
            FinishPair(gates + (r * 8 * L.Width), c + (r * 2 * L.Width), next + (r * 2 * L.Width));
        }
        if (TCount.Value % 2 == 1)
            FinishLast(gates + ((TCount.Value - 1) * 4 * L.Width), c + ((TCount.Value - 1) * L.Width), next + ((TCount.Value - 1) * L.Width));
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FinishLast(float* gates, float* c, float* next) =>
        Finish(L.Load(gates), L.Load(gates + L.Width), L.Load(gates + (2 * L.Width)), L.Load(gates + (3 * L.Width)), c, next);

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void ActivatePair(float* gates)
    {
        float* second = gates + (4 * L.Width);
        V i0 = L.Load(gates), f0 = L.Load(gates + L.Width), g0 = L.Load(gates + (2 * L.Width)), o0 = L.Load(gates + (3 * L.Width));
        V i1 = L.Load(second), f1 = L.Load(second + L.Width), g1 = L.Load(second + (2 * L.Width)), o1 = L.Load(second + (3 * L.Width));
        V magnitude0 = VectorMath.Magnitude<L, V>(g0), magnitude1 = VectorMath.Magnitude<L, V>(g1);
        VectorMath.TanhReduce<L, V>(magnitude0, VectorMath.NormalOrZero<L, V>(magnitude0), out V gScale0, out V gRest0);
        VectorMath.TanhReduce<L, V>(magnitude1, VectorMath.NormalOrZero<L, V>(magnitude1), out V gScale1, out V gRest1);
        VectorMath.SigmoidReduce<L, V>(i0, out V iScale0, out V iRest0);
        VectorMath.SigmoidReduce<L, V>(i1, out V iScale1, out V iRest1);
        VectorMath.SigmoidReduce<L, V>(f0, out V fScale0, out V fRest0);
        VectorMath.SigmoidReduce<L, V>(f1, out V fScale1, out V fRest1);
        gRest0 = VectorMath.TanhPolynomial<L, V>(gRest0);
        gRest1 = VectorMath.TanhPolynomial<L, V>(gRest1);
        iRest0 = VectorMath.SigmoidPolynomial<L, V>(iRest0);
        iRest1 = VectorMath.SigmoidPolynomial<L, V>(iRest1);
        fRest0 = VectorMath.SigmoidPolynomial<L, V>(fRest0);
        fRest1 = VectorMath.SigmoidPolynomial<L, V>(fRest1);
        L.Store(gates + (2 * L.Width), L.Or(VectorMath.TanhResult<L, V>(gScale0, gRest0), L.Xor(g0, magnitude0)));
        L.Store(second + (2 * L.Width), L.Or(VectorMath.TanhResult<L, V>(gScale1, gRest1), L.Xor(g1, magnitude1)));
        L.Store(gates, VectorMath.SigmoidResult<L, V>(iScale0, iRest0));
        L.Store(second, VectorMath.SigmoidResult<L, V>(iScale1, iRest1));
        L.Store(gates + L.Width, VectorMath.SigmoidResult<L, V>(fScale0, fRest0));
        L.Store(second + L.Width, VectorMath.SigmoidResult<L, V>(fScale1, fRest1));
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FinishPair(float* gates, float* c, float* next)
    {
        float* second = gates + (4 * L.Width);
        V cell0 = L.MultiplyAdd(L.Load(gates + L.Width), L.Load(c), L.Multiply(L.Load(gates), L.Load(gates + (2 * L.Width))));
        V cell1 = L.MultiplyAdd(L.Load(second + L.Width), L.Load(c + L.Width), L.Multiply(L.Load(second), L.Load(second + (2 * L.Width))));
        V magnitude0 = VectorMath.Magnitude<L, V>(cell0), magnitude1 = VectorMath.Magnitude<L, V>(cell1);
        VectorMath.TanhReduce<L, V>(magnitude0, magnitude0, out V scale0, out V rest0);
        VectorMath.TanhReduce<L, V>(magnitude1, magnitude1, out V scale1, out V rest1);
        VectorMath.SigmoidReduce<L, V>(L.Load(gates + (3 * L.Width)), out V oScale0, out V o0);
        VectorMath.SigmoidReduce<L, V>(L.Load(second + (3 * L.Width)), out V oScale1, out V o1);
        rest0 = VectorMath.TanhPolynomial<L, V>(rest0);
        rest1 = VectorMath.TanhPolynomial<L, V>(rest1);
        o0 = VectorMath.SigmoidResult<L, V>(oScale0, VectorMath.SigmoidPolynomial<L, V>(o0));
        o1 = VectorMath.SigmoidResult<L, V>(oScale1, VectorMath.SigmoidPolynomial<L, V>(o1));
        rest0 = L.Or(VectorMath.TanhResult<L, V>(scale0, rest0), L.Xor(cell0, magnitude0));
        rest1 = L.Or(VectorMath.TanhResult<L, V>(scale1, rest1), L.Xor(cell1, magnitude1));
        LstmCell.StoreFlushed<L, V>(next, L.Multiply(o0, rest0));
        LstmCell.StoreFlushed<L, V>(next + L.Width, L.Multiply(o1, rest1));
        L.Store(c, LstmCell.Flush<L, V>(cell0));
        L.Store(c + L.Width, LstmCell.Flush<L, V>(cell1));
    }

    /// <summary>
    /// <see cref="LstmCell.Forward{L,V}"/> with its four functions side by side. h does not wait for c's flush: of |c| &lt; 2⁻¹⁰⁰ tanh is c itself, and o·c
    /// is flushed to the +0 that o·tanh(0) is.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(V i, V f, V g, V o, float* c, float* next)
    {
        V magnitude = VectorMath.Magnitude<L, V>(g);
        VectorMath.SigmoidReduce<L, V>(i, out V iScale, out V iRest);
        VectorMath.SigmoidReduce<L, V>(f, out V fScale, out V fRest);
        VectorMath.TanhReduce<L, V>(magnitude, VectorMath.NormalOrZero<L, V>(magnitude), out V gScale, out V gRest);
        VectorMath.SigmoidReduce<L, V>(o, out V oScale, out o);
        iRest = VectorMath.SigmoidPolynomial<L, V>(iRest);
        fRest = VectorMath.SigmoidPolynomial<L, V>(fRest);
        gRest = VectorMath.TanhPolynomial<L, V>(gRest);
        i = VectorMath.SigmoidResult<L, V>(iScale, iRest);
        gRest = VectorMath.TanhResult<L, V>(gScale, gRest);
        f = VectorMath.SigmoidResult<L, V>(fScale, fRest);
        g = L.Or(gRest, L.Xor(g, magnitude));
        o = VectorMath.SigmoidResult<L, V>(oScale, VectorMath.SigmoidPolynomial<L, V>(o));
        V cell = L.MultiplyAdd(f, L.Load(c), L.Multiply(i, g));
        LstmCell.StoreFlushed<L, V>(next, L.Multiply(o, VectorMath.TanhOfAny<L, V>(cell)));
        L.Store(c, LstmCell.Flush<L, V>(cell));
    }
}
