using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// The recurrence over a block of steps for some samples of the batch: what one thread does between two meetings.
/// All pointers are to whole arrays; rows are (t, b) as t·B + b.
/// </summary>
internal unsafe partial struct RecurrentJob
{
    public nint Backend;

    /// <summary>H and P, and the floats of a row of either.</summary>
    public int Hidden, HiddenRow, StateSize, StateRow;
    public int FirstStep, BlockSteps, Steps, Batch;

    public CellKernel Kernel;

    /// <summary>Of the weights; in training float32.</summary>
    public WeightPrecision Precision;
    public RecurrentOptions* Options;

    /// <summary>See <see cref="GateLayout"/>.</summary>
    public int CellStrips;

    /// <summary>Threads cut the units of a step, not the samples.</summary>
    public bool CutsUnits;

    /// <summary>Blocks of 16 units that the thread computes: all, unless units are cut.</summary>
    public nint FirstBlock, EndBlock;

    /// <summary>R packed: forward [panel][k = unit][gate][16], backward panels over units with k unit-major, gate-minor.</summary>
    public ProductPanels Recurrent;

    /// <summary>
    /// W packed, x in rows of <see cref="InputRow"/> floats and where the chains start, when a step computes W·x itself, panel by panel, right
    /// before R·h goes on with the same chains; no panels where a product over a block of time has done so.
    /// </summary>
    public ProductPanels Input;
    public float* Inputs, Bias;
    public int InputSize, InputRow;

    /// <summary>Gate strips: forward from the block's first row on, backward from where row 0 would be.</summary>
    public float* Strips;
    public nint BlockStride, GateRow;

    /// <summary>Where the recurrent chain starts that is one of its own, in the last strip of a block; null when there is none.</summary>
    public float* ApartBias;
    public bool KeepGates;

    /// <summary>See <see cref="ClearPadding"/>.</summary>
    public bool ClearsPadding;

    /// <summary>h and c, slots 0…T; c is null for cells without.</summary>
    public float* States, Cells;
    public float* MaskedOutput;

    /// <summary>With flags only: see the masked half of this struct.</summary>
    public byte* Active, Reset;
    public int* PackedRows, StepStart;
    public float* Scratch;
    public float* Zeros;

    // Backward only; [B, P] with StateRow floats a row, but for the carry and c's gradient.
    public float* OutputGradient, HiddenGradient, NextHiddenGradient, Carry;
    public float* InitialHiddenGradient, FinalHiddenGradient, FinalCellGradient;
    public double* SquaredNorms;

    private readonly nint UnitBlocks => HiddenRow / 16;

    private readonly CpuBackend Owner => (CpuBackend)GCHandle.FromIntPtr(Backend).Target!;

    private readonly KernelTable Table => Owner.Kernels;

