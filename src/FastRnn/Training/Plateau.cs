namespace FastRnn.Training;

/// <summary>
/// Lowers the rate when a loss stops falling: PyTorch's ReduceLROnPlateau for a metric that should be small. <see cref="Report"/> tells it
/// the loss, for example after every epoch. What it has seen is kept in checkpoints.
/// </summary>
/// <param name="factor">Multiplies the rate at a plateau; in (0, 1).</param>
/// <param name="patience">Reports without improvement that are let pass.</param>
/// <param name="threshold">Share of the best loss by which a better one must be lower, in [0, 1).</param>
/// <param name="cooldown">Reports after a drop that are not judged.</param>
/// <param name="lowest">The factor never falls below it; in [0, 1].</param>
public sealed class Plateau(double factor = 0.1, int patience = 10, double threshold = 1e-4, int cooldown = 0, double lowest = 0) : Schedule
{
    private readonly double _drop = factor is > 0 and < 1
        ? factor
        : throw new ArgumentOutOfRangeException(nameof(factor), factor, "must lie in (0, 1)");
    private readonly int _patience = patience >= 0
        ? patience
        : throw new ArgumentOutOfRangeException(nameof(patience), patience, "must not be negative");
    private readonly double _threshold = threshold is >= 0 and < 1
        ? threshold
        : throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "must lie in [0, 1)");
    private readonly int _cooldown = cooldown >= 0
        ? cooldown
        : throw new ArgumentOutOfRangeException(nameof(cooldown), cooldown, "must not be negative");
    private readonly double _lowest = Share(lowest, nameof(lowest));
    private double _factor = 1;
    private int _bad, _resting;

    /// <summary>Lowest loss reported so far; infinite before the first.</summary>
    public double Best { get; private set; } = double.PositiveInfinity;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"Plateau(factor {_drop}, patience {_patience}, threshold {_threshold}, cooldown {_cooldown}, lowest {_lowest})");

    /// <summary>The same at every update: it changes with reports.</summary>
    public override double FactorAt(long updates) => _factor;

    /// <summary>Judges a loss. One that is not a number counts as no improvement.</summary>
    public void Report(double loss)
    {
        if (IsBetter(loss))
            (Best, _bad) = (loss, 0);
        else
            _bad++;
        if (_resting > 0)
            (_resting, _bad) = (_resting - 1, 0);
        if (_bad <= _patience)
            return;
        _factor = Math.Max(_factor * _drop, _lowest);
        (_resting, _bad) = (_cooldown, 0);
    }

    internal override IReadOnlyList<double> State => [_factor, Best, _bad, _resting];

    internal override void Restore(IReadOnlyList<double> state)
    {
        if (state[0] is not (>= 0 and <= 1) || double.IsNaN(state[1]) || !IsCount(state[2]) || !IsCount(state[3]))
            throw new InvalidDataException($"a plateau cannot have come to {string.Join(", ", state)}");
        (_factor, Best, _bad, _resting) = (state[0], state[1], (int)state[2], (int)state[3]);
    }

    private static bool IsCount(double value) => value is >= 0 and <= int.MaxValue && value == Math.Floor(value);

    /// <summary>A negative loss is better when it is lower by a share of its size; the first number is better than none.</summary>
    private bool IsBetter(double loss) =>
        double.IsPositiveInfinity(Best) ? loss < Best : loss < Best - (_threshold * Math.Abs(Best));
}
