using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// The LSTM cell with options, point-wise part; σ, γ and φ are the functions of <see cref="CellSettings"/>, [·] what stands there with peepholes
/// only (Gers, Schmidhuber 2000):
/// <code>
/// i = σ(clip(a_i [+ p_i·c_{t−1}]))   f = σ(clip(a_f [+ p_f·c_{t−1}])) or 1 − i   g = γ(clip(a_g))
/// c_t = cellclip(f·c_{t−1} + i·g)     o = σ(clip(a_o [+ p_o·c_t]))             h_t = o·φ(c_t)
/// </code>
/// Layout, flushes and error bounds as in <see cref="LstmCell"/>.
/// </summary>
internal static unsafe class LstmVariantCell
{
    /// <summary>Rows × 16 units forward; gates in, states out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardRows<L, V>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        CellSettings* settings = args->Settings;
        nint s = args->GateStride;
        for (int u = 0; u < 16; u += L.Width)
        {
            Weights<L, V> p = Peepholes<L, V>(settings, args->Unit + u);
            for (nint row = 0; row < args->Rows; row++)
            {
                float* gates = args->Gates + (row * args->GateRow) + u;
                nint state = (row * args->StateRow) + u;
                V previous = L.Load(args->PreviousCell + state);
                V i = L.MultiplyAdd(p.Input, previous, L.Load(gates)), f = L.MultiplyAdd(p.Forget, previous, L.Load(gates + s));
                i = CellFunctions.Value<L, V>(settings->Gate, CellFunctions.Clip<L, V>(i, settings->GateClip));
                f = settings->Coupled
                    ? L.Subtract(L.Broadcast(1f), i)
                    : CellFunctions.Value<L, V>(settings->Gate, CellFunctions.Clip<L, V>(f, settings->GateClip));
                V g = CellFunctions.Value<L, V>(settings->Candidate, CellFunctions.Clip<L, V>(L.Load(gates + (2 * s)), settings->GateClip));
                V cell = LstmCell.Flush<L, V>(CellFunctions.Clip<L, V>(L.MultiplyAdd(f, previous, L.Multiply(i, g)), settings->CellClip));
                V o = L.MultiplyAdd(p.Output, cell, L.Load(gates + (3 * s)));
                o = CellFunctions.Value<L, V>(settings->Gate, CellFunctions.Clip<L, V>(o, settings->GateClip));
                L.Store(args->Cell + state, cell);
                L.Store(args->Hidden + state, LstmCell.Flush<L, V>(L.Multiply(o, CellFunctions.Value<L, V>(settings->Output, cell))));
                if (!args->KeepGates)
                    continue;
                L.Store(gates, i);
                L.Store(gates + s, f);
                L.Store(gates + (2 * s), g);
                L.Store(gates + (3 * s), o);
            }
        }
    }

    /// <summary>Rows × 16 units backward; activations in, gradients of the pre-activations out, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BackwardRows<L, V>(CellArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        CellSettings* settings = args->Settings;
        for (int u = 0; u < 16; u += L.Width)
        {
            Weights<L, V> p = Peepholes<L, V>(settings, args->Unit + u);
            var gate = CutFunction<L, V>.OfGate(settings, settings->GradientLimit);
            var candidate = CutFunction<L, V>.OfCandidate(settings, settings->GradientLimit);
            for (nint row = 0; row < args->Rows; row++)
                BackwardVector<L, V>(args, row, u, p, gate, candidate);
        }
    }

    /// <summary>The chain rule of the forward equations, line by line, for one vector.</summary>
    private static void BackwardVector<L, V>(
        CellArgs* args, nint row, int u, in Weights<L, V> p, in CutFunction<L, V> gate, in CutFunction<L, V> candidate)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        CellSettings* settings = args->Settings;
        nint s = args->GateStride, state = (row * args->StateRow) + u;
        float* gates = args->Gates + (row * args->GateRow) + u;
        V i = L.Load(gates), f = L.Load(gates + s), g = L.Load(gates + (2 * s)), o = L.Load(gates + (3 * s));
        V previous = L.Load(args->PreviousCell + state), cell = L.Load(args->Cell + state);
        V dh = LstmCell.Flush<L, V>(L.Load(args->HiddenGradient + state)), output = CellFunctions.Value<L, V>(settings->Output, cell);
        V dO = gate.Gradient(o, L.Multiply(dh, output));
        V dc = L.MultiplyAdd(L.Multiply(dh, o), CellFunctions.Slope<L, V>(settings->Output, output), L.Load(args->Carry + state));
        dc = LstmCell.Flush<L, V>(L.MultiplyAdd(p.Output, dO, dc));
        if (settings->CellClip > 0)
            dc = L.SelectLess(CellFunctions.Magnitude<L, V>(cell), L.Broadcast(settings->CellClip), dc, L.Broadcast(0f));
        V dInput = L.Multiply(dc, g), dForget = L.Multiply(dc, previous);
        if (settings->Coupled)
            (dInput, dForget) = (L.Subtract(dInput, dForget), L.Broadcast(0f));
        V dI = gate.Gradient(i, dInput), dF = settings->Coupled ? dForget : gate.Gradient(f, dForget);
        V carry = L.MultiplyAdd(p.Forget, dF, L.MultiplyAdd(p.Input, dI, L.Multiply(dc, f)));
        L.Store(args->Carry + state, LstmCell.Flush<L, V>(carry));
        L.Store(gates, dI);
        L.Store(gates + s, dF);
        L.Store(gates + (2 * s), candidate.Gradient(g, L.Multiply(dc, i)));
        L.Store(gates + (3 * s), dO);
        if (settings->PeepholeGradient == null)
            return;
        float* sum = settings->PeepholeGradient + (args->Sample(row) * 3 * settings->UnitRow) + args->Unit + u;
        L.Store(sum, L.MultiplyAdd(dI, previous, L.Load(sum)));
        L.Store(sum + settings->UnitRow, L.MultiplyAdd(dF, previous, L.Load(sum + settings->UnitRow)));
        L.Store(sum + (2 * settings->UnitRow), L.MultiplyAdd(dO, cell, L.Load(sum + (2 * settings->UnitRow))));
    }

    /// <summary>Zeros without peepholes: they change no bit but the sign of a zero.</summary>
    private static Weights<L, V> Peepholes<L, V>(CellSettings* settings, nint unit)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        if (settings->Peephole == null)
            return new(L.Broadcast(0f), L.Broadcast(0f), L.Broadcast(0f));
        float* p = settings->Peephole + unit;
        return new(L.Load(p), L.Load(p + settings->UnitRow), L.Load(p + (2 * settings->UnitRow)));
    }

    private readonly record struct Weights<L, V>(V Input, V Forget, V Output);
}

