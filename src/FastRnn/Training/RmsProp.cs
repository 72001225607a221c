using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>
/// RMSProp (Hinton 2012): v = α·v + (1−α)·g², w −= rate·g/(√v + ε); Keras has ε inside the root. Centred (Graves 2013), the root is that of
/// the variance v − mean². With momentum, b = μ·b + g/(√v + ε) and w −= rate·b; Keras has the rate inside b.
/// </summary>
public sealed class RmsProp : Optimizer
{
    private readonly string[] _names;

    /// <summary>An optimiser of a new trainer.</summary>
    /// <param name="learningRate">Positive.</param>
    /// <param name="decay">α, in [0, 1). Left out: 0.99, in Keras's form 0.9.</param>
    /// <param name="epsilon">Keeps the denominator from zero; positive. Left out: 1e-8, in Keras's form 1e-7.</param>
    /// <param name="momentum">μ, in [0, 1).</param>
    /// <param name="centered">Divide by the deviation from the running mean.</param>
    /// <param name="weightDecay">Not negative.</param>
    /// <param name="form">Whose definition.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public RmsProp(
        float learningRate, float? decay = null, float? epsilon = null, float momentum = 0f, bool centered = false, float weightDecay = 0f,
        UpdateForm form = UpdateForm.PyTorch)
        : base(learningRate, weightDecay, form)
    {
        bool keras = form == UpdateForm.Keras;
        SquareDecay = Decay(decay ?? (keras ? 0.9f : 0.99f), nameof(decay));
        Epsilon = Positive(epsilon ?? (keras ? 1e-7f : 1e-8f), nameof(epsilon));
        (Momentum, Centered) = (Decay(momentum, nameof(momentum)), centered);
        _names = ["square", .. Momentum == 0 ? (string[])[] : ["momentum"], .. centered ? ["mean"] : (string[])[]];
    }

    /// <summary>Decay of the mean of squared gradients, and of the mean of gradients.</summary>
    public float SquareDecay { get; }

    /// <summary>Keeps the denominator from zero.</summary>
    public float Epsilon { get; }

    /// <summary>Share of the last step's direction that goes on.</summary>
    public float Momentum { get; }

    /// <summary>Whether the denominator is the deviation from the running mean.</summary>
    public bool Centered { get; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"RmsProp({Common}, decay {SquareDecay}, epsilon {Epsilon}, momentum {Momentum}{(Centered ? ", centered" : "")})");

    internal override IReadOnlyList<string> MomentNames => _names;

    internal override void Update(Backend backend, Parameter parameter, int index, in ParameterUpdate update)
    {
        bool keras = Form == UpdateForm.Keras, moving = Momentum != 0;
        DeviceBuffer[] moments = Moments[index];
        var arrays = new UpdateArrays(First: moving ? moments[1] : null, Second: moments[0], Mean: Centered ? moments[^1] : null);
        backend.Update(parameter.Value, parameter.Gradient, arrays, Begin(update) with
        {
            SecondKeep = SquareDecay,
            SecondAdd = 1.0 - SquareDecay,
            MeanKeep = SquareDecay,
            MeanAdd = 1.0 - SquareDecay,
            EpsilonInside = keras ? Epsilon : 0,
            EpsilonOutside = keras ? 0 : Epsilon,
            FirstOfQuotient = true,
            FirstKeep = Momentum,
            FirstAdd = keras ? update.Rate : 1,
            RateOfFirst = keras ? 1 : update.Rate,
            RateOfGradient = moving ? 0 : update.Rate,
        });
    }
}

/// <summary>
/// AdaGrad (Duchi, Hazan, Singer 2011): v += g², w −= rate/(1 + (t−1)·rateDecay) · g/(√v + ε); Keras starts v from 0.1 and has ε inside the root.
/// </summary>
public sealed class AdaGrad : Optimizer
{
    private static readonly string[] Names = ["sum"];

    /// <summary>An optimiser of a new trainer.</summary>
    /// <param name="learningRate">Positive.</param>
    /// <param name="epsilon">Keeps the denominator from zero; positive. Left out: 1e-10, in Keras's form 1e-7.</param>
    /// <param name="initialSum">What v starts from; not negative. Left out: 0, in Keras's form 0.1.</param>
    /// <param name="rateDecay">How fast the rate falls beside v; not negative.</param>
    /// <param name="weightDecay">Not negative.</param>
    /// <param name="form">Whose definition.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public AdaGrad(
        float learningRate, float? epsilon = null, float? initialSum = null, float rateDecay = 0f, float weightDecay = 0f,
        UpdateForm form = UpdateForm.PyTorch)
        : base(learningRate, weightDecay, form)
    {
        bool keras = form == UpdateForm.Keras;
        Epsilon = Positive(epsilon ?? (keras ? 1e-7f : 1e-10f), nameof(epsilon));
        InitialSum = NotNegative(initialSum ?? (keras ? 0.1f : 0f), nameof(initialSum));
        RateDecay = NotNegative(rateDecay, nameof(rateDecay));
    }

    /// <summary>Keeps the denominator from zero.</summary>
    public float Epsilon { get; }

    /// <summary>What v starts from.</summary>
    public float InitialSum { get; }

    /// <summary>How fast the rate falls beside v.</summary>
    public float RateDecay { get; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"AdaGrad({Common}, epsilon {Epsilon}, initial sum {InitialSum}, rate decay {RateDecay})");

    internal override IReadOnlyList<string> MomentNames => Names;

    private protected override float InitialMoment => InitialSum;

    internal override void Update(Backend backend, Parameter parameter, int index, in ParameterUpdate update)
    {
        bool keras = Form == UpdateForm.Keras;
        backend.Update(parameter.Value, parameter.Gradient, new UpdateArrays(Second: Moments[index][0]), Begin(update) with
        {
            SecondKeep = 1,
            SecondAdd = 1,
            EpsilonInside = keras ? Epsilon : 0,
            EpsilonOutside = keras ? 0 : Epsilon,
            FirstOfQuotient = true,
            RateOfGradient = update.Rate / (1.0 + ((update.Step - 1) * (double)RateDecay)),
        });
    }
}
