using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>
/// Steps cut by units, for batches that have too few samples for all threads: each computes its own units of every step, with the same share of R
/// all the time, which stays in the cache of its core, and meets the others once a step. Plain cells without flags only.
/// One core reads R of LSTM 256 (1 MiB) anew at every step; two read half each.
/// </summary>
internal unsafe partial struct RecurrentJob
{
    /// <summary>Blocks of 16 units that a panel of dh has: the finest cut of a step back.</summary>
    private const int BackwardPanelBlocks = Gemm.PanelColumns / 16;

    /// <summary>Pieces that the units of a step can be cut into, 1 where they cannot.</summary>
    public readonly nint UnitPieces(bool backward)
    {
        bool plain = Active == null && !Options->Staged && Kernel < CellKernel.LstmVariant && SquaredNorms == null && Options->Settings.GradientLimit == 0;
        nint blocks = backward ? BackwardPanelBlocks : Recurrent.PanelBlocks;
        return plain ? (UnitBlocks + blocks - 1) / blocks : 1;
    }

    private static void ForwardUnits(RecurrentJob job, int part, int parts)
    {
        CpuBackend backend = job.Owner;
        job.TakeUnits(part, parts, job.Recurrent.PanelBlocks);
        int end = job.FirstStep + job.BlockSteps;
        for (int t = job.FirstStep; t < end; t++)
        {
            job.ForwardStep(backend.Kernels, t, 0, job.Batch);
            if (t < end - 1)
                backend.Meet(); // the next step reads every unit
        }
    }

    private static void BackwardUnits(RecurrentJob job, int part, int parts)
    {
        CpuBackend backend = job.Owner;
        job.TakeUnits(part, parts, BackwardPanelBlocks);
        int end = job.FirstStep + job.BlockSteps;
        if (end == job.Steps)
        {
            if (part == 0)
                job.StartBackward(0, job.Batch);
            backend.Meet();
        }
        for (int t = end - 1; t >= job.FirstStep; t--)
        {
            nint row = (nint)t * job.Batch;
            CellArgs cell = job.Cell(t, 0, job.Batch);
            job.RunCellsBackward(backend.Kernels, row, cell, job.Kernel);
            job.StartUnits(t - 1, cell);
            backend.Meet(); // the product reads the gates of every unit; what follows it, this thread's alone
            job.MultiplyUnitsBackward(backend.Kernels, row);
            job.SwapHiddenGradients();
        }
        if (job.FirstStep != 0)
            return;
        backend.Meet();
        if (part == 0)
            job.FinishBackward(0, job.Batch);
    }

    private void TakeUnits(int part, int parts, nint pieceBlocks)
    {
        (nint first, nint count) = CpuBackend.Part((UnitBlocks + pieceBlocks - 1) / pieceBlocks, part, parts);
        (FirstBlock, EndBlock) = (first * pieceBlocks, Math.Min(UnitBlocks, (first + count) * pieceBlocks));
    }

    /// <summary>Where the chains of dh_t start, for the thread's units.</summary>
    private readonly void StartUnits(int t, in CellArgs cell)
    {
        nint unit = FirstBlock * 16;
        int length = (int)((EndBlock - FirstBlock) * 16);
        for (nint b = 0; b < Batch; b++)
        {
            float* next = NextHiddenGradient + (b * StateRow) + unit;
            Copy(t >= 0 ? OutputGradient + ((((nint)t * Batch) + b) * StateRow) + unit : Zeros, next, length);
            if (Kernel == CellKernel.Gru)
                Owner.Kernels.AddTo(cell.Carry + (b * HiddenRow) + unit, next, length);
        }
    }

    private readonly void MultiplyUnitsBackward(KernelTable table, nint gateRow)
    {
        nint unit = FirstBlock * 16;
        var gemm = new GemmArgs
        {
            Rows = Batch,
            Columns = (EndBlock - FirstBlock) * 16,
            Panels = Recurrent.Panels + (unit * Recurrent.Gates * HiddenRow),
        };
        gemm.SetGateStripsA(Strips + (Recurrent.FirstStrip * 16) + (gateRow * GateRow), GateRow, Recurrent.Gates, BlockStride, UnitBlocks);
        gemm.SetRowMajorC(NextHiddenGradient + unit, StateRow);
        gemm.SetInitC();
        Gemm.Run(table, gemm);
    }
}
