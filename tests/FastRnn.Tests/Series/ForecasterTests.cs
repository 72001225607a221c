using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Series;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Series;

/// <summary>Forecasts of models whose weights are known, against the same sums written out here in the units of the table.</summary>
public sealed class ForecasterTests : IDisposable
{
    private static readonly double[] _values = [3, 5, 4, 8, 7, 6, 9, 20, 30, 10, 12, 11];
    private static readonly double[] _other = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13];
    private readonly CpuBackend _backend = new(threads: 1);

    public void Dispose() => _backend.Dispose();

    [Theory]
    [InlineData(false, 0, SeriesScale.Standard)]
    [InlineData(false, 0, SeriesScale.MinMax)]
    [InlineData(false, 1, SeriesScale.Standard)]
    [InlineData(false, 2, SeriesScale.Standard)]
    [InlineData(true, 0, SeriesScale.Standard)]
    [InlineData(true, 0, SeriesScale.MinMax)]
    [InlineData(true, 0, SeriesScale.None)]
    public void Targets_undo_to_the_values_they_came_from(bool relative, int difference, SeriesScale scale)
    {
        var table = new SeriesTable(["v", "w"], [_values, _other]);
        ForecastSpec spec = new ForecastSpec
        {
            Columns = [new() { Name = "v", Relative = relative, Difference = difference, Scale = scale }, new() { Name = "w", Relative = relative, Difference = difference, Scale = scale }],
            Targets = 2,
            Window = 3,
            Horizon = 4,
        }.Fit(table, new SeriesPart(0, 8));
        // A linear layer of zero weights says its biases: the true targets of the window before row 6.
        var windows = new SeriesWindows(table, spec, [6]);
        float[] targets = windows.Batches(1)[0].TargetValues[^8..].ToArray();
        using Sequential model = Linear(new float[8 * 2], targets, 2);
        Forecast forecast = new Forecaster(model, spec).Predict(table, [6])[0];
        Assert.Equal((6, 4), (forecast.Origin, forecast.Steps));
        for (int k = 0; k < 4; k++)
        {
            Assert.Equal(_values[6 + k], forecast[k, 0], 4);
            Assert.Equal(_other[6 + k], forecast[k, 1], 4);
        }
    }

    [Fact]
    public void A_recursive_forecast_reads_itself_and_keeps_other_columns()
    {
        DateTime[] times = [.. Enumerable.Range(0, 12).Select(i => new DateTime(2024, 1, 1).AddHours(6 * i))];
        var table = new SeriesTable(["v", "w"], [_values, _other], times);
        ForecastSpec spec = new ForecastSpec
        {
            Columns = [new() { Name = "v", Relative = true }, new() { Name = "w" }, new() { Name = "v" }],
            Window = 3,
            Horizon = 3,
            Mode = ForecastMode.Recursive,
            Calendar = CalendarFeatures.TimeOfDay,
        }.Fit(table, new SeriesPart(0, 8));
        float[] weights = [0.7f, 0.2f, 0.5f, 0.3f, -0.4f];
        using Sequential model = Linear(weights, [0.1f], 5);
        Forecast forecast = new Forecaster(model, spec).Next(table, steps: 5);
        double last = 11;
        for (int k = 0; k < 5; k++)
        {
            // The model sees the last row of the window only: its relative value is 0, the time is that of the row before the forecast.
            double angle = 2 * Math.PI * times[0].AddHours(6 * (11 + k)).TimeOfDay.TotalDays;
            double output = 0.1 + (0.2 * (13 - spec.Columns[1].Center) / spec.Columns[1].Factor)
                + (0.5 * (last - spec.Columns[2].Center) / spec.Columns[2].Factor) + (0.3 * Math.Sin(angle)) - (0.4 * Math.Cos(angle));
            last += output * spec.Columns[0].Factor;
            Assert.Equal(last, forecast[k, 0], 3);
            Assert.Equal(times[^1].AddHours(6 * (k + 1)), forecast.Times![k]);
        }
    }

    [Fact]
    public void Recursive_differences_add_up_on_what_was_forecast()
    {
        var table = new SeriesTable(["v"], [_values]);
        ForecastSpec spec = new ForecastSpec
        {
            Columns = [new() { Name = "v", Difference = 2 }],
            Window = 3,
            Horizon = 5,
            Mode = ForecastMode.Recursive,
        }.Fit(table, new SeriesPart(0, 12));
        using Sequential model = Linear([0.5f], [0.2f], 1);
        Forecast forecast = new Forecaster(model, spec).Next(table);
        var known = _values.ToList();
        (double center, double factor) = (spec.Columns[0].Center, spec.Columns[0].Factor);
        for (int k = 0; k < 5; k++)
        {
            double input = (known[^1] - known[^3] - center) / factor;
            known.Add(known[^2] + center + (factor * ((0.5 * input) + 0.2)));
            Assert.Equal(known[^1], forecast[k, 0], 3);
        }
    }

    [Fact]
    public void Quantiles_come_back_in_order_and_in_units()
    {
        var table = new SeriesTable(["v", "w"], [_values, _other]);
        ForecastSpec spec = new ForecastSpec
        {
            Columns = [new() { Name = "v", Relative = true }, new() { Name = "w" }],
            Targets = 2,
            Window = 3,
            Horizon = 2,
            Quantiles = [0.1f, 0.5f, 0.9f],
        }.Fit(table, new SeriesPart(0, 12));
        float[] biases = [-1, 0.5f, 2, 3, 1, 2, -2, -1, 0, 0.1f, 0.2f, 0.3f];
        using Sequential model = Linear(new float[24], biases, 2);
        Forecast forecast = new Forecaster(model, spec).Next(table);
        double step = spec.Columns[0].Factor, center = spec.Columns[1].Center, factor = spec.Columns[1].Factor;
        Near([11 - step, 11 + (0.5 * step), 11 + (2 * step)], forecast.Quantiles(0, 0));
        Near([center + factor, center + (2 * factor), center + (3 * factor)], forecast.Quantiles(0, 1)); // they crossed
        Near([11 - (2 * step), 11 - step, 11], forecast.Quantiles(1, 0));
        Assert.Equal(forecast.Quantiles(0, 1)[1], forecast[0, 1]);
    }

    [Theory]
    [InlineData(2.0, 0.5f)]
    [InlineData(1.5, 0.25f, 0.75f)]
    [InlineData(1.25, 0.375f, 0.875f)]
    [InlineData(2.0, 0.25f, 0.5f, 0.75f)]
    [InlineData(2.5, 0.125f, 0.25f, 0.75f, 0.875f)]
    [InlineData(1.0, 0.75f, 0.875f)]
    [InlineData(2.0, 0.125f, 0.25f)]
    public void The_forecast_of_quantiles_is_their_median(double expected, params float[] quantiles)
    {
        var table = new SeriesTable(["v"], [_values]);
        ForecastSpec spec = new ForecastSpec { Columns = [new() { Name = "v", Scale = SeriesScale.None }], Window = 3, Quantiles = quantiles }
            .Fit(table, new SeriesPart(0, 12));
        float[] biases = quantiles.Length == 1 ? [2] : [.. quantiles.Select((_, i) => i + 1f)];
        using Sequential model = Linear(new float[quantiles.Length], biases, 1);
        Assert.Equal(expected, new Forecaster(model, spec).Next(table)[0, 0], 6);
    }

    [Fact]
    public void Many_origins_are_as_one_by_one()
    {
        double[] wave = [.. Enumerable.Range(0, 700).Select(i => Math.Sin(i / 7.0))];
        var table = new SeriesTable(["v"], [wave]);
        ForecastSpec spec = new ForecastSpec { Columns = [new() { Name = "v" }], Window = 10, Horizon = 3 }.Fit(table, new SeriesPart(0, 300));
        using var model = new Sequential(_backend, 1, new Lstm(1, 5), new Linear(5, 3));
        var forecaster = new Forecaster(model, spec);
        IReadOnlyList<Forecast> all = forecaster.Predict(table, spec.Origins(new(300, 400)));
        Assert.Equal(398, all.Count);
        foreach (int i in new[] { 0, 255, 256, 397 })
        {
            Assert.Equal(300 + i, all[i].Origin);
            Assert.Equal(forecaster.Predict(table, [300 + i])[0].Quantiles(2, 0).ToArray(), all[i].Quantiles(2, 0).ToArray());
            // Nothing that comes after is looked at.
            Assert.Equal(forecaster.Next(new SeriesTable(["v"], [wave[..(300 + i)]]))[1, 0], all[i][1, 0]);
        }
    }

    [Fact]
    public void A_model_learns_a_wave_through_all_of_this()
    {
        double[] wave = [.. Enumerable.Range(0, 400).Select(i => 100 + (5 * Math.Sin(2 * Math.PI * i / 25)))];
        var table = new SeriesTable(["v"], [wave]);
        ForecastSpec spec = new ForecastSpec { Columns = [new() { Name = "v" }], Window = 10, Horizon = 2 }.Fit(table, new SeriesPart(0, 300));
        using var model = new Sequential(_backend, 1, new Rnn(1, 12), new Linear(12, 2));
        var trainer = new Trainer(model, new MeanSquaredError(), new Adam(1e-2f)) { CarryState = false };
        SeriesBatches batches = new SeriesWindows(table, spec, spec.Origins(new(0, 300))).Batches(32, seed: 1);
        for (int pass = 0; pass < 30; pass++)
        {
            batches.Epoch = pass;
            foreach (SequenceChunk chunk in batches)
                trainer.Step(chunk);
        }
        double model2 = 0, persistence = 0;
        foreach (Forecast forecast in new Forecaster(model, spec).Predict(table, spec.Origins(new(300, 100))))
        {
            model2 += Math.Pow(forecast[1, 0] - wave[forecast.Origin + 1], 2);
            persistence += Math.Pow(wave[forecast.Origin - 1] - wave[forecast.Origin + 1], 2);
        }
        Assert.True(model2 < 0.02 * persistence, $"{model2} against {persistence}");
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        var table = new SeriesTable(["v"], [_values]);
        var spec = new ForecastSpec { Columns = [new() { Name = "v", Difference = 2 }], Window = 3, Horizon = 2 };
        using Sequential model = Linear([1, 1], [0, 0], 1);
        var forecaster = new Forecaster(model, spec);
        Refused("a forecast of row 5 needs 5 rows before it; the table has 12", () => forecaster.Predict(table, [4]));
        Refused("a forecast of row 14 needs", () => forecaster.Predict(table, [13]));
        Refused("3 rows to forecast by a direct model of 2", () => forecaster.Next(table, 3));
        Refused("the series needs 3 outputs, the model has 2", () => new Forecaster(model, spec with { Horizon = 3 }));
        Refused("the series has 3 inputs a row, the model reads 1 values", () => new Forecaster(model, spec with { Calendar = CalendarFeatures.DayOfYear }));
        Refused("quantiles of differences do not add up", () => new Forecaster(model, spec with { Columns = [new() { Name = "v", Difference = 1 }], Quantiles = [0.1f] }));
        Refused("a recursive forecast of several rows has no quantiles", () => new Forecaster(model, spec with { Mode = ForecastMode.Recursive, Quantiles = [0.1f] }));
        using Sequential single = Linear([1], [0], 1);
        ForecastSpec step = new() { Columns = [new() { Name = "v" }], Window = 3, Mode = ForecastMode.Recursive, Quantiles = [0.1f] };
        Refused("a recursive forecast of several rows has no quantiles", () => new Forecaster(single, step).Next(table, 2));
        Refused("windows of 1000000 rows, with 1 inputs and 1000000 outputs a row", () => new Forecaster(model, spec with { Window = 1_000_000, Horizon = 1_000_000 }));
        Refused("quantile 2 is 0.1, expected ascending", () => new Forecaster(model, spec with { Quantiles = [0.5f, 0.1f] }));
        Refused("both a difference and relative", () => new Forecaster(model, spec with { Columns = [new() { Name = "v", Difference = 1, Relative = true }] }));
    }

    /// <summary>A layer that reads the last row alone: y = W x + b.</summary>
    private Sequential Linear(float[] weights, float[] biases, int inputs)
    {
        var model = new Sequential(_backend, 1, new Linear(inputs, biases.Length));
        model.Parameters[0].Write(weights);
        model.Parameters[1].Write(biases);
        return model;
    }

    private static void Near(double[] expected, ReadOnlySpan<double> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 4);
    }

    private static void Refused(string part, Func<object> action) =>
        Assert.Contains(part, Assert.ThrowsAny<ArgumentException>(action).Message, StringComparison.Ordinal);
}
