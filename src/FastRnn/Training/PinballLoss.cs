using FastRnn.Backends;

namespace FastRnn.Training;

/// <summary>
/// The pinball loss, which the quantile q of a target's distribution makes smallest (Koenker, Bassett 1978): q·(y − x) where the target y is above
/// the output x, (1 − q)·(x − y) where it is below; its slope is 0 where they are equal. With Q quantiles, a model has Q outputs for every value
/// that it predicts, side by side: output c is quantile c mod Q of value c / Q. A window's targets are laid out likewise, every value Q
/// times; <see cref="Repeat(ReadOnlySpan{float}, Span{float})"/> does that.
/// </summary>
public sealed class PinballLoss : ValueLoss
{
    private readonly float[] _quantiles;

    /// <summary>A pinball loss.</summary>
    /// <param name="quantiles">q [Q], each above 0 and below 1, in rising order: 0.1, 0.5, 0.9 gives a median within an interval of 80 %.</param>
    public PinballLoss(params float[] quantiles)
        : base(ElementLossKind.Pinball, constants: Checked(quantiles)) => _quantiles = [.. quantiles];

    /// <summary>q [Q]</summary>
    public IReadOnlyList<float> Quantiles => _quantiles;

    /// <summary>Lays values out as targets of this loss: every value Q times, in the order of the values.</summary>
    /// <param name="values">Values of any number of steps, one step after the other.</param>
    /// <param name="targets">Room for Q times as many.</param>
    public void Repeat(ReadOnlySpan<float> values, Span<float> targets)
    {
        if (targets.Length != (long)values.Length * _quantiles.Length)
            throw new ArgumentException($"{values.Length} values and {_quantiles.Length} quantiles are not {targets.Length} targets", nameof(targets));
        for (int i = 0; i < values.Length; i++)
            targets.Slice(i * _quantiles.Length, _quantiles.Length).Fill(values[i]);
    }

    /// <summary>Values as targets of this loss: every value Q times, in the order of the values.</summary>
    public float[] Repeat(ReadOnlySpan<float> values)
    {
        var targets = new float[checked(values.Length * _quantiles.Length)];
        Repeat(values, targets);
        return targets;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{nameof(PinballLoss)}({Reduction}, quantiles {LossConstants.Text(_quantiles)})";

    internal override string? Refuses(int targetValues, int modelOutputs) =>
        _quantiles.Length > 1 && targetValues != 0 && (long)targetValues * _quantiles.Length == modelOutputs
            ? $"the window has {targetValues} target values a step, the model {modelOutputs} outputs: every target is needed {_quantiles.Length} times, "
                + $"once for each quantile, as {nameof(PinballLoss)}.{nameof(Repeat)} writes them"
            : base.Refuses(targetValues, modelOutputs);

    private protected override string? RefusesOutputs(int modelOutputs) => modelOutputs % _quantiles.Length != 0
        ? $"{_quantiles.Length} quantiles for a model of {modelOutputs} outputs, which is not a multiple"
        : null;

    private static float[] Checked(float[] quantiles)
    {
        ArgumentNullException.ThrowIfNull(quantiles);
        if (quantiles.Length == 0)
            throw new ArgumentException("at least one quantile is needed", nameof(quantiles));
        for (int i = 0; i < quantiles.Length; i++)
        {
            if (!(quantiles[i] is > 0f and < 1f))
                throw new ArgumentOutOfRangeException(nameof(quantiles), quantiles[i], "a quantile lies above 0 and below 1");
            if (i > 0 && quantiles[i] <= quantiles[i - 1])
                throw new ArgumentException($"quantiles rise: {quantiles[i]} follows {quantiles[i - 1]}", nameof(quantiles));
        }
        return [.. quantiles];
    }
}
