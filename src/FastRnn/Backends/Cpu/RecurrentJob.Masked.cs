using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>
/// Steps of a batch with flags. Only active positions are computed: the strips hold their rows, packed in the order (t, sample), and at
/// every step the states of the active samples are gathered, run as a smaller batch, and put back. So padding costs nothing but its copies, for
/// lengths and for any other pattern; each sample's bits are those it would have alone.
/// </summary>
internal unsafe partial struct RecurrentJob
{
    /// <summary>Blocks of [B, H] that a step needs.</summary>
    public const int ScratchBlocks = 6;

    /// <summary>Blocks of [B, H] that a step needs when it has stages.</summary>
    public const int StagedScratchBlocks = 14;

    /// <summary>The packed rows of a part's samples at step t.</summary>
    private readonly (nint From, nint Count) ActiveRows(int t, nint first, nint count)
    {
        int start = StepStart[t];
        var rows = new ReadOnlySpan<int>(PackedRows + start, StepStart[t + 1] - start);
        nint row = ((nint)t * Batch) + first;
        int from = WeightGradient.LowerBound(rows, row), to = WeightGradient.LowerBound(rows, row + count);
        return (start + from, to - from);
    }

    /// <summary>Scratch block k for a part that begins with this sample: parts never meet in it.</summary>
    private readonly float* ScratchAt(int k, nint first) => Scratch + (((k * (nint)Batch) + first) * HiddenRow);

    private readonly void ForwardMaskedStep(KernelTable table, int t, nint first, nint count)
    {
        (nint from, nint rows) = ActiveRows(t, first, count);
        float* hidden = ScratchAt(0, first), cells = ScratchAt(1, first);
        CellArgs cell = GatherStates(t, from, rows, first);
        cell.Hidden = hidden;
        cell.Cell = cells;
        if (rows > 0)
            RunStep(table, cell, new StepRows(t, first, from, from - StepStart[FirstStep], rows));
        for (nint b = first; b < first + count; b++)
        {
            nint row = ((nint)t * Batch) + b, next = row + Batch;
            bool active = Active[row] != 0;
            Copy(active ? hidden : States + (row * StateRow), States + (next * StateRow), StateRow);
            if (MaskedOutput != null)
                Copy(active ? hidden : Zeros, MaskedOutput + (row * StateRow), StateRow);
            if (Cells != null)
                Copy(active ? cells : Cells + (row * HiddenRow), Cells + (next * HiddenRow), HiddenRow);
            if (!active)
                continue;
            hidden += StateRow;
            cells += HiddenRow;
        }
    }

    /// <summary>h_{t−1} and c_{t−1} of the active samples as neighbours; zero where a sequence begins.</summary>
    private readonly CellArgs GatherStates(int t, nint from, nint rows, nint first)
    {
        float* hidden = ScratchAt(2, first), cells = ScratchAt(3, first);
        for (nint i = 0; i < rows; i++)
        {
            nint row = PackedRows[from + i];
            bool reset = Reset[row] != 0;
            Copy(reset ? Zeros : States + (row * StateRow), hidden + (i * StateRow), StateRow);
            if (Cells != null)
                Copy(reset ? Zeros : Cells + (row * HiddenRow), cells + (i * HiddenRow), HiddenRow);
        }
        return new CellArgs
        {
            PreviousHidden = hidden,
            PreviousCell = cells,
            StateRow = HiddenRow,
            Rows = rows,
            KeepGates = KeepGates,
            Settings = &Options->Settings,
            SampleRows = PackedRows + from,
            FirstSample = -(nint)t * Batch,
        };
    }

    private readonly void BackwardMaskedStep(KernelTable table, int t, nint first, nint count)
    {
        (nint from, nint rows) = ActiveRows(t, first, count);
        CellArgs cell = GatherStates(t, from, rows, first);
        float* dHidden = ScratchAt(0, first), carry = ScratchAt(1, first), cells = ScratchAt(4, first), next = ScratchAt(5, first);
        cell.HiddenGradient = dHidden;
        cell.Carry = carry;
        cell.Cell = cells;
        for (nint i = 0; i < rows; i++)
        {
            nint row = PackedRows[from + i], b = row - ((nint)t * Batch), to = i * HiddenRow;
            Copy(HiddenGradient + (b * StateRow), dHidden + (i * StateRow), StateRow);
            StartChain(t - 1, b, next + (i * StateRow));
            if (Cells == null)
                continue;
            Copy(Carry + (b * HiddenRow), carry + to, HiddenRow);
            Copy(Cells + ((row + Batch) * HiddenRow), cells + to, HiddenRow);
        }
        var stepRows = new StepRows(t, first, from, from, rows);
        if (rows > 0 && Options->Staged)
            RunStagesBackward(table, cell, stepRows, next);
        else if (rows > 0)
            RunStepBackward(table, cell, stepRows, next, next);
        ScatterGradients(t, first, count, next, carry);
    }

    /// <summary>Active samples get what was computed, behind a reset only dY remains; the others hand dh and dc on as they came.</summary>
    private readonly void ScatterGradients(int t, nint first, nint count, float* next, float* carry)
    {
        for (nint b = first; b < first + count; b++)
        {
            nint row = ((nint)t * Batch) + b;
            float* to = NextHiddenGradient + (b * StateRow);
            if (Active[row] == 0)
            {
                Copy(HiddenGradient + (b * StateRow), to, StateRow);
                continue;
            }
            if (Reset[row] != 0)
                StartChain(t - 1, b, to);
            else
                Copy(next, to, StateRow);
            if (Cells != null)
                Copy(Reset[row] != 0 ? Zeros : carry, Carry + (b * HiddenRow), HiddenRow);
            next += StateRow;
            carry += HiddenRow;
        }
    }
}
