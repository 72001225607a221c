using FastRnn.Memory;

namespace FastRnn.Kernels;

/// <summary>
/// The order of these sums is part of the definition and does not depend on threads or widths. Time is cut in spans of 64 steps from t = 0,
/// whose sums are added to the gradient from the last span to the first: so a span can be done, and forgotten, before the one before it is
/// there. Within a span the batch in slices of 16 samples, combined in a binary tree; within a slice time first, then the sample, in blocks of
/// 16 steps – of 32 for a slice of 5 to 8 samples, of 64 for fewer – each block one chain from zero, added in order.
/// It is also more accurate than one chain over T·B rows.
/// </summary>
internal static unsafe partial class WeightGradient
{
    /// <summary>Samples of a slice.</summary>
    public const int SliceSamples = 16;

    /// <summary>Steps of a span.</summary>
    public const int SpanSteps = 64;

    /// <summary>Most rows of one chain.</summary>
    public const int BlockRows = 256;

    /// <summary>
    /// Most columns that one pass over dY serves: their 256 rows of X stay in L2. dY comes from L3 once a pass, and the next strip is prefetched.
    /// Measured against the tile alone in L1: 84 % on H 128, B 50, T 50 and 79 % on H 512, B 32; rejected, 64 columns a pass without
    /// prefetch: 73 % and 56 %. Copying each strip together first would win 6 % of the tile and lose most of it in the copy.
    /// </summary>
    private const int PassColumns = 256;

    /// <summary>Floats of the sum of one strip and one panel.</summary>
    private const int SumLength = 16 * Gemm.PanelColumns;

    /// <summary>Floats of one packed panel of X.</summary>
    private const int PackLength = BlockRows * Gemm.PanelColumns;

    /// <summary>Floats for one strip's rows of a block, and for the runs that they come in.</summary>
    private const int RunScratch = (BlockRows * 16) + (BlockRows * 2) + 32;

    /// <summary>Arena floats that <see cref="Run"/> takes for so many strips.</summary>
    public static nint ScratchLength(nint strips, nint batch, nint columns)
    {
        nint panels = Gemm.Panels(Math.Min(columns, PassColumns));
        return (panels * (PackLength + (SliceTree.Depth(batch) * strips * SumLength))) + RunScratch;
    }

    /// <summary>Strips first … first + strips − 1 of dW.</summary>
    public static void Run(KernelTable table, in WeightGradientArgs args, nint first, nint strips, Arena arena)
    {
        nint mark = arena.Used, panels = Gemm.Panels(Math.Min(args.Columns, PassColumns));
        float* pack = arena.Take(panels * PackLength), packedStrip = arena.Take(BlockRows * 16);
        var runs = (RowRun*)arena.Take(BlockRows * 2);
        var tree = new SliceTree(table, arena, args.Batch, panels * strips * SumLength);
        for (nint column = 0; column < args.Columns; column += PassColumns)
        {
            nint width = Math.Min(PassColumns, args.Columns - column);
            for (StepSpan span = args.LastSpan(); span.Steps > 0; span = args.SpanBefore(span))
            {
                for (nint sample = 0; sample < args.Batch; sample += SliceSamples)
                    Slice(table, args, span, first, strips, sample, column, width, pack, packedStrip, runs, tree.Push());
                AddPass(table, args, first, strips, column, width, tree.Finish());
            }
        }
        arena.Release(mark);
    }

    /// <summary>The bias gradient of the same strips: the same order with x = 1.</summary>
    public static void RunBias(KernelTable table, WeightGradientArgs args, nint first, nint strips, float* biasA, float* biasB, Arena arena)
    {
        if (args.BiasStrips != null)
            args.Strips = args.BiasStrips;
        nint mark = arena.Used;
        float* block = arena.Take(16), packedStrip = arena.Take(BlockRows * 16);
        var runs = (RowRun*)arena.Take(BlockRows * 2);
        var tree = new SliceTree(table, arena, args.Batch, strips * 16);
        for (StepSpan span = args.LastSpan(); span.Steps > 0; span = args.SpanBefore(span))
        {
            for (nint sample = 0; sample < args.Batch; sample += SliceSamples)
                BiasSlice(table, args, span, first, strips, sample, block, packedStrip, runs, tree.Push());
            AddBias(args, first, strips, tree.Finish(), biasA, biasB);
        }
        arena.Release(mark);
    }

    private static nint BlockSteps(nint samples) => samples > 8 ? SpanSteps / 4 : samples > 4 ? SpanSteps / 2 : SpanSteps;

    /// <summary>Sums are laid out [strip][panel][16][64].</summary>
    private static void Slice(
        KernelTable table, in WeightGradientArgs args, StepSpan span, nint first, nint strips, nint sample, nint column, nint width,
        float* pack, float* packedStrip, RowRun* runs, float* sum)
    {
        nint samples = Math.Min(SliceSamples, args.Batch - sample), blockSteps = BlockSteps(samples);
        for (nint t = span.First; t < span.End; t += blockSteps)
        {
            nint steps = Math.Min(blockSteps, span.End - t);
            nint packed = args.Rows == null ? 0 : FindRuns(args, t, steps, sample, samples, runs);
            TileArgs tile = BlockTile(args, samples, steps);
            if (args.Rows == null)
                PackRows(args, t, steps, sample, samples, column, width, pack);
            else
                PackRuns(args, runs, steps, column, width, pack);
            if (args.Rows != null)
                (tile.Count, tile.OuterCount, tile.Stride, tile.GroupStride) = (packed, 1, 16, 64);
            tile.Add = t > span.First;
            tile.C = sum;
            nint row = ((t * args.Batch) + sample) * args.StripRow;
            for (nint s = 1; s <= strips; s++)
            {
                if (args.Rows == null)
                {
                    tile.A = args.Strip(first + s - 1) + row;
                    tile.Prefetch = s < strips ? args.Strip(first + s) + row : tile.A;
                }
                else
                {
                    CopyRuns(args.Strip(first + s - 1), runs, steps, packedStrip);
                    tile.A = tile.Prefetch = packedStrip;
                }
                for (nint k = 0; k < width; k += Gemm.PanelColumns, tile.C += SumLength)
                {
                    tile.B = pack + (k * BlockRows);
                    StripTiles(table, &tile, Math.Min(4, (width - k + 15) / 16));
                }
            }
        }
    }

