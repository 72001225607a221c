using FastRnn.Backends;

namespace FastRnn.Training;

/// <summary>
/// Softmax cross-entropy in nats between logits [T, B, C] and target classes, as PyTorch defines it:
/// (1 − ε)·w_t·(−log p_t) + ε/C·Σ_c w_c·(−log p_c), p the softmax of the logits. Steps with a negative target do not count.
/// </summary>
public sealed class CrossEntropy : Loss
{
    private readonly ClassLossRule _rule;

    /// <summary>A cross-entropy.</summary>
    /// <param name="classWeights">w [C], at least 0 and not all 0; null: 1 each. The mean is over the weights of the counted targets.</param>
    /// <param name="labelSmoothing">ε in [0, 1]: the share of the target that is spread over all classes.</param>
    /// <param name="ignoreIndex">One more target that does not count, for example that of padding.</param>
    public CrossEntropy(IReadOnlyList<float>? classWeights = null, float labelSmoothing = 0f, int ignoreIndex = -1)
    {
        if (!(labelSmoothing is >= 0f and <= 1f))
            throw new ArgumentOutOfRangeException(nameof(labelSmoothing), labelSmoothing, "label smoothing lies in [0, 1]");
        _rule = new(false, LossConstants.ClassWeights(classWeights), labelSmoothing, ignoreIndex, false);
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"CrossEntropy({Reduction}, class weights {LossConstants.Text(_rule.Weights)}, label smoothing {_rule.Smoothing}, ignore index {_rule.IgnoreIndex})");

    internal override string? Refuses(int targetValues, int modelOutputs) => LossConstants.RefusesClasses(_rule, targetValues, modelOutputs);

    internal override LossSum Compute(Backend backend, DeviceBuffer output, SequenceChunk chunk, DeviceBuffer? target, DeviceBuffer? gradient) =>
        backend.ClassLoss(output, chunk.Targets, chunk.Counted(), _rule with { IsSum = IsSum }, gradient);
}

/// <summary>
/// Negative log-likelihood −w_t·x_t of target classes under log-probabilities [T, B, C], for a model that ends in log-probabilities.
/// Steps with a negative target do not count.
/// </summary>
public sealed class NegativeLogLikelihood : Loss
{
    private readonly ClassLossRule _rule;

    /// <summary>A negative log-likelihood.</summary>
    /// <param name="classWeights">w [C], at least 0 and not all 0; null: 1 each. The mean is over the weights of the counted targets.</param>
    /// <param name="ignoreIndex">One more target that does not count, for example that of padding.</param>
    public NegativeLogLikelihood(IReadOnlyList<float>? classWeights = null, int ignoreIndex = -1) =>
        _rule = new(true, LossConstants.ClassWeights(classWeights), 0f, ignoreIndex, false);

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"NegativeLogLikelihood({Reduction}, class weights {LossConstants.Text(_rule.Weights)}, ignore index {_rule.IgnoreIndex})");

    internal override string? Refuses(int targetValues, int modelOutputs) => LossConstants.RefusesClasses(_rule, targetValues, modelOutputs);

    internal override LossSum Compute(Backend backend, DeviceBuffer output, SequenceChunk chunk, DeviceBuffer? target, DeviceBuffer? gradient) =>
        backend.ClassLoss(output, chunk.Targets, chunk.Counted(), _rule with { IsSum = IsSum }, gradient);
}

internal static class LossConstants
{
    public static string Text(float[]? weights) => weights == null
        ? "1"
        : string.Join(' ', weights.Select(weight => weight.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    public static float[]? ClassWeights(IReadOnlyList<float>? weights)
    {
        if (weights == null)
            return null;
        CheckWeights(weights, nameof(weights));
        return weights.Any(w => w > 0) ? [.. weights] : throw new ArgumentException("all class weights are 0", nameof(weights));
    }

    public static void CheckWeights(IReadOnlyList<float> weights, string name)
    {
        foreach (float weight in weights)
        {
            if (!(weight >= 0f) || !float.IsFinite(weight))
                throw new ArgumentOutOfRangeException(name, weight, "weights are finite and at least 0");
        }
    }

    public static string? RefusesClasses(in ClassLossRule rule, int targetValues, int modelOutputs)
    {
        if (targetValues != 0)
            return $"this loss compares with target classes, the window has {targetValues} target values a step";
        return rule.Weights is { } weights && weights.Length != modelOutputs
            ? $"{weights.Length} class weights for a model of {modelOutputs} outputs"
            : null;
    }
}
