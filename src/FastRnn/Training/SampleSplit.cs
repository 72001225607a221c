using FastRnn.Numerics;

namespace FastRnn.Training;

/// <summary>Which samples are held out of training; indices in rising order.</summary>
/// <param name="Train">To learn from.</param>
/// <param name="HeldOut">To validate or test with.</param>
public sealed record SampleSplit(IReadOnlyList<int> Train, IReadOnlyList<int> HeldOut)
{
    /// <summary>A share of each class, chosen by seed: classes keep their proportions. A class's last sample is never held out.</summary>
    /// <param name="classes">Class of each sample, from 0.</param>
    /// <param name="share">In [0, 1): of each class the nearest whole number.</param>
    /// <param name="seed">Of the choice.</param>
    public static SampleSplit Stratified(IReadOnlyList<int> classes, double share, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(classes);
        if (!(share is >= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(share), share, "a share lies in [0, 1)");
        var isHeldOut = new bool[classes.Count];
        foreach (IGrouping<int, int> members in Enumerable.Range(0, classes.Count).GroupBy(i => classes[i]))
        {
            int[] order = [.. members];
            var random = new PhiloxStream(seed, (ulong)members.Key);
            int count = Math.Min((int)Math.Round(share * order.Length, MidpointRounding.AwayFromZero), order.Length - 1);
            for (int i = 0; i < count; i++) // the first turns of a shuffle by Fisher and Yates
            {
                int other = i + (int)(random.NextDouble() * (order.Length - i));
                (order[i], order[other]) = (order[other], order[i]);
                isHeldOut[order[i]] = true;
            }
        }
        return Of(isHeldOut);
    }

    /// <summary>A share of all samples, chosen by seed; the last one is never held out.</summary>
    /// <param name="count">Samples.</param>
    /// <param name="share">In [0, 1).</param>
    /// <param name="seed">Of the choice.</param>
    public static SampleSplit Random(int count, double share, ulong seed) => Stratified(new int[count], share, seed);

    /// <summary>The first sample and every n-th after it.</summary>
    /// <param name="count">Samples.</param>
    /// <param name="every">n, at least 2.</param>
    public static SampleSplit Every(int count, int every)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(every, 2);
        return Of([.. Enumerable.Range(0, count).Select(i => i % every == 0)]);
    }

    private static SampleSplit Of(bool[] isHeldOut)
    {
        ILookup<bool, int> parts = Enumerable.Range(0, isHeldOut.Length).ToLookup(i => isHeldOut[i]);
        return new SampleSplit([.. parts[false]], [.. parts[true]]);
    }
}
