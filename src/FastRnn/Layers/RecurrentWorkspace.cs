using FastRnn.Backends;

namespace FastRnn.Layers;

/// <summary>
/// One window of a recurrent layer: states of all steps and the stash. Set the initial state before the forward pass; the final state can be read
/// after it. Gradients may enter through the final state and leave through the initial one, so that an encoder and a decoder compose.
/// </summary>
internal sealed class RecurrentWorkspace : Workspace
{
    private readonly Backend _backend;
    private readonly RecurrentWorkspace? _whole;
    private RecurrentStateGradients? _flow;

    public RecurrentWorkspace(Backend backend, RecurrentWeights weights, int steps, int batch, Keep keep)
        : base(steps, batch, keep)
    {
        _backend = backend;
        int slots = (steps + 1) * batch, hidden = weights.Hidden, state = weights.State;
        Stash = backend.CreateRecurrentStash(weights, steps, batch, keep);
        DeviceBuffer? cell = weights.Cell.HasCell ? backend.Allocate(Stash.CellSlots * batch, hidden) : null;
        States = new RecurrentStates(backend.Allocate(slots, state), cell, null);
        PlainOutput = backend.View(States.Hidden, batch, steps * batch);
        Output = PlainOutput;
        Initial = Slot(0, 0);
        Final = Slot(steps, Stash.CellSlots - 1);
        StepNorms = Training ? new double[steps] : [];
        if (!Training)
            return;
        OutputGradient = backend.Allocate(steps * batch, state);
        InitialGradient = new RecurrentState(backend.Allocate(batch, state), weights.Cell.HasCell ? backend.Allocate(batch, hidden) : null);
    }

    private RecurrentWorkspace(RecurrentWorkspace whole, int steps)
        : base(steps, whole.Batch, whole.Keep)
    {
        (_backend, _whole) = (whole._backend, whole);
        Stash = whole.Stash.Shorter(steps);
        DeviceBuffer? cell = whole.States.Cell == null ? null : _backend.View(whole.States.Cell, 0, Stash.CellSlots * Batch);
        States = new RecurrentStates(_backend.View(whole.States.Hidden, 0, (steps + 1) * Batch), cell, null);
        PlainOutput = _backend.View(States.Hidden, Batch, steps * Batch);
        ShareOutput(_backend, whole);
        Output = PlainOutput;
        Initial = Slot(0, 0);
        Final = Slot(steps, Stash.CellSlots - 1);
        StepNorms = Training ? new double[steps] : [];
        InitialGradient = whole.InitialGradient;
    }

    public override RecurrentWorkspace? Carried => this;

    public RecurrentStates States { get; private set; }

    public RecurrentStash Stash { get; }

    /// <summary>Slots 1…T of the states: the output when every position is active.</summary>
    public DeviceBuffer PlainOutput { get; }

    /// <summary>Slot 0; written before the forward pass.</summary>
    public RecurrentState Initial { get; }

    /// <summary>Slot T; valid after the forward pass.</summary>
    public RecurrentState Final { get; }

    /// <summary>∂L/∂(final h, c) from whoever reads the final state, or null.</summary>
    public RecurrentState? FinalGradient { get; set; }

    /// <summary>∂L/∂(initial h, c); valid after the backward pass.</summary>
    public RecurrentState? InitialGradient { get; }

    /// <summary>‖∂L/∂h_t‖ for every step, when the pass records them.</summary>
    public double[] StepNorms { get; }

    /// <summary>Starts from a state, which may be <see cref="Initial"/> itself, or from zero.</summary>
    public void SetInitial(RecurrentState? state)
    {
        if (state == null)
            Zero(_backend, Initial);
        else if (!ReferenceEquals(state, Initial))
            Copy(state, Initial);
    }

    public static void Zero(Backend backend, RecurrentState state)
    {
        backend.Zero(state.Hidden);
        if (state.Cell != null)
            backend.Zero(state.Cell);
    }

    /// <summary>Copies the final state out.</summary>
    public void CopyFinal(RecurrentState state) => Copy(Final, state);

    private void Copy(RecurrentState from, RecurrentState to)
    {
        _backend.Copy(from.Hidden, to.Hidden);
        if (from.Cell != null)
            _backend.Copy(from.Cell, to.Cell!);
    }

    private RecurrentState Slot(int hidden, int cell) => new(
        _backend.View(States.Hidden, hidden * Batch, Batch), States.Cell == null ? null : _backend.View(States.Cell, cell * Batch, Batch));

    public void AddMaskedOutput(Backend backend)
    {
        if (_whole is { States.MaskedOutput: null })
            _whole.AddMaskedOutput(backend);
        States = States with
        {
            MaskedOutput = _whole == null
                ? backend.Allocate(PlainOutput.Rows, PlainOutput.Columns)
                : backend.View(_whole.States.MaskedOutput!, 0, PlainOutput.Rows),
        };
    }

    public override Workspace Shorter(Backend backend, int steps) => new RecurrentWorkspace(this, steps);

    /// <summary>States, stash and output; the state before the first of the steps comes with them.</summary>
    public override void CopySteps(Backend backend, Workspace source, in StepRange range)
    {
        var from = (RecurrentWorkspace)source;
        int first = range.SourceStep * Batch, to = range.Step * Batch, slots = (range.Count + 1) * Batch;
        backend.CopyRows(from.States.Hidden, first, States.Hidden, to, slots);
        if (States.Cell != null)
            backend.CopyRows(from.States.Cell!, first, States.Cell, to, slots);
        Stash.CopySteps(from.Stash, range);
        if (range.Flags != null && States.MaskedOutput == null)
            AddMaskedOutput(backend);
        Output = range.Flags == null ? PlainOutput : States.MaskedOutput!;
        if (range.Flags != null)
            CopyOutput(backend, source, range);
    }

    /// <summary>The gradients around one backward pass; the same object as long as its buffers are the same.</summary>
    public RecurrentStateGradients Flow(DeviceBuffer outputGradient, DeviceBuffer? inputGradient)
    {
        if (InitialGradient == null)
            throw new InvalidOperationException("this workspace was made for inference");
        if (_flow == null || _flow.Output != outputGradient || _flow.Input != inputGradient || _flow.FinalHidden != FinalGradient?.Hidden)
        {
            _flow = new RecurrentStateGradients(
                outputGradient, FinalGradient?.Hidden, FinalGradient?.Cell, inputGradient, InitialGradient.Hidden, InitialGradient.Cell);
        }
        return _flow;
    }
}
