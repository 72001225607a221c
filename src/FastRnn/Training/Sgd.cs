using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>
/// Stochastic gradient descent: w −= rate·g, or with momentum b = μ·b + (1 − dampening)·g, w −= rate·b (the first b is g), Nesterov
/// w −= rate·(g + μ·b). Keras has the rate inside: b = μ·b − rate·g, w += b, Nesterov w += μ·b − rate·g; the two part when the rate changes.
/// </summary>
public sealed class Sgd : Optimizer
{
    private static readonly string[] Names = ["momentum"];

    /// <summary>An optimiser of a new trainer.</summary>
    /// <param name="learningRate">Positive.</param>
    /// <param name="momentum">μ, in [0, 1).</param>
    /// <param name="dampening">Share of a new gradient that is kept out of the momentum, in [0, 1); PyTorch's form only.</param>
    /// <param name="nesterov">Look ahead along the momentum; needs momentum and no dampening.</param>
    /// <param name="weightDecay">Not negative.</param>
    /// <param name="form">Whose definition.</param>
    /// <exception cref="ArgumentException">A number is out of its range, or options exclude each other.</exception>
    public Sgd(
        float learningRate, float momentum = 0f, float dampening = 0f, bool nesterov = false, float weightDecay = 0f,
        UpdateForm form = UpdateForm.PyTorch)
        : base(learningRate, weightDecay, form)
    {
        (Momentum, Dampening, Nesterov) = (Decay(momentum, nameof(momentum)), Decay(dampening, nameof(dampening)), nesterov);
        if (nesterov && (momentum == 0 || dampening != 0))
            throw new ArgumentException("Nesterov's step needs momentum and no dampening", nameof(nesterov));
        if (dampening != 0 && form == UpdateForm.Keras)
            throw new ArgumentException("Keras's form has no dampening", nameof(dampening));
    }

    /// <summary>Share of the last step's direction that goes on.</summary>
    public float Momentum { get; }

    /// <summary>Share of a new gradient that is kept out of the momentum.</summary>
    public float Dampening { get; }

    /// <summary>Whether steps look ahead along the momentum.</summary>
    public bool Nesterov { get; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"Sgd({Common}, momentum {Momentum}, dampening {Dampening}{(Nesterov ? ", nesterov" : "")})");

    internal override IReadOnlyList<string> MomentNames => Momentum == 0 ? [] : Names;

    internal override void Update(Backend backend, Parameter parameter, int index, in ParameterUpdate update)
    {
        if (Momentum == 0 && update.WeightDecay == 0)
        {
            backend.SgdUpdate(parameter.Value, parameter.Gradient, new SgdStep(update.Rate, update.Scale));
            return;
        }
        UpdateStep step = Begin(update) with { RateOfGradient = Momentum == 0 || Nesterov ? update.Rate : 0 };
        double ahead = Nesterov ? Momentum : 1; // of the momentum, beside the gradient itself
        if (Form == UpdateForm.Keras)
            step = step with { FirstKeep = Momentum, FirstAdd = -update.Rate, RateOfFirst = -ahead };
        else
            step = step with { FirstKeep = Momentum, FirstAdd = update.Step == 1 ? 1 : 1.0 - Dampening, RateOfFirst = update.Rate * ahead };
        DeviceBuffer? first = Momentum == 0 ? null : Moments[index][0];
        backend.Update(parameter.Value, parameter.Gradient, new UpdateArrays(First: first), step);
    }
}
