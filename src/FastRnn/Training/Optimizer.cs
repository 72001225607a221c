using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>Turns gradients into new weights. One optimiser belongs to one <see cref="Trainer"/>.</summary>
public abstract class Optimizer
{
    private protected Optimizer(float learningRate)
    {
        if (!(learningRate > 0f) || !float.IsFinite(learningRate))
            throw new ArgumentOutOfRangeException(nameof(learningRate), learningRate, "a learning rate is positive and finite");
        LearningRate = learningRate;
    }

    /// <summary>Step size; may be changed between steps.</summary>
    public float LearningRate { get; set; }

    /// <summary>Names of the arrays kept for every parameter, for checkpoints.</summary>
    internal abstract IReadOnlyList<string> MomentNames { get; }

    /// <summary>Arrays kept, by [parameter][moment].</summary>
    internal DeviceBuffer[][] Moments { get; private set; } = [];

    internal void Attach(Backend backend, Parameter[] parameters)
    {
        if (Moments.Length != 0)
            throw new InvalidOperationException("this optimizer belongs to another trainer already");
        Moments = new DeviceBuffer[parameters.Length][];
        for (int i = 0; i < parameters.Length; i++)
        {
            Moments[i] = new DeviceBuffer[MomentNames.Count];
            for (int k = 0; k < Moments[i].Length; k++)
                Moments[i][k] = backend.Allocate(parameters[i].Value.Rows, parameters[i].Value.Columns);
        }
    }

    /// <summary>Update number <paramref name="step"/> (from 1) of parameter <paramref name="index"/>; scale multiplies the gradient first.</summary>
    internal abstract void Update(Backend backend, Parameter parameter, int index, long step, float scale);
}

/// <summary>Plain stochastic gradient descent: w −= rate·g.</summary>
/// <param name="learningRate">Positive.</param>
public sealed class Sgd(float learningRate) : Optimizer(learningRate)
{
    internal override IReadOnlyList<string> MomentNames => [];

    internal override void Update(Backend backend, Parameter parameter, int index, long step, float scale) =>
        backend.SgdUpdate(parameter.Value, parameter.Gradient, new SgdStep(LearningRate, scale));
}

/// <summary>Adam (Kingma, Ba 2015) as PyTorch computes it: ε is added to the bias-corrected root.</summary>
/// <param name="learningRate">Positive.</param>
/// <param name="beta1">Decay of the mean, in [0, 1).</param>
/// <param name="beta2">Decay of the mean square, in [0, 1).</param>
/// <param name="epsilon">Keeps the denominator from zero; positive.</param>
public sealed class Adam(float learningRate, float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-8f) : Optimizer(learningRate)
{
    private static readonly string[] Names = ["m", "v"];

    /// <summary>Decay of the mean of gradients.</summary>
    public float Beta1 { get; } = Decay(beta1);

    /// <summary>Decay of the mean of squared gradients.</summary>
    public float Beta2 { get; } = Decay(beta2);

    /// <summary>Added to the denominator.</summary>
    public float Epsilon { get; } = epsilon > 0f ? epsilon : throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "must be positive");

    internal override IReadOnlyList<string> MomentNames => Names;

    internal override void Update(Backend backend, Parameter parameter, int index, long step, float scale)
    {
        var constants = new AdamStep(
            LearningRate, Beta1, Beta2, Epsilon, 1.0 - Math.Pow(Beta1, step), 1.0 - Math.Pow(Beta2, step), scale);
        backend.AdamUpdate(parameter.Value, parameter.Gradient, Moments[index][0], Moments[index][1], constants);
    }

    private static float Decay(float beta) =>
        beta is >= 0f and < 1f ? beta : throw new ArgumentOutOfRangeException(nameof(beta), beta, "a decay lies in [0, 1)");
}
