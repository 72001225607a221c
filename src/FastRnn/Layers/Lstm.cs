using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// Long short-term memory (Hochreiter, Schmidhuber 1997; with forget gate), PyTorch's definition: gates i, f, g, o,
/// c_t = f·c_{t−1} + i·g, h_t = o·tanh(c_t). Maps [T, B, input] to [T, B, hidden]; stack several for depth.
/// All parameters start uniform in ±1/√hidden.
/// </summary>
/// <param name="input">Width of the input, at least 1.</param>
/// <param name="hidden">Units, at least 1.</param>
public sealed class Lstm(int input, int hidden) : Layer
{
    private RecurrentWeights? _weights;
    private RecurrentGradients? _gradients;

    /// <summary>Width of the input.</summary>
    public int Input { get; } = Check.AtLeastOne(input);

    /// <summary>Units.</summary>
    public int Hidden { get; } = Check.AtLeastOne(hidden);

    internal override int InputSize => Input;

    private RecurrentWeights Weights => _weights ?? throw new InvalidOperationException($"{this} does not belong to a model yet");

    /// <inheritdoc/>
    public override string ToString() => $"Lstm({Input}, {Hidden})";

    internal override int OutputSize(int inputSize) => Hidden;

    /// <summary>A zero state for a batch: h and c, [B, H] each.</summary>
    internal RecurrentState CreateState(int batch) => new(Backend.Allocate(batch, Hidden), Backend.Allocate(batch, Hidden));

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, bool training) =>
        new LstmWorkspace(Backend, Weights, steps, batch, training);

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass)
    {
        var ws = (LstmWorkspace)workspace;
        if (pass.Flags != null && ws.States.MaskedOutput == null)
            ws.AddMaskedOutput(Backend);
        Backend.RecurrentForward(Weights, input.Values, ws.States, pass.Flags, ws.Stash, ws.Steps, ws.Batch);
        ws.Output = pass.Flags == null ? ws.PlainOutput : ws.States.MaskedOutput!;
    }

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass)
    {
        var ws = (LstmWorkspace)workspace;
        RecurrentStateGradients flow = ws.Flow(outputGradient, inputGradient);
        Span<double> norms = pass.RecordStepNorms ? ws.StepNorms : default;
        Backend.RecurrentBackward(Weights, _gradients!, input.Values, ws.States, pass.Flags, flow, ws.Stash, norms, ws.Steps, ws.Batch);
    }

    private protected override Parameter[] CreateParameters(int inputSize)
    {
        RecurrentWeights w = _weights = Backend.CreateRecurrentWeights(CellKind.Lstm, Input, Hidden);
        Parameter[] parameters =
        [
            new(Backend, "weight_ih_l0", w.InputWeight, 4 * Hidden, Input),
            new(Backend, "weight_hh_l0", w.RecurrentWeight, 4 * Hidden, Hidden),
            new(Backend, "bias_ih_l0", w.InputBias, 4 * Hidden),
            new(Backend, "bias_hh_l0", w.RecurrentBias, 4 * Hidden),
        ];
        _gradients = new(parameters[0].Gradient, parameters[1].Gradient, parameters[2].Gradient, parameters[3].Gradient);
        return parameters;
    }

    private protected override void Initialize(Parameter parameter, PhiloxStream random) =>
        InitializeUniform(parameter, random, 1 / Math.Sqrt(Hidden));
}

/// <summary>h and c of a batch between two windows, [B, H] each.</summary>
internal sealed record RecurrentState(DeviceBuffer Hidden, DeviceBuffer Cell);

/// <summary>
/// One window of an LSTM: states of all steps and the stash. Set the initial state before the forward pass; the final state can be read
/// after it. Gradients may enter through the final state and leave through the initial one, so that an encoder and a decoder compose.
/// </summary>
internal sealed class LstmWorkspace : Workspace
{
    private readonly Backend _backend;
    private RecurrentStateGradients? _flow;

    public LstmWorkspace(Backend backend, RecurrentWeights weights, int steps, int batch, bool training)
        : base(steps, batch, training)
    {
        _backend = backend;
        int slots = (steps + 1) * batch, hidden = weights.Hidden;
        States = new RecurrentStates(backend.Allocate(slots, hidden), backend.Allocate(slots, hidden), null);
        Stash = backend.CreateRecurrentStash(weights, steps, batch, training);
        PlainOutput = backend.View(States.Hidden, batch, steps * batch);
        Output = PlainOutput;
        Initial = new RecurrentState(backend.View(States.Hidden, 0, batch), backend.View(States.Cell, 0, batch));
        Final = new RecurrentState(backend.View(States.Hidden, steps * batch, batch), backend.View(States.Cell, steps * batch, batch));
        StepNorms = training ? new double[steps] : [];
        if (!training)
            return;
        OutputGradient = backend.Allocate(steps * batch, hidden);
        InitialGradient = new RecurrentState(backend.Allocate(batch, hidden), backend.Allocate(batch, hidden));
    }

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
        {
            _backend.Zero(Initial.Hidden);
            _backend.Zero(Initial.Cell);
            return;
        }
        _backend.Copy(state.Hidden, Initial.Hidden);
        _backend.Copy(state.Cell, Initial.Cell);
    }

    /// <summary>Copies the final state out.</summary>
    public void CopyFinal(RecurrentState state)
    {
        _backend.Copy(Final.Hidden, state.Hidden);
        _backend.Copy(Final.Cell, state.Cell);
    }

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
