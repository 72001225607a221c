using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>The recurrence back through time: gates become their gradients in place, dh and dc go from step to step.</summary>
internal unsafe partial struct RecurrentJob
{
    public static void Backward(void* context, int part, int parts)
    {
        RecurrentJob job = *(RecurrentJob*)context;
        if (job.CutsUnits)
        {
            BackwardUnits(job, part, parts);
            return;
        }
        (nint first, nint count) = CpuBackend.Part(job.Batch, part, parts);
        KernelTable table = job.Table;
        int end = job.FirstStep + job.BlockSteps;
        if (end == job.Steps)
            job.StartBackward(first, count);
        for (int t = end - 1; t >= job.FirstStep; t--)
        {
            job.NoteNorms(table, (nint)t * job.Batch, first, count);
            if (job.Active == null)
                job.BackwardStep(table, t, first, count);
            else
                job.BackwardMaskedStep(table, t, first, count);
            job.SwapHiddenGradients();
        }
        if (job.FirstStep == 0)
            job.FinishBackward(first, count);
    }

    /// <summary>dh_T−1 = dY_T−1 + final gradient of h; dc = final gradient of c.</summary>
    private readonly void StartBackward(nint first, nint count)
    {
        for (nint b = first; b < first + count; b++)
        {
            float* dh = HiddenGradient + (b * StateRow);
            StartChain(Steps - 1, b, dh);
            if (FinalHiddenGradient != null)
                AddRow(FinalHiddenGradient + (b * StateRow), dh);
            Copy(FinalCellGradient == null ? Zeros : FinalCellGradient + (b * HiddenRow), Carry + (b * HiddenRow), HiddenRow);
        }
    }

    private readonly void BackwardStep(KernelTable table, int t, nint first, nint count)
    {
        nint row = ((nint)t * Batch) + first;
        float* start = t == 0 ? null : OutputGradient + ((row - Batch) * StateRow);
        CellArgs cell = Cell(t, first, count);
        var rows = new StepRows(t, first, row, row, count);
        float* next = NextHiddenGradient + (first * StateRow);
        if (!Options->Staged)
        {
            RunStepBackward(table, cell, rows, start, next);
            return;
        }
        if (start == null)
            Cleared(next, count * StateRow);
        else
            CpuStash.Copy(start, next, count * StateRow);
        RunStagesBackward(table, cell, rows, next);
    }

    /// <summary>A step back: the next gradient is this one now.</summary>
    public void SwapHiddenGradients()
    {
        float* swap = HiddenGradient;
        HiddenGradient = NextHiddenGradient;
        NextHiddenGradient = swap;
    }

    /// <summary>
    /// Turns the gates of step t into their gradients; <paramref name="next"/> = <paramref name="start"/>, null for zeros, and what they send to h_{t−1}.
    /// </summary>
    private readonly void RunStepBackward(KernelTable table, in CellArgs cell, in StepRows rows, float* start, float* next)
    {
        RunCellsBackward(table, rows.GateRow, cell, Kernel);
        LimitGradients(table, rows);
        if (Kernel is CellKernel.Gru or CellKernel.GruVariant)
        {
            if (start != null)
                table.AddTo(start, cell.Carry, rows.Count * HiddenRow);
            start = cell.Carry;
        }
        MultiplyBackward(table, Recurrent, rows, start, next, StateRow);
    }

    private readonly void RunCellsBackward(KernelTable table, nint gateRow, in CellArgs cell, CellKernel kernel)
    {
        CellArgs one = AtFirstBlock(cell, gateRow);
        for (nint block = FirstBlock; block < EndBlock; block++, MoveOn(ref one))
            table.CellBackward[(int)kernel](&one);
    }

    /// <summary>
    /// dh_{t−1} = chain(start; dG_t·R), unit-major, gate-minor. The start is dY_{t−1}, for the GRU + dh_t·z_t; null for zeros.
    /// </summary>
    private readonly void MultiplyBackward(
        KernelTable table, in ProductPanels product, in StepRows rows, float* start, float* dHidden, nint stride)
    {
        if (rows.Count == 0)
            return;
        var gemm = new GemmArgs { Rows = rows.Count, Columns = stride, Panels = product.Panels };
        gemm.SetGateStripsA(Strips + (product.FirstStrip * 16) + (rows.GateRow * GateRow), GateRow, product.Gates, BlockStride, UnitBlocks);
        gemm.NextA = rows.T > FirstStep ? gemm.A - (rows.Count * GateRow) : null;
        gemm.SetRowMajorC(dHidden, stride);
        gemm.SetInitRow(start == null ? Zeros : start, start == null ? 0 : 16, start == null ? 0 : Gemm.PanelColumns);
        gemm.InitRow = start == null ? 0 : stride;
        Gemm.Run(table, gemm);
    }

    /// <summary>
    /// Where the chain of dh_t starts: dY_t, or that of the last active step before, as if nothing lay between; zero before the first.
    /// </summary>
    private readonly void StartChain(int t, nint b, float* dh)
    {
        while (Active != null && t >= 0 && Active[((nint)t * Batch) + b] == 0)
            t--;
        Copy(t >= 0 ? OutputGradient + ((((nint)t * Batch) + b) * StateRow) : Zeros, dh, StateRow);
    }

    private readonly void FinishBackward(nint first, nint count)
    {
        for (nint i = first * StateRow; i < (first + count) * StateRow; i++)
            InitialHiddenGradient[i] = Flush(HiddenGradient[i]);
        for (nint i = first * HiddenRow; Cells != null && i < (first + count) * HiddenRow; i++)
            Carry[i] = Flush(Carry[i]);
    }

    private readonly void NoteNorms(KernelTable table, nint row, nint first, nint count)
    {
        if (SquaredNorms == null)
            return;
        for (nint b = first; b < first + count; b++)
        {
            bool active = Active == null || Active[row + b] != 0;
            SquaredNorms[row + b] = active ? table.SumOfSquares(HiddenGradient + (b * StateRow), StateRow) : 0.0;
        }
    }
}
