using System.Runtime.CompilerServices;
using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>
/// A step of a cell whose options reach beyond its point-wise part: normalised products, a second recurrent product, projection, recurrent dropout
/// and zoneout, each a stage of its own on the step's rows. The order is that of <see cref="CellType"/>.
/// </summary>
internal unsafe partial struct RecurrentJob
{
    // Blocks of scratch [B, H] behind those of the masked steps.
    private const int SeenSlot = 6, HiddenSlot = 7, CellSlot = 8, ProductSlot = 9, PassSlot = 10, ResetSlot = 11, UnprojectedSlot = 12, MaskSlot = 13;

    private readonly void RunStages(KernelTable table, in CellArgs cell, in StepRows rows)
    {
        CellArgs inner = cell;
        inner.Seen = See(table, cell.PreviousHidden, rows);
        inner.ResetHidden = ScratchAt(ResetSlot, rows.First);
        bool projects = Options->ProjectionPanels != null, zoneout = Options->Zoneout.Rate > 0, cellZoneout = Options->CellZoneout.Rate > 0;
        if (projects || zoneout)
            inner.Hidden = ScratchAt(HiddenSlot, rows.First);
        if (cellZoneout)
            inner.Cell = ScratchAt(CellSlot, rows.First);
        RunProducts(table, inner, rows);
        float* fresh = inner.Hidden;
        if (projects)
        {
            KeepRows(Options->Unprojected, inner.Hidden, HiddenRow, rows);
            fresh = zoneout ? ScratchAt(ProductSlot, rows.First) : cell.Hidden;
            Project(table, inner.Hidden, fresh, rows.Count);
        }
        if (zoneout)
            Zone(table, Options->Zoneout, cell.PreviousHidden, fresh, cell.Hidden, StateRow, StateSize, rows);
        if (!cellZoneout)
            return;
        KeepRows(Options->FreshCell, inner.Cell, HiddenRow, rows);
        Zone(table, Options->CellZoneout, cell.PreviousCell, inner.Cell, cell.Cell, HiddenRow, Hidden, rows);
    }

    private readonly void RunProducts(KernelTable table, in CellArgs cell, in StepRows rows)
    {
        if (Options->InputGamma != null)
            Normalize(table, Options->Input, Options->InputGamma, 0, Options->Bias, rows);
        bool second = Options->Second.Panels != null;
        RunProduct(table, Recurrent, cell.Seen, StateSize, StateRow, Options->RecurrentGamma, 1, cell, second ? CellKernel.GruBeforeGates : Kernel, rows);
        if (!second)
            return;
        KeepRows(Options->ResetHidden, cell.ResetHidden, HiddenRow, rows);
        RunProduct(table, Options->Second, cell.ResetHidden, Hidden, HiddenRow, Options->SecondGamma, 2, cell, CellKernel.GruBeforeState, rows);
    }

    /// <summary>One recurrent product and what follows it: block by block, or, normalised over all blocks, one after the other.</summary>
    private readonly void RunProduct(
        KernelTable table, in ProductPanels product, float* seen, nint depth, nint seenRow, float* gamma, int index, in CellArgs cell, CellKernel kernel,
        in StepRows rows)
    {
        if (gamma == null)
        {
            RunForward(table, product, seen, seenRow, depth, rows, cell, kernel);
            return;
        }
        var gemm = new GemmArgs { Rows = rows.Count, Columns = UnitBlocks * product.Gates * 16, PanelWidth = product.PanelWidth, Panels = product.Panels, Bytes = product.Bytes };
        gemm.SetRowMajorA(seen, seenRow, depth);
        gemm.SetGateStripsC(Strips + (product.FirstStrip * 16) + (rows.GateRow * GateRow), GateRow, product.Gates, BlockStride);
        gemm.SetInitRow(Zeros, 0, 0);
        Gemm.Run(table, gemm);
        for (nint block = 0; ApartBias != null && block < UnitBlocks; block++)
            StartApartChain(rows.GateRow, rows.Count, block);
        Normalize(table, product, gamma, index, null, rows);
        RunCells(table, cell, rows.GateRow, kernel);
    }

    /// <summary>x̂ of one product in its strips, γ·x̂ into the cell's.</summary>
    private readonly void Normalize(KernelTable table, in ProductPanels product, float* gamma, int index, float* bias, in StepRows rows)
    {
        NormArgs norm = Norm(product, gamma, index, rows);
        norm.Bias = bias;
        table.NormForward(&norm);
        table.NormApply(&norm);
    }

