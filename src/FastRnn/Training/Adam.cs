using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>
/// What Adam, AdamW and Nadam share: m = β1·m + (1−β1)·g and v = β2·v + (1−β2)·g².
/// </summary>
public abstract class AdaptiveMomentOptimizer : Optimizer
{
    private static readonly string[] Names = ["m", "v"];
    private static readonly string[] NamesWithLargest = ["m", "v", "max"];

    private protected AdaptiveMomentOptimizer(
        float learningRate, float beta1, float beta2, float? epsilon, float weightDecay, bool amsgrad, UpdateForm form)
        : base(learningRate, weightDecay, form)
    {
        (Beta1, Beta2, Amsgrad) = (Decay(beta1, nameof(beta1)), Decay(beta2, nameof(beta2)), amsgrad);
        Epsilon = Positive(epsilon ?? (form == UpdateForm.Keras ? 1e-7f : 1e-8f), nameof(epsilon));
    }

    /// <summary>Decay of the mean of gradients.</summary>
    public float Beta1 { get; }

    /// <summary>Decay of the mean of squared gradients.</summary>
    public float Beta2 { get; }

    /// <summary>Added to the denominator.</summary>
    public float Epsilon { get; }

    /// <summary>Whether the largest v so far is the denominator (Reddi, Kale, Kumar 2018): steps never grow again.</summary>
    public bool Amsgrad { get; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"{GetType().Name}({Common}, beta1 {Beta1}, beta2 {Beta2}, epsilon {Epsilon}{(Amsgrad ? ", amsgrad" : "")})");

    internal override IReadOnlyList<string> MomentNames => Amsgrad ? NamesWithLargest : Names;

    /// <summary>m/√v with both corrected for their start from zero; Keras folds both corrections into the rate, so that ε weighs more at first.</summary>
    private protected void AdamUpdate(Backend backend, Parameter parameter, int index, in ParameterUpdate update, bool decoupled)
    {
        double correction1 = 1.0 - Math.Pow(Beta1, update.Step), root2 = Math.Sqrt(1.0 - Math.Pow(Beta2, update.Step));
        bool folded = Form == UpdateForm.Keras;
        NormalisedUpdate(backend, parameter, index, Begin(update, decoupled) with
        {
            RootDivisor = folded ? 1 : root2,
            RateOfFirst = update.Rate * (folded ? root2 : 1) / correction1,
        });
    }

    private protected void NormalisedUpdate(Backend backend, Parameter parameter, int index, in UpdateStep step)
    {
        DeviceBuffer[] moments = Moments[index];
        var arrays = new UpdateArrays(First: moments[0], Second: moments[1], Largest: Amsgrad ? moments[2] : null);
        backend.Update(parameter.Value, parameter.Gradient, arrays, step with
        {
            FirstKeep = Beta1,
            FirstAdd = 1.0 - Beta1,
            SecondKeep = Beta2,
            SecondAdd = 1.0 - Beta2,
            EpsilonOutside = Epsilon,
        });
    }
}

/// <summary>
/// Adam (Kingma, Ba 2015). In PyTorch's form ε is added to the bias-corrected root, in Keras's to the root as it is (the paper's ε-hat).
/// </summary>
/// <param name="learningRate">Positive.</param>
/// <param name="beta1">Decay of the mean, in [0, 1).</param>
/// <param name="beta2">Decay of the mean square, in [0, 1).</param>
/// <param name="epsilon">Keeps the denominator from zero; positive. Left out: 1e-8, in Keras's form 1e-7.</param>
/// <param name="weightDecay">Not negative.</param>
/// <param name="amsgrad">Divide by the largest v so far.</param>
/// <param name="form">Whose definition.</param>
public sealed class Adam(
    float learningRate, float beta1 = 0.9f, float beta2 = 0.999f, float? epsilon = null, float weightDecay = 0f, bool amsgrad = false,
    UpdateForm form = UpdateForm.PyTorch)
    : AdaptiveMomentOptimizer(learningRate, beta1, beta2, epsilon, weightDecay, amsgrad, form)
{
    internal override void Update(Backend backend, Parameter parameter, int index, in ParameterUpdate update)
    {
        if (Amsgrad || Form != UpdateForm.PyTorch || update.WeightDecay != 0)
        {
            AdamUpdate(backend, parameter, index, update, decoupled: false);
            return;
        }
        var constants = new AdamStep(
            update.Rate, Beta1, Beta2, Epsilon, 1.0 - Math.Pow(Beta1, update.Step), 1.0 - Math.Pow(Beta2, update.Step), update.Scale);
        backend.AdamUpdate(parameter.Value, parameter.Gradient, Moments[index][0], Moments[index][1], constants);
    }
}

