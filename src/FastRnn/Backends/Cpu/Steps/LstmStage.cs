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
        Refresh();
        nint inputs = Input, units = Output, depth = Depth, end = Registers * L.Width;
        // Registers of a group lie in neighbouring blocks or, if narrower than these, in one.
        nint step = L.Width == 16 ? depth * 64 : L.Width, biasStep = L.Width == 16 ? 64 : L.Width;
        for (nint u = 0; u < end; u += TCount.Value * L.Width)
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

    /// <summary>A method of its own, because the compiler stops inlining at 512 temporaries.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FinishAll(float* gates, float* c, float* next)
    {
        for (int r = 0; r < TCount.Value; r++, gates += 4 * L.Width, c += L.Width, next += L.Width)
            Finish(L.Load(gates), L.Load(gates + L.Width), L.Load(gates + (2 * L.Width)), L.Load(gates + (3 * L.Width)), c, next);
    }

    /// <summary><see cref="LstmCell.Forward{L,V}"/> with its four functions side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(V i, V f, V g, V o, float* c, float* next)
    {
        V magnitude = L.And(g, L.Broadcast(BitConverter.Int32BitsToSingle(0x7FFFFFFF)));
        V small = L.SelectLess(magnitude, L.Broadcast(VectorMath.SmallestNormal), L.Broadcast(0f), magnitude);
        VectorMath.SigmoidReduce<L, V>(i, out V iScale, out i);
        VectorMath.SigmoidReduce<L, V>(f, out V fScale, out f);
        VectorMath.TanhReduce<L, V>(magnitude, small, out V gScale, out V gRest);
        VectorMath.SigmoidReduce<L, V>(o, out V oScale, out o);
        i = VectorMath.SigmoidPolynomial<L, V>(i);
        f = VectorMath.SigmoidPolynomial<L, V>(f);
        gRest = VectorMath.TanhPolynomial<L, V>(gRest);
        i = VectorMath.SigmoidResult<L, V>(iScale, i);
        gRest = VectorMath.TanhResult<L, V>(gScale, gRest);
        f = VectorMath.SigmoidResult<L, V>(fScale, f);
        g = L.Or(gRest, L.Xor(g, magnitude));
        o = VectorMath.SigmoidResult<L, V>(oScale, VectorMath.SigmoidPolynomial<L, V>(o));
        V cell = L.MultiplyAdd(f, L.Load(c), L.Multiply(i, g));
        L.Store(next, LstmCell.Flush<L, V>(L.Multiply(o, VectorMath.TanhOfAny<L, V>(cell))));
        L.Store(c, LstmCell.Flush<L, V>(cell));
    }
}
