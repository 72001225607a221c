using System.Globalization;
using System.Runtime.InteropServices;
using FastRnn.Metrics;
using FastRnn.Numerics;
using FastRnn.Series;

namespace FastRnn.Runner;

/// <summary>What <c>eval</c> and <c>predict</c> do with a model of series.</summary>
internal static class ForecastUse
{
    public static void Evaluate(ModelUse use, string data, string part, bool scaled, bool sort)
    {
        ForecastSpec spec = Spec(use);
        RunFiles.RequireFile(data);
        byte[] bytes = File.ReadAllBytes(data);
        SeriesTable table = new ForecastData(bytes, data).Read(spec, sort);
        ForecastScores scores;
        WeightReport? weights = null;
        try
        {
            int[] origins = Origins(use, spec, bytes, part, table.Rows);
            use.Output.Log.WriteLine($"{origins.Length:N0} forecasts of {new SeriesPart(origins[0], origins[^1] + spec.Horizon - origins[0])} of {table.Rows:N0}");
            if (origins[0] < spec.Season)
                use.Output.Log.WriteLine($"note: no seasonal persistence, as the first forecast is of row {origins[0] + 1} and a season has {spec.Season} rows");
            scores = ForecastScores.Of(use.Model, spec, table, origins, use.Cancellation);
            if (use.Weights != WeightPrecision.Float32)
            {
                ForecastScores full = scores;
                use.Model.InferenceWeights = use.Weights;
                scores = ForecastScores.Of(use.Model, spec, table, origins, use.Cancellation);
                weights = Compare(use.Weights, scores, full);
            }
        }
        catch (ArgumentException e)
        {
            throw new CliException(ExitCodes.BadInput, $"{data}: {e.Message}");
        }
        if (use.Output.Json)
            use.Output.WriteJson(Result(spec, scores, scaled) with { Weights = weights?.Result, Device = use.Device });
        else
            Write(use.Output.Result, spec, scores, scaled);
        if (!use.Output.Json)
            weights?.Write(use.Output.Result);
    }

    private static WeightReport Compare(WeightPrecision weights, ForecastScores reduced, ForecastScores full)
    {
        RegressionMetrics one = ForecastScores.All(reduced.Model), other = ForecastScores.All(full.Model);
        var difference = new OutputDifference();
        difference.Add(CollectionsMarshal.AsSpan(full.Forecasts), CollectionsMarshal.AsSpan(reduced.Forecasts));
        return new(
            weights,
            [
                ("mse", one.MeanSquaredError, other.MeanSquaredError), ("mae", one.MeanAbsoluteError, other.MeanAbsoluteError),
                ("rmse", one.RootMeanSquaredError, other.RootMeanSquaredError),
            ],
            difference, " standard deviations");
    }

    /// <summary>The rows after the end of a table, one line each, as a table or as JSON.</summary>
    public static void Predict(ModelUse use, string? data, int steps, bool sort)
    {
        ForecastSpec spec = Spec(use);
        string source = data ?? "standard input";
        SeriesTable table = new ForecastData(Bytes(data), source).Read(spec, sort);
        Forecast forecast;
        try
        {
            forecast = new Forecaster(use.Model, spec).Next(table, steps);
        }
        catch (ArgumentException e)
        {
            throw new CliException(ExitCodes.BadInput, $"{source}: {e.Message}");
        }
        string format = MomentFormat(table);
        if (!use.Output.Json)
            use.Output.Result.WriteLine(string.Join(",", Header(spec, forecast).Select(Quoted)));
        for (int step = 0; step < forecast.Steps; step++)
        {
            string? moment = Moment(forecast, step, format);
            if (use.Output.Json)
                use.Output.WriteJson(Row(spec, forecast, step, moment));
            else
                use.Output.Result.WriteLine(string.Join(",", Fields(spec, forecast, step, moment)));
        }
    }

    private static ForecastSpec Spec(ModelUse use) => use.Info.Series
        ?? throw new CliException(ExitCodes.BadInput, $"{use.Path}: task '{use.Info.Task}' without a series, expected a forecast model");

