using FastRnn.Backends;

namespace FastRnn.Training;

/// <summary>A loss between outputs x and target values y [T, B, O], element by element; the mean is over the elements that count.</summary>
public abstract class ValueLoss : Loss
{
    private readonly ElementLossRule _rule;

    private protected ValueLoss(ElementLossKind kind, float delta = 1f, float[]? constants = null) =>
        _rule = new(kind, delta, constants, false);

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"{GetType().Name}({Reduction}, delta {_rule.Delta}, positive weights {LossConstants.Text(_rule.Constants)})");

    internal override string? Refuses(int targetValues, int modelOutputs)
    {
        if (targetValues != modelOutputs)
        {
            return targetValues == 0
                ? "this loss compares with target values, the window has target classes"
                : $"the window has {targetValues} target values a step, the model {modelOutputs} outputs";
        }
        return RefusesOutputs(modelOutputs);
    }

    /// <summary>Says why the loss has no use for that many outputs, or null.</summary>
    private protected virtual string? RefusesOutputs(int modelOutputs) => null;

    internal override LossSum Compute(Backend backend, DeviceBuffer output, SequenceChunk chunk, DeviceBuffer? target, DeviceBuffer? gradient) =>
        backend.ElementLoss(output, target!, chunk.Counted(), _rule with { IsSum = IsSum }, gradient);
}

/// <summary>(x − y)²</summary>
public sealed class MeanSquaredError() : ValueLoss(ElementLossKind.Squared);

/// <summary>|x − y|; its slope is 0 where they are equal.</summary>
public sealed class MeanAbsoluteError() : ValueLoss(ElementLossKind.Absolute);

/// <summary>½(x − y)² where |x − y| is below δ, otherwise δ·(|x − y| − ½δ) (Huber 1964): outliers pull with a force of δ at most.</summary>
/// <param name="delta">δ, more than 0.</param>
public sealed class Huber(float delta = 1f) : ValueLoss(ElementLossKind.Huber, delta > 0f && float.IsFinite(delta)
    ? delta
    : throw new ArgumentOutOfRangeException(nameof(delta), delta, "δ is finite and more than 0"));

/// <summary>
/// Binary cross-entropy in nats between logits x and targets y in [0, 1], one independent yes or no an output:
/// −p·y·log σ(x) − (1 − y)·log(1 − σ(x)).
/// </summary>
/// <param name="positiveWeights">p, at least 0: none for 1, one for all outputs, or one for each. More than 1 favours finding positives.</param>
public sealed class BinaryCrossEntropy(params float[] positiveWeights) : ValueLoss(ElementLossKind.Logistic, 1f, Checked(positiveWeights))
{
    private readonly int _weights = positiveWeights.Length;

    private protected override string? RefusesOutputs(int modelOutputs) =>
        _weights > 1 && _weights != modelOutputs ? $"{_weights} weights of positive targets for a model of {modelOutputs} outputs" : null;

    private static float[]? Checked(float[] positiveWeights)
    {
        ArgumentNullException.ThrowIfNull(positiveWeights);
        LossConstants.CheckWeights(positiveWeights, nameof(positiveWeights));
        return positiveWeights.Length == 0 ? null : [.. positiveWeights];
    }
}