    private static TileArgs BlockTile(in WeightGradientArgs args, nint samples, nint steps)
    {
        bool contiguous = samples == args.Batch;
        return new TileArgs
        {
            ARow = 1,
            Count = contiguous ? samples * steps : samples,
            Stride = args.StripRow,
            GroupStride = 4 * args.StripRow,
            OuterCount = contiguous ? 1 : steps,
            OuterStride = args.Batch * args.StripRow,
            Init = args.Zeros,
            CRow = Gemm.PanelColumns,
            CVector = 16,
            PrefetchStep = 64,
            PrefetchOuter = contiguous ? 0 : (args.Batch - samples) * args.StripRow,
        };
    }

    private static void StripTiles(KernelTable table, TileArgs* tile, nint registers)
    {
        int tiles = (16 + table.TileRows - 1) / table.TileRows, row = 0;
        float* a = tile->A, b = tile->B, c = tile->C;
        for (int i = 0; i < tiles; i++)
        {
            int next = 16 * (i + 1) / tiles;
            var run = table.Tile(next - row, registers, TileKind.Fours);
            tile->A = a + row;
            for (int lane = 0; lane < 16; lane += table.Width)
            {
                tile->B = b + lane;
                tile->C = c + (row * Gemm.PanelColumns) + lane;
                run(tile);
            }
            row = next;
        }
        tile->A = a;
        tile->B = b;
        tile->C = c;
    }

    private static void PackRows(
        in WeightGradientArgs args, nint t, nint steps, nint sample, nint samples, nint column, nint width, float* pack)
    {
        for (nint step = t; step < t + steps; step++)
        {
            nint row = (step * args.Batch) + sample;
            for (nint last = row + samples; row < last; row++, pack += Gemm.PanelColumns)
            {
                bool counts = args.Active == null || args.Active[row] != 0;
                PackRow(args.X + (row * args.XRow) + column, counts, width, pack);
            }
        }
    }

    /// <summary>A row of X, or zeros, as a row of every panel.</summary>
    private static void PackRow(float* from, bool counts, nint width, float* pack)
    {
        for (nint k = 0; k < width; k += Gemm.PanelColumns)
        {
            var panel = new Span<float>(pack + (k * BlockRows), (int)Math.Min(Gemm.PanelColumns, width - k));
            if (counts)
                new ReadOnlySpan<float>(from + k, panel.Length).CopyTo(panel);
            else
                panel.Clear();
        }
    }

    private static void AddPass(
        KernelTable table, in WeightGradientArgs args, nint first, nint strips, nint column, nint width, float* sum)
    {
        for (nint s = 0; s < strips; s++)
        {
            (nint row, nint count) = args.Target(first + s);
            for (nint k = 0; k < width; k += Gemm.PanelColumns, sum += SumLength)
            {
                for (nint i = 0; i < count; i++)
                {
                    float* to = args.Gradient + ((row + i) * args.GradientRow) + column + k;
                    table.AddTo(sum + (i * Gemm.PanelColumns), to, Math.Min(Gemm.PanelColumns, width - k));
                }
            }
        }
    }

    private static void AddBias(in WeightGradientArgs args, nint first, nint strips, float* sums, float* biasA, float* biasB)
    {
        for (nint s = 0; s < strips; s++, sums += 16)
        {
            (nint row, nint count) = args.Target(first + s);
            for (nint i = 0; i < count; i++)
            {
                biasA[row + i] += sums[i];
                if (biasB != null)
                    biasB[row + i] += sums[i];
            }
        }
    }

    private static void BiasSlice(
        KernelTable table, in WeightGradientArgs args, StepSpan span, nint first, nint strips, nint sample, float* block,
        float* packedStrip, RowRun* runs, float* sum)
    {
        nint samples = Math.Min(SliceSamples, args.Batch - sample), blockSteps = BlockSteps(samples);
        new Span<float>(sum, (int)(strips * 16)).Clear();
        for (nint t = span.First; t < span.End; t += blockSteps)
        {
            nint steps = Math.Min(blockSteps, span.End - t);
            nint row = ((t * args.Batch) + sample) * args.StripRow;
            nint packed = args.Rows == null ? 0 : FindRuns(args, t, steps, sample, samples, runs);
            for (nint s = 0; s < strips; s++)
            {
                if (args.Rows != null)
                {
                    CopyRuns(args.Strip(first + s), runs, steps, packedStrip);
                    table.SumStripRows(packedStrip, 1, 0, packed, 16, block);
                }
                else
                {
                    table.SumStripRows(args.Strip(first + s) + row, steps, args.Batch * args.StripRow, samples, args.StripRow, block);
                }
                table.AddTo(block, sum + (s * 16), 16);
            }
        }
    }
}
