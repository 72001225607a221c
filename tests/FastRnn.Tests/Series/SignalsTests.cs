using FastRnn.Series;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Series;

/// <summary>Made-up series are what they say.</summary>
public class SignalsTests
{
    [Fact]
    public void SineHasItsPeriod()
    {
        float[] values = Signals.Sine(100, period: 12.5);
        Assert.Equal(100, values.Length);
        for (int t = 0; t < 100; t++)
            Assert.Equal(Math.Sin(2 * Math.PI * (t % 25) / 12.5), values[t], 1e-6); // 25 steps are two turns
    }

    [Fact]
    public void NoiseIsWhiteAndHasItsDeviation()
    {
        const int length = 40_000;
        float[] clean = Signals.Sine(length, 50), noisy = Signals.Sine(length, 50, noise: 0.3, seed: 7);
        double[] noise = [.. noisy.Zip(clean, (a, b) => ((double)a - b) / 0.3)];
        double error = 1 / Math.Sqrt(length); // standard error of a mean of unit variance
        Assert.InRange(noise.Average(), -5 * error, 5 * error);
        Assert.InRange(noise.Average(x => x * x), 1 - (5 * Math.Sqrt(2) * error), 1 + (5 * Math.Sqrt(2) * error));
        Assert.InRange(noise.Zip(noise.Skip(1), (a, b) => a * b).Average(), -5 * error, 5 * error);
        Assert.InRange(noise.Average(x => Math.Abs(x) < 1 ? 1.0 : 0.0), 0.6827 - (5 * 0.466 * error), 0.6827 + (5 * 0.466 * error));
    }

    [Fact]
    public void SeedDecidesTheNoiseAndLengthDoesNot()
    {
        float[] values = Signals.Sine(50, 10, 0.1, seed: 3);
        Bits.Same(values, Signals.Sine(80, 10, 0.1, seed: 3).AsSpan(0, 50), "a longer series");
        Assert.NotEqual(values, Signals.Sine(50, 10, 0.1, seed: 4));
    }

    [Theory]
    [InlineData(0, 10, 0, "length")]
    [InlineData(-1, 10, 0, "length")]
    [InlineData(5, 0, 0, "period")]
    [InlineData(5, -1, 0, "period")]
    [InlineData(5, double.NaN, 0, "period")]
    [InlineData(5, double.PositiveInfinity, 0, "period")]
    [InlineData(5, 10, -0.1, "noise")]
    [InlineData(5, 10, double.NaN, "noise")]
    public void WrongParametersAreNamed(int length, double period, double noise, string name) =>
        Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => Signals.Sine(length, period, noise)).ParamName);
}
