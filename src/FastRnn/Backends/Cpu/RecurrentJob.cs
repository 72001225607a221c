using System.Runtime.InteropServices;
using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>
/// The recurrence over a block of steps for some samples of the batch: what one thread does between two meetings.
/// All pointers are to whole arrays; rows are (t, b) as t·B + b.
/// </summary>
internal unsafe struct RecurrentJob
{
    public nint Backend;
    public int Hidden, HiddenRow, FirstStep, BlockSteps, Steps, Batch;

    public CellKernel Kernel;

    /// <summary>See <see cref="GateLayout"/>.</summary>
    public int Gates, BlockStrips, FirstRecurrent;

    /// <summary>Gate strips from the block's first row on.</summary>
    public float* Strips;
    public nint StripStride;

    /// <summary>Where the recurrent chain starts that is one of its own, in the last strip of a block; null when there is none.</summary>
    public float* ApartBias;
    public bool KeepGates;

    /// <summary>R packed: forward [panel][k = unit][gate][16], backward panels over units with k unit-major, gate-minor.</summary>
    public float* RecurrentPanels;

    /// <summary>h and c, slots 0…T; c is null for cells without.</summary>
    public float* States, Cells;
    public float* MaskedOutput;
    public byte* Active, Reset;
    public float* Zeros;

    // Backward only; [B, H] with HiddenRow floats a row.
    public float* OutputGradient, HiddenGradient, NextHiddenGradient, Carry;
    public float* InitialHiddenGradient, FinalHiddenGradient, FinalCellGradient;
    public double* SquaredNorms;

    private readonly nint UnitBlocks => HiddenRow / 16;

    private readonly KernelTable Table => ((CpuBackend)GCHandle.FromIntPtr(Backend).Target!).Kernels;

    public static void Forward(void* context, int part, int parts)
    {
        RecurrentJob job = *(RecurrentJob*)context;
        (nint first, nint count) = CpuBackend.Part(job.Batch, part, parts);
        KernelTable table = job.Table;
        for (int t = job.FirstStep; t < job.FirstStep + job.BlockSteps; t++)
            job.ForwardStep(table, t, first, count);
    }

    public static void Backward(void* context, int part, int parts)
    {
        RecurrentJob job = *(RecurrentJob*)context;
        (nint first, nint count) = CpuBackend.Part(job.Batch, part, parts);
        KernelTable table = job.Table;
        job.StartBackward(first, count);
        for (int t = job.Steps - 1; t >= 0; t--)
            job.BackwardStep(table, t, first, count);
        job.FinishBackward(first, count);
    }

    // ---- forward ------------------------------------------------------------------------------------------------------------

    /// <summary>
    /// a_t += R·h_{t−1} for all gates of 16 units at a time (64 units of a cell with one gate), then the cell on these units while they are in
    /// L1. Rejected: the cell on the tile's registers – 20 other accumulators are live then, so they spill to the same L1 lines.
    /// </summary>
    private readonly void ForwardStep(KernelTable table, int t, nint first, nint count)
    {
        nint slot = (nint)t * Batch * HiddenRow, row = (nint)(t - FirstStep) * Batch;
        ZeroResetStates(t, first, count);
        int panelBlocks = Gates == 1 ? 4 : 1;
        var gemm = new GemmArgs
        {
            Rows = count,
            Columns = UnitBlocks * Gates * 16,
            PanelWidth = Gates == 1 ? Gemm.PanelColumns : Gates * 16,
            Panels = RecurrentPanels,
        };
        gemm.SetRowMajorA(States + slot + (first * HiddenRow), HiddenRow, Hidden);
        gemm.SetGateStripsC(Strips + (FirstRecurrent * StripStride) + ((row + first) * 16), StripStride);
        gemm.SetInitC();
        for (nint panel = 0, block = 0; block < UnitBlocks; panel++)
        {
            if (ApartBias != null)
                StartApartChain(row + first, count, block);
            Gemm.RunPanel(table, gemm, panel);
            for (nint end = Math.Min(UnitBlocks, block + panelBlocks); block < end; block++)
            {
                CellArgs cell = Cell(t, row, first, count, block);
                if (Active == null)
                    table.CellForward[(int)Kernel](&cell);
                else
                    ForwardFlagged(table, cell, t, first, block);
            }
        }
        if (Active != null)
            WriteMaskedOutput(t, first, count);
    }

