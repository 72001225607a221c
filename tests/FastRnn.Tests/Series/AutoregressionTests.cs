using FastRnn.Series;
using Xunit;

namespace FastRnn.Tests.Series;

/// <summary>The linear forecast is the best linear one.</summary>
public class AutoregressionTests
{
    /// <summary>By hand: 2, 3, 5 after 1, 2, 3 have slope 3/2 and intercept 1/3.</summary>
    [Fact]
    public void FitsALineThroughPairs()
    {
        var model = Autoregression.Fit([1, 2, 3, 5], order: 1);
        Assert.Equal(1, model.Order);
        Assert.Equal(1.0 / 3, model.Coefficients[0], 1e-12);
        Assert.Equal(1.5, model.Coefficients[1], 1e-12);
        Assert.Equal((1.0 / 3) + 7.5, model.Next([-7, 5]), 1e-6); // the newest value counts
    }

    /// <summary>What makes a squared error least: what is left over is orthogonal to all that a forecast reads.</summary>
    [Theory]
    [InlineData(2, 0.5, 0)]
    [InlineData(10, 0.1, 100)]
    [InlineData(10, 0.02, 0)]
    public void RemainderIsOrthogonalToThePast(int order, double noise, float level)
    {
        float[] series = [.. Signals.Sine(700, 50, noise).Select(value => value + level)];
        var model = Autoregression.Fit(series, order);
        var products = new double[order + 1];
        double size = 0;
        for (int t = order; t < series.Length; t++)
        {
            double left = series[t] - model.Coefficients[0];
            for (int i = 1; i <= order; i++)
                left -= model.Coefficients[i] * series[t - i];
            for (int i = 0; i <= order; i++)
                products[i] += left * (i == 0 ? 1 : series[t - i]);
            size += Math.Abs(left) * Math.Max(1, Math.Abs(series[t]));
        }
        Assert.All(products, product => Assert.InRange(product / size, -1e-9, 1e-9));
    }

    /// <summary>A series that follows such a rule, driven by noise, gives the rule back: x_t = 1 + 0.6 x_(t−1) − 0.3 x_(t−2) + ε.</summary>
    [Fact]
    public void FindsTheRuleOfASeries()
    {
        float[] noise = Signals.Sine(20_000, 1e9, noise: 0.5), series = new float[noise.Length];
        for (int t = 2; t < series.Length; t++)
            series[t] = 1 + (0.6f * series[t - 1]) - (0.3f * series[t - 2]) + noise[t];
        IReadOnlyList<double> found = Autoregression.Fit(series.AsSpan(2), 3).Coefficients;
        Assert.Equal(1, found[0], 0.06);
        Assert.Equal(0.6, found[1], 0.03);
        Assert.Equal(-0.3, found[2], 0.03);
        Assert.Equal(0, found[3], 0.03);
    }

    [Fact]
    public void SeriesWithoutOneAnswerAreRefused()
    {
        Assert.Contains("takes 7", Assert.Throws<ArgumentException>(() => Autoregression.Fit([1, 2, 1, 3, 1, 2], 3)).Message, StringComparison.Ordinal);
        Assert.Contains("NaN", Assert.Throws<ArgumentException>(() => Autoregression.Fit([1, 2, float.NaN, 3, 1, 2], 1)).Message, StringComparison.Ordinal);
        Assert.Contains("so regular", Assert.Throws<ArgumentException>(() => Autoregression.Fit([3, 3, 3, 3, 3, 3], 1)).Message, StringComparison.Ordinal);
        Assert.Contains("so regular", Assert.Throws<ArgumentException>(() => Autoregression.Fit(Signals.Sine(500, 50), 10)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Autoregression.Fit([1, 2, 4], 0));
        var model = Autoregression.Fit([1, 2, 1, 3, 1, 2], 2);
        Assert.Contains("1 values, expected 2", Assert.Throws<ArgumentException>(() => model.Next([1])).Message, StringComparison.Ordinal);
    }
}