/// <summary>Adam with weight decay beside the gradient: w −= rate·decay·w (Loshchilov, Hutter 2019).</summary>
/// <param name="learningRate">Positive.</param>
/// <param name="beta1">Decay of the mean, in [0, 1).</param>
/// <param name="beta2">Decay of the mean square, in [0, 1).</param>
/// <param name="epsilon">Keeps the denominator from zero; positive. Left out: 1e-8, in Keras's form 1e-7.</param>
/// <param name="weightDecay">Not negative. Left out: 0.01, in Keras's form 0.004.</param>
/// <param name="amsgrad">Divide by the largest v so far.</param>
/// <param name="form">Whose definition.</param>
public sealed class AdamW(
    float learningRate, float beta1 = 0.9f, float beta2 = 0.999f, float? epsilon = null, float? weightDecay = null, bool amsgrad = false,
    UpdateForm form = UpdateForm.PyTorch)
    : AdaptiveMomentOptimizer(
        learningRate, beta1, beta2, epsilon, weightDecay ?? (form == UpdateForm.Keras ? 0.004f : 0.01f), amsgrad, form)
{
    internal override void Update(Backend backend, Parameter parameter, int index, in ParameterUpdate update) =>
        AdamUpdate(backend, parameter, index, update, decoupled: true);
}

/// <summary>
/// Adam with Nesterov's momentum (Dozat 2016). The share of momentum grows: μ_t = β1·(1 − 0.96^(t·ψ)/2), ψ = 0.004 as in PyTorch, 1 as in
/// Keras; w −= rate·(μ_(t+1)·m/(1 − μ_1…μ_(t+1)) + (1 − μ_t)·g/(1 − μ_1…μ_t)) / (√(v/(1 − β2^t)) + ε).
/// </summary>
/// <param name="learningRate">Positive.</param>
/// <param name="beta1">Decay of the mean, in [0, 1).</param>
/// <param name="beta2">Decay of the mean square, in [0, 1).</param>
/// <param name="epsilon">Keeps the denominator from zero; positive. Left out: 1e-8, in Keras's form 1e-7.</param>
/// <param name="weightDecay">Not negative.</param>
/// <param name="momentumDecay">ψ, not negative. Left out: 0.004, in Keras's form 1.</param>
/// <param name="form">Whose definition.</param>
public sealed class Nadam(
    float learningRate, float beta1 = 0.9f, float beta2 = 0.999f, float? epsilon = null, float weightDecay = 0f, float? momentumDecay = null,
    UpdateForm form = UpdateForm.PyTorch)
    : AdaptiveMomentOptimizer(learningRate, beta1, beta2, epsilon, weightDecay, amsgrad: false, form)
{
    /// <summary>μ_1…μ_t of the t it was last asked for: a pure function of t, so that nothing is lost by a resume.</summary>
    private (long Step, double Product) _known = (0, 1);

    /// <summary>How fast the share of momentum grows.</summary>
    public float MomentumDecay { get; } = NotNegative(momentumDecay ?? (form == UpdateForm.Keras ? 1f : 4e-3f), nameof(momentumDecay));

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{base.ToString()[..^1]}, momentum decay {MomentumDecay})");

    internal override void Update(Backend backend, Parameter parameter, int index, in ParameterUpdate update)
    {
        double now = Momentum(update.Step), next = Momentum(update.Step + 1), product = Product(update.Step);
        NormalisedUpdate(backend, parameter, index, Begin(update) with
        {
            RootDivisor = Math.Sqrt(1.0 - Math.Pow(Beta2, update.Step)),
            RateOfFirst = update.Rate * next / (1.0 - (product * next)),
            RateOfGradient = update.Rate * (1.0 - now) / (1.0 - product),
        });
    }

    private double Momentum(long step) => Beta1 * (1.0 - (0.5 * Math.Pow(0.96, step * (double)MomentumDecay)));

    private double Product(long step)
    {
        if (_known.Step > step)
            _known = (0, 1);
        while (_known.Step < step)
        {
            // Zero stays zero: after some thousand factors below one the rest of a long run costs nothing.
            long next = _known.Product == 0 ? step : _known.Step + 1;
            _known = (next, _known.Product * Momentum(next));
        }
        return _known.Product;
    }
}