    public static void Forward(void* context, int part, int parts)
    {
        var job = (RecurrentJob*)context;
        if (job->CutsUnits)
        {
            ForwardUnits(*job, part, parts);
            return;
        }
        (nint first, nint count) = CpuBackend.Part(job->Batch, part, parts);
        KernelTable table = job->Table;
        for (int t = job->FirstStep; t < job->FirstStep + job->BlockSteps; t++)
        {
            if (job->Active == null)
                job->ForwardStep(table, t, first, count);
            else
                job->ForwardMaskedStep(table, t, first, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void ForwardStep(KernelTable table, int t, nint first, nint count)
    {
        nint gateRow = ((nint)(t - FirstStep) * Batch) + first;
        RunStep(table, Cell(t, first, count), new StepRows(t, first, ((nint)t * Batch) + first, gateRow, count));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void RunStep(KernelTable table, in CellArgs cell, in StepRows rows)
    {
        if (Options->Staged)
            RunStages(table, cell, rows);
        else
            RunForward(table, Recurrent, cell.PreviousHidden, StateRow, StateSize, rows, cell, Kernel);
    }

    /// <summary>
    /// a_t += R·h_{t−1} for all gates of 16 units at a time (64 units of a cell with one gate), then the cell on these units while they are in
    /// L1. Rejected: the cell on the tile's registers – 20 other accumulators are live then, so they spill to the same L1 lines. Every other step
    /// begins at the last units: where R is larger than the level-2 cache, a step then finds there what the step before read last. The order of the
    /// units changes no bit.
    /// </summary>
    /// <param name="table">Kernels.</param>
    /// <param name="product">R.</param>
    /// <param name="previous">h_{t−1} of the cell's rows.</param>
    /// <param name="stride">Floats from one of them to the next.</param>
    /// <param name="depth">Numbers in each.</param>
    /// <param name="rows">Where they stand.</param>
    /// <param name="cell">States at the first unit; the strips are set here.</param>
    /// <param name="kernel">The point-wise part.</param>
    private readonly void RunForward(
        KernelTable table, in ProductPanels product, float* previous, nint stride, nint depth, in StepRows rows, in CellArgs cell, CellKernel kernel)
    {
        nint gateRow = rows.GateRow;
        bool backwards = (rows.T & 1) != 0;
        if (cell.Rows == 1 && EndBlock - FirstBlock >= 2 * product.PanelBlocks && product.Bytes == null)
        {
            RunForwardRow(table, product, previous, depth, gateRow, cell, kernel, backwards);
            return;
        }
        var gemm = new GemmArgs
        {
            Rows = cell.Rows,
            Columns = UnitBlocks * product.Gates * 16,
            PanelWidth = product.PanelWidth,
            Panels = product.Panels,
            Bytes = product.Bytes,
        };
        gemm.SetRowMajorA(previous, stride, depth);
        gemm.SetGateStripsC(Strips + (product.FirstStrip * 16) + (gateRow * GateRow), GateRow, product.Gates, BlockStride);
        gemm.SetInitC();
        if (gemm.Bytes != null)
        {
            RunForwardBytes(table, gemm, product.PanelBlocks, gateRow, cell, kernel);
            return;
        }
        GemmArgs input = Input.Panels == null ? default : InputProduct(rows);
        CellArgs one = AtFirstBlock(cell, gateRow);
        nint first = FirstBlock / product.PanelBlocks, last = (EndBlock - 1) / product.PanelBlocks, block = FirstBlock;
        for (nint i = first; i <= last; i++)
        {
            nint panel = backwards ? first + last - i : i, start = panel * product.PanelBlocks;
            if (start != block)
                Move(ref one, start - block);
            if (ApartBias != null)
                StartApartChain(gateRow, cell.Rows, start);
            nint then = i == last ? panel : backwards ? panel - 1 : panel + 1;
            if (Input.Panels == null)
                Gemm.RunPanel(table, gemm, panel, then);
            else
                RunJoinedPanel(table, input, gemm, panel, then);
            nint end = Math.Min(EndBlock, start + product.PanelBlocks);
            for (block = start; block < end; block++)
                RunCell(table, ref one, kernel);
        }
    }

    /// <summary>The same with R in 8 bits: the product over all panels, then the cell.</summary>
    private readonly void RunForwardBytes(
        KernelTable table, in GemmArgs gemm, nint panelBlocks, nint gateRow, in CellArgs cell, CellKernel kernel)
    {
        for (nint apart = FirstBlock; ApartBias != null && apart < EndBlock; apart++)
            StartApartChain(gateRow, cell.Rows, apart);
        ByteGemm.Run(table, gemm, FirstBlock / panelBlocks, (EndBlock + panelBlocks - 1) / panelBlocks);
        RunCells(table, cell, gateRow, kernel);
    }

    private readonly void RunCells(KernelTable table, in CellArgs cell, nint gateRow, CellKernel kernel)
    {
        CellArgs one = AtFirstBlock(cell, gateRow);
        for (nint block = FirstBlock; block < EndBlock; block++)
            RunCell(table, ref one, kernel);
    }

    /// <summary>The point-wise part of a block; the arguments are at the next one then.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void RunCell(KernelTable table, ref CellArgs one, CellKernel kernel)
    {
        fixed (CellArgs* args = &one)
            table.CellForward[(int)kernel](args);
        if (ClearsPadding && one.Unit == HiddenRow - 16)
            ClearPadding(one);
        MoveOn(ref one);
    }

    /// <summary>Padded units of a cell whose functions are not 0 at 0: what reads rows in whole lines counts on zeros.</summary>
    private readonly void ClearPadding(in CellArgs last)
    {
        for (nint row = 0; row < last.Rows; row++)
        {
            nint unit = (row * HiddenRow) + (Hidden % 16), padding = HiddenRow - Hidden;
            if (last.Hidden != null)
                new Span<float>(last.Hidden + unit, (int)padding).Clear();
            if (Cells != null)
                new Span<float>(last.Cell + unit, (int)padding).Clear();
            if (last.ResetHidden != null)
                new Span<float>(last.ResetHidden + unit, (int)padding).Clear();
        }
    }

    private readonly void StartApartChain(nint row, nint count, nint block)
    {
        float* strip = Strips + (block * BlockStride) + (row * GateRow) + ((CellStrips - 1) * 16);
        for (nint last = row + count; row < last; row++, strip += GateRow)
            Copy(ApartBias + (block * 16), strip, 16);
    }

    /// <summary>States and their gradients around step t at the first unit of samples first … first + count − 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly CellArgs Cell(int t, nint first, nint count)
    {
        nint row = ((nint)t * Batch) + first, next = row + Batch;
        return new CellArgs
        {
            PreviousHidden = States + (row * StateRow),
            PreviousCell = Cells == null ? null : Cells + (row * HiddenRow),
            Cell = Cells == null ? null : Cells + (next * HiddenRow),
            Hidden = States + (next * StateRow),
            HiddenGradient = HiddenGradient + (first * StateRow),
            Carry = Carry + (first * HiddenRow),
            StateRow = HiddenRow,
            Rows = count,
            KeepGates = KeepGates,
            Settings = &Options->Settings,
            FirstSample = first,
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly CellArgs AtFirstBlock(in CellArgs first, nint gateRow)
    {
        CellArgs cell = first;
        cell.Gates = Strips + (gateRow * GateRow);
        cell.GateStride = 16;
        cell.GateRow = GateRow;
        if (FirstBlock > 0)
            Move(ref cell, FirstBlock);
        return cell;
    }

    /// <summary>The next 16 units. Moved, not made anew from the first: a copy of the arguments a block is a tenth of a small cell's step.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void MoveOn(ref CellArgs cell) => Move(ref cell, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Move(ref CellArgs cell, nint blocks)
    {
        nint units = blocks * 16;
        cell.Gates += blocks * BlockStride;
        cell.Unit += units;
        cell.PreviousHidden += units;
        cell.PreviousCell += units;
        cell.Cell += units;
        cell.Hidden += units;
        cell.HiddenGradient += units;
        cell.Carry += units;
        cell.Seen += units;
        cell.ResetHidden += cell.ResetHidden == null ? 0 : units;
    }

    private static float Flush(float x) => MathF.Abs(x) < LstmCell.FlushLimit ? 0f : x;

    private static void Copy(float* from, float* to, int length) => new ReadOnlySpan<float>(from, length).CopyTo(new Span<float>(to, length));

    private readonly void AddRow(float* from, float* to)
    {
        for (int i = 0; i < StateRow; i++)
            to[i] += from[i];
    }
}
