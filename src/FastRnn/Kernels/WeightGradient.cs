using System.Diagnostics;
using System.Runtime.Intrinsics;
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
    /// Most columns that one pass over dY serves: their X of a slice, 1 MiB at most, stays in L2. dY comes from L3 or memory once a pass, and is
    /// prefetched. Some strips take all blocks of the slice in turn, so that their sums stay in L2; with all strips for a block, then the next, forward
    /// and backward were 1–2 % slower. In LSTM 512→512, T 64, B 64: the tiles at 76 % of the FMA peak, without the prefetch 5–7 % of the whole training
    /// step slower. Rejected there, all as fast or slower: 512 columns a pass, passes of 16 or 32 strips whose sums stay in L2, half of the rows at a
    /// time so that a panel stays in L1, dY's rows copied together first, tiles of 11×2 registers whose 256 rows of X, 32 KiB, stay in L1 (1–2 % slower).
    /// One strip at a time instead of the four of a block: tiles 12 % slower.
    /// What is left, found by leaving parts out, sums of that layer alone, each within 1 %: without packing X 3–4 % faster; then every block with the same
    /// panels 4 %, all strips with the same dY 2 %, with the same sums 2 %; without the last add 1 %; all of it 9–11 %. Rejected: lines of X fetched 2, 4
    /// or 8 rows before they are packed, those of dW 16 rows before the last add (as fast or 1 % slower). Open: 128 columns a pass, forward and backward
    /// of that layer 0.8–0.9 % faster, of a GRU 0.3–0.5 % slower; dY is then read twice as often, which two threads may feel.
    /// </summary>
    private const int PassColumns = 256;

    /// <summary>Floats of the sum of one strip and one panel.</summary>
    private const int SumLength = 16 * Gemm.PanelColumns;

    /// <summary>Floats of one packed panel of X.</summary>
    private const int PackLength = BlockRows * Gemm.PanelColumns;

    /// <summary>Floats for the rows of a block of some neighbouring strips, and for the runs that they come in.</summary>
    private const int RunScratch = (BlockRows * 16 * MostNeighbours) + (BlockRows * 2) + 32;

    /// <summary>Most strips that are neighbours in a row.</summary>
    public const int MostNeighbours = 4;

    /// <summary>Arena floats that <see cref="Run"/> takes for so many strips.</summary>
    public static nint ScratchLength(nint strips, nint batch, nint columns)
    {
        nint panels = Gemm.Panels(Math.Min(columns, PassColumns)), sums = SliceTree.Depth(batch) * strips;
        return (panels * ((MostBlocks(batch) * PackLength) + (sums * (SumLength + 16)))) + RunScratch + (panels == 0 ? sums * 16 : 0);
    }

    /// <summary>Strips first … first + strips − 1 of dW and of the bias gradients.</summary>
    public static void Run(KernelTable table, in WeightGradientArgs args, nint first, nint strips, Arena arena)
    {
        nint mark = arena.Used, panels = Gemm.Panels(Math.Min(args.Columns, PassColumns));
        var scratch = new SliceScratch
        {
            Pack = arena.Take(MostBlocks(args.Batch) * panels * PackLength),
            Strips = arena.Take(BlockRows * 16 * MostNeighbours),
            Runs = (RowRun*)arena.Take(BlockRows * 2),
        };
        for (nint column = 0; column == 0 || column < args.Columns; column += PassColumns) // the first is the biases', too
        {
            nint width = Math.Min(PassColumns, args.Columns - column), sums = Gemm.Panels(width) * strips * SumLength, treeMark = arena.Used;
            bool bias = column == 0 && args.BiasA != null;
            var tree = new SliceTree(table, arena, args.Batch, sums + (bias ? strips * 16 : 0));
            for (StepSpan span = args.LastSpan(); span.Steps > 0; span = args.SpanBefore(span))
            {
                for (nint sample = 0; sample < args.Batch; sample += SliceSamples)
                {
                    float* sum = tree.Push();
                    var slice = new SampleSlice(span, sample, Math.Min(SliceSamples, args.Batch - sample));
                    Slice(table, args, slice, first, strips, column, width, scratch, sum, bias ? sum + sums : null);
                }
                float* total = tree.Finish();
                AddPass(table, args, first, strips, column, width, total);
                if (bias)
                    AddBias(args, first, strips, total + sums);
            }
            arena.Release(treeMark);
        }
        arena.Release(mark);
    }

    /// <summary>Steps of a block of a slice with so many samples.</summary>
    public static nint BlockSteps(nint samples) => samples > 8 ? SpanSteps / 4 : samples > 4 ? SpanSteps / 2 : SpanSteps;

    /// <summary>Most blocks of a slice.</summary>
    private static nint MostBlocks(nint batch) => SpanSteps / BlockSteps(batch);

    /// <summary>Sums are laid out [neighbouring strips][panel][16 rows a strip][64]; those of some neighbours stay in L2 while their blocks are added.</summary>
    private static void Slice(
        KernelTable table, in WeightGradientArgs args, in SampleSlice slice, nint first, nint strips, nint column, nint width,
        in SliceScratch scratch, float* sum, float* bias)
    {
        Debug.Assert(width > 0 || args.Rows == null, "packed rows are found when X is packed");
        nint end = first + strips, panels = Gemm.Panels(width);
        if (width > 0)
            PackSlice(args, slice, column, width, scratch);
        for (nint strip = first, count; strip < end; strip += count, sum += count * panels * SumLength)
        {
            count = args.Neighbours(strip, end);
            float* pack = scratch.Pack, biasSum = bias == null ? null : bias + ((strip - first) * 16);
            for (nint t = slice.Span.First; t < slice.Span.End; t += slice.BlockSteps, pack += panels * PackLength)
            {
                TileArgs tile = BlockTile(args, slice, t);
                tile.C = sum;
                nint row = slice.Row(args, t) * args.StripRow;
                float* rows = tile.A = args.Strip(strip) + row;
                bool more = t + slice.BlockSteps < slice.Span.End, last = strip + count >= end;
                nint next = slice.Row(args, more ? t + slice.BlockSteps : slice.Span.First) + (last && !more ? slice.Samples : 0);
                tile.Prefetch = args.Strip(more ? strip : last ? first : strip + count) + (next * args.StripRow);
                if (args.Rows != null)
                    TakeRuns(args, slice, t, args.Strip(strip), count * 16, scratch, &tile);
                if (width > 0)
                    StripPanels(table, &tile, count * 16, width, pack);
                if (bias == null)
                    continue;
                if (args.BiasStrips != null && args.Rows != null)
                    CopyRuns(args.BiasStrip(strip), args.StripRow, scratch.Runs + (t - slice.Span.First), slice.Steps(t), count * 16, scratch.Strips);
                rows = args.Rows != null ? scratch.Strips : args.BiasStrips != null ? args.BiasStrip(strip) + row : rows;
                SumBlock(table, args, tile, rows, count, biasSum);
            }
        }
    }

    /// <summary>X of the slice: blocks of [panel][row][64].</summary>
    private static void PackSlice(in WeightGradientArgs args, in SampleSlice slice, nint column, nint width, in SliceScratch scratch)
    {
        float* pack = scratch.Pack;
        for (nint t = slice.Span.First; t < slice.Span.End; t += slice.BlockSteps, pack += Gemm.Panels(width) * PackLength)
        {
            RowRun* runs = scratch.Runs + (t - slice.Span.First);
            if (args.Rows == null)
            {
                PackRows(args, t, slice.Steps(t), slice.First, slice.Samples, column, width, pack);
                continue;
            }
            FindRuns(args, t, slice.Steps(t), slice.First, slice.Samples, runs);
            PackRuns(args, runs, slice.Steps(t), column, width, pack);
        }
    }

    private static TileArgs BlockTile(in WeightGradientArgs args, in SampleSlice slice, nint t)
    {
        nint steps = slice.Steps(t);
        bool contiguous = slice.Samples == args.Batch;
        return new TileArgs
        {
            ARow = 1,
            Count = contiguous ? slice.Samples * steps : slice.Samples,
            Stride = args.StripRow,
            GroupStride = 4 * args.StripRow,
            OuterCount = contiguous ? 1 : steps,
            OuterStride = args.Batch * args.StripRow,
            Init = args.Zeros,
            CRow = Gemm.PanelColumns,
            CVector = 16,
            Add = t > slice.Span.First,
        };
    }

    /// <summary>
    /// Neighbouring strips, <paramref name="rows"/> columns of dY, with all panels. Each tile fetches its share of the next strips' lines, of every
    /// step a part, so that they are in L2 in time.
    /// </summary>
    private static void StripPanels(KernelTable table, TileArgs* tile, nint rows, nint width, float* pack)
    {
        nint tiles = (rows + table.TileRows - 1) / table.TileRows, runs = tiles * Gemm.Panels(width) * (16 / table.Width);
        TileKind kind = tile->Stride == 64 ? TileKind.FoursOf64 : TileKind.Fours;
        float* a = tile->A;
        tile->PrefetchStep = Math.Min(64, 4 * ((rows + runs - 1) / runs));
        nint ahead = tile->Count / 4 * tile->PrefetchStep;
        tile->PrefetchOuter = tile->OuterStride - ahead;
        for (nint k = 0; k < width; k += Gemm.PanelColumns)
        {
            nint registers = Math.Min(4, (width - k + 15) / 16), row = 0, most = registers == 4 ? table.TileRows : table.NarrowTileRows;
            tiles = (rows + most - 1) / most;
            for (nint i = 0; i < tiles; i++)
            {
                nint next = rows * (i + 1) / tiles;
                var run = table.Tile(next - row, registers, kind);
                tile->A = a + row;
                for (int lane = 0; lane < 16; lane += table.Width)
                {
                    tile->B = pack + (k * BlockRows) + lane;
                    run(tile);
                    tile->C += table.Width;
                    tile->Prefetch += ahead;
                }
                tile->C += ((next - row) * Gemm.PanelColumns) - 16;
                row = next;
            }
        }
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
            float* panel = pack + (k * BlockRows);
            nint last = Math.Min(Gemm.PanelColumns, width - k);
            for (nint i = 0; i < last; i += 16)
                (counts ? Vector512.Load(from + k + i) : Vector512<float>.Zero).Store(panel + i);
        }
    }

    private static void AddPass(
        KernelTable table, in WeightGradientArgs args, nint first, nint strips, nint column, nint width, float* sum)
    {
        nint end = first + strips, neighbours;
        for (nint group = first; group < end; group += neighbours)
        {
            neighbours = args.Neighbours(group, end);
            for (nint k = 0; k < width; k += Gemm.PanelColumns)
            {
                for (nint strip = group; strip < group + neighbours; strip++, sum += SumLength)
                {
                    (nint row, nint count) = args.Target(strip);
                    float* to = args.Gradient + (row * args.GradientRow) + column + k;
                    for (nint i = 0; i < count; i++)
                        table.AddTo(sum + (i * Gemm.PanelColumns), to + (i * args.GradientRow), Math.Min(Gemm.PanelColumns, width - k));
                }
            }
        }
    }

    private static void AddBias(in WeightGradientArgs args, nint first, nint strips, float* sums)
    {
        for (nint s = 0; args.BiasA != null && s < strips; s++, sums += 16)
        {
            (nint row, nint count) = args.Target(first + s);
            for (nint i = 0; i < count; i++)
            {
                args.BiasA[row + i] += sums[i];
                if (args.BiasB != null)
                    args.BiasB[row + i] += sums[i];
            }
        }
    }

    /// <summary>The sums of a block's rows of some neighbouring strips: the same chains with x = 1.</summary>
    private static void SumBlock(KernelTable table, in WeightGradientArgs args, in TileArgs tile, float* rows, nint strips, float* sum)
    {
        float* block = stackalloc float[16 * MostNeighbours];
        table.SumStripRows(rows, strips, tile.OuterCount, tile.OuterStride, tile.Count, tile.Stride, tile.Add ? block : sum);
        if (tile.Add)
            table.AddTo(block, sum, strips * 16);
    }

    /// <summary>Some samples of a span; its rows come in blocks of <see cref="BlockSteps"/> steps.</summary>
    private readonly record struct SampleSlice(StepSpan Span, nint First, nint Samples)
    {
        public nint BlockSteps { get; } = WeightGradient.BlockSteps(Samples);

        /// <summary>Steps of the block that begins at t.</summary>
        public nint Steps(nint t) => Math.Min(BlockSteps, Span.End - t);

        /// <summary>The slice's first row of step t.</summary>
        public nint Row(in WeightGradientArgs args, nint t) => (t * args.Batch) + First;
    }

    /// <summary>X of a slice, and of packed rows where its steps' are, and those of some strips and a block, together.</summary>
    private readonly struct SliceScratch
    {
        public float* Pack { get; init; }

        public float* Strips { get; init; }

        public RowRun* Runs { get; init; }
    }
}
