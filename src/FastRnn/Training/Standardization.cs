using FastRnn.Numerics;

namespace FastRnn.Training;

/// <summary>
/// Brings each channel of a series to mean 0 and deviation 1: (x − mean)/deviation, both measured over all steps of the training data. A channel
/// that never changes is only shifted.
/// </summary>
public sealed class Standardization
{
    private readonly float[] _means;
    private readonly float[] _deviations;

    /// <summary>A standardisation by given numbers.</summary>
    /// <param name="means">[F], finite.</param>
    /// <param name="deviations">[F], finite and above 0.</param>
    /// <exception cref="ArgumentException">There is no channel, lengths differ, or a number lies outside its bounds.</exception>
    public Standardization(IReadOnlyList<float> means, IReadOnlyList<float> deviations)
    {
        ArgumentNullException.ThrowIfNull(means);
        ArgumentNullException.ThrowIfNull(deviations);
        (_means, _deviations) = ([.. means], [.. deviations]);
        if (_means.Length == 0 || _means.Length != _deviations.Length)
            throw new ArgumentException($"{_means.Length} means and {_deviations.Length} deviations, expected as many and at least one");
        for (int i = 0; i < _means.Length; i++)
        {
            if (!float.IsFinite(_means[i]) || !float.IsFinite(_deviations[i]) || !(_deviations[i] > 0))
                throw new ArgumentException(FormattableString.Invariant($"channel {i}: mean {_means[i]} and deviation {_deviations[i]}, expected finite numbers, the second above 0"));
        }
    }

    /// <summary>F.</summary>
    public int Channels => _means.Length;

    /// <summary>Mean of each channel.</summary>
    public IReadOnlyList<float> Means => _means;

    /// <summary>Standard deviation of each channel, 1 where it never changes.</summary>
    public IReadOnlyList<float> Deviations => _deviations;

    /// <summary>Measures series in double precision; the deviation is that of the whole population.</summary>
    /// <param name="series">L·F finite values each, step by step.</param>
    /// <param name="channels">F, at least 1.</param>
    /// <exception cref="ArgumentException">There is no step, or values are no whole number of steps.</exception>
    public static Standardization Fit(IReadOnlyList<ReadOnlyMemory<float>> series, int channels)
    {
        ArgumentNullException.ThrowIfNull(series);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        RunningMoments[] moments = [.. Enumerable.Range(0, channels).Select(_ => new RunningMoments())];
        foreach (ReadOnlyMemory<float> one in series)
        {
            RequireSteps(one.Length, channels);
            for (int i = 0; i < one.Length; i++)
                moments[i % channels].Add(one.Span[i]);
        }
        if (series.All(one => one.IsEmpty))
            throw new ArgumentException("there is no step to measure", nameof(series));
        return new Standardization([.. moments.Select(m => (float)m.Mean)], [.. moments.Select(m => (float)m.Deviation > 0 ? (float)m.Deviation : 1)]);
    }

    /// <summary>Standardised values.</summary>
    /// <param name="values">L·F, step by step.</param>
    /// <exception cref="ArgumentException">Values are no whole number of steps.</exception>
    public float[] Apply(ReadOnlySpan<float> values)
    {
        RequireSteps(values.Length, Channels);
        var result = new float[values.Length];
        for (int i = 0; i < result.Length; i++)
            result[i] = (values[i] - _means[i % Channels]) / _deviations[i % Channels];
        return result;
    }

    private static void RequireSteps(int values, int channels)
    {
        if (values % channels != 0)
            throw new ArgumentException($"{values} values are no whole number of steps of {channels}");
    }
}
