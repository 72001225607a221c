using System.Runtime.InteropServices;
using FastRnn.Backends;
using FastRnn.Kernels;

namespace FastRnn.OpenCL;

/// <summary>
/// The rows (t, b) of some steps in the order in which the gradients of weights sum them, as the CPU back end does: spans, slices of samples and blocks of
/// steps as in <see cref="WeightGradient"/>; inactive rows are left out. The device has it as integers: of every span the first block of each slice and the
/// one behind the last; of every block its first entry, and the one behind the last; the entries, a row each, or ~row where a sequence begins; and
/// the rows left out.
/// </summary>
internal sealed class RowOrder(DevicePool pool)
{
    private int[] _values = [];
    private int[] _spanBlocks = [];
    private int _length;

    public DeviceBlock? Memory { get; private set; }

    public int Steps { get; private set; }

    public int Batch { get; private set; }

    public int Spans { get; private set; }

    public int Slices { get; private set; }

    public int BlockCount { get; private set; }

    /// <summary>Rows left out.</summary>
    public int SkippedCount { get; private set; }

    /// <summary>Where the integers of each kind begin.</summary>
    public int FirstBlock => Spans * (Slices + 1);

    public int FirstEntry => FirstBlock + BlockCount + 1;

    public int FirstSkipped { get; private set; }

    /// <summary>Where the slices of a span begin.</summary>
    public int FirstSlice(int span) => span * (Slices + 1);

    /// <summary>Entries before a span's, and those that it has.</summary>
    public (int First, int Count) Entries(int span)
    {
        int first = _values[FirstBlock + _spanBlocks[span]];
        return (first, _values[FirstBlock + _spanBlocks[span + 1]] - first);
    }

    /// <summary>Steps firstStep … firstStep + count − 1 of a window [steps, batch].</summary>
    public void Set(Staging staging, int batch, StepFlags? flags, int firstStep, int count)
    {
        (Batch, Steps, Slices) = (batch, count, (batch + WeightGradient.SliceSamples - 1) / WeightGradient.SliceSamples);
        int end = firstStep + count, firstSpan = firstStep / WeightGradient.SpanSteps;
        Spans = count == 0 ? 0 : ((end - 1) / WeightGradient.SpanSteps) - firstSpan + 1;
        BlockCount = CountBlocks(firstStep, end, firstSpan);
        int rows = count * batch;
        Grow(FirstEntry + rows);
        int entry = 0, block = 0, skipped = FirstEntry + rows;
        for (int span = 0; span < Spans; span++)
        {
            _spanBlocks[span] = block;
            (int from, int to) = Bounds(firstSpan + span, firstStep, end);
            for (int slice = 0; slice < Slices; slice++)
            {
                int sample = slice * WeightGradient.SliceSamples, samples = Math.Min(WeightGradient.SliceSamples, batch - sample);
                int blockSteps = (int)WeightGradient.BlockSteps(samples);
                _values[FirstSlice(span) + slice] = block;
                for (int t = from; t < to; t += blockSteps)
                {
                    _values[FirstBlock + block++] = entry;
                    Add(flags, t, Math.Min(to, t + blockSteps), sample, samples, ref entry, ref skipped);
                }
            }
            _values[FirstSlice(span) + Slices] = block;
        }
        _values[FirstBlock + block] = entry;
        _spanBlocks[Spans] = block;
        (FirstSkipped, SkippedCount) = (skipped, FirstEntry + rows - skipped);
        Send(staging, FirstEntry + rows);
    }

    private void Add(StepFlags? flags, int from, int to, int sample, int samples, ref int entry, ref int skipped)
    {
        for (int t = from; t < to; t++)
        {
            for (int b = sample; b < sample + samples; b++)
            {
                int row = (t * Batch) + b;
                if (flags != null && flags.Active[row] == 0)
                    _values[--skipped] = row;
                else
                    _values[FirstEntry + entry++] = flags != null && flags.Reset[row] != 0 ? ~row : row;
            }
        }
    }

    private int CountBlocks(int firstStep, int end, int firstSpan)
    {
        int blocks = 0;
        for (int span = 0; span < Spans; span++)
        {
            (int from, int to) = Bounds(firstSpan + span, firstStep, end);
            for (int sample = 0; sample < Batch; sample += WeightGradient.SliceSamples)
            {
                int steps = (int)WeightGradient.BlockSteps(Math.Min(WeightGradient.SliceSamples, Batch - sample));
                blocks += (to - from + steps - 1) / steps;
            }
        }
        return blocks;
    }

    private static (int From, int To) Bounds(int span, int first, int end) =>
        (Math.Max(first, span * WeightGradient.SpanSteps), Math.Min(end, (span + 1) * WeightGradient.SpanSteps));

    private void Grow(int length)
    {
        if (_values.Length < length)
            _values = new int[length];
        if (_spanBlocks.Length <= Spans)
            _spanBlocks = new int[Spans + 1];
    }

    private void Send(Staging staging, int length)
    {
        if (Memory == null || _length < length)
        {
            DeviceBlock grown = pool.Take((long)length * sizeof(int));
            Memory?.Dispose();
            (Memory, _length) = (grown, length);
        }
        staging.Write(Memory.Memory, 0, MemoryMarshal.AsBytes(_values.AsSpan(0, length)));
    }
}
