using FastRnn.Backends;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// What the recurrent layers share: parameters under PyTorch's names, a state that can be handed in and out, gradients for weights, inputs
/// and initial state. Maps [T, B, input] to [T, B, hidden]; stack several for depth. All parameters start uniform in ±1/√hidden.
/// </summary>
public abstract class RecurrentLayer : Layer
{
    private RecurrentWeights? _weights;
    private RecurrentGradients? _gradients;
    private int _direction;
    private WeightDrop? _drop;

    private const string InputNormName = "weight_ln_ih_l0", RecurrentNormName = "weight_ln_hh_l0";

    private protected RecurrentLayer(int input, int hidden) => (Input, Hidden) = (Check.AtLeastOne(input), Check.AtLeastOne(hidden));

    /// <summary>Width of the input.</summary>
    public int Input { get; }

    /// <summary>Units.</summary>
    public int Hidden { get; }

    /// <summary>
    /// Normalise W x_t and R h_{t−1}, each over all gates of a sample, before they meet the biases: γ·(a − mean)/√(variance + 1e-5) with a trained γ for
    /// each (Ba, Kiros, Hinton 2016).
    /// </summary>
    public bool LayerNorm { get; init; }

    /// <summary>
    /// In training, the share of h_{t−1} that the recurrent product does not see: one mask for all gates and all steps of a window (Gal,
    /// Ghahramani 2016), the rest scaled by 1/(1 − rate). In [0, 1).
    /// </summary>
    public float RecurrentDropout
    {
        get;
        init => field = Check.Rate(value);
    }

    /// <summary>
    /// In training, the share of units whose h stays what it was, drawn anew at every step; otherwise h_t = p·h_{t−1} + (1 − p)·h̃_t (Krueger et al.
    /// 2017). In [0, 1).
    /// </summary>
    public float Zoneout
    {
        get;
        init => field = Check.Rate(value);
    }

    /// <summary>
    /// Weight drop (DropConnect on the recurrent weights; Merity, Keskar, Socher 2017): the share of <c>weight_hh</c> that is zero in training,
    /// in [0, 1), the others scaled by 1/(1 − share). One mask over all gates and samples for each window, which depends on the seed, the
    /// layer and the time at which the window starts. Otherwise, and in inference, the weights are used as they are.
    /// </summary>
    public float WeightDrop
    {
        get;
        init => field = Check.Rate(value);
    }

    internal override int InputSize => Input;

    internal override IEnumerable<ProductWeights> Products => [Weights];

    internal override bool CarriesState => true;

    internal override bool IsBoundToWindow => RecurrentDropout > 0 || WeightDrop > 0;

    internal CellType Cell => _weights?.Cell ?? CreateCell() with { LayerNorm = LayerNorm, RecurrentDropout = RecurrentDropout, Zoneout = Zoneout };

    private RecurrentWeights Weights => _weights ?? throw new InvalidOperationException($"{this} does not belong to a model yet");

    /// <inheritdoc/>
    public override string ToString()
    {
        string drop = WeightDrop == 0 ? "" : FormattableString.Invariant($", weight drop {WeightDrop}");
        return $"{GetType().Name}({Input}, {Hidden}{Cell.OptionText()}{drop})";
    }

    internal override int OutputSize(int inputSize) => Cell.StateSize(Hidden);

    /// <summary>A zero state for a batch: h [B, P] and, where the cell has it, c [B, H].</summary>
    internal override RecurrentState CreateState(int batch) =>
        new(Backend.Allocate(batch, Weights.State), Cell.HasCell ? Backend.Allocate(batch, Hidden) : null);

    /// <summary>Another layer with the same cell, sizes and options, that has no parameters yet: a second direction.</summary>
    internal RecurrentLayer Twin()
    {
        if (_weights != null)
            throw new InvalidOperationException($"{this} belongs to a model already");
        var twin = (RecurrentLayer)MemberwiseClone();
        twin._direction = 1;
        return twin;
    }

    internal override Layer Unbuilt()
    {
        var copy = (RecurrentLayer)base.Unbuilt();
        (copy._weights, copy._gradients, copy._drop) = (null, null, null);
        return copy;
    }

