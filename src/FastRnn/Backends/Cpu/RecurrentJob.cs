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

    /// <summary>Gate strips from the block's first row on.</summary>
    public float* Gates;
    public nint StripStride;
    public bool KeepGates;

    /// <summary>R packed: forward [block][k = unit][gate][16], backward panels over units with k unit-major, gate-minor.</summary>
    public float* RecurrentPanels;

    /// <summary>h and c, slots 0…T.</summary>
    public float* States, Cells;
    public float* MaskedOutput;
    public byte* Active, Reset;
    public float* Zeros;

    // Backward only; [B, H] with HiddenRow floats a row.
    public float* OutputGradient, HiddenGradient, NextHiddenGradient, CellGradient;
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
    /// a_t += R·h_{t−1} for the four gates of 16 units at a time, then the cell on these 16 units while they are in L1. Rejected: the cell on
    /// the tile's registers – 20 other accumulators are live then, so they spill to the same L1 lines.
    /// </summary>
    private readonly void ForwardStep(KernelTable table, int t, nint first, nint count)
    {
        nint slot = (nint)t * Batch * HiddenRow, row = (nint)(t - FirstStep) * Batch;
        ZeroResetStates(t, first, count);
        var gemm = new GemmArgs { Rows = count, Columns = UnitBlocks * 64, Panels = RecurrentPanels };
        gemm.SetRowMajorA(States + slot + (first * HiddenRow), HiddenRow, Hidden);
        gemm.SetGateStripsC(Gates + ((row + first) * 16), StripStride);
        gemm.SetInitC();
        for (nint block = 0; block < UnitBlocks; block++)
        {
            Gemm.RunPanel(table, gemm, block);
            LstmArgs cell = CellArgs(t, row, first, count, block);
            if (Active == null)
                table.LstmForward(&cell);
            else
                ForwardFlagged(table, cell, t, first, block);
        }
        if (Active != null)
            WriteMaskedOutput(t, first, count);
    }

    private readonly LstmArgs CellArgs(int t, nint row, nint first, nint count, nint block)
    {
        nint state = ((((nint)t * Batch) + first) * HiddenRow) + (block * 16), next = state + ((nint)Batch * HiddenRow);
        return new LstmArgs
        {
            Gates = Gates + (block * 4 * StripStride) + ((row + first) * 16),
            GateStride = StripStride,
            PreviousCell = Cells + state,
            Cell = Cells + next,
            Hidden = States + next,
            StateRow = HiddenRow,
            Rows = count,
            KeepGates = KeepGates,
        };
    }

    /// <summary>One sample at a time: active ones run the cell, from a zero c where reset; inactive ones keep their state.</summary>
    private readonly void ForwardFlagged(KernelTable table, LstmArgs cell, int t, nint first, nint block)
    {
        nint rows = cell.Rows, row = ((nint)t * Batch) + first;
        cell.Rows = 1;
        for (nint b = 0; b < rows; b++, row++)
        {
            LstmArgs one = cell;
            if (Active[row] == 0)
            {
                Copy(cell.PreviousCell, cell.Cell, 16);
                Copy(States + (row * HiddenRow) + (block * 16), cell.Hidden, 16);
            }
            else
            {
                if (Reset[row] != 0)
                    one.PreviousCell = Zeros;
                table.LstmForward(&one);
            }
            cell.Gates += 16;
            cell.PreviousCell += HiddenRow;
            cell.Cell += HiddenRow;
            cell.Hidden += HiddenRow;
        }
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
            Copy(FinalCellGradient == null ? Zeros : FinalCellGradient + (b * HiddenRow), CellGradient + (b * HiddenRow), HiddenRow);
        }
    }

    /// <summary>
    /// Cell backward of step t turns the gates into their gradients; then dh_{t−1} = chain(dY_{t−1}; dG_t·R), unit-major, gate-minor.
    /// </summary>
    private void BackwardStep(KernelTable table, int t, nint first, nint count)
    {
        nint row = (nint)t * Batch;
        NoteNorms(table, row, first, count);
        for (nint block = 0; block < UnitBlocks; block++)
        {
            LstmArgs cell = CellArgs(t, row, first, count, block);
            cell.HiddenGradient = HiddenGradient + (first * HiddenRow) + (block * 16);
            cell.CellGradient = CellGradient + (first * HiddenRow) + (block * 16);
            if (Active == null)
                table.LstmBackward(&cell);
            else
                BackwardFlagged(table, cell, row + first);
        }
        for (nint b = first; b < first + count; b++)
            StartChain(t - 1, b, NextHiddenGradient + (b * HiddenRow));
        var gemm = new GemmArgs { Rows = count, Columns = HiddenRow, Panels = RecurrentPanels };
        gemm.SetGateStripsA(Gates + ((row + first) * 16), StripStride, RecurrentWeights.Gates, UnitBlocks);
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

    private readonly void BackwardFlagged(KernelTable table, LstmArgs cell, nint row)
    {
        nint rows = cell.Rows;
        cell.Rows = 1;
        for (nint b = 0; b < rows; b++, row++)
        {
            LstmArgs one = cell;
            if (Active[row] == 0)
            {
                for (int gate = 0; gate < RecurrentWeights.Gates; gate++)
                    new Span<float>(cell.Gates + (gate * StripStride), 16).Clear();
            }
            else
            {
                if (Reset[row] != 0)
                    one.PreviousCell = Zeros;
                table.LstmBackward(&one);
                if (Reset[row] != 0)
                    new Span<float>(cell.CellGradient, 16).Clear(); // nothing flows to the steps before a reset
            }
            cell.Gates += 16;
            cell.PreviousCell += HiddenRow;
            cell.Cell += HiddenRow;
            cell.HiddenGradient += HiddenRow;
            cell.CellGradient += HiddenRow;
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
            CellGradient[i] = Flush(CellGradient[i]);
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
