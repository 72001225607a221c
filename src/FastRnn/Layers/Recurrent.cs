using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// What the recurrent layers share: parameters under PyTorch's names, a state that can be handed in and out, gradients for weights, inputs
/// and initial state. Maps [T, B, input] to [T, B, hidden]; stack several for depth. All parameters start uniform in ±1/√hidden.
/// </summary>
public abstract class RecurrentLayer : Layer
{
    private readonly CellType _cell;
    private RecurrentWeights? _weights;
    private RecurrentGradients? _gradients;

    private protected RecurrentLayer(CellType cell, int input, int hidden) =>
        (_cell, Input, Hidden) = (cell, Check.AtLeastOne(input), Check.AtLeastOne(hidden));

    /// <summary>Width of the input.</summary>
    public int Input { get; }

    /// <summary>Units.</summary>
    public int Hidden { get; }

    internal override int InputSize => Input;

    internal CellType Cell => _cell;

    private RecurrentWeights Weights => _weights ?? throw new InvalidOperationException($"{this} does not belong to a model yet");

    /// <inheritdoc/>
    public override string ToString() => $"{GetType().Name}({Input}, {Hidden})";

    internal override int OutputSize(int inputSize) => Hidden;

    /// <summary>A zero state for a batch: h and, where the cell has it, c; [B, H] each.</summary>
    internal override RecurrentState CreateState(int batch) =>
        new(Backend.Allocate(batch, Hidden), _cell.HasCell ? Backend.Allocate(batch, Hidden) : null);

    /// <summary>Another layer with the same cell, sizes and options, that has no parameters yet: a second direction.</summary>
    internal RecurrentLayer Twin() => _weights == null
        ? (RecurrentLayer)MemberwiseClone()
        : throw new InvalidOperationException($"{this} belongs to a model already");

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) =>
        new RecurrentWorkspace(Backend, Weights, steps, batch, keep);

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass)
    {
        var ws = (RecurrentWorkspace)workspace;
        if (pass.Flags != null && ws.States.MaskedOutput == null)
            ws.AddMaskedOutput(Backend);
        Backend.RecurrentForward(Weights, input.Values, ws.States, pass.Flags, ws.Stash, ws.Steps, ws.Batch);
        ws.Output = pass.Flags == null ? ws.PlainOutput : ws.States.MaskedOutput!;
    }

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass)
    {
        var ws = (RecurrentWorkspace)workspace;
        RecurrentStateGradients flow = ws.Flow(outputGradient, inputGradient);
        Span<double> norms = pass.RecordStepNorms ? ws.StepNorms : default;
        Backend.RecurrentBackward(Weights, _gradients!, input.Values, ws.States, pass.Flags, flow, ws.Stash, norms, ws.Steps, ws.Batch);
    }

    internal override void Plan(ScratchPlan plan, Workspace workspace, in PlannedPass pass)
    {
        var ws = (RecurrentWorkspace)workspace;
        if (pass.Flags)
            ws.AddMaskedOutput(Backend);
        Backend.PlanRecurrent(plan, Weights, ws.Stash, pass);
    }

    private protected override Parameter[] CreateParameters(int inputSize)
    {
        RecurrentWeights w = _weights = Backend.CreateRecurrentWeights(_cell, Input, Hidden);
        int rows = w.Gates * Hidden;
        Parameter[] parameters =
        [
            new(Backend, "weight_ih_l0", w.InputWeight, rows, Input),
            new(Backend, "weight_hh_l0", w.RecurrentWeight, rows, Hidden),
            new(Backend, "bias_ih_l0", w.InputBias, rows),
            new(Backend, "bias_hh_l0", w.RecurrentBias, rows),
        ];
        _gradients = new(parameters[0].Gradient, parameters[1].Gradient, parameters[2].Gradient, parameters[3].Gradient);
        return parameters;
    }

    private protected override void Initialize(Parameter parameter, PhiloxStream random) =>
        InitializeUniform(parameter, random, 1 / Math.Sqrt(Hidden));
}

/// <summary>
/// Long short-term memory (Hochreiter, Schmidhuber 1997; with forget gate), PyTorch's definition: gates i, f, g, o,
/// c_t = f·c_{t−1} + i·g, h_t = o·tanh(c_t).
/// </summary>
/// <param name="input">Width of the input, at least 1.</param>
/// <param name="hidden">Units, at least 1.</param>
/// <param name="forgetBias">
/// Added to the first values of the forget gate's input bias: 1 lets a new network remember (Gers, Schmidhuber, Cummins 2000; Jozefowicz et al.
/// 2015), 0 is PyTorch's start. It is no part of a model file.
/// </param>
public sealed class Lstm(int input, int hidden, float forgetBias = 0) : RecurrentLayer(CellType.Lstm, input, hidden)
{
    private readonly float _forgetBias =
        float.IsFinite(forgetBias) ? forgetBias : throw new ArgumentOutOfRangeException(nameof(forgetBias), forgetBias, "must be finite");

    private protected override void Initialize(Parameter parameter, PhiloxStream random)
    {
        base.Initialize(parameter, random);
        if (_forgetBias == 0 || !parameter.Name.Contains(".bias_ih_l0", StringComparison.Ordinal))
            return;
        var bias = new float[parameter.Length];
        parameter.Read(bias);
        foreach (ref float value in bias.AsSpan(Hidden, Hidden)) // the gates are i, f, g, o
            value += _forgetBias;
        parameter.Write(bias);
    }
}

/// <summary>
/// Gated recurrent unit (Cho et al. 2014) with the reset gate after the recurrent product, PyTorch's and Keras's default: gates r, z, n,
/// n = tanh(W_n x_t + b_in + r·(R_n h_{t−1} + b_hn)), h_t = z·h_{t−1} + (1 − z)·n.
/// </summary>
/// <param name="input">Width of the input, at least 1.</param>
/// <param name="hidden">Units, at least 1.</param>
public sealed class Gru(int input, int hidden) : RecurrentLayer(CellType.Gru, input, hidden);

/// <summary>Simple recurrent network (Elman 1990): h_t = f(W x_t + b_ih + R h_{t−1} + b_hh).</summary>
/// <param name="input">Width of the input, at least 1.</param>
/// <param name="hidden">Units, at least 1.</param>
/// <param name="activation">f.</param>
public sealed class Rnn(int input, int hidden, CellActivation activation = CellActivation.Tanh)
    : RecurrentLayer(new CellType(CellKind.Rnn, activation), input, hidden)
{
    /// <summary>f.</summary>
    public CellActivation Activation => Cell.Activation;
}

/// <summary>h and, where the cell has it, c of a batch between two windows, [B, H] each.</summary>
internal sealed record RecurrentState(DeviceBuffer Hidden, DeviceBuffer? Cell);
