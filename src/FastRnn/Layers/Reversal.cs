using FastRnn.Backends;

namespace FastRnn.Layers;

/// <summary>
/// The order in which a layer reads one window backwards. Of each sample the active positions p_0 &lt; … &lt; p_{n−1} are read last first, in the
/// places of the same positions, so that inactive ones stay where they are: place p_k holds position p_{n−1−k}. A reset between p_{k−1}
/// and p_k parts two sequences, so the reading backwards starts from zero at p_{k−1}.
/// </summary>
internal sealed class Reversal(int steps, int batch, bool lastStep)
{
    private readonly int[] _rows = new int[steps * batch];
    private readonly int[] _outputs = lastStep ? new int[steps * batch] : [];
    private readonly int[] _places = lastStep ? new int[steps * batch] : [];
    private readonly int[] _lastRows = lastStep ? new int[steps * batch] : [];
    private readonly int[] _positions = new int[steps];
    private StepFlags? _flags;
    private bool _isPlain;

    /// <summary>For each row t·B + b the row that is read in its place, −1 where inactive. Its own inverse.</summary>
    public ReadOnlySpan<int> Rows => _rows;

    /// <summary>
    /// For each row the place whose output it shows: that of its own position or, for last steps, in the row of p_{n−1} that of the first
    /// position of its sequence, where all of it has been read, and −1 in the others.
    /// </summary>
    public ReadOnlySpan<int> Outputs => lastStep ? _outputs : _rows;

    /// <summary>The inverse of <see cref="Outputs"/>.</summary>
    public ReadOnlySpan<int> Places => lastStep ? _places : _rows;

    /// <summary>For last steps, each sample's last active row for itself, −1 for the others.</summary>
    public ReadOnlySpan<int> LastRows => _lastRows;

    /// <summary>Flags by place; null when every position counts.</summary>
    public StepFlags? Flags { get; private set; }

    /// <summary>Reads the flags of a window. Where answers are repeated, last steps show in all rows behind p_{n−1}, too: that has no inverse.</summary>
    public void Read(StepFlags? flags, bool repeats = false)
    {
        if (flags == null && _isPlain)
            return;
        _isPlain = flags == null;
        Flags = flags == null ? null : _flags ??= new StepFlags(steps, batch);
        Flags?.Reset.Clear();
        flags?.Active.CopyTo(Flags!.Active);
        Array.Fill(_rows, -1);
        Array.Fill(_outputs, -1);
        Array.Fill(_places, -1);
        Array.Fill(_lastRows, -1);
        for (int b = 0; b < batch; b++)
            ReadSample(flags, b);
        for (int row = batch; repeats && lastStep && row < _rows.Length; row++)
        {
            if (_lastRows[row - batch] >= 0)
                (_lastRows[row], _outputs[row]) = (_lastRows[row - batch], _outputs[row - batch]);
        }
    }

    private void ReadSample(StepFlags? flags, int b)
    {
        int count = 0, first = 0;
        for (int t = 0; t < steps; t++)
        {
            if (flags == null || flags.IsActive(t, b))
                _positions[count++] = (t * batch) + b;
        }
        for (int k = 0; k < count; k++)
        {
            _rows[_positions[k]] = _positions[count - 1 - k];
            if (k > 0 && flags != null && flags.Reset[_positions[k]] != 0)
            {
                Flags!.Reset[_positions[count - k]] = 1;
                first = k;
            }
        }
        if (!lastStep || count == 0)
            return;
        int last = _positions[count - 1], place = _positions[count - 1 - first];
        _lastRows[last] = last;
        _outputs[last] = place;
        _places[place] = last;
    }
}
