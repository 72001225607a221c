namespace FastRnn.Runner;

/// <summary>
/// A learning rate far too high does not always end in NaN: a saturated network goes on with finite nonsense. Losses several times worse
/// than guessing, many steps in a row, are divergence too.
/// </summary>
/// <param name="guessing">Loss of guessing.</param>
/// <param name="unit">Of the loss.</param>
internal sealed class DivergenceWatch(double guessing, string unit)
{
    private const int Steps = 20;
    private readonly double _limit = 5 * guessing;
    private int _bad;

    /// <summary>The last step was no worse than <see cref="_limit"/>: its weights are worth a checkpoint.</summary>
    public bool Calm => _bad == 0;

    /// <summary>The same where a loss is known that has seen what the last update did.</summary>
    public bool Sensible(double? lossAfter) => Calm && (lossAfter is not { } loss || loss <= _limit);

    public void Note(double loss, long step)
    {
        _bad = loss > _limit ? _bad + 1 : 0;
        if (_bad >= Steps)
        {
            throw new DivergenceException(FormattableString.Invariant(
                $"the loss is {loss:G4} {unit} at step {step} and was above {_limit:F1} for {Steps} steps; guessing gives {guessing:F2}"));
        }
    }
}

/// <summary>The losses stayed far above guessing.</summary>
internal sealed class DivergenceException(string message) : Exception(message);
