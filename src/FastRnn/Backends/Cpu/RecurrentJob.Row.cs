using System.Runtime.CompilerServices;
using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>
/// A step of one sample alone. Every weight is used once, so the time goes by the bytes of R and by where they come from; what counts is that
/// <see cref="RowTile"/> reads them without a pause.
/// </summary>
internal unsafe partial struct RecurrentJob
{
    /// <summary>
    /// What <see cref="RunForward"/> does, a tile being two panels where there are registers for them.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)] // its locals would be cleared at every step of a cell too small for it
    private readonly void RunForwardRow(
        KernelTable table, in ProductPanels product, float* previous, nint depth, nint gateRow, in CellArgs cell, CellKernel kernel,
        bool backwards)
    {
        nint panelStride = depth * product.PanelWidth;
        var tile = new RowTileArgs { X = previous, Depth = depth, WPanel = panelStride };
        (tile.Gate, tile.Panel) = product.Gates == 1 ? (BlockStride, 4 * BlockStride) : (16, BlockStride);
        nint blocks = product.PanelBlocks * table.RowTilePanels, groups = (EndBlock - FirstBlock + blocks - 1) / blocks;
        CellArgs first = AtFirstBlock(cell, gateRow);
        for (nint i = 0; i < groups; i++)
        {
            nint before = (backwards ? groups - 1 - i : i) * blocks, block = FirstBlock + before, end = Math.Min(EndBlock, block + blocks);
            CellArgs one = first;
            Move(ref one, before);
            for (nint b = block; ApartBias != null && b < end; b++)
                StartApartChain(gateRow, 1, b);
            tile.W = product.Panels + (block / product.PanelBlocks * panelStride);
            tile.Init = tile.C = one.Gates + (product.FirstStrip * 16);
            RunRowTiles(table, product, tile, end - block);
            for (; block < end; block++)
                RunCell(table, ref one, kernel);
        }
    }

    /// <summary>The products of some unit blocks: of one or two panels, or, with one gate, of a last one that is not full.</summary>
    private static void RunRowTiles(KernelTable table, in ProductPanels product, RowTileArgs tile, nint blocks)
    {
        nint panels = blocks / product.PanelBlocks, rest = blocks - (panels * product.PanelBlocks);
        if (panels > 0)
            table.RowTiles[(product.PanelWidth / 16) - 1, panels - 1](&tile);
        if (rest == 0)
            return;
        var gemm = new GemmArgs { Rows = 1, Columns = rest * 16, Panels = tile.W + (panels * tile.WPanel) };
        gemm.SetRowMajorA(tile.X, 0, tile.Depth);
        gemm.C = tile.C + (panels * tile.Panel);
        gemm.CVector = tile.Gate;
        gemm.SetInitC();
        Gemm.RunPanel(table, gemm, 0);
    }
}
