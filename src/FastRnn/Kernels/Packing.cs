using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FastRnn.Kernels;

/// <summary>
/// Weights as the tiles want them: panels [panel][k][64], zero padded. Sources are row-major with <c>stride</c> floats a row and
/// PyTorch's gate order (row g·H + u); here, and only here, rows become columns and gates become neighbours. Inner loops are optimised from their first call: a
/// model is packed once, when a process is young and the just-in-time compiler has not come to optimise anything.
/// </summary>
internal static unsafe class Packing
{
    /// <summary>Floats that the panels of [depth, columns] need.</summary>
    public static nint PanelLength(nint depth, nint columns) => Gemm.Panels(columns) * depth * Gemm.PanelColumns;

    /// <summary>
    /// Forward gates: W [gates·H, K] to [block of 16 units][k][gate][16], the gates in the given order. Three or four gates are a panel. Blocks
    /// follow each other, or lie <paramref name="blockStep"/> floats apart with room for other k between them.
    /// </summary>
    public static void GateColumns(float* w, nint stride, nint hidden, ReadOnlySpan<int> gates, nint depth, float* panels, nint blockStep = 0)
    {
        nint blocks = (hidden + 15) / 16, width = gates.Length * 16;
        for (nint block = 0; block < blocks; block++, panels += blockStep == 0 ? depth * width : blockStep)
        {
            nint units = Math.Min(16, hidden - (block * 16));
            for (int g = 0; g < gates.Length; g++)
                TransposeStrip(w + (((gates[g] * hidden) + (block * 16)) * stride), stride, units, depth, panels + (g * 16), width);
        }
    }

    /// <summary>
    /// Where every forward chain starts, [block of 16 units][gate][16]: the sum of both biases, or only the input's for the gate
    /// <paramref name="apart"/>, whose recurrent chain is one of its own (−1: none).
    /// </summary>
    public static void GateBias(float* inputBias, float* recurrentBias, nint hidden, ReadOnlySpan<int> gates, int apart, float* packed)
    {
        nint blocks = (hidden + 15) / 16;
        for (nint i = 0; i < blocks * gates.Length * 16; i++)
        {
            int gate = gates[(int)(i / 16 % gates.Length)];
            nint unit = (i / (gates.Length * 16) * 16) + (i % 16), row = (gate * hidden) + unit;
            packed[i] = unit < hidden ? (gate == apart ? inputBias[row] : inputBias[row] + recurrentBias[row]) : 0f;
        }
    }

    /// <summary>A number for every gate and unit, [G·H], as [block of 16 units][gate][16]; padded units have 0.</summary>
    public static void GateVector(float* vector, nint hidden, ReadOnlySpan<int> gates, float* packed)
    {
        nint blocks = (hidden + 15) / 16;
        for (nint i = 0; i < blocks * gates.Length * 16; i++)
        {
            nint unit = (i / (gates.Length * 16) * 16) + (i % 16), row = (gates[(int)(i / 16 % gates.Length)] * hidden) + unit;
            packed[i] = unit < hidden ? vector[row] : 0f;
        }
    }

    /// <summary>
    /// Backward gates: W [gates·H, N] to panels over N whose k runs unit-major, gate-minor: row u·G + g is W's row gates[g]·H + u.
    /// Units are padded to 16 with zero rows.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void GateRows(float* w, nint stride, nint hidden, ReadOnlySpan<int> gates, nint columns, float* panels)
    {
        nint units = (hidden + 15) & ~(nint)15;
        for (nint first = 0; first < columns; first += Gemm.PanelColumns)
        {
            nint width = Math.Min(Gemm.PanelColumns, columns - first);
            for (nint k = 0; k < units * gates.Length; k++, panels += Gemm.PanelColumns)
            {
                nint unit = k / gates.Length, row = (gates[(int)(k % gates.Length)] * hidden) + unit;
                CopyRow(unit < hidden ? w + (row * stride) + first : null, width, panels);
            }
        }
    }

    /// <summary>W [N, K] to panels over its rows: for y = x·Wᵀ.</summary>
    public static void Columns(float* w, nint stride, nint rows, nint depth, float* panels)
    {
        for (nint first = 0; first < rows; first += Gemm.PanelColumns, panels += depth * Gemm.PanelColumns)
        {
            for (nint strip = 0; strip < Gemm.PanelColumns; strip += 16)
            {
                nint count = Math.Clamp(rows - first - strip, 0, 16);
                TransposeStrip(w + ((first + strip) * stride), stride, count, depth, panels + strip, Gemm.PanelColumns);
            }
        }
    }

    /// <summary>W [K, N] to panels over its columns: for dX = dY·W.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows(float* w, nint stride, nint depth, nint columns, float* panels)
    {
        for (nint first = 0; first < columns; first += Gemm.PanelColumns)
        {
            nint width = Math.Min(Gemm.PanelColumns, columns - first);
            for (nint k = 0; k < depth; k++, panels += Gemm.PanelColumns)
                CopyRow(w + (k * stride) + first, width, panels);
        }
    }

    /// <summary>
    /// Up to 16 rows become 16 columns of a panel; in blocks of 16 k, so that a source line is read once while it is in L1. Whole blocks go by 4×4
    /// registers: a training step of LSTM 64→128→128, T 50, B 50 is 1–3 % faster than with single floats.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransposeStrip(float* source, nint stride, nint rows, nint depth, float* panel, nint width)
    {
        nint whole = rows == 16 && Sse.IsSupported ? depth & ~(nint)15 : 0;
        for (nint first = 0; first < whole; first += 16)
        {
            for (nint lane = 0; lane < 16; lane += 4)
            {
                for (nint k = first; k < first + 16; k += 4)
                    TransposeQuad(source + (lane * stride) + k, stride, panel + (k * width) + lane, width);
            }
        }
        for (nint first = whole; first < depth; first += 16)
        {
            nint last = Math.Min(depth, first + 16);
            for (nint lane = 0; lane < 16; lane++)
            {
                for (nint k = first; k < last; k++)
                    panel[(k * width) + lane] = lane < rows ? source[(lane * stride) + k] : 0f;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposeQuad(float* source, nint stride, float* to, nint width)
    {
        Vector128<float> a = Vector128.Load(source), b = Vector128.Load(source + stride);
        Vector128<float> c = Vector128.Load(source + (2 * stride)), d = Vector128.Load(source + (3 * stride));
        Vector128<float> ab = Sse.UnpackLow(a, b), cd = Sse.UnpackLow(c, d);
        Sse.MoveLowToHigh(ab, cd).Store(to);
        Sse.MoveHighToLow(cd, ab).Store(to + width);
        (ab, cd) = (Sse.UnpackHigh(a, b), Sse.UnpackHigh(c, d));
        Sse.MoveLowToHigh(ab, cd).Store(to + (2 * width));
        Sse.MoveHighToLow(cd, ab).Store(to + (3 * width));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyRow(float* source, nint width, float* panelRow)
    {
        var row = new Span<float>(panelRow, Gemm.PanelColumns);
        if (source == null)
        {
            row.Clear();
            return;
        }
        new ReadOnlySpan<float>(source, (int)width).CopyTo(row);
        row[(int)width..].Clear();
    }
}
