namespace FastRnn.Training;

/// <summary>
/// Factor on an optimiser's learning rate as training goes on. A factor is a pure function of the number of updates made, so that a resumed run
/// has the same rates; what only <see cref="Plateau"/> remembers is kept in checkpoints.
/// </summary>
public abstract class Schedule
{
    private protected Schedule()
    {
    }

    /// <summary>Factor of the update after <paramref name="updates"/> updates: 0 for the first. Not negative.</summary>
    public abstract double FactorAt(long updates);

    /// <summary>Kind and all constants: two that say the same have the same factors.</summary>
    public abstract override string ToString();

    /// <summary>Numbers to keep in a checkpoint; none for pure functions.</summary>
    internal virtual IReadOnlyList<double> State => [];

    /// <summary>Puts back what <see cref="State"/> gave; as many numbers.</summary>
    /// <exception cref="InvalidDataException">It cannot have given them.</exception>
    internal virtual void Restore(IReadOnlyList<double> state)
    {
    }

    private protected static long AtLeastOne(long steps, string name) =>
        steps >= 1 ? steps : throw new ArgumentOutOfRangeException(name, steps, "at least one update");

    private protected static double Share(double value, string name) =>
        value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(name, value, "must lie in [0, 1]");

    private protected static double Positive(double value, string name) =>
        value > 0 && double.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(name, value, "must be positive and finite");

    /// <summary>Half a cosine from one value, at 0, to another, at 1.</summary>
    private protected static double Cosine(double from, double to, double at) => to + ((from - to) * (1 + Math.Cos(Math.PI * at)) / 2);
}

/// <summary>factor^⌊updates/every⌋: PyTorch's StepLR.</summary>
/// <param name="every">Updates between two drops.</param>
/// <param name="factor">Positive.</param>
public sealed class StepDecay(long every, double factor) : Schedule
{
    private readonly long _every = AtLeastOne(every, nameof(every));
    private readonly double _factor = Positive(factor, nameof(factor));

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"StepDecay(every {_every}, factor {_factor})");

    /// <inheritdoc/>
    public override double FactorAt(long updates) => Math.Pow(_factor, updates / _every);
}

/// <summary>factor^(updates/over): PyTorch's ExponentialLR with over = 1, Keras's ExponentialDecay.</summary>
/// <param name="factor">Positive.</param>
/// <param name="over">Updates over which the rate changes by the factor.</param>
public sealed class ExponentialDecay(double factor, long over = 1) : Schedule
{
    private readonly double _factor = Positive(factor, nameof(factor));
    private readonly long _over = AtLeastOne(over, nameof(over));

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"ExponentialDecay(factor {_factor}, over {_over})");

    /// <inheritdoc/>
    public override double FactorAt(long updates) => Math.Pow(_factor, updates / (double)_over);
}

/// <summary>
/// Half a cosine from 1 down to the lowest factor, where it stays: PyTorch's CosineAnnealingLR. With restarts (Loshchilov, Hutter 2017) it
/// jumps back to 1, and every period is <c>growth</c> times as long as the one before: CosineAnnealingWarmRestarts.
/// </summary>
/// <param name="period">Updates of the first period.</param>
/// <param name="lowest">Factor at its end, in [0, 1].</param>
/// <param name="restarts">Whether to start again.</param>
/// <param name="growth">At least 1; only with restarts.</param>
public sealed class CosineDecay(long period, double lowest = 0, bool restarts = false, int growth = 1) : Schedule
{
    private readonly long _period = AtLeastOne(period, nameof(period));
    private readonly double _lowest = Share(lowest, nameof(lowest));
    private readonly int _growth = growth == 1 || (growth > 1 && restarts)
        ? growth
        : throw new ArgumentOutOfRangeException(nameof(growth), growth, "at least 1, and only restarts can grow");

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"CosineDecay(period {_period}, lowest {_lowest}{(restarts ? FormattableString.Invariant($", restarts, growth {_growth}") : "")})");

    /// <inheritdoc/>
    public override double FactorAt(long updates)
    {
        if (!restarts)
            return Cosine(1, _lowest, Math.Min(1.0, updates / (double)_period));
        long length = _period, rest = updates;
        if (_growth == 1)
            rest %= length;
        while (rest >= length) // few turns: lengths grow like powers
        {
            rest -= length;
            length *= _growth;
        }
        return Cosine(1, _lowest, rest / (double)length);
    }
}

