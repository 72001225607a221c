using FastRnn.Numerics;

namespace FastRnn.Training;

/// <summary>
/// Windows of random lengths (Merity, Keskar, Socher 2017), so that over the epochs every step is seen at every place of a window: the base
/// length, now and then half of it, with normal jitter. Lengths depend on the seed, the epoch and the window's number alone.
/// </summary>
public sealed class RandomLengths
{
    /// <summary>How lengths are drawn.</summary>
    /// <param name="seed">Of the draws.</param>
    /// <param name="halfProbability">Windows of half the base length, in [0, 1].</param>
    /// <param name="deviation">Standard deviation of the jitter in steps, not negative.</param>
    /// <param name="shortest">Least length, at least 1; only the rest at the end of the streams may be shorter.</param>
    public RandomLengths(ulong seed, double halfProbability = 0.05, double deviation = 5, int shortest = 5)
    {
        if (!(halfProbability is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(halfProbability), halfProbability, "a probability lies in [0, 1]");
        if (!(deviation >= 0) || !double.IsFinite(deviation))
            throw new ArgumentOutOfRangeException(nameof(deviation), deviation, "must be finite and not negative");
        ArgumentOutOfRangeException.ThrowIfLessThan(shortest, 1);
        (Seed, HalfProbability, Deviation, Shortest) = (seed, halfProbability, deviation, shortest);
    }

    /// <summary>Of the draws.</summary>
    public ulong Seed { get; }

    /// <summary>Share of windows of half the base length.</summary>
    public double HalfProbability { get; }

    /// <summary>Standard deviation of the jitter in steps.</summary>
    public double Deviation { get; }

    /// <summary>Least length.</summary>
    public int Shortest { get; }

    /// <summary>
    /// Multiply the learning rate of a window's update by its length divided by the base length, as the authors do: without it steps in
    /// short windows would weigh more. See <see cref="SequenceChunk.RateFactor"/>.
    /// </summary>
    public bool ScaleRate { get; init; }

    /// <summary>Cuts streams of so many steps into windows; the lengths add up to it.</summary>
    /// <param name="totalSteps">At least 1.</param>
    /// <param name="timeSteps">Base length, at least 1.</param>
    /// <param name="epoch">Number of the pass, not negative.</param>
    public int[] Cut(int totalSteps, int timeSteps, int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(totalSteps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(timeSteps, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        var random = new PhiloxStream(Seed, (1UL << 63) | (uint)epoch); // far from the streams of first weights
        var lengths = new List<int>();
        for (int rest = totalSteps; rest > 0; rest -= lengths[^1])
        {
            double mean = random.NextDouble() < HalfProbability ? timeSteps / 2.0 : timeSteps;
            double length = Math.Max(Shortest, Math.Floor(mean + (Deviation * random.NextGaussian())));
            lengths.Add((int)Math.Min(length, rest));
        }
        return [.. lengths];
    }
}
