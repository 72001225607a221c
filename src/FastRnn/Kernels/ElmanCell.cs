using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// The simple recurrent cell (Elman 1990), point-wise part: h_t = f(b + W x_t + R h_{t−1}). One strip a block. Stored |h| and dh below 2⁻¹⁰⁰
/// become +0; the strip keeps h for the backward pass, where it becomes the gradient of the pre-activation.
/// </summary>
internal static unsafe class ElmanCell
{
    /// <summary>Rows × 16 units forward; pre-activation in, state out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardRows<L, V, F>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
        where F : struct, IActivation
    {
        bool keep = args->KeepGates;
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gate = args->Gates + (row * args->GateRow), hidden = args->Hidden + (row * args->StateRow);
            for (int u = 0; u < 16; u += L.Width)
            {
                V h = LstmCell.Flush<L, V>(F.Value<L, V>(args->Settings, L.Load(gate + u)));
                L.Store(hidden + u, h);
                if (keep)
                    L.Store(gate + u, h);
            }
        }
    }

    /// <summary>Rows × 16 units backward; h in, gradient of the pre-activation out, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BackwardRows<L, V, F>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
        where F : struct, IActivation
    {
        for (nint row = 0; row < args->Rows; row++)
        {
            float* gate = args->Gates + (row * args->GateRow), dHidden = args->HiddenGradient + (row * args->StateRow);
            for (int u = 0; u < 16; u += L.Width)
                L.Store(gate + u, F.Gradient<L, V>(args->Settings, L.Load(gate + u), LstmCell.Flush<L, V>(L.Load(dHidden + u))));
        }
    }
}