    private readonly void StartApartChain(nint row, nint count, nint block)
    {
        float* strip = Strips + (((block * BlockStrips) + BlockStrips - 1) * StripStride) + (row * 16);
        for (nint last = row + count; row < last; row++, strip += 16)
            Copy(ApartBias + (block * 16), strip, 16);
    }

    private readonly CellArgs Cell(int t, nint row, nint first, nint count, nint block)
    {
        nint state = ((((nint)t * Batch) + first) * HiddenRow) + (block * 16), next = state + ((nint)Batch * HiddenRow);
        return new CellArgs
        {
            Gates = Strips + (block * BlockStrips * StripStride) + ((row + first) * 16),
            GateStride = StripStride,
            PreviousHidden = States + state,
            PreviousCell = Cells == null ? null : Cells + state,
            Cell = Cells == null ? null : Cells + next,
            Hidden = States + next,
            StateRow = HiddenRow,
            Rows = count,
            KeepGates = KeepGates,
        };
    }

    /// <summary>One sample at a time: active ones run the cell, from a zero c where reset; inactive ones keep their state.</summary>
    private readonly void ForwardFlagged(KernelTable table, CellArgs cell, int t, nint first, nint block)
    {
        nint rows = cell.Rows, row = ((nint)t * Batch) + first;
        cell.Rows = 1;
        for (nint b = 0; b < rows; b++, row++)
        {
            CellArgs one = cell;
            if (Active[row] == 0)
            {
                if (Cells != null)
                    Copy(cell.PreviousCell, cell.Cell, 16);
                Copy(cell.PreviousHidden, cell.Hidden, 16);
            }
            else
            {
                if (Reset[row] != 0)
                    one.PreviousCell = Zeros;
                table.CellForward[(int)Kernel](&one);
            }
            NextRow(ref cell);
            cell.Hidden += HiddenRow;
        }
    }

    private readonly void NextRow(ref CellArgs cell)
    {
        cell.Gates += 16;
        cell.PreviousHidden += HiddenRow;
        if (Cells == null)
            return;
        cell.PreviousCell += HiddenRow;
        cell.Cell += HiddenRow;
    }

    /// <summary>
    /// h_{t−1} of a reset position becomes zero in place: the product, and dR later, then read it without asking. The output of step t−1 has
    /// been copied already; c_{t−1} stays, because the gradient of step t−1 still needs it.
    /// </summary>
    private readonly void ZeroResetStates(int t, nint first, nint count)
    {
        if (Active == null)
            return;
        for (nint row = ((nint)t * Batch) + first; count > 0; count--, row++)
        {
            if (Active[row] != 0 && Reset[row] != 0)
                new Span<float>(States + (row * HiddenRow), HiddenRow).Clear();
        }
    }

    private readonly void WriteMaskedOutput(int t, nint first, nint count)
    {
        for (nint row = ((nint)t * Batch) + first; count > 0; count--, row++)
        {
            float* output = MaskedOutput + (row * HiddenRow);
            Copy(Active[row] != 0 ? States + ((row + Batch) * HiddenRow) : Zeros, output, HiddenRow);
        }
    }

    // ---- backward -----------------------------------------------------------------------------------------------------------

    /// <summary>dh_T−1 = dY_T−1 + final gradient of h; dc = final gradient of c.</summary>
    private readonly void StartBackward(nint first, nint count)
    {
        for (nint b = first; b < first + count; b++)
        {
            float* dh = HiddenGradient + (b * HiddenRow);
            StartChain(Steps - 1, b, dh);
            if (FinalHiddenGradient != null)
                AddRow(FinalHiddenGradient + (b * HiddenRow), dh);
            Copy(FinalCellGradient == null ? Zeros : FinalCellGradient + (b * HiddenRow), Carry + (b * HiddenRow), HiddenRow);
        }
    }

