using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// A step of <see cref="GruCell"/>: TCount registers of units go together, gates n, r, z of them with the candidate's recurrent chain apart, then the cell.
/// </summary>
internal sealed unsafe class GruStage<L, V, TCount>(CpuRecurrentWeights weights) : RecurrentStage(weights, L.Width)
    where L : struct, ILanes<V>
    where V : unmanaged
    where TCount : unmanaged, ICount
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        nint inputs = Input, units = Output, depth = Depth, move = sizeof(TCount) * L.Width, u = FirstGroup(ref move);
        // Registers of a group lie in neighbouring blocks or, if narrower than these, in one.
        nint step = L.Width == 16 ? depth * 48 : L.Width, biasStep = L.Width == 16 ? 64 : L.Width;
        for (nint groups = Registers / sizeof(TCount); groups > 0; groups--, u += move)
        {
            float* b = Bias + ((u & ~(nint)15) * 4) + (u & 15), w = Panels + ((u & ~(nint)15) * 3 * depth) + (u & 15), h = Hidden;
            Start(b, out V n0, out V r0, out V z0, out V m0);
            V n1 = default, r1 = default, z1 = default, m1 = default, n2 = default, r2 = default, z2 = default, m2 = default;
            V n3 = default, r3 = default, z3 = default, m3 = default;
            if (sizeof(TCount) > 1)
                Start(b + biasStep, out n1, out r1, out z1, out m1);
            if (sizeof(TCount) > 2)
                Start(b + (2 * biasStep), out n2, out r2, out z2, out m2);
            if (sizeof(TCount) > 3)
                Start(b + (3 * biasStep), out n3, out r3, out z3, out m3);
            for (nint k = 0; k < inputs; k++, w += 48)
            {
                V a = L.Broadcast(x[k]);
                AddProducts(a, w, ref n0, ref r0, ref z0);
                if (sizeof(TCount) > 1)
                    AddProducts(a, w + step, ref n1, ref r1, ref z1);
                if (sizeof(TCount) > 2)
                    AddProducts(a, w + (2 * step), ref n2, ref r2, ref z2);
                if (sizeof(TCount) > 3)
                    AddProducts(a, w + (3 * step), ref n3, ref r3, ref z3);
            }
            for (nint k = 0; k < units; k++, w += 48)
            {
                V a = L.Broadcast(h[k]);
                AddProducts(a, w, ref m0, ref r0, ref z0);
                if (sizeof(TCount) > 1)
                    AddProducts(a, w + step, ref m1, ref r1, ref z1);
                if (sizeof(TCount) > 2)
                    AddProducts(a, w + (2 * step), ref m2, ref r2, ref z2);
                if (sizeof(TCount) > 3)
                    AddProducts(a, w + (3 * step), ref m3, ref r3, ref z3);
            }
            float* previous = Hidden + u, next = Next + u, gates = Gates;
            if (sizeof(TCount) == 1)
            {
                Finish(n0, r0, z0, m0, previous, next);
                continue;
            }
            Keep(gates, n0, r0, z0, m0);
            Keep(gates + (4 * L.Width), n1, r1, z1, m1);
            if (sizeof(TCount) > 2)
                Keep(gates + (8 * L.Width), n2, r2, z2, m2);
            if (sizeof(TCount) > 3)
                Keep(gates + (12 * L.Width), n3, r3, z3, m3);
            FinishPair(gates, previous, next);
            if (sizeof(TCount) > 2)
                FinishRest(gates + (8 * L.Width), previous + (2 * L.Width), next + (2 * L.Width));
        }
        return Swap();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Start(float* b, out V n, out V r, out V z, out V candidate)
    {
        n = L.Load(b);
        r = L.Load(b + 16);
        z = L.Load(b + 32);
        candidate = L.Load(b + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProducts(V a, float* w, ref V n, ref V r, ref V z)
    {
        n = L.MultiplyAdd(a, L.Load(w), n);
        r = L.MultiplyAdd(a, L.Load(w + 16), r);
        z = L.MultiplyAdd(a, L.Load(w + 32), z);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(float* gates, V n, V r, V z, V candidate)
    {
        L.Store(gates, n);
        L.Store(gates + L.Width, r);
        L.Store(gates + (2 * L.Width), z);
        L.Store(gates + (3 * L.Width), candidate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FinishRest(float* gates, float* previous, float* next)
    {
        if (sizeof(TCount) == 3)
            FinishLast(gates, previous, next);
        else
            FinishPair(gates, previous, next);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FinishLast(float* gates, float* previous, float* next) =>
        Finish(L.Load(gates), L.Load(gates + L.Width), L.Load(gates + (2 * L.Width)), L.Load(gates + (3 * L.Width)), previous, next);

    /// <summary>Two registers side by side; a method of its own, because the compiler stops inlining at 512 temporaries.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FinishPair(float* gates, float* previous, float* next)
    {
        float* second = gates + (4 * L.Width);
        V r0 = L.Load(gates + L.Width), r1 = L.Load(second + L.Width), z0 = L.Load(gates + (2 * L.Width)), z1 = L.Load(second + (2 * L.Width));
        VectorMath.SigmoidReduce<L, V>(r0, out V rScale0, out V rRest0);
        VectorMath.SigmoidReduce<L, V>(r1, out V rScale1, out V rRest1);
        VectorMath.SigmoidReduce<L, V>(z0, out V zScale0, out V zRest0);
        VectorMath.SigmoidReduce<L, V>(z1, out V zScale1, out V zRest1);
        rRest0 = VectorMath.SigmoidPolynomial<L, V>(rRest0);
        rRest1 = VectorMath.SigmoidPolynomial<L, V>(rRest1);
        r0 = VectorMath.SigmoidResult<L, V>(rScale0, rRest0);
        r1 = VectorMath.SigmoidResult<L, V>(rScale1, rRest1);
        zRest0 = VectorMath.SigmoidPolynomial<L, V>(zRest0);
        zRest1 = VectorMath.SigmoidPolynomial<L, V>(zRest1);
        z0 = VectorMath.SigmoidResult<L, V>(zScale0, zRest0);
        z1 = VectorMath.SigmoidResult<L, V>(zScale1, zRest1);
        V n0 = L.MultiplyAdd(r0, L.Load(gates + (3 * L.Width)), L.Load(gates)), n1 = L.MultiplyAdd(r1, L.Load(second + (3 * L.Width)), L.Load(second));
        V magnitude0 = VectorMath.Magnitude<L, V>(n0), magnitude1 = VectorMath.Magnitude<L, V>(n1);
        VectorMath.TanhReduce<L, V>(magnitude0, VectorMath.NormalOrZero<L, V>(magnitude0), out V nSpan0, out V nRest0);
        VectorMath.TanhReduce<L, V>(magnitude1, VectorMath.NormalOrZero<L, V>(magnitude1), out V nSpan1, out V nRest1);
        nRest0 = VectorMath.TanhPolynomial<L, V>(nSpan0, nRest0);
        nRest1 = VectorMath.TanhPolynomial<L, V>(nSpan1, nRest1);
        n0 = L.Or(nRest0, L.Xor(n0, magnitude0));
        n1 = L.Or(nRest1, L.Xor(n1, magnitude1));
        LstmCell.StoreFlushed<L, V>(next, L.MultiplyAdd(z0, L.Subtract(L.Load(previous), n0), n0));
        LstmCell.StoreFlushed<L, V>(next + L.Width, L.MultiplyAdd(z1, L.Subtract(L.Load(previous + L.Width), n1), n1));
    }

    /// <summary><see cref="GruCell.Forward{L,V,TGate,TCandidate}"/> with both gates side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(V n, V r, V z, V candidate, float* previous, float* next)
    {
        VectorMath.SigmoidReduce<L, V>(r, out V rScale, out r);
        VectorMath.SigmoidReduce<L, V>(z, out V zScale, out z);
        r = VectorMath.SigmoidResult<L, V>(rScale, VectorMath.SigmoidPolynomial<L, V>(r));
        z = VectorMath.SigmoidResult<L, V>(zScale, VectorMath.SigmoidPolynomial<L, V>(z));
        n = VectorMath.Tanh<L, V>(L.MultiplyAdd(r, candidate, n));
        LstmCell.StoreFlushed<L, V>(next, L.MultiplyAdd(z, L.Subtract(L.Load(previous), n), n));
    }
}
