using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Training;

/// <summary>What one step did.</summary>
/// <param name="Loss">
/// Mean over the steps that count, or sum, as the loss reduces; for cross-entropy nats per token. Penalties of weights and activities are added.
/// </param>
/// <param name="Tokens">Steps that counted.</param>
/// <param name="GradientNorm">Global L2 norm before clipping; 0 for a window that waits for others before the update.</param>
public readonly record struct StepResult(double Loss, int Tokens, double GradientNorm);

/// <summary>
/// Trains a model by truncated back-propagation through time (Williams, Peng 1990): each window starts from the state the last one ended in, and
/// gradients stop at its first step, or <see cref="BackwardSteps"/> before its end. A window as long as the sequence is full back-propagation
/// through time. Windows of different lengths share the memory of the longest. After the first step of each window shape, a step allocates
/// nothing. One thread at a time.
/// </summary>
public sealed partial class Trainer
{
    private readonly Sequential _model;
    private readonly Loss _loss;
    private readonly TrainingWindows _windows;
    private RecurrentState?[]? _state;
    private int _stateBatch;

    /// <summary>A trainer of a model; it owns gradients, the optimiser's moments and the carried state.</summary>
    /// <exception cref="NotSupportedException">The model has a <see cref="Masking"/>, which is for inference.</exception>
    public Trainer(Sequential model, Loss loss, Optimizer optimizer)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(optimizer);
        if (model.Layers.OfType<Masking>().FirstOrDefault() is { } masking)
            throw masking.CannotTrain();
        (_model, _loss, Optimizer, _windows) = (model, loss, optimizer, new TrainingWindows(this));
        long before = BlockBytes.Asked;
        optimizer.Attach(model.Backend, model.ParameterArray);
        _momentBytes = BlockBytes.Asked - before;
        _plans = [.. model.ParameterArray.Select(_ => new ParameterPlan())];
        (_measured, _squares) = (new DeviceBuffer[_plans.Length], new double[_plans.Length]);
    }

    /// <summary>The optimiser, for example to change its learning rate.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>
    /// Largest global L2 norm of the gradient; longer ones are scaled by ClipNorm/(norm + 1e-6) (Pascanu, Mikolov, Bengio 2013). 0 turns it off.
    /// </summary>
    public float ClipNorm { get; set; }

    /// <summary>Hand the final state on to the next window. When false, every window starts from zero.</summary>
    public bool CarryState { get; set; } = true;

    /// <summary>Fill <see cref="StepNorms"/>; costs a pass over the state gradients.</summary>
    public bool RecordStepNorms { get; set; }

    /// <summary>Updates made.</summary>
    public long Steps { get; private set; }

    /// <summary>Time steps trained on: where the next dropout masks come from.</summary>
    internal long Time { get; private set; }

    /// <summary>
    /// For every recurrent layer, ‖∂L/∂h_t‖ at each step of the last window when <see cref="RecordStepNorms"/> is set: norms that shrink
    /// or grow by orders of magnitude towards t = 0 are vanishing or exploding gradients. With <see cref="BackwardSteps"/> the steps before
    /// the window that the gradient went through come first.
    /// </summary>
    public IReadOnlyList<double[]> StepNorms { get; private set; } = [];

    internal Sequential Model => _model;

    /// <summary>Carried state, or null before the first window.</summary>
    internal RecurrentState?[]? State => _state;

    internal int StateBatch => _stateBatch;

    /// <summary>Forward, loss, backward, clipping and update on one window.</summary>
    /// <exception cref="ArgumentException">The model or the loss cannot read such windows, or streams change their number.</exception>
    /// <exception cref="NonFiniteException">The loss or a gradient is not finite; weights, moments and state are untouched.</exception>
    /// <exception cref="InsufficientMemoryException">Windows of a new shape would go over <see cref="MemoryLimit"/>; nothing is changed.</exception>
    /// <exception cref="InvalidOperationException">The model holds averaged weights, or <see cref="BackwardSteps"/> does not go with it or with <see cref="Recompute"/>.</exception>
    public StepResult Step(SequenceChunk chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        Backend backend = _model.Backend;
        TrainingWindow window = Window(chunk, TrainingKeep);
        SequentialWorkspace workspace = window.Workspace;
        RecurrentState?[]? start = StartState(chunk);
        BeginGradient();
        var pass = new PassContext(chunk.Flags, true, _model.Seed, Time, RecordStepNorms, ClipRecurrent);
        LayerInput input = window.Load(backend, chunk);
        DeviceBuffer output = _model.Forward(workspace, input, start, pass);
        LossSum loss = _loss.Compute(backend, output, chunk, window.Target, workspace.OutputGradient);
        if (!double.IsFinite(loss.Sum))
            throw new NonFiniteException("the loss", Steps + 1);
        SequentialWorkspace through = Backward(workspace, chunk, input, pass, out PastWindows? past);
        double penalty = workspace.Penalty() + AddPenalties();
        double norm = EndGradient(chunk.RateFactor);
        if (CarryState)
            workspace.CopyFinal(EnsureState(chunk.Batch));
        CommitPast(past, chunk);
        Time += chunk.Steps;
        if (RecordStepNorms)
            CollectStepNorms(through);
        return new StepResult(_loss.Reduce(loss.Sum, loss.Divisor) + penalty, loss.Count, norm);
    }

    /// <summary>
    /// Loss over all windows as if they were one, dropout off, weights stored as <see cref="Sequential.InferenceWeights"/> says; training is not touched. State is carried from zero, and zeroed before a window
    /// that starts streams, or before every one unless <see cref="CarryState"/>. For cross-entropy, nats per token.
    /// </summary>
    /// <param name="chunks">Windows of parallel streams.</param>
    /// <param name="cancellation">Asked before every window.</param>
    /// <exception cref="ArgumentException">The model or the loss cannot read such windows, or streams change their number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public double Evaluate(IEnumerable<SequenceChunk> chunks, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(chunks);
        var evaluation = new Evaluation(this, _model.InferenceWeights);
        foreach (SequenceChunk chunk in chunks)
        {
            cancellation.ThrowIfCancellationRequested();
            evaluation.Add(chunk);
        }
        return evaluation.Loss;
    }

    /// <summary>Loss that the next window would have, dropout off; nothing is changed. Infinite when it is not finite.</summary>
    internal double LossOf(SequenceChunk chunk)
    {
        LossSum loss = ForwardLoss(chunk, StartState(chunk), WeightPrecision.Float32, out _);
        return double.IsFinite(loss.Sum) ? _loss.Reduce(loss.Sum, loss.Divisor) : double.PositiveInfinity;
    }

    private LossSum ForwardLoss(SequenceChunk chunk, RecurrentState?[]? start, WeightPrecision weights, out SequentialWorkspace workspace)
    {
        TrainingWindow window = EvaluationWindow(chunk, weights);
        workspace = window.Workspace;
        var pass = new PassContext(chunk.Flags, false, _model.Seed, 0, false, Weights: weights);
        DeviceBuffer output = _model.Forward(workspace, window.Load(_model.Backend, chunk), start, pass);
        return _loss.Compute(_model.Backend, output, chunk, window.Target, null);
    }

    /// <summary>Forgets the carried state: the next window starts from zero.</summary>
    public void ResetState()
    {
        ForgetPast();
        if (_state == null)
            return;
        foreach (RecurrentState? state in _state)
        {
            if (state != null)
                RecurrentWorkspace.Zero(_model.Backend, state);
        }
    }

    /// <summary>Puts counters back where a checkpoint had them.</summary>
    internal void RestoreCounters(long steps, long time) => (Steps, Time) = (steps, time);

    /// <summary>The carried state for a batch, zero when it is new.</summary>
    internal RecurrentState?[] EnsureState(int batch)
    {
        if (_state == null || _stateBatch != batch)
            (_state, _stateBatch) = (_model.CreateState(batch), batch);
        return _state;
    }

    /// <summary>The state a window starts from, null for zero. Nothing is changed yet: the step may fail.</summary>
    private RecurrentState?[]? StartState(SequenceChunk chunk)
    {
        if (!CarryState || _state == null || chunk.StartsStreams)
            return null;
        if (_stateBatch != chunk.Batch)
            throw new ArgumentException($"window of batch {chunk.Batch} continues streams of batch {_stateBatch}", nameof(chunk));
        return _state;
    }

    private void CollectStepNorms(SequentialWorkspace workspace)
    {
        var norms = new List<double[]>();
        foreach (Workspace ws in workspace.Layers)
        {
            if (ws.Carried is { } recurrent)
                norms.Add(recurrent.StepNorms);
        }
        StepNorms = norms;
    }

    private TrainingWindow Window(SequenceChunk chunk, Keep keep)
    {
        TrainingWindow.Check(_model, _loss, chunk);
        return _windows.For(chunk, keep);
    }
}
