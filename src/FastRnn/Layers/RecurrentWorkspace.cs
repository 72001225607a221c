using FastRnn.Backends;

namespace FastRnn.Layers;

/// <summary>
/// One window of a recurrent layer: states of all steps and the stash. Set the initial state before the forward pass; the final state can be read
/// after it. Gradients may enter through the final state and leave through the initial one, so that an encoder and a decoder compose.
/// </summary>
internal sealed class RecurrentWorkspace : Workspace
{
    private readonly Backend _backend;
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

    /// <summary>Starts from a state, or from zero.</summary>
    public void SetInitial(RecurrentState? state)
    {
        if (state == null)
            Zero(_backend, Initial);
        else
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

    public void AddMaskedOutput(Backend backend) =>
        States = States with { MaskedOutput = backend.Allocate(PlainOutput.Rows, PlainOutput.Columns) };

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
