using FastRnn.Numerics;

namespace FastRnn.Series;

/// <summary>Made-up series, on which it is known what can be foretold.</summary>
public static class Signals
{
    /// <summary>sin(2π·t/period) + noise·ε_t at t = 0, 1, …, each ε_t standard normal and drawn for itself.</summary>
    /// <param name="length">Values, at least 1.</param>
    /// <param name="period">Steps of one turn, more than 0.</param>
    /// <param name="noise">Standard deviation of the noise, not negative: its square is the least mean squared error of any forecast.</param>
    /// <param name="seed">Of the noise.</param>
    /// <exception cref="ArgumentOutOfRangeException">A parameter is outside its range or not finite.</exception>
    public static float[] Sine(int length, double period, double noise = 0, ulong seed = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        if (!(period > 0) || !double.IsFinite(period))
            throw new ArgumentOutOfRangeException(nameof(period), period, "a period is finite and more than 0");
        if (!(noise >= 0) || !double.IsFinite(noise))
            throw new ArgumentOutOfRangeException(nameof(noise), noise, "noise is finite and not negative");
        var random = new PhiloxStream(seed, stream: 0);
        var values = new float[length];
        for (int t = 0; t < length; t++)
            values[t] = (float)(Math.Sin(2 * Math.PI * t / period) + (noise == 0 ? 0 : noise * random.NextGaussian()));
        return values;
    }
}
