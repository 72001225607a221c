using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// The GRU cell with the reset gate before the recurrent product (Cho et al. 2014, ONNX's default), point-wise part. A block has three strips, r, z
/// and n; a step has two products, and a kernel for each:
/// <code>
/// r = σ(b_r + W_r x + R_r h)   z = σ(b_z + W_z x + R_z h)   s = r⊙h        (gates; z waits for the second kernel)
/// n = γ(b_n + W_n x + R_n s)   h_t = z·(h_{t−1} − n) + n                    (state)
/// </code>
/// h within the products may have been through dropout; <see cref="CellArgs.Seen"/> is what they see.
/// </summary>
internal static unsafe class GruBeforeCell
{
    /// <summary>r and s = r⊙h.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardGates<L, V>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        for (nint row = 0; row < args->Rows; row++)
        {
            nint state = row * args->StateRow;
            for (int u = 0; u < 16; u += L.Width)
            {
                float* gate = args->Gates + (row * args->GateRow) + u;
                V r = Value<L, V>(args->Settings->Gate, args->Settings->GateClip, L.Load(gate));
                L.Store(args->ResetHidden + state + u, L.Multiply(r, L.Load(args->Seen + state + u)));
                L.Store(gate, r);
            }
        }
    }

    /// <summary>z, n and h_t.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardState<L, V>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        nint s = args->GateStride;
        for (nint row = 0; row < args->Rows; row++)
        {
            nint state = row * args->StateRow;
            for (int u = 0; u < 16; u += L.Width)
            {
                float* gates = args->Gates + (row * args->GateRow) + u;
                V z = Value<L, V>(args->Settings->Gate, args->Settings->GateClip, L.Load(gates + s));
                V n = Value<L, V>(args->Settings->Candidate, args->Settings->GateClip, L.Load(gates + (2 * s)));
                V previous = L.Load(args->PreviousHidden + state + u);
                L.Store(args->Hidden + state + u, LstmCell.Flush<L, V>(L.MultiplyAdd(z, L.Subtract(previous, n), n)));
                L.Store(gates + s, z);
                L.Store(gates + (2 * s), n);
            }
        }
    }

    /// <summary>Gradients of z's and n's pre-activations, and what z hands on to h_{t−1}.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BackwardState<L, V>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        CellSettings* settings = args->Settings;
        var gate = CutFunction<L, V>.OfGate(settings, settings->GradientLimit);
        var candidate = CutFunction<L, V>.OfCandidate(settings, settings->GradientLimit);
        nint s = args->GateStride;
        for (nint row = 0; row < args->Rows; row++)
        {
            nint state = row * args->StateRow;
            for (int u = 0; u < 16; u += L.Width)
            {
                float* gates = args->Gates + (row * args->GateRow) + u;
                V z = L.Load(gates + s), n = L.Load(gates + (2 * s));
                V dh = LstmCell.Flush<L, V>(L.Load(args->HiddenGradient + state + u));
                L.Store(args->Carry + state + u, LstmCell.Flush<L, V>(L.Multiply(dh, z)));
                V previous = L.Load(args->PreviousHidden + state + u);
                L.Store(gates + s, gate.Gradient(z, L.Multiply(dh, L.Subtract(previous, n))));
                L.Store(gates + (2 * s), candidate.Gradient(n, L.Multiply(dh, L.Subtract(L.Broadcast(1f), z))));
            }
        }
    }

    /// <summary>From ∂L/∂s: the gradient of r's pre-activation, and in its place ∂L/∂h through s.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BackwardGates<L, V>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        CellSettings* settings = args->Settings;
        var gate = CutFunction<L, V>.OfGate(settings, settings->GradientLimit);
        for (nint row = 0; row < args->Rows; row++)
        {
            nint state = row * args->StateRow;
            for (int u = 0; u < 16; u += L.Width)
            {
                float* strip = args->Gates + (row * args->GateRow) + u;
                V r = L.Load(strip), ds = L.Load(args->ResetHidden + state + u);
                L.Store(strip, gate.Gradient(r, L.Multiply(ds, L.Load(args->Seen + state + u))));
                L.Store(args->ResetHidden + state + u, L.Multiply(ds, r));
            }
        }
    }

    /// <summary>f(clip(a)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Value<L, V>(in CellFunctionArgs function, float clip, V a)
        where L : struct, ILanes<V>
        where V : unmanaged => CellFunctions.Value<L, V>(function, CellFunctions.Clip<L, V>(a, clip));
}
