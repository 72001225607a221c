using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// The functions of <see cref="LstmCell"/> on two registers of units side by side, of L and then of M, their gates in memory as [register][gate][unit].
/// Two registers, because one leaves half of the arithmetic units idle; methods of their own, because the compiler stops inlining at 512 temporaries.
/// Both methods in one, without gates stored between them, spill: as fast for 20 and 32 units, a twentieth slower for 40.
/// </summary>
internal static unsafe class LstmPair<L, V, M, W>
    where L : struct, ILanes<V>
    where V : unmanaged
    where M : struct, ILanes<W>
    where W : unmanaged
{
    /// <summary>i, f and g in place of their pre-activations.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Activate(float* gates)
    {
        float* second = gates + (4 * L.Width);
        V i0 = L.Load(gates), f0 = L.Load(gates + L.Width), g0 = L.Load(gates + (2 * L.Width));
        W i1 = M.Load(second), f1 = M.Load(second + M.Width), g1 = M.Load(second + (2 * M.Width));
        V magnitude0 = VectorMath.Magnitude<L, V>(g0);
        W magnitude1 = VectorMath.Magnitude<M, W>(g1);
        VectorMath.TanhReduce<L, V>(magnitude0, VectorMath.NormalOrZero<L, V>(magnitude0), out V gSpan0, out V gRest0);
        VectorMath.TanhReduce<M, W>(magnitude1, VectorMath.NormalOrZero<M, W>(magnitude1), out W gSpan1, out W gRest1);
        VectorMath.SigmoidReduce<L, V>(i0, out V iScale0, out V iRest0);
        VectorMath.SigmoidReduce<M, W>(i1, out W iScale1, out W iRest1);
        VectorMath.SigmoidReduce<L, V>(f0, out V fScale0, out V fRest0);
        VectorMath.SigmoidReduce<M, W>(f1, out W fScale1, out W fRest1);
        gRest0 = VectorMath.TanhPolynomial<L, V>(gSpan0, gRest0);
        gRest1 = VectorMath.TanhPolynomial<M, W>(gSpan1, gRest1);
        iRest0 = VectorMath.SigmoidPolynomial<L, V>(iRest0);
        iRest1 = VectorMath.SigmoidPolynomial<M, W>(iRest1);
        fRest0 = VectorMath.SigmoidPolynomial<L, V>(fRest0);
        fRest1 = VectorMath.SigmoidPolynomial<M, W>(fRest1);
        L.Store(gates + (2 * L.Width), L.Or(gRest0, L.Xor(g0, magnitude0)));
        M.Store(second + (2 * M.Width), M.Or(gRest1, M.Xor(g1, magnitude1)));
        L.Store(gates, VectorMath.SigmoidResult<L, V>(iScale0, iRest0));
        M.Store(second, VectorMath.SigmoidResult<M, W>(iScale1, iRest1));
        L.Store(gates + L.Width, VectorMath.SigmoidResult<L, V>(fScale0, fRest0));
        M.Store(second + M.Width, VectorMath.SigmoidResult<M, W>(fScale1, fRest1));
    }

    /// <summary>c and h after <see cref="Activate"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Finish(float* gates, float* c, float* next)
    {
        float* second = gates + (4 * L.Width);
        V cell0 = L.MultiplyAdd(L.Load(gates + L.Width), L.Load(c), L.Multiply(L.Load(gates), L.Load(gates + (2 * L.Width))));
        W cell1 = M.MultiplyAdd(M.Load(second + M.Width), M.Load(c + L.Width), M.Multiply(M.Load(second), M.Load(second + (2 * M.Width))));
        V magnitude0 = VectorMath.Magnitude<L, V>(cell0);
        W magnitude1 = VectorMath.Magnitude<M, W>(cell1);
        VectorMath.TanhReduce<L, V>(magnitude0, magnitude0, out V span0, out V rest0);
        VectorMath.TanhReduce<M, W>(magnitude1, magnitude1, out W span1, out W rest1);
        VectorMath.SigmoidReduce<L, V>(L.Load(gates + (3 * L.Width)), out V oScale0, out V o0);
        VectorMath.SigmoidReduce<M, W>(M.Load(second + (3 * M.Width)), out W oScale1, out W o1);
        rest0 = VectorMath.TanhPolynomial<L, V>(span0, rest0);
        rest1 = VectorMath.TanhPolynomial<M, W>(span1, rest1);
        o0 = VectorMath.SigmoidResult<L, V>(oScale0, VectorMath.SigmoidPolynomial<L, V>(o0));
        o1 = VectorMath.SigmoidResult<M, W>(oScale1, VectorMath.SigmoidPolynomial<M, W>(o1));
        rest0 = L.Or(rest0, L.Xor(cell0, magnitude0));
        rest1 = M.Or(rest1, M.Xor(cell1, magnitude1));
        LstmCell.StoreFlushed<L, V>(next, L.Multiply(o0, rest0));
        LstmCell.StoreFlushed<M, W>(next + L.Width, M.Multiply(o1, rest1));
        L.Store(c, LstmCell.Flush<L, V>(cell0));
        M.Store(c + L.Width, LstmCell.Flush<M, W>(cell1));
    }
}

/// <summary>The functions of <see cref="LstmCell"/> on one register of units.</summary>
internal static unsafe class LstmSingle<L, V>
    where L : struct, ILanes<V>
    where V : unmanaged
{
    /// <summary>With the gates in memory, [gate][unit].</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Finish(float* gates, float* c, float* next) =>
        Finish(L.Load(gates), L.Load(gates + L.Width), L.Load(gates + (2 * L.Width)), L.Load(gates + (3 * L.Width)), c, next);

    /// <summary>
    /// <see cref="LstmCell.Forward{L,V}"/> with its four functions side by side. h does not wait for c's flush: of |c| &lt; 2⁻¹⁰⁰ tanh is c itself, and o·c
    /// is flushed to the +0 that o·tanh(0) is.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish(V i, V f, V g, V o, float* c, float* next)
    {
        V magnitude = VectorMath.Magnitude<L, V>(g);
        VectorMath.SigmoidReduce<L, V>(i, out V iScale, out V iRest);
        VectorMath.SigmoidReduce<L, V>(f, out V fScale, out V fRest);
        VectorMath.TanhReduce<L, V>(magnitude, VectorMath.NormalOrZero<L, V>(magnitude), out V gSpan, out V gRest);
        VectorMath.SigmoidReduce<L, V>(o, out V oScale, out o);
        iRest = VectorMath.SigmoidPolynomial<L, V>(iRest);
        fRest = VectorMath.SigmoidPolynomial<L, V>(fRest);
        gRest = VectorMath.TanhPolynomial<L, V>(gSpan, gRest);
        i = VectorMath.SigmoidResult<L, V>(iScale, iRest);
        f = VectorMath.SigmoidResult<L, V>(fScale, fRest);
        g = L.Or(gRest, L.Xor(g, magnitude));
        o = VectorMath.SigmoidResult<L, V>(oScale, VectorMath.SigmoidPolynomial<L, V>(o));
        V cell = L.MultiplyAdd(f, L.Load(c), L.Multiply(i, g));
        LstmCell.StoreFlushed<L, V>(next, L.Multiply(o, VectorMath.TanhOfAny<L, V>(cell)));
        L.Store(c, LstmCell.Flush<L, V>(cell));
    }
}
