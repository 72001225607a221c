using FastRnn.Backends;

namespace FastRnn.OpenCL;

/// <summary>
/// The flags of a window as its kernels read them, one integer a position (t, b) and, behind the last step, a sample: whether it counts, whether its
/// sequence begins there, and 1 + the last row of the sample before it that counts.
/// </summary>
internal sealed class RowMarks(HostArray array)
{
    private const int Active = 1, Reset = 2, RowShift = 2;

    private int[] _marks = [];
    private bool[] _resets = [], _inactive = [];

    public DeviceBlock? Memory { get; private set; }

    /// <summary>Whether a sequence begins at a step.</summary>
    public bool HasReset(int t) => _resets[t];

    /// <summary>Whether some sample does not count at a step.</summary>
    public bool HasInactive(int t) => _inactive[t];

    /// <summary>Starts sending them to the device.</summary>
    public void Set(StepFlags flags)
    {
        int steps = flags.Steps, batch = flags.Batch, count = (steps + 1) * batch;
        if (_marks.Length < count)
            _marks = new int[count];
        if (_resets.Length < steps)
            (_resets, _inactive) = (new bool[steps], new bool[steps]);
        for (int b = 0; b < batch; b++)
            _marks[b] = 0;
        for (int t = 0; t < steps; t++)
        {
            _resets[t] = _inactive[t] = false;
            for (int b = 0; b < batch; b++)
            {
                int row = (t * batch) + b, before = _marks[row];
                bool isActive = flags.IsActive(t, b), isReset = flags.IsReset(t, b);
                _resets[t] |= isReset;
                _inactive[t] |= !isActive;
                _marks[row] = before | (isActive ? Active : 0) | (isReset ? Reset : 0);
                _marks[row + batch] = isActive ? (row + 1) << RowShift : before;
            }
        }
        Memory = array.Set<int>(_marks.AsSpan(0, count));
    }
}
