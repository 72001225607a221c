using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// The GRU cell with the reset gate after the recurrent product (Cho et al. 2014 as cuDNN and PyTorch compute it), point-wise part. A block
/// has four strips, n_x, r, z, n_h: the candidate's two chains stay apart, because r multiplies only the recurrent one. σ and tanh may be other functions.
/// <code>
/// r = σ(a_r)  z = σ(a_z)  n = tanh(r·n_h + n_x)      h_t = z·(h_{t−1} − n) + n
/// n_x = b_in + W_n x_t                               n_h = b_hn + R_n h_{t−1}
/// </code>
/// Stored |h| and dh below 2⁻¹⁰⁰ become +0. Each gate carries the error bound of <see cref="VectorMath"/>; h adds one rounding an operation.
/// </summary>
internal static unsafe class GruCell
{
    /// <summary>One unit vector forward.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Forward<L, V, TGate, TCandidate>(CellSettings* settings, ref V n, ref V r, ref V z, V candidate, V previous)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TGate : struct, IActivation
        where TCandidate : struct, IActivation
    {
        n = ToCandidate<L, V, TGate>(settings, n, ref r, candidate);
        return NextHidden<L, V, TGate, TCandidate>(settings, ref n, ref z, previous);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ToCandidate<L, V, TGate>(CellSettings* settings, V n, ref V r, V candidate)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TGate : struct, IActivation
    {
        r = TGate.Value<L, V>(settings, r);
        return L.MultiplyAdd(r, candidate, n);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V NextHidden<L, V, TGate, TCandidate>(CellSettings* settings, ref V n, ref V z, V previous)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TGate : struct, IActivation
        where TCandidate : struct, IActivation
    {
        z = TGate.Value<L, V>(settings, z);
        n = TCandidate.Value<L, V>(settings, n);
        return LstmCell.Flush<L, V>(L.MultiplyAdd(z, L.Subtract(previous, n), n));
    }

    /// <summary>
    /// One unit vector backward. n, r, z are activations and candidate is n_h on entry; all four are gradients of the pre-activations on return.
    /// Returns what z hands on to ∂L/∂h_{t−1}.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Backward<L, V, TGate, TCandidate>(
        CellSettings* settings, ref V n, ref V r, ref V z, ref V candidate, V previous, V dHidden)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TGate : struct, IActivation
        where TCandidate : struct, IActivation
    {
        V dh = LstmCell.Flush<L, V>(dHidden), carry = LstmCell.Flush<L, V>(L.Multiply(dh, z));
        V dUpdate = L.Multiply(dh, L.Subtract(previous, n));
        n = TCandidate.Gradient<L, V>(settings, n, L.Multiply(dh, L.Subtract(L.Broadcast(1f), z)));
        V dReset = L.Multiply(n, candidate);
        candidate = L.Multiply(n, r);
        r = TGate.Gradient<L, V>(settings, r, dReset);
        z = TGate.Gradient<L, V>(settings, z, dUpdate);
        return carry;
    }

    /// <summary>Rows × 16 units forward; gates in, state out. In two passes, as the LSTM's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardRows<L, V, TGate, TCandidate>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TGate : struct, IActivation
        where TCandidate : struct, IActivation
    {
        bool keep = args->KeepGates;
        nint s = args->GateStride;
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gates = args->Gates + (row * args->GateRow);
            for (int u = 0; u < 16; u += L.Width, gates += L.Width)
            {
                V r = L.Load(gates + s);
                L.Store(gates, ToCandidate<L, V, TGate>(args->Settings, L.Load(gates), ref r, L.Load(gates + (3 * s))));
                if (keep)
                    L.Store(gates + s, r);
            }
        }
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gates = args->Gates + (row * args->GateRow);
            nint state = row * args->StateRow;
            for (int u = 0; u < 16; u += L.Width, gates += L.Width, state += L.Width)
            {
                V n = L.Load(gates), z = L.Load(gates + (2 * s));
                L.Store(args->Hidden + state, NextHidden<L, V, TGate, TCandidate>(args->Settings, ref n, ref z, L.Load(args->PreviousHidden + state)));
                if (!keep)
                    continue;
                L.Store(gates, n);
                L.Store(gates + (2 * s), z);
            }
        }
    }

    /// <summary>Rows × 16 units backward; activations in, gradients of the pre-activations out, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BackwardRows<L, V, TGate, TCandidate>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TGate : struct, IActivation
        where TCandidate : struct, IActivation
    {
        nint s = args->GateStride;
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gates = args->Gates + (row * args->GateRow);
            nint state = row * args->StateRow;
            for (int u = 0; u < 16; u += L.Width, gates += L.Width, state += L.Width)
            {
                V n = L.Load(gates), r = L.Load(gates + s), z = L.Load(gates + (2 * s)), candidate = L.Load(gates + (3 * s));
                V carry = Backward<L, V, TGate, TCandidate>(
                    args->Settings, ref n, ref r, ref z, ref candidate, L.Load(args->PreviousHidden + state), L.Load(args->HiddenGradient + state));
                L.Store(gates, n);
                L.Store(gates + s, r);
                L.Store(gates + (2 * s), z);
                L.Store(gates + (3 * s), candidate);
                L.Store(args->Carry + state, carry);
            }
        }
    }
}
