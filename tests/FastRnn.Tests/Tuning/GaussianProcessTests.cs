using System.Text.Json;
using FastRnn.Numerics;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Tuning;

/// <summary>The numbers behind a Bayesian search against independent ones.</summary>
public sealed class GaussianProcessTests
{
    private static readonly JsonElement _truth = JsonDocument.Parse(
        File.ReadAllText(Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "Truth", "gaussian_process.json"))).RootElement;

    private static readonly double[][] _points = Rows("x");
    private static readonly double[] _values = Row(_truth.GetProperty("y"));
    private static readonly bool[] _categories = [.. _truth.GetProperty("categories").EnumerateArray().Select(value => value.GetBoolean())];

    private static readonly Kernel _kernel = new(
        Row(_truth.GetProperty("lengths")), _categories, _truth.GetProperty("signal").GetDouble(), _truth.GetProperty("noise").GetDouble());

    /// <summary>See Truth/make_gaussian_process.py: an inverse and a determinant instead of a factor.</summary>
    [Fact]
    public void Likelihood_mean_and_variance_are_those_of_numpy()
    {
        var process = new GaussianProcess(_points, _values, _kernel);
        Assert.Equal(_truth.GetProperty("log_likelihood").GetDouble(), process.LogLikelihood, 1e-10);
        double[][] at = Rows("at");
        for (int i = 0; i < at.Length; i++)
        {
            (double mean, double variance) = process.Predict(at[i]);
            Assert.Equal(_truth.GetProperty("mean")[i].GetDouble(), mean, 1e-10);
            Assert.Equal(_truth.GetProperty("variance")[i].GetDouble(), variance, 1e-10);
        }
    }

    [Fact]
    public void Values_without_noise_are_met_and_far_away_nothing_is_known()
    {
        var process = new GaussianProcess(_points, _values, _kernel with { Noise = 1e-9 });
        for (int i = 0; i < _points.Length; i++)
        {
            (double mean, double variance) = process.Predict(_points[i]);
            Assert.Equal(_values[i], mean, 1e-5);
            Assert.InRange(variance, 0, 1e-5);
        }
        (double far, double unknown) = process.Predict([100, 100, 9]);
        Assert.Equal(0, far, 1e-12);
        Assert.Equal(_kernel.Signal, unknown, 1e-12);
    }

    [Fact]
    public void Matrix_that_is_not_positive_definite_is_refused()
    {
        Assert.Throws<ArithmeticException>(() => new GaussianProcess([[0.5, 0.5, 1], [0.5, 0.5, 1]], [1, 2], _kernel with { Noise = 0 }));
        Assert.Throws<ArithmeticException>(() => Cholesky.Factor([[double.NaN]]));
    }

    /// <summary>No kernel of a fine grid of lengths, signals and noises within the bounds makes the values clearly likelier.</summary>
    [Fact]
    public void Fitted_kernel_is_the_likeliest()
    {
        var random = new PhiloxStream(3, 0);
        double[][] points = [.. Enumerable.Range(0, 14).Select(_ => new[] { random.NextDouble(), random.NextDouble() })];
        double[] values = [.. points.Select(point => Math.Sin(6 * point[0]) + (0.3 * point[1]))];
        bool[] categories = [false, false];
        Kernel fitted = KernelFit.Fit(points, values, categories, ref random);
        double found = new GaussianProcess(points, values, fitted).LogLikelihood, best = double.NegativeInfinity;
        double[] lengths = [.. Enumerable.Range(0, 14).Select(i => 0.05 * Math.Pow(200, i / 13.0))];
        double[] signals = [.. Enumerable.Range(0, 9).Select(i => fitted.Signal * Math.Pow(4, (i - 4) / 2.0))];
        foreach (double a in lengths)
        {
            foreach (double b in lengths)
            {
                foreach (double signal in signals)
                {
                    foreach (double noise in (double[])[1e-6, 1e-4, 1e-2, 0.3])
                        best = Math.Max(best, new GaussianProcess(points, values, new Kernel([a, b], categories, signal, signal * noise)).LogLikelihood);
                }
            }
        }
        Assert.True(found > best - 0.05, $"fitted {found}, on the grid {best}");
        Assert.True(fitted.Lengths[1] > 3 * fitted.Lengths[0], string.Join(' ', fitted.Lengths)); // nearly a line along the second
        for (double factor = 0.8; factor <= 1.25; factor += 0.45)
            Assert.True(new GaussianProcess(points, values, fitted with { Signal = factor * fitted.Signal, Noise = factor * fitted.Noise }).LogLikelihood < found);
    }

    /// <summary>The integral of (best − y) under the normal density, by Simpson's rule over the part below the best.</summary>
    [Theory]
    [InlineData(0.3, 1.0, 0.1)]
    [InlineData(0, 1, 0)]
    [InlineData(0, 1, 1.99)]
    [InlineData(0, 1, 2.01)]
    [InlineData(0, 1, -1.99)]
    [InlineData(0, 1, -2.01)]
    [InlineData(2, 0.04, 1)]
    [InlineData(5, 0.25, -1)]
    [InlineData(-3, 4, 5)]
    [InlineData(0, 1, -20)]
    public void Expected_improvement_is_the_integral(double mean, double variance, double best)
    {
        const int Parts = 20_000;
        double deviation = Math.Sqrt(variance), low = Math.Min(mean, best) - (12 * deviation), h = (best - low) / Parts, sum = 0;
        for (int i = 0; i <= Parts; i++)
        {
            double y = low + (i * h), z = (y - mean) / deviation;
            sum += (i is 0 or Parts ? 1 : 2 + (2 * (i % 2))) * (best - y) * Math.Exp(-0.5 * z * z) / (deviation * Math.Sqrt(2 * Math.PI));
        }
        double integral = sum * h / 3;
        Assert.Equal(1, ExpectedImprovement.Of(mean, variance, best) / integral, 1e-8);
    }

    [Fact]
    public void Without_variance_the_improvement_is_sure()
    {
        Assert.Equal(0.5, ExpectedImprovement.Of(1, 0, 1.5));
        Assert.Equal(0, ExpectedImprovement.Of(1, 0, 0.5));
    }

    private static double[][] Rows(string name) => [.. _truth.GetProperty(name).EnumerateArray().Select(Row)];

    private static double[] Row(JsonElement row) => [.. row.EnumerateArray().Select(value => value.GetDouble())];
}