/// <summary>
/// A gate's function behind a clip: no gradient passes where the clip cut, which shows in the value – the functions rise – and a limit on what does. NaN counts
/// as cut: the forward pass hands it on, so that the loss tells.
/// </summary>
internal readonly unsafe struct CutFunction<L, V>
    where L : struct, ILanes<V>
    where V : unmanaged
{
    private readonly CellFunctionArgs _function;
    private readonly V _low, _high;
    private readonly float _clip, _limit;

    private CutFunction(in CellFunctionArgs function, float clip, float low, float high, float limit) =>
        (_function, _clip, _low, _high, _limit) = (function, clip, L.Broadcast(low), L.Broadcast(high), limit);

    /// <summary>The gates' function.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CutFunction<L, V> OfGate(CellSettings* settings, float limit) => new(settings->Gate, settings->GateClip, settings->GateLow, settings->GateHigh, limit);

    /// <summary>The candidate's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CutFunction<L, V> OfCandidate(CellSettings* settings, float limit) =>
        new(settings->Candidate, settings->GateClip, settings->CandidateLow, settings->CandidateHigh, limit);

    /// <summary>∂L/∂a from y = f(clip(a)) and ∂L/∂y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Gradient(V y, V dy)
    {
        V da = L.Multiply(dy, CellFunctions.Slope<L, V>(_function, y));
        if (_clip > 0)
            da = L.SelectLess(_low, y, L.SelectLess(y, _high, da, L.Broadcast(0f)), L.Broadcast(0f));
        return _limit > 0 ? CellFunctions.Clamp<L, V>(da, L.Broadcast(_limit)) : da;
    }
}
