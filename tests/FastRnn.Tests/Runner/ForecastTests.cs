using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Data;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Runner;
using FastRnn.Series;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>The console program on tables of numbers.</summary>
public sealed class ForecastTests : IDisposable
{
    private readonly ForecastFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void One_step_on_co2_is_far_better_than_persistence()
    {
        string[] options = ["--target", "CO2", "--relative", "--window", "24", "--hidden", "16", "--epochs", "25", "--season", "12", "--json"];
        JsonElement trained = Json.Object(_folder.Train(ForecastFolder.Co2, options).Succeeded().Output);
        JsonElement test = trained.GetProperty("test");
        Assert.Equal(1.368, test.GetProperty("baseline_persistence_rmse").GetDouble(), 3);
        Assert.True(test.GetProperty("rmse").GetDouble() < 0.7, $"{test}");

        JsonElement measured = Json.Object(_folder.Use("eval", ForecastFolder.Co2, "--json").Succeeded().Output);
        Assert.Equal(
            "mse:Number, mae:Number, rmse:Number, mape:Number, baseline_persistence_mse:Number, baseline_persistence_mae:Number, baseline_persistence_rmse:Number, "
            + "baseline_seasonal_rmse:Number, rows:Number, horizon:Number, scaled:Null, pinball_loss:Null, coverage:Null, targets:Array",
            Json.Shape(measured));
        foreach (string name in new[] { "mse", "mae", "rmse", "mape", "baseline_persistence_rmse", "baseline_seasonal_rmse" })
            Assert.Equal(test.GetProperty(name).GetDouble(), measured.GetProperty(name).GetDouble());
        Assert.Equal(148, measured.GetProperty("rows").GetInt32());

        double[] co2 = [.. File.ReadLines(ForecastFolder.Co2).Skip(1).Select(line => double.Parse(line.Split(',')[1], CultureInfo.InvariantCulture))];
        double seasonal = Math.Sqrt(Enumerable.Range(741 - 148, 148).Average(i => Math.Pow(co2[i] - co2[i - 12], 2)));
        Assert.Equal(seasonal, measured.GetProperty("baseline_seasonal_rmse").GetDouble(), 9);
        (double[] actual, double[] predicted) = Forecasts(741 - 148);
        Assert.Equal(co2[^148..], actual);
        Assert.Equal(actual.Zip(predicted, (a, p) => (a - p) * (a - p)).Average(), measured.GetProperty("mse").GetDouble(), 9);
        Assert.Equal(actual.Zip(predicted, (a, p) => Math.Abs(a - p)).Average(), measured.GetProperty("mae").GetDouble(), 9);
        Assert.Equal(100 * actual.Zip(predicted, (a, p) => Math.Abs((a - p) / a)).Average(), measured.GetProperty("mape").GetDouble(), 9);
    }

    /// <summary>Forecasts of one row by the library, from a row on.</summary>
    private (double[] Actual, double[] Predicted) Forecasts(int first)
    {
        using var backend = new CpuBackend(threads: 1);
        (Sequential model, ModelInfo info) = ModelFile.Load(_folder.At(ForecastFolder.Model), backend);
        SeriesTable table = CsvSeries.Read(ForecastFolder.Co2);
        int[] origins = info.Series!.Origins(new(first, table.Rows - first));
        IReadOnlyList<Forecast> forecasts = new Forecaster(model, info.Series!).Predict(table, origins);
        return ([.. origins.Select(origin => table["CO2"][origin])], [.. forecasts.Select(forecast => forecast[0, 0])]);
    }

