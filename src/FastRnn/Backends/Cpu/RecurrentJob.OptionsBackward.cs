using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>The stages of a step backward: the chain rule through those of the forward step, the last first.</summary>
internal unsafe partial struct RecurrentJob
{
    /// <summary>
    /// From dh of these rows, and dc in the cell's carry, to gradients of the pre-activations in the strips, dc_{t−1} in the carry, and dh_{t−1}
    /// added to <paramref name="next"/>.
    /// </summary>
    private readonly void RunStagesBackward(KernelTable table, in CellArgs cell, in StepRows rows, float* next)
    {
        CellArgs inner = cell;
        if (Options->Zoneout.Rate > 0)
        {
            inner.HiddenGradient = ScratchAt(HiddenSlot, rows.First);
            ZoneBackward(table, Options->Zoneout, cell.HiddenGradient, inner.HiddenGradient, next, StateRow, rows);
        }
        if (Options->ProjectionPanels != null)
            inner.HiddenGradient = Unproject(table, inner.HiddenGradient, rows);
        float* passed = ScratchAt(PassSlot, rows.First);
        if (Options->CellZoneout.Rate > 0)
        {
            new Span<float>(passed, (int)(rows.Count * HiddenRow)).Clear();
            ZoneBackward(table, Options->CellZoneout, inner.Carry, inner.Carry, passed, HiddenRow, rows);
            FetchRows(Options->FreshCell, inner.Cell = ScratchAt(CellSlot, rows.First), HiddenRow, rows);
        }
        inner.Seen = cell.PreviousHidden;
        inner.ResetHidden = ScratchAt(ResetSlot, rows.First);
        if (Options->DropMask != null && Options->Second.Panels != null)
            FetchRows(Options->Seen, inner.Seen = ScratchAt(SeenSlot, rows.First), StateRow, rows);
        float* product = Options->DropMask == null ? next : Cleared(ScratchAt(ProductSlot, rows.First), rows.Count * StateRow);
        RunProductsBackward(table, inner, rows, next, product);
        if (Options->DropMask != null)
            AddDropped(table, product, next, rows);
        if (Options->CellZoneout.Rate > 0)
            table.AddTo(passed, inner.Carry, rows.Count * HiddenRow);
    }

    /// <summary>The point-wise part and the products; what z hands on goes to <paramref name="next"/>, what comes through R to <paramref name="product"/>.</summary>
    private readonly void RunProductsBackward(KernelTable table, CellArgs cell, in StepRows rows, float* next, float* product)
    {
        RunCellsBackward(table, rows.GateRow, cell, Kernel);
        LimitGradients(table, rows);
        if (Kernel is CellKernel.Gru or CellKernel.GruVariant or CellKernel.GruBeforeState)
            table.AddTo(cell.Carry, next, rows.Count * HiddenRow);
        if (Options->Second.Panels != null)
        {
            NormalizeBackward(table, Options->Second, Options->SecondGamma, 2, Options->SecondGammaGradient, rows);
            MultiplyBackward(table, Options->Second, rows, null, cell.ResetHidden, HiddenRow);
            RunCellsBackward(table, rows.GateRow, cell, CellKernel.GruBeforeGates);
            table.AddTo(cell.ResetHidden, product, rows.Count * HiddenRow);
        }
        NormalizeBackward(table, Recurrent, Options->RecurrentGamma, 1, Options->RecurrentGammaGradient, rows);
        NormalizeBackward(table, Options->Input, Options->InputGamma, 0, Options->InputGammaGradient, rows);
        MultiplyBackward(table, Recurrent, rows, product, product, StateRow);
    }

    private readonly void NormalizeBackward(
        KernelTable table, in ProductPanels product, float* gamma, int index, float* gammaGradient, in StepRows rows)
    {
        if (gamma == null)
            return;
        NormArgs norm = Norm(product, gamma, index, rows);
        norm.GammaGradient = gammaGradient;
        table.NormBackward(&norm);
    }

    /// <summary>The kernels with peepholes and with a product in between limit their gradients themselves.</summary>
    private readonly void LimitGradients(KernelTable table, in StepRows rows)
    {
        if (Options->Settings.GradientLimit == 0 || Kernel is CellKernel.LstmVariant or CellKernel.GruBeforeState)
            return;
        for (nint block = 0; block < UnitBlocks; block++)
        {
            float* gates = Strips + (block * BlockStride) + (rows.GateRow * GateRow);
            for (nint row = 0; row < rows.Count; row++, gates += GateRow)
                table.Clamp(gates, CellStrips * 16, Options->Settings.GradientLimit);
        }
    }

    /// <summary>Where the fresh value was taken its gradient stays, elsewhere it goes on to the previous one. <paramref name="to"/> may be the source.</summary>
    private readonly void ZoneBackward(
        KernelTable table, in DropoutMask mask, float* from, float* to, float* previous, nint stride, in StepRows rows)
    {
        MaskArgs args = DropoutDraw.Args(mask, 1f);
        float* kept = ScratchAt(MaskSlot, rows.First);
        for (nint i = 0; i < rows.Count; i++, from += stride, to += stride, previous += stride)
        {
            DrawRow(table, mask, ref args, rows, i, stride, kept);
            table.DivideByMask(kept, from, to, previous, stride);
        }
    }

    /// <summary>dm = W_hrᵀ dh; dh is kept, as strips, for dW_hr.</summary>
    private readonly float* Unproject(KernelTable table, float* dHidden, in StepRows rows)
    {
        for (nint strip = 0; strip < StateRow / 16; strip++)
        {
            float* to = Options->ProjectedGradient + (strip * Options->ProjectedStride) + (rows.Row * 16);
            for (nint i = 0; i < rows.Count; i++)
                Copy(dHidden + (i * StateRow) + (strip * 16), to + (i * 16), 16);
        }
        float* result = ScratchAt(UnprojectedSlot, rows.First);
        var gemm = new GemmArgs { Rows = rows.Count, Columns = HiddenRow, Panels = Options->ProjectionPanels };
        gemm.SetRowMajorA(dHidden, StateRow, StateSize);
        gemm.SetInitRow(Zeros, 0, 0);
        gemm.SetRowMajorC(result, HiddenRow);
        Gemm.Run(table, gemm);
        return result;
    }

    private readonly void AddDropped(KernelTable table, float* product, float* next, in StepRows rows)
    {
        for (nint i = 0; i < rows.Count; i++)
        {
            float* row = product + (i * StateRow);
            table.ApplyMask(Options->DropMask + (Sample(rows, i) * StateRow), row, row, StateRow);
            table.AddTo(row, next + (i * StateRow), StateRow);
        }
    }
}
