using FastRnn.Metrics;
using Xunit;

namespace FastRnn.Tests.Metrics;

public class RegressionMetricsTests
{
    [Fact]
    public void NothingIsDefinedToo()
    {
        var nothing = new RegressionMetrics();
        Assert.Equal((0L, 0.0, 0.0, 0.0), (nothing.Count, nothing.MeanSquaredError, nothing.RootMeanSquaredError, nothing.MeanAbsoluteError));
        Assert.Null(nothing.MeanAbsolutePercentageError);
        Assert.Null(nothing.SkillOver(new RegressionMetrics()));
        var quantiles = new QuantileMetrics(0.5f);
        Assert.Equal((0.0, 0.0, 0.0, 0.0), (quantiles.PinballLoss, quantiles.Coverage, quantiles.MeanWidth, quantiles.ShareNotAbove(0)));
    }

    /// <summary>Zeros have no percentage; they count in everything else.</summary>
    [Fact]
    public void PercentagesLeaveZerosOut()
    {
        var metrics = new RegressionMetrics();
        metrics.Add(0, 3);
        Assert.Null(metrics.MeanAbsolutePercentageError);
        metrics.Add(-2, -1);
        Assert.Equal((50.0, 5.0, 2.0, 1L), (metrics.MeanAbsolutePercentageError, metrics.MeanSquaredError, metrics.MeanAbsoluteError, metrics.Zeros));
    }

    [Fact]
    public void SkillIsRelativeToTheBaseline()
    {
        RegressionMetrics model = new(), same = new(), perfect = new();
        model.Add([1f, 2f], [1.5f, 2.5f]);
        same.Add([1f, 2f], [0f, 1f]);
        perfect.Add([1f, 2f], [1f, 2f]);
        Assert.Equal(0.5, model.SkillOver(same));
        Assert.Equal(-1.0, same.SkillOver(model));
        Assert.Equal(1.0, perfect.SkillOver(model));
        Assert.Null(model.SkillOver(perfect));
        Refused("the baseline has 0 values, expected the same 2", () => model.SkillOver(new RegressionMetrics()));
    }

    /// <summary>What a forecast of h steps may use is known h steps before its target, and lies whole seasons before it.</summary>
    [Fact]
    public void PersistenceUsesTheLastKnownValueOfTheSeason()
    {
        Assert.Equal([1, 2, 3, 4, 5], Enumerable.Range(1, 5).Select(horizon => Persistence.Lag(horizon)));
        Assert.Equal([4, 4, 4, 4, 8, 8, 8, 8, 12], Enumerable.Range(1, 9).Select(horizon => Persistence.Lag(horizon, 4)));
        float[] series = [.. Enumerable.Range(0, 20).Select(i => (float)i)];
        var plain = new float[3];
        Persistence.Forecast(series.AsSpan(0, 10), plain);
        Assert.Equal([9f, 9f, 9f], plain);
        var seasonal = new float[9];
        Persistence.Forecast(series.AsSpan(0, 10), seasonal, season: 4);
        Assert.Equal([6f, 7f, 8f, 9f, 6f, 7f, 8f, 9f, 6f], seasonal);
        Assert.Equal((10L, 1.0), Figures(Persistence.Errors(series, 10, 10)));
        Assert.Equal((10L, 3.0), Figures(Persistence.Errors(series, 10, 10, horizon: 3)));
        Assert.Equal((10L, 8.0), Figures(Persistence.Errors(series, 10, 10, horizon: 5, season: 4)));
        Refused("the value 8 steps before is needed", () => Persistence.Errors(series, 7, 1, horizon: 5, season: 4));
        Refused("3 known values, a season of 4 needs as many", () => Persistence.Forecast(series.AsSpan(0, 3), seasonal, 4));

        static (long Count, double Error) Figures(RegressionMetrics metrics) => (metrics.Count, metrics.MeanAbsoluteError);
    }

    [Fact]
    public void NonsenseIsRefused()
    {
        var metrics = new RegressionMetrics();
        Refused("actual value NaN, predicted 1", () => metrics.Add(double.NaN, 1));
        Refused("actual value 1, predicted Infinity", () => metrics.Add(1, double.PositiveInfinity));
        Refused("2 actual values, 1 predicted", () => metrics.Add([1f, 2f], [1f]));
        Assert.Equal(0, metrics.Count);
        var quantiles = new QuantileMetrics(0.1f, 0.9f);
        Refused("1 predicted values for 2 quantiles", () => quantiles.Add(1, [1f]));
        Refused("value NaN", () => quantiles.Add(1, [1f, float.NaN]));
        Refused("value -Infinity", () => quantiles.Add(double.NegativeInfinity, [1f, 2f]));
        Assert.Equal(0, quantiles.Count);
        Refused("at least one quantile", () => _ = new QuantileMetrics());
        Refused("in rising order", () => _ = new QuantileMetrics(0.5f, 0.5f));
        Refused("above 0 and below 1", () => _ = new QuantileMetrics(0.5f, 1f));
    }

    private static void Refused(string message, Action action) =>
        Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(action).Message, StringComparison.Ordinal);
}