    /// <summary>
    /// Cell backward of step t turns the gates into their gradients; then dh_{t−1} = chain(dY_{t−1}; dG_t·R), unit-major, gate-minor. The
    /// GRU's chain starts at dY_{t−1} + dh_t·z_t.
    /// </summary>
    private void BackwardStep(KernelTable table, int t, nint first, nint count)
    {
        nint row = (nint)t * Batch;
        NoteNorms(table, row, first, count);
        for (nint block = 0; block < UnitBlocks; block++)
        {
            CellArgs cell = Cell(t, row, first, count, block);
            cell.HiddenGradient = HiddenGradient + (first * HiddenRow) + (block * 16);
            cell.Carry = Carry + (first * HiddenRow) + (block * 16);
            if (Active == null)
                table.CellBackward[(int)Kernel](&cell);
            else
                BackwardFlagged(table, cell, row + first);
        }
        for (nint b = first; b < first + count; b++)
        {
            StartChain(t - 1, b, NextHiddenGradient + (b * HiddenRow));
            if (Kernel == CellKernel.Gru)
                AddRow(Carry + (b * HiddenRow), NextHiddenGradient + (b * HiddenRow));
        }
        var gemm = new GemmArgs { Rows = count, Columns = HiddenRow, Panels = RecurrentPanels };
        gemm.SetGateStripsA(Strips + (FirstRecurrent * StripStride) + ((row + first) * 16), StripStride, Gates, BlockStrips, UnitBlocks);
        gemm.SetRowMajorC(NextHiddenGradient + (first * HiddenRow), HiddenRow);
        gemm.SetInitC();
        Gemm.Run(table, gemm);
        if (Active != null)
            CarryOrCut(t, first, count);
        float* swap = HiddenGradient;
        HiddenGradient = NextHiddenGradient;
        NextHiddenGradient = swap;
    }

    /// <summary>Where the chain of dh_t starts: dY_t, or zero before the window and where inactive.</summary>
    private readonly void StartChain(int t, nint b, float* dh)
    {
        nint row = ((nint)t * Batch) + b;
        bool counts = t >= 0 && (Active == null || Active[row] != 0);
        Copy(counts ? OutputGradient + (row * HiddenRow) : Zeros, dh, HiddenRow);
    }

    private readonly void BackwardFlagged(KernelTable table, CellArgs cell, nint row)
    {
        nint rows = cell.Rows;
        cell.Rows = 1;
        for (nint b = 0; b < rows; b++, row++)
        {
            CellArgs one = cell;
            if (Active[row] == 0)
            {
                for (int strip = 0; strip < BlockStrips; strip++)
                    new Span<float>(cell.Gates + (strip * StripStride), 16).Clear();
                if (Cells == null)
                    new Span<float>(cell.Carry, 16).Clear(); // dc is handed on; what z hands on has arrived with dh already
            }
            else
            {
                if (Reset[row] != 0)
                    one.PreviousCell = Zeros;
                table.CellBackward[(int)Kernel](&one);
                if (Reset[row] != 0)
                    new Span<float>(cell.Carry, 16).Clear(); // nothing flows to the steps before a reset
            }
            NextRow(ref cell);
            cell.HiddenGradient += HiddenRow;
            cell.Carry += HiddenRow;
        }
    }

    /// <summary>Inactive positions hand dh on as it came; behind a reset only dY remains.</summary>
    private readonly void CarryOrCut(int t, nint first, nint count)
    {
        for (nint b = first; b < first + count; b++)
        {
            nint row = ((nint)t * Batch) + b;
            float* next = NextHiddenGradient + (b * HiddenRow);
            if (Active[row] == 0)
                AddRow(HiddenGradient + (b * HiddenRow), next);
            else if (Reset[row] != 0)
                StartChain(t - 1, b, next);
        }
    }

    private readonly void FinishBackward(nint first, nint count)
    {
        for (nint i = first * HiddenRow; i < (first + count) * HiddenRow; i++)
        {
            InitialHiddenGradient[i] = Flush(HiddenGradient[i]);
            if (Cells != null)
                Carry[i] = Flush(Carry[i]);
        }
    }

    private readonly void NoteNorms(KernelTable table, nint row, nint first, nint count)
    {
        if (SquaredNorms == null)
            return;
        for (nint b = first; b < first + count; b++)
        {
            bool active = Active == null || Active[row + b] != 0;
            SquaredNorms[row + b] = active ? table.SumOfSquares(HiddenGradient + (b * HiddenRow), HiddenRow) : 0.0;
        }
    }

    private static float Flush(float x) => MathF.Abs(x) < LstmCell.FlushLimit ? 0f : x;

    private static void Copy(float* from, float* to, int length) => new ReadOnlySpan<float>(from, length).CopyTo(new Span<float>(to, length));

    private readonly void AddRow(float* from, float* to)
    {
        for (int i = 0; i < HiddenRow; i++)
            to[i] += from[i];
    }
}