    [Fact]
    public void Errors_in_standard_deviations_are_those_of_the_rows_trained_on()
    {
        _folder.Train(ForecastFolder.Weather, "--target", "temp_max,temp_min", "--features", "wind", "--categories", "weather", "--horizon", "3", "--epochs", "1").Succeeded();
        JsonElement measured = Json.Object(_folder.Use("eval", ForecastFolder.Weather, "--scaled", "--json").Succeeded().Output);
        SeriesTable table = CsvSeries.Read(ForecastFolder.Weather, new() { Columns = ["temp_max", "temp_min"] });
        double scaled = 0, plain = 0;
        int first = 1461 - 292;
        foreach (string name in table.Names)
        {
            double[] values = table[name].ToArray(), seen = values[..(1461 - 292 - 146)];
            double mean = seen.Average(), variance = seen.Average(v => (v - mean) * (v - mean));
            double mse = Enumerable.Range(first, 290).SelectMany(i => Enumerable.Range(0, 3).Select(k => Math.Pow(values[i + k] - values[i - 1], 2))).Average();
            scaled += mse / variance / 2;
            plain += mse / 2;
        }
        Assert.Equal(plain, measured.GetProperty("baseline_persistence_mse").GetDouble(), 9);
        Assert.Equal(scaled, measured.GetProperty("scaled").GetProperty("baseline_persistence_mse").GetDouble(), 9);
        Assert.Equal((290, 3), (measured.GetProperty("rows").GetInt32(), measured.GetProperty("horizon").GetInt32()));
        Assert.Equal(["temp_max", "temp_min"], measured.GetProperty("targets").EnumerateArray().Select(t => t.GetProperty("name").GetString()));

        string text = _folder.Use("eval", ForecastFolder.Weather, "--part", "validation").Succeeded().Output;
        Assert.Contains("temp_min: persistence", text, StringComparison.Ordinal);
        Assert.Contains("144 forecasts of 3 rows", text, StringComparison.Ordinal);
        // Of another file, all is new.
        string other = _folder.Write(string.Join('\n', File.ReadLines(ForecastFolder.Weather).Take(101)));
        Assert.Equal(100 - 12 - 2, Json.Object(_folder.Use("eval", other, "--json").Succeeded().Output).GetProperty("rows").GetInt32());
        Assert.Equal(20 - 2, Json.Object(_folder.Use("eval", other, "--part", "test", "--json").Succeeded().Output).GetProperty("rows").GetInt32());
    }

