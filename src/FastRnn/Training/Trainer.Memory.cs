using FastRnn.Backends;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Training;

/// <summary>How much memory training takes, and may take.</summary>
public sealed partial class Trainer
{
    private readonly long _momentBytes;

    /// <summary>The weights of a window that is about to be evaluated: their copies count before they are made.</summary>
    private WeightPrecision _evaluated;

    /// <summary>
    /// Keep only the states of recurrent layers for the backward pass and compute their gates again, 64 steps at a time: the same bits for
    /// less memory and more time. LSTM 256, batch 32, 1,000 steps: 7 % of what is kept for the backward pass alone, 11 MiB in place of
    /// 156, in about 1.2 times the time. Windows of up to 64 steps stay as they are. May be changed between steps.
    /// </summary>
    public bool Recompute { get; set; }

    /// <summary>
    /// Most bytes that training may hold, as <see cref="EstimateMemory"/> counts them, with all shapes of windows seen; 0 sets no limit. It is
    /// looked at before a window of a new shape is made, in <see cref="Step"/> and <see cref="Evaluate"/>, and before an evaluation makes copies of the
    /// weights in reduced precision.
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

    /// <summary>The same for windows of several shapes; those of one kind share the memory of the longest.</summary>
    internal MemoryEstimate Estimate(IReadOnlyList<(WindowShape Shape, Keep Keep)> windows)
    {
        if (!_model.Backend.PlansMemory)
            throw new NotSupportedException($"{_model.Backend.Name} does not count its memory");
        var scratch = new ScratchPlan();
        long values = BlockBytes.Plan(() => AllocateLikeParameters()), held = 0;
        foreach (var kind in windows.GroupBy(window => (window.Shape.Kind, window.Keep)))
        {
            WindowShape[] shapes = [.. kind.Select(window => window.Shape)];
            held += PlanKind(scratch, shapes, kind.Key.Keep);
            if (kind.Key.Keep == Keep.Everything && BackwardSteps > 0 && LastCarrier >= 0 && _model.LayerThatReadsAhead == null)
                held += BlockBytes.Plan(() => new PastWindows(_model, LastCarrier + 1, BackwardSteps, kind.Key.Kind.Batch).Plan(scratch, shapes, RecordStepNorms));
        }
        // An evaluation has a state of its own.
        foreach ((int batch, _) in windows.Select(window => (window.Shape.Batch, Trains: window.Keep != Keep.Nothing)).Distinct().Where(use => CarryState || !use.Trains))
            held += BlockBytes.Plan(() => _model.CreateState(batch));
        return new MemoryEstimate(
            _model.ParameterBytes - values + (AverageDecay > 0 ? values : 0) + _model.ReducedBytes(_evaluated), values, _momentBytes, held, scratch.Bytes);
    }

    /// <summary>Bytes of the longest window. All take scratch: fewer rows are cut into fewer parts, and these can be larger.</summary>
    private long PlanKind(ScratchPlan scratch, WindowShape[] shapes, Keep keep)
    {
        long longest = 0;
        foreach (WindowShape shape in shapes)
            longest = Math.Max(longest, BlockBytes.Plan(() => PlanWindow(scratch, shape with { Masked = shapes.Any(other => other.Masked) }, keep)));
        return longest;
    }

    private void PlanWindow(ScratchPlan scratch, WindowShape shape, Keep keep)
    {
        var window = new TrainingWindow(_model, shape, keep);
        _model.Plan(scratch, window.Workspace, new PlannedPass(keep != Keep.Nothing, shape.Masked, false, RecordStepNorms));
        _model.Backend.PlanLoss(scratch, shape.Steps * shape.Batch, _model.OutputSize);
    }

    /// <summary>The window of an evaluation: one of a shape that is known still adds the copies of weights that it is the first to need.</summary>
    private TrainingWindow EvaluationWindow(SequenceChunk chunk, WeightPrecision weights)
    {
        _evaluated = weights;
        try
        {
            TrainingWindow window = Window(chunk, Keep.Nothing);
            if (MemoryLimit > 0 && _model.ReducedBytes(weights) > _model.ReducedBytes(WeightPrecision.Float32))
                _windows.CheckKnown();
            return window;
        }
        finally
        {
            _evaluated = WeightPrecision.Float32;
        }
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
            string reduced = _evaluated == WeightPrecision.Float32 ? "" : $" with {_evaluated.Name()} weights";
            throw new InsufficientMemoryException(FormattableString.Invariant(
                $"windows of {shape.Steps} steps, batch {shape.Batch}{reduced} would take {estimate.Total:N0} bytes, the limit is {MemoryLimit:N0} ({estimate})"));
        }
    }
}