/// <summary>
/// One cycle (Smith, Topin 2017): half a cosine up from 1/startDivisor to 1, then down to 1/(startDivisor·endDivisor), where it stays. The
/// optimiser's rate is the highest. PyTorch's OneCycleLR without its change of momentum.
/// </summary>
/// <param name="steps">Updates of the whole cycle, at least 2.</param>
/// <param name="rise">Share of the updates that go up, in (0, 1), with more than one on the way up.</param>
/// <param name="startDivisor">At least 1.</param>
/// <param name="endDivisor">At least 1.</param>
public sealed class OneCycle(long steps, double rise = 0.3, double startDivisor = 25, double endDivisor = 1e4) : Schedule
{
    private readonly long _steps = steps >= 2 ? steps : throw new ArgumentOutOfRangeException(nameof(steps), steps, "at least two updates");
    private readonly double _top = rise is > 0 and < 1 && rise * steps > 1
        ? (rise * steps) - 1
        : throw new ArgumentOutOfRangeException(nameof(rise), rise, "must lie in (0, 1) and hold more than one update");
    private readonly double _start = startDivisor >= 1 && double.IsFinite(startDivisor)
        ? 1 / startDivisor
        : throw new ArgumentOutOfRangeException(nameof(startDivisor), startDivisor, "at least 1");
    private readonly double _end = endDivisor >= 1 && double.IsFinite(endDivisor)
        ? 1 / (startDivisor * endDivisor)
        : throw new ArgumentOutOfRangeException(nameof(endDivisor), endDivisor, "at least 1");

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"OneCycle(steps {_steps}, top {_top}, start {_start}, end {_end})");

    /// <inheritdoc/>
    public override double FactorAt(long updates) => updates <= _top
        ? Cosine(_start, 1, updates / _top)
        : Cosine(1, _end, Math.Min(1.0, (updates - _top) / (_steps - 1 - _top)));
}

/// <summary>
/// A straight line from a first factor up to 1, then another schedule from its own beginning: PyTorch's LinearLR and SequentialLR.
/// </summary>
/// <param name="steps">Updates of the way up.</param>
/// <param name="from">First factor, in [0, 1].</param>
/// <param name="then">What follows; null stays at 1.</param>
public sealed class WarmUp(long steps, double from = 0, Schedule? then = null) : Schedule
{
    private readonly long _steps = AtLeastOne(steps, nameof(steps));
    private readonly double _from = Share(from, nameof(from));

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"WarmUp(steps {_steps}, from {_from}, then {then?.ToString() ?? "1"})");

    /// <inheritdoc/>
    public override double FactorAt(long updates) =>
        updates < _steps ? _from + ((1 - _from) * updates / _steps) : then?.FactorAt(updates - _steps) ?? 1;

    internal override IReadOnlyList<double> State => then?.State ?? [];

    internal override void Restore(IReadOnlyList<double> state) => then?.Restore(state);
}

/// <summary>The product of schedules, for example a one-off drop of a rate that decays.</summary>
/// <param name="schedules">At least one.</param>
public sealed class ProductSchedule(params Schedule[] schedules) : Schedule
{
    private readonly Schedule[] _schedules = schedules is { Length: > 0 } && !schedules.Contains(null)
        ? [.. schedules]
        : throw new ArgumentException("at least one schedule", nameof(schedules));

    /// <inheritdoc/>
    public override string ToString() => $"ProductSchedule({string.Join(", ", _schedules.AsEnumerable())})";

    /// <inheritdoc/>
    public override double FactorAt(long updates)
    {
        double product = 1;
        foreach (Schedule schedule in _schedules)
            product *= schedule.FactorAt(updates);
        return product;
    }

    internal override IReadOnlyList<double> State => [.. _schedules.SelectMany(schedule => schedule.State)];

    internal override void Restore(IReadOnlyList<double> state)
    {
        int first = 0;
        foreach (Schedule schedule in _schedules)
        {
            int count = schedule.State.Count;
            schedule.Restore([.. state.Skip(first).Take(count)]);
            first += count;
        }
    }
}
