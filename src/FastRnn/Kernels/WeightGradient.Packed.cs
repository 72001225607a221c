namespace FastRnn.Kernels;

/// <summary>
/// The same sums over packed rows: those of a slice and a block of steps are copied together first, so that the chains skip what does not count.
/// The blocks are those of the whole batch.
/// </summary>
internal static unsafe partial class WeightGradient
{
    /// <summary>For every step of a block its packed rows of the slice.</summary>
    private static void FindRuns(in WeightGradientArgs args, nint t, nint steps, nint sample, nint samples, RowRun* runs)
    {
        for (nint step = 0; step < steps; step++)
        {
            nint row = ((t + step) * args.Batch) + sample;
            int start = args.StepStart[t + step], count = args.StepStart[t + step + 1] - start;
            var ofStep = new ReadOnlySpan<int>(args.Rows + start, count);
            int from = LowerBound(ofStep, row), to = LowerBound(ofStep, row + samples);
            runs[step] = new RowRun(start + from, to - from);
        }
    }

    /// <summary>The rows of a block of some strips, copied together, as the tile's A.</summary>
    private static void TakeRuns(
        in WeightGradientArgs args, in SampleSlice slice, nint t, float* strip, nint width, in SliceScratch scratch, TileArgs* tile)
    {
        RowRun* runs = scratch.Runs + (t - slice.Span.First);
        nint steps = slice.Steps(t);
        (tile->Count, tile->OuterCount) = (0, 1);
        for (nint step = 0; step < steps; step++)
            tile->Count += runs[step].Count;
        CopyRuns(strip, args.StripRow, runs, steps, width, scratch.Strips);
        tile->A = tile->Prefetch = scratch.Strips;
        (tile->Stride, tile->GroupStride) = (width, 4 * width);
    }

    /// <summary>Index of the first element that is not smaller.</summary>
    internal static int LowerBound(ReadOnlySpan<int> ascending, nint value)
    {
        int index = ascending.BinarySearch((int)value);
        return index < 0 ? ~index : index;
    }

    private static void PackRuns(in WeightGradientArgs args, RowRun* runs, nint steps, nint column, nint width, float* pack)
    {
        for (nint step = 0; step < steps; step++)
        {
            for (nint i = runs[step].First; i < runs[step].First + runs[step].Count; i++, pack += Gemm.PanelColumns)
            {
                nint row = args.Rows[i];
                PackRow(args.X + (row * args.XRow) + column, args.Cleared == null || args.Cleared[row] == 0, width, pack);
            }
        }
    }

    /// <summary>The runs' rows of <paramref name="width"/> floats, together.</summary>
    private static void CopyRuns(float* strip, nint stripRow, RowRun* runs, nint steps, nint width, float* to)
    {
        for (nint step = 0; step < steps; step++)
        {
            for (nint row = runs[step].First; row < runs[step].First + runs[step].Count; row++, to += width)
                new ReadOnlySpan<float>(strip + (row * stripRow), (int)width).CopyTo(new Span<float>(to, (int)width));
        }
    }

    /// <summary>Neighbours among the packed rows.</summary>
    private readonly record struct RowRun(int First, int Count);
}
