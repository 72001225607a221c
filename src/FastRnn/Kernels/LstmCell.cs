using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// The LSTM cell (Hochreiter, Schmidhuber 1997; forget gate: Gers, Schmidhuber, Cummins 2000), point-wise part, after the products:
/// <code>
/// i = σ(a_i)  f = σ(a_f)  g = tanh(a_g)  o = σ(a_o)      c_t = f·c_{t−1} + i·g      h_t = o·tanh(c_t)
/// </code>
/// Stored |h|, |c|, dh, dc below 2⁻¹⁰⁰ become +0, so that a decayed state never turns subnormal.
/// Each gate carries the error bound of <see cref="VectorMath"/>; c and h add one rounding an operation.
/// </summary>
internal static unsafe class LstmCell
{
    /// <summary>2⁻¹⁰⁰: states and state gradients below it are stored as +0.</summary>
    public const float FlushLimit = 7.888609e-31f;

    /// <summary>One unit vector forward. Rows have it in two passes, and steps of one sample with its functions side by side: the same operations.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Forward<L, V>(ref V i, ref V f, ref V g, ref V o, V previousCell, out V cell, out V hidden)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        cell = NextCell<L, V>(ref i, ref f, ref g, previousCell);
        hidden = NextHidden<L, V>(ref o, cell);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V NextCell<L, V>(ref V i, ref V f, ref V g, V previousCell)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        i = VectorMath.Sigmoid<L, V>(i);
        f = VectorMath.Sigmoid<L, V>(f);
        g = VectorMath.Tanh<L, V>(g);
        return Flush<L, V>(L.MultiplyAdd(f, previousCell, L.Multiply(i, g)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V NextHidden<L, V>(ref V o, V cell)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        o = VectorMath.Sigmoid<L, V>(o);
        return Flush<L, V>(L.Multiply(o, VectorMath.TanhOfAny<L, V>(cell)));
    }

    /// <summary>
    /// One unit vector backward: the chain rule of <see cref="Forward{L,V}"/> line by line. i, f, g, o are activations on entry and
    /// gradients of the pre-activations on return. σ' = σ(1−σ) and tanh' = 1−tanh² take the activated values.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Backward<L, V>(ref V i, ref V f, ref V g, ref V o, V previousCell, V cell, V dHidden, ref V dCell)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V one = L.Broadcast(1f);
        V tanhCell = VectorMath.Tanh<L, V>(cell);
        V dh = Flush<L, V>(dHidden);
        V dOutput = L.Multiply(dh, tanhCell);
        V dc = Flush<L, V>(L.MultiplyAdd(L.Multiply(dh, o), L.NegatedMultiplyAdd(tanhCell, tanhCell, one), dCell));
        V dInput = L.Multiply(dc, g), dForget = L.Multiply(dc, previousCell), dCandidate = L.Multiply(dc, i);
        dCell = Flush<L, V>(L.Multiply(dc, f));
        i = L.Multiply(dInput, L.Multiply(i, L.Subtract(one, i)));
        f = L.Multiply(dForget, L.Multiply(f, L.Subtract(one, f)));
        g = L.Multiply(dCandidate, L.NegatedMultiplyAdd(g, g, one));
        o = L.Multiply(dOutput, L.Multiply(o, L.Subtract(one, o)));
    }

    /// <summary>
    /// Rows × 16 units forward; gates in, states out. c of all rows first, then h: in one pass the long chain through tanh(c) fills the
    /// scheduler while it waits for c, which costs a fifth more.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardRows<L, V>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        bool keep = args->KeepGates;
        nint s = args->GateStride;
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gates = args->Gates + (row * args->GateRow);
            nint state = row * args->StateRow;
            for (int u = 0; u < 16; u += L.Width, gates += L.Width, state += L.Width)
            {
                V i = L.Load(gates), f = L.Load(gates + s), g = L.Load(gates + (2 * s));
                L.Store(args->Cell + state, NextCell<L, V>(ref i, ref f, ref g, L.Load(args->PreviousCell + state)));
                if (!keep)
                    continue;
                L.Store(gates, i);
                L.Store(gates + s, f);
                L.Store(gates + (2 * s), g);
            }
        }
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gate = args->Gates + (3 * s) + (row * args->GateRow);
            nint state = row * args->StateRow;
            for (int u = 0; u < 16; u += L.Width, gate += L.Width, state += L.Width)
            {
                V o = L.Load(gate);
                L.Store(args->Hidden + state, NextHidden<L, V>(ref o, L.Load(args->Cell + state)));
                if (keep)
                    L.Store(gate, o);
            }
        }
    }

    /// <summary>Rows × 16 units backward; activations in, gradients of the pre-activations out, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BackwardRows<L, V>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        nint s = args->GateStride;
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gates = args->Gates + (row * args->GateRow);
            nint state = row * args->StateRow;
            for (int u = 0; u < 16; u += L.Width, gates += L.Width, state += L.Width)
            {
                V i = L.Load(gates), f = L.Load(gates + s), g = L.Load(gates + (2 * s)), o = L.Load(gates + (3 * s));
                V dCell = L.Load(args->Carry + state);
                Backward<L, V>(
                    ref i, ref f, ref g, ref o, L.Load(args->PreviousCell + state), L.Load(args->Cell + state),
                    L.Load(args->HiddenGradient + state), ref dCell);
                L.Store(gates, i);
                L.Store(gates + s, f);
                L.Store(gates + (2 * s), g);
                L.Store(gates + (3 * s), o);
                L.Store(args->Carry + state, dCell);
            }
        }
    }

    /// <summary>x, or +0 where |x| &lt; 2⁻¹⁰⁰. NaN passes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Flush<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V magnitude = L.And(x, L.Broadcast(BitConverter.Int32BitsToSingle(0x7FFFFFFF)));
        return L.SelectLess(magnitude, L.Broadcast(FlushLimit), L.Broadcast(0f), x);
    }

    /// <summary>
    /// Stores <see cref="Flush{L,V}"/> of x where the next step waits for it: nearly always that is x itself, which the CPU guesses and stores at once instead of
    /// waiting for the comparison.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFlushed<L, V>(float* to, V x)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        L.Store(to, x);
        V flushed = Flush<L, V>(x);
        if (!L.SameBits(x, flushed))
            L.Store(to, flushed);
    }
}