    private readonly NormArgs Norm(in ProductPanels product, float* gamma, int index, in StepRows rows) => new()
    {
        Strips = Strips + (product.FirstStrip * 16) + (rows.GateRow * GateRow),
        Cell = Strips + (product.CellStrip * 16) + (rows.GateRow * GateRow),
        BlockStride = BlockStride,
        GateRow = GateRow,
        Rows = rows.Count,
        Blocks = UnitBlocks,
        Gates = product.Gates,
        Units = Hidden,
        Scales = Options->Scales + (index * Options->ScaleStride) + rows.GateRow,
        Epsilon = LayerNorm.CellEpsilon,
        Gamma = gamma,
        SampleRows = PackedRows == null ? null : PackedRows + rows.Row,
        FirstSample = PackedRows == null ? rows.First : -(nint)rows.T * Batch,
    };

    /// <summary>h = W_hr m.</summary>
    private readonly void Project(KernelTable table, float* from, float* to, nint count)
    {
        var gemm = new GemmArgs { Rows = count, Columns = StateRow, Panels = Options->ProjectionPanels, Bytes = Options->ProjectionBytes };
        gemm.SetRowMajorA(from, HiddenRow, Hidden);
        gemm.SetInitRow(Zeros, 0, 0);
        gemm.SetRowMajorC(to, StateRow);
        Gemm.Run(table, gemm);
        for (nint i = 0; i < count * StateRow; i++)
            to[i] = Flush(to[i]);
    }

    /// <summary>What R sees of h_{t−1}: with dropout a share of it, which is kept for dR.</summary>
    private readonly float* See(KernelTable table, float* previous, in StepRows rows)
    {
        if (Options->DropMask == null)
            return previous;
        float* seen = ScratchAt(SeenSlot, rows.First);
        for (nint i = 0; i < rows.Count; i++)
        {
            float* mask = Options->DropMask + (Sample(rows, i) * StateRow);
            table.ApplyMask(mask, previous + (i * StateRow), seen + (i * StateRow), StateRow);
        }
        KeepRows(Options->Seen, seen, StateRow, rows);
        return seen;
    }

    /// <summary>In training the fresh value where the draw keeps it and the previous one elsewhere, otherwise their mean by the rate.</summary>
    private readonly void Zone(
        KernelTable table, in DropoutMask mask, float* previous, float* fresh, float* to, nint stride, nint width, in StepRows rows)
    {
        MaskArgs args = DropoutDraw.Args(mask, 1f);
        float* kept = ScratchAt(MaskSlot, rows.First);
        for (nint i = 0; i < rows.Count; i++, previous += stride, fresh += stride, to += stride)
        {
            if (Options->Training)
            {
                DrawRow(table, mask, ref args, rows, i, stride, kept);
                table.SelectByMask(kept, fresh, previous, to, stride);
            }
            else
            {
                for (nint u = 0; u < width; u++)
                    to[u] = Flush(MathF.FusedMultiplyAdd(mask.Rate, previous[u] - fresh[u], fresh[u]));
            }
            Cleared(to + width, stride - width); // a cell's padding is not always zero
        }
    }

    private readonly void DrawRow(KernelTable table, in DropoutMask mask, ref MaskArgs args, in StepRows rows, nint i, nint stride, float* kept)
    {
        DropoutDraw.Enter(mask, rows.T, (int)Sample(rows, i), ref args);
        fixed (MaskArgs* pointer = &args)
            table.DrawMask(pointer, 0, stride, kept);
    }

    // ---- rows ---------------------------------------------------------------------------------------------------------------

    /// <summary>Index t·B + b of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly nint Position(in StepRows rows, nint i) => PackedRows == null ? rows.Row + i : PackedRows[rows.Row + i];

    private readonly nint Sample(in StepRows rows, nint i) => Position(rows, i) - ((nint)rows.T * Batch);

    /// <summary>Copies rows to where the backward pass finds them; nowhere in inference.</summary>
    private readonly void KeepRows(float* kept, float* from, nint stride, in StepRows rows)
    {
        for (nint i = 0; kept != null && i < rows.Count; i++)
            Copy(from + (i * stride), kept + (Position(rows, i) * stride), (int)stride);
    }

    private readonly void FetchRows(float* kept, float* to, nint stride, in StepRows rows)
    {
        for (nint i = 0; i < rows.Count; i++)
            Copy(kept + (Position(rows, i) * stride), to + (i * stride), (int)stride);
    }

    private static float* Cleared(float* values, nint length)
    {
        new Span<float>(values, (int)length).Clear();
        return values;
    }
}