    internal override void Use(Layer other)
    {
        base.Use(other);
        (_weights, _drop) = (((RecurrentLayer)other)._weights, ((RecurrentLayer)other)._drop);
    }

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) =>
        new RecurrentWorkspace(Backend, Weights, steps, batch, keep);

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass)
    {
        var ws = (RecurrentWorkspace)workspace;
        bool plain = pass.Flags == null || pass.RepeatsOutputs; // a state that is kept is an output repeated
        if (!plain && ws.States.MaskedOutput == null)
            ws.AddMaskedOutput(Backend);
        _drop?.Prepare(Index, pass);
        Backend.RecurrentForward(Weights, input.Values, ws.States, pass.Flags, ws.Stash, ws.Steps, ws.Batch, Pass(pass));
        ws.Output = plain ? ws.PlainOutput : ws.States.MaskedOutput!;
    }

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass)
    {
        var ws = (RecurrentWorkspace)workspace;
        RecurrentStateGradients flow = ws.Flow(outputGradient, inputGradient);
        Span<double> norms = pass.RecordStepNorms ? ws.StepNorms : default;
        _drop?.BeginBackward(Index, pass);
        Backend.RecurrentBackward(
            Weights, _gradients!, input.Values, ws.States, pass.Flags, flow, ws.Stash, norms, ws.Steps, ws.Batch, Pass(pass));
        _drop?.EndBackward(Index, pass, ParameterArray[1].Gradient);
    }

    internal override void Plan(ScratchPlan plan, Workspace workspace, in PlannedPass pass)
    {
        var ws = (RecurrentWorkspace)workspace;
        if (pass.Flags)
            ws.AddMaskedOutput(Backend);
        Backend.PlanRecurrent(plan, Weights, ws.Stash, pass);
    }

    /// <summary>Weights are whole here: sessions have models for inference, which drop none of them.</summary>
    internal override bool AddStep(LayerPlan plan, int inputSize) => plan.Add(Weights);

    /// <summary>h twice, c, where some of these are moved to, and three times the gates.</summary>
    internal override double FloatsOfStep(int inputSize) => AlignedBuffer.Pad(Hidden) * (6.0 + (3 * Cell.Gates));

    /// <summary>The cell without the options that all cells have.</summary>
    private protected abstract CellType CreateCell();

    private protected override Parameter[] CreateParameters(int inputSize)
    {
        RecurrentWeights w = _weights = Backend.CreateRecurrentWeights(Cell, Input, Hidden);
        _drop = WeightDrop == 0 || Backend.InferenceOnly ? null : new WeightDrop(Backend, w.RecurrentWeight, WeightDrop, _direction == 1);
        int rows = w.Gates * Hidden;
        var parameters = new List<Parameter>();
        DeviceBuffer? Add(string name, DeviceBuffer? value, params int[] shape)
        {
            if (value == null)
                return null;
            parameters.Add(new Parameter(Backend, name, value, shape));
            return parameters[^1].Gradient;
        }

        DeviceBuffer inputWeight = Add("weight_ih_l0", w.InputWeight, rows, Input)!;
        DeviceBuffer recurrentWeight = Add("weight_hh_l0", _drop?.Raw ?? w.RecurrentWeight, rows, w.State)!;
        _gradients = new(
            inputWeight, _drop?.EffectiveGradient ?? recurrentWeight, Add("bias_ih_l0", w.InputBias, rows)!, Add("bias_hh_l0", w.RecurrentBias, rows)!)
        {
            Projection = Add("weight_hr_l0", w.Projection, w.State, Hidden),
            Peephole = Add("weight_peephole_l0", w.Peephole, 3, Hidden),
            InputNorm = Add(InputNormName, w.InputNorm, rows),
            RecurrentNorm = Add(RecurrentNormName, w.RecurrentNorm, rows),
        };
        return [.. parameters];
    }

    private protected override void Initialize(Parameter parameter, PhiloxStream random)
    {
        bool norm = parameter.Name.Contains(InputNormName, StringComparison.Ordinal)
            || parameter.Name.Contains(RecurrentNormName, StringComparison.Ordinal);
        if (norm)
            InitializeOnes(parameter);
        else
            InitializeUniform(parameter, random, 1 / Math.Sqrt(Hidden));
    }

    private RecurrentPass Pass(in PassContext pass) => new(
        pass.Training, pass.Seed, Index, _direction == 1, pass.Time, pass.ClipRecurrent, pass.Into, pass.Weights);
}

/// <summary>h [B, P] and, where the cell has it, c [B, H] of a batch between two windows.</summary>
internal sealed record RecurrentState(DeviceBuffer Hidden, DeviceBuffer? Cell);
