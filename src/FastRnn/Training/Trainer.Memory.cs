using FastRnn.Backends;
using FastRnn.Memory;

namespace FastRnn.Training;

/// <summary>How much memory training takes, and may take.</summary>
public sealed partial class Trainer
{
    private readonly long _momentBytes;

    /// <summary>
    /// Keep only the states of recurrent layers for the backward pass and compute their gates again, 64 steps at a time: the same bits for
    /// less memory and more time. LSTM 256, batch 32, 1,000 steps: 7 % of what is kept for the backward pass alone, 11 MiB in place of
    /// 156, in 1.22 times the time. Windows of up to 64 steps stay as they are. May be changed between steps.
    /// </summary>
    public bool Recompute { get; set; }

    /// <summary>
    /// Most bytes that training may hold, as <see cref="EstimateMemory"/> counts them, with all shapes of windows seen; 0 sets no limit. It is
    /// looked at before a window of a new shape is made, in <see cref="Step"/> and <see cref="Evaluate"/>.
    /// </summary>
    public long MemoryLimit
    {
        get;
        set => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "a number of bytes is not negative");
    }

    /// <summary>
    /// The memory that training on windows of one shape holds at its peak, with the settings of now; nothing is allocated.
    /// </summary>
    /// <param name="steps">T, at least 1.</param>
    /// <param name="batch">B, at least 1.</param>
    /// <param name="masked">Whether windows have inactive steps or resets.</param>
    /// <exception cref="NotSupportedException">The model's back end does not count its memory: any but <see cref="CpuBackend"/>.</exception>
    public MemoryEstimate EstimateMemory(int steps, int batch, bool masked = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)(steps + 1L) * batch, int.MaxValue, nameof(steps));
        int outputs = _loss.Refuses(0, _model.OutputSize) == null ? 0 : _model.OutputSize;
        return Estimate([(new WindowShape(steps, batch, _model.TakesTokens ? 0 : _model.InputSize, outputs, masked), TrainingKeep)]);
    }

    private Keep TrainingKeep => Recompute ? Keep.States : Keep.Everything;

    /// <summary>The same for windows of several shapes.</summary>
    internal MemoryEstimate Estimate(IReadOnlyList<(WindowShape Shape, Keep Keep)> windows)
    {
        if (!_model.Backend.PlansMemory)
            throw new NotSupportedException($"{_model.Backend.Name} does not count its memory");
        var scratch = new ScratchPlan();
        long values = BlockBytes.Plan(() => AllocateLikeParameters()), held = 0;
        foreach ((WindowShape shape, Keep keep) in windows)
        {
            held += BlockBytes.Plan(() => PlanWindow(scratch, shape, keep));
            if (keep == Keep.Everything && PastLimit(shape.Steps) is > 0 and int limit)
                held += BlockBytes.Plan(() => new PastWindows(_model, LastCarrier + 1, limit, shape.Batch).Plan(shape.Steps));
        }
        foreach (int batch in windows.Where(window => CarryState || window.Keep == Keep.Nothing).Select(window => window.Shape.Batch).Distinct())
            held += BlockBytes.Plan(() => _model.CreateState(batch));
        return new MemoryEstimate(
            _model.ParameterBytes - values + (AverageDecay > 0 ? values : 0), values, _momentBytes, held, scratch.Bytes);
    }

    private void PlanWindow(ScratchPlan scratch, WindowShape shape, Keep keep)
    {
        var window = new TrainingWindow(_model, shape, keep);
        _model.Plan(scratch, window.Workspace, new PlannedPass(keep != Keep.Nothing, shape.Masked, false, RecordStepNorms));
        _model.Backend.PlanLoss(scratch, shape.Steps * shape.Batch, _model.OutputSize);
    }

    /// <summary>Before memory for windows is taken: would all of them, the new one first, stay within the limit?</summary>
    internal void CheckMemory(IReadOnlyList<(WindowShape Shape, Keep Keep)> windows)
    {
        if (MemoryLimit == 0)
            return;
        MemoryEstimate estimate = Estimate(windows);
        if (estimate.Total > MemoryLimit)
        {
            WindowShape shape = windows[0].Shape;
            throw new InsufficientMemoryException(FormattableString.Invariant(
                $"windows of {shape.Steps} steps, batch {shape.Batch} would take {estimate.Total:N0} bytes, the limit is {MemoryLimit:N0} ({estimate})"));
        }
    }
}