    [Fact]
    public void Quantiles_hold_about_as_much_as_they_should_and_are_printed()
    {
        _folder.Train(ForecastFolder.Weather, "--target", "temp_max", "--quantiles", "0.9,0.1,0.5", "--relative", "--horizon", "2", "--epochs", "6").Succeeded();
        JsonElement measured = Json.Object(_folder.Use("eval", ForecastFolder.Weather, "--json").Succeeded().Output);
        Assert.InRange(measured.GetProperty("coverage").GetDouble(), 0.7, 0.9);
        string page = File.ReadAllText(_folder.At(ForecastFolder.Model) + ".html");
        Assert.All(["actual and predicted temp_max", "80 % interval", "persistence", "2015-12-31"], text => Assert.Contains(text, page, StringComparison.Ordinal));
        string[] lines = _folder.Use("predict", ForecastFolder.Weather).Succeeded().Output.TrimEnd().Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Equal("date,temp_max,temp_max q0.1,temp_max q0.5,temp_max q0.9", lines[0]);
        double[] values = [.. lines[2].Split(',').Skip(1).Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
        Assert.StartsWith("2016-01-02,", lines[2], StringComparison.Ordinal);
        Assert.Equal(values[0], values[2]);
        Assert.True(values[1] < values[2] && values[2] < values[3], lines[2]);
        string[] json = _folder.Use("predict", ForecastFolder.Weather, "--json").Succeeded().Output.TrimEnd().Split('\n');
        JsonElement row = JsonDocument.Parse(json[1]).RootElement;
        Assert.Equal("step:Number, date:String, forecast:Object, quantiles:Object", Json.Shape(row));
        Assert.Equal(values[3], row.GetProperty("quantiles").GetProperty("temp_max").GetProperty("0.9").GetDouble(), 4);
    }

    [Fact]
    public void A_recursive_model_forecasts_as_far_as_asked()
    {
        _folder.Train(ForecastFolder.Co2, "--target", "CO2", "--mode", "recursive", "--horizon", "3", "--difference", "12", "--epochs", "8").Succeeded();
        string[] lines = _folder.Use("predict", ForecastFolder.Co2, "--steps", "30").Succeeded().Output.TrimEnd().Split('\n');
        Assert.Equal(31, lines.Length);
        Assert.StartsWith("2022-10-01,", lines[30], StringComparison.Ordinal);
        Assert.All(lines.Skip(1), line => Assert.InRange(double.Parse(line.Split(',')[1], CultureInfo.InvariantCulture), 405, 430));
        Assert.Equal(146, Json.Object(_folder.Use("eval", ForecastFolder.Co2, "--json").Succeeded().Output).GetProperty("rows").GetInt32());
    }

    [Fact]
    public void A_resumed_run_has_the_same_bits_on_any_threads()
    {
        string[] options = ["--target", "CO2", "--relative", "--dropout", "0.1", "--layers", "2"];
        _folder.Train(ForecastFolder.Co2, [.. options, "--epochs", "4"]).Succeeded();
        byte[] straight = Weights();
        _folder.Train(ForecastFolder.Co2, [.. options, "--epochs", "2"]).Succeeded();
        _folder.Train(ForecastFolder.Co2, [.. options, "--epochs", "4", "--resume", "--threads", "2"]).Succeeded();
        Assert.Equal(straight, Weights());
        _folder.Train(ForecastFolder.Co2, [.. options, "--epochs", "4", "--resume", "--window", "13"]).Failed(2, "window", "13", "12");
    }

    private byte[] Weights()
    {
        using var backend = new CpuBackend(threads: 1);
        var bytes = new List<byte>();
        foreach (Parameter parameter in CheckpointFile.Load(_folder.At(ForecastFolder.Model) + ".checkpoint", backend).Model.Parameters)
        {
            var values = new float[parameter.Length];
            parameter.Read(values);
            bytes.AddRange(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        }
        return [.. bytes];
    }

    [Fact]
    public void A_forecast_worse_than_persistence_hints_at_changes()
    {
        const string hint = "hint: worse than persistence";
        string[] options = ["--target", "CO2", "--epochs", "2", "--learning-rate", "0.0001"];
        string log = _folder.Train(ForecastFolder.Co2, options).Succeeded().Error;
        Assert.Single(log.Split('\n'), line => line.StartsWith(hint, StringComparison.Ordinal) && line.Contains("--relative or --difference 1", StringComparison.Ordinal));
        string told = _folder.Train(ForecastFolder.Co2, [.. options, "--difference", "100"]).Succeeded().Error;
        Assert.Contains(hint, told, StringComparison.Ordinal);
        Assert.DoesNotContain("--relative", told, StringComparison.Ordinal);
        string better = _folder.Train(ForecastFolder.Co2, "--target", "CO2", "--relative", "--epochs", "12").Succeeded().Error;
        Assert.DoesNotContain("hint", better, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_chosen_is_recorded_in_the_words_of_the_options()
    {
        string[] options = ["--target", "temp_max", "--features", "all", "--categories", "weather", "--epochs", "1", "--scale", "min-max", "--missing", "carry"];
        _folder.Train(ForecastFolder.Weather, options).Succeeded();
        IReadOnlyDictionary<string, string> chosen = Chosen();
        Assert.Equal("day-of-week,day-of-year", chosen["calendar"]);
        Assert.Equal(("date", "min-max", "carry"), (chosen["date"], chosen["scale"], chosen["missing"]));
        string[] again = [.. new[] { "calendar", "date", "scale", "missing" }.SelectMany(name => new[] { "--" + name, chosen[name] })];
        _folder.Train(ForecastFolder.Weather, [.. options[..8], .. again]).Succeeded();
        Assert.Equal(chosen, Chosen());
        string run = File.ReadAllText(_folder.At(ForecastFolder.Model) + ".json");
        Assert.Contains("\"calendar\": \"day-of-week,day-of-year\"", run, StringComparison.Ordinal);
        _folder.Train(ForecastFolder.Weather, "--target", "temp_max", "--epochs", "1", "--date", "none").Succeeded();
        Assert.Equal(("none", "none"), (Chosen()["calendar"], Chosen()["date"]));
    }

    private IReadOnlyDictionary<string, string> Chosen()
    {
        using var backend = new CpuBackend(threads: 1);
        return ModelFile.Load(_folder.At(ForecastFolder.Model), backend).Info.Training!.Options!;
    }

    [Fact]
    public void A_season_longer_than_what_is_known_is_noted()
    {
        _folder.Train(ForecastFolder.Co2, "--target", "CO2", "--epochs", "1", "--season", "24").Succeeded();
        Assert.DoesNotContain("note: no seasonal", _folder.Use("eval", ForecastFolder.Co2).Succeeded().Error, StringComparison.Ordinal);
        RunnerResult all = _folder.Use("eval", ForecastFolder.Co2, "--part", "all").Succeeded();
        Assert.Contains("note: no seasonal persistence, as the first forecast is of row 13 and a season has 24 rows", all.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("season of", all.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Info_tells_how_the_series_is_read()
    {
        _folder.Train(ForecastFolder.Co2, "--target", "CO2", "--features", "all", "--relative", "--epochs", "1", "--calendar", "none").Succeeded();
        string text = ForecastFolder.Run("info", _folder.At(ForecastFolder.Model)).Succeeded().Output;
        Assert.Contains("series       CO2 (relative, standard) from 2 values a row, window 12, horizon 1", text, StringComparison.Ordinal);
    }

    [Fact]
    public void One_column_needs_no_name_and_no_dates()
    {
        string data = _folder.Write("\"Y\"\n" + string.Join('\n', Enumerable.Range(0, 200).Select(i => (i * i) % 17)));
        _folder.Train(data, "--split", "150,0,50").Succeeded();
        Assert.StartsWith("step,Y\n1,", _folder.Use("predict", data).Succeeded().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Packed_tables_and_pipes_are_read_too()
    {
        _folder.Train(ForecastFolder.Co2, "--target", "CO2", "--relative").Succeeded();
        string expected = _folder.Use("predict", ForecastFolder.Co2).Succeeded().Output;
        Assert.StartsWith("Date,CO2\n2020-05-01,", expected, StringComparison.Ordinal);
        string packed = _folder.At("co2.csv.gz");
        using (var gzip = new GZipStream(File.Create(packed), CompressionLevel.Fastest))
            gzip.Write(File.ReadAllBytes(ForecastFolder.Co2));
        Assert.Equal(expected, _folder.Use("predict", packed).Succeeded().Output);
        using var process = RunnerProcess.Start(_folder.Root, ["predict", "--model", ForecastFolder.Model]);
        process.Send(File.ReadAllText(ForecastFolder.Co2));
        process.EndInput();
        Assert.Equal(expected, process.Wait().Succeeded().Output);
    }

    [Fact]
    public void The_page_shows_forecasts_that_do_not_overlap() =>
        Assert.Equal([3, 7, 12, 16], ForecastReport.OneAfterTheOther([3, 4, 5, 7, 12, 13, 14, 15, 16], 4));

    [Theory]
    [InlineData("random:0.6,0.2,0.2", "train on 437 windows, validate on 146, test on 146", 146)]
    [InlineData("fold:2/5", "train on 559 windows, validate on 0, test on 146", 146)]
    [InlineData("rolling:2/4", "train on rows 1 to 268, validate on rows 269 to 297, test on rows 298 to 445", 148)]
    public void Windows_are_drawn_and_folds_are_tested(string split, string described, int tested)
    {
        RunnerResult trained = _folder.Train(ForecastFolder.Co2, "--target", "CO2", "--relative", "--split", split, "--json").Succeeded();
        Assert.Contains(described, trained.Error, StringComparison.Ordinal);
        double rmse = Json.Object(trained.Output).GetProperty("test").GetProperty("rmse").GetDouble();
        JsonElement measured = Json.Object(_folder.Use("eval", ForecastFolder.Co2, "--json").Succeeded().Output);
        Assert.Equal((tested, rmse), (measured.GetProperty("rows").GetInt32(), measured.GetProperty("rmse").GetDouble()));
    }
}