    private static byte[] Bytes(string? data)
    {
        if (data != null)
        {
            RunFiles.RequireFile(data);
            return File.ReadAllBytes(data);
        }
        var bytes = new MemoryStream();
        using Stream input = Console.OpenStandardInput();
        input.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>A file that the model was trained on has a part that it has not seen; of any other all is new.</summary>
    private static int[] Origins(ModelUse use, ForecastSpec spec, byte[] bytes, string part, int rows)
    {
        IReadOnlyDictionary<string, string>? options = use.Info.Training?.Options;
        string? text = options?.GetValueOrDefault("split");
        if (part == "auto")
        {
            bool known = text != null && options!.GetValueOrDefault("data-sha256") == Sha256.Hex(bytes);
            part = known && SplitText.Parse(text!).HasTest ? "test" : "all";
        }
        if (part == "all")
            return spec.Origins(new SeriesPart(0, rows), steps: spec.Horizon);
        if (text == null)
            throw new CliException(ExitCodes.BadInput, $"{use.Path}: does not say how its training data was split; --part all measures on all rows");
        WindowSplit split = SplitText.Parse(text).Of(spec, rows, stride: 1, use.Info.Seed);
        int[] origins = [.. (part switch { "train" => split.Train, "validation" => split.Validation, _ => split.Test }).Where(origin => origin <= rows - spec.Horizon)];
        return origins.Length > 0 ? origins : throw new ArgumentException($"the split {text} has no windows for {part}");
    }

    private static void Write(TextWriter text, ForecastSpec spec, ForecastScores scores, bool scaled)
    {
        text.WriteLine($"{"",-24} {"MSE",12} {"MAE",12} {"RMSE",12} {"MAPE %",9}");
        foreach ((string name, RegressionMetrics metrics) in ForecastReport.Lines(spec, scores))
            WriteLine(text, name, metrics);
        if (scaled)
        {
            WriteLine(text, "model, scaled", scores.Scaled);
            WriteLine(text, "persistence, scaled", scores.ScaledPersistence);
        }
        if (scores.Quantiles is { } quantiles)
        {
            text.WriteLine(FormattableString.Invariant(
                $"pinball loss {quantiles.PinballLoss:G6}; {100 * quantiles.Coverage:F1} % of values within the outer quantiles, ")
                + FormattableString.Invariant($"expected {100 * quantiles.NominalCoverage:F1} %"));
        }
        text.WriteLine(FormattableString.Invariant($"{scores.Origins} forecasts of {spec.Horizon} rows"));
    }

    private static void WriteLine(TextWriter text, string name, RegressionMetrics metrics) => text.WriteLine(FormattableString.Invariant(
        $"{name,-24} {metrics.MeanSquaredError,12:G6} {metrics.MeanAbsoluteError,12:G6} {metrics.RootMeanSquaredError,12:G6} ")
        + FormattableString.Invariant($"{metrics.MeanAbsolutePercentageError,9:F2}"));

    private static ForecastResult Result(ForecastSpec spec, ForecastScores scores, bool scaled)
    {
        RegressionMetrics model = ForecastScores.All(scores.Model), persistence = ForecastScores.All(scores.Persistence), seasonal = ForecastScores.All(scores.Seasonal);
        return new ForecastResult(
            model.MeanSquaredError, model.MeanAbsoluteError, model.RootMeanSquaredError, model.MeanAbsolutePercentageError,
            persistence.MeanSquaredError, persistence.MeanAbsoluteError, persistence.RootMeanSquaredError,
            seasonal.Count == 0 ? null : seasonal.RootMeanSquaredError, scores.Origins, spec.Horizon,
            scaled ? new ScaledResult(
                scores.Scaled.MeanSquaredError, scores.Scaled.MeanAbsoluteError, scores.ScaledPersistence.MeanSquaredError,
                scores.ScaledPersistence.MeanAbsoluteError) : null,
            scores.Quantiles?.PinballLoss, scores.Quantiles?.Coverage,
            [.. Enumerable.Range(0, spec.Targets).Select(j => new TargetResult(
                spec.Columns[j].Name, scores.Model[j].MeanSquaredError, scores.Model[j].MeanAbsoluteError, scores.Model[j].RootMeanSquaredError,
                scores.Persistence[j].RootMeanSquaredError))]);
    }

    private static IEnumerable<string> Header(ForecastSpec spec, Forecast forecast)
    {
        yield return forecast.Times == null ? "step" : spec.DateColumn ?? "date";
        for (int j = 0; j < spec.Targets; j++)
        {
            string name = spec.Columns[j].Name;
            yield return name;
            foreach (float quantile in spec.Quantiles)
                yield return FormattableString.Invariant($"{name} q{quantile}");
        }
    }

    private static IEnumerable<string> Fields(ForecastSpec spec, Forecast forecast, int step, string? moment)
    {
        yield return moment ?? (step + 1).ToString(CultureInfo.InvariantCulture);
        for (int j = 0; j < spec.Targets; j++)
        {
            yield return Text(forecast[step, j]);
            for (int q = 0; q < spec.Quantiles.Count; q++)
                yield return Text(forecast.Quantiles(step, j)[q]);
        }
    }

    private static ForecastRow Row(ForecastSpec spec, Forecast forecast, int step, string? moment) => new(
        step + 1, moment,
        Enumerable.Range(0, spec.Targets).ToDictionary(j => spec.Columns[j].Name, j => forecast[step, j]),
        spec.Quantiles.Count == 0 ? null : Enumerable.Range(0, spec.Targets).ToDictionary(
            j => spec.Columns[j].Name,
            j => (IReadOnlyDictionary<string, double>)Enumerable.Range(0, spec.Quantiles.Count).ToDictionary(
                q => spec.Quantiles[q].ToString(CultureInfo.InvariantCulture), q => forecast.Quantiles(step, j)[q])));

    /// <summary>How moments of a table are written: without a time of day where all of its rows are at midnight.</summary>
    public static string MomentFormat(SeriesTable table) =>
        table.Times is { } times && times.All(time => time.TimeOfDay == TimeSpan.Zero) ? "yyyy-MM-dd" : "yyyy-MM-dd HH:mm:ss";

    public static string? Moment(Forecast forecast, int step, string format) => forecast.Times?[step].ToString(format, CultureInfo.InvariantCulture);

    private static string Text(double value) => ((float)value).ToString(CultureInfo.InvariantCulture); // digits beyond a model's own precision say nothing

    private static string Quoted(string name) => name.AsSpan().IndexOfAny(",\"\r\n") < 0 ? name : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
