using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Series;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>What a model file tells of the series that its model forecasts.</summary>
public sealed class SeriesMetadataTests() : FileTest("model.safetensors")
{
    private static readonly ForecastSpec _spec = new()
    {
        Columns =
        [
            new() { Name = "OT", Relative = true, Factor = 2.5, Mean = 13, Deviation = 1.0 / 3 },
            new() { Name = "sky=rain", Text = "sky", Scale = SeriesScale.None },
            new() { Name = "load", Scale = SeriesScale.MinMax, Difference = 24, Center = -0.1, Factor = 1e-9 },
        ],
        Window = 5,
        Horizon = 2,
        Quantiles = [0.1f, 0.5f],
        Calendar = CalendarFeatures.TimeOfDay | CalendarFeatures.DayOfYear,
        DateColumn = "date",
        Missing = MissingPolicy.CarryForward,
        Season = 24,
    };

    [Fact]
    public void It_comes_back_as_it_was()
    {
        using Sequential model = Model();
        ModelFile.Save(model, new ModelInfo { Task = "forecast", Series = _spec }, Target);
        ForecastSpec read = ModelFile.Load(Target, _backend).Info.Series!;
        Assert.Equal(_spec.Columns, read.Columns);
        Assert.Equal(_spec.Quantiles, read.Quantiles);
        Assert.Equal(_spec, read with { Columns = _spec.Columns, Quantiles = _spec.Quantiles });
    }

    [Fact]
    public void Models_without_a_series_have_none()
    {
        using Sequential model = Model();
        ModelFile.Save(model, new ModelInfo { Task = "x" }, Target);
        Assert.Null(ModelFile.Load(Target, _backend).Info.Series);
        Assert.Equal("""{"task":"x"}""", ModelFile.Describe(model, new ModelInfo { Task = "x" }).Metadata["fastrnn.preprocessing"]);
    }

    [Fact]
    public void A_series_that_does_not_fit_the_model_is_not_saved()
    {
        using Sequential model = Model();
        Assert.Contains("outputs", Assert.Throws<ArgumentException>(() => Save(_spec with { Horizon = 3 })).Message, StringComparison.Ordinal);
        Assert.Contains("inputs", Assert.Throws<ArgumentException>(() => Save(_spec with { Calendar = CalendarFeatures.None })).Message, StringComparison.Ordinal);
        Assert.Contains("a window of 0 rows", Assert.Throws<ArgumentException>(() => Save(_spec with { Window = 0 })).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Target));

        void Save(ForecastSpec spec) => ModelFile.Save(model, new ModelInfo { Series = spec }, Target);
    }

    [Theory]
    [InlineData("\"window\":5", "\"window\":0", "a window of 0 rows")]
    [InlineData("\"window\":5,", "", "missing required properties")]
    [InlineData("\"window\":5", "\"window\":2147483647", "a window of 2147483647 rows")]
    [InlineData("\"horizon\":2", "\"horizon\":3", "the series needs 6 outputs, the model has 4")]
    [InlineData("\"horizon\":2", "\"horizon\":1000000", "more than 1000000 outputs")]
    [InlineData("\"targets\":1", "\"targets\":4", "4 targets of 3 columns")]
    [InlineData("\"targets\":1", "\"targets\":2", "the series needs 8 outputs")]
    [InlineData("\"factor\":2.5", "\"factor\":0", "factor or deviation that is not above 0")]
    [InlineData("\"factor\":2.5", "\"factor\":1e999", "")]
    [InlineData("\"mean\":13", "\"mean\":\"NaN\"", "")]
    [InlineData("\"scale\":\"min_max\"", "\"scale\":2", "")]
    [InlineData("\"scale\":\"min_max\"", "\"scale\":\"log\"", "")]
    [InlineData("\"mode\":\"direct\"", "\"mode\":\"recursive\"", "a recursive forecast of several rows has no quantiles")]
    [InlineData("\"difference\":24", "\"difference\":-1", "a difference of -1 rows")]
    [InlineData("\"name\":\"load\"", "\"name\":\"sky=rain\"", "stands twice")]
    [InlineData("\"name\":\"load\"", "\"name\":\"\"", "a column has no name")]
    [InlineData("\"name\":\"load\"", "\"name\":\"a\\nb\",\"x\":1", "")]
    [InlineData("\"text\":\"sky\"", "\"text\":\"sk\"", "does not belong to text column 'sk'")]
    [InlineData("[0.1,0.5]", "[0.5,0.1]", "expected ascending probabilities")]
    [InlineData("[0.1,0.5]", "[0,1]", "expected ascending probabilities")]
    [InlineData("\"calendar\":\"time_of_day, day_of_year\"", "\"calendar\":\"time_of_day\"", "the series has 5 inputs a row")]
    [InlineData("\"calendar\":\"time_of_day, day_of_year\"", "\"calendar\":\"moon\"", "")]
    [InlineData("\"season\":24", "\"season\":-24", "a season of -24 rows")]
    [InlineData("\"columns\":[{", "\"columns\":[null,{", "a column is null")]
    public void Hostile_values_are_refused(string value, string replacement, string problem)
    {
        using Sequential model = Model();
        SafetensorsFile file = ModelFile.Describe(model, new ModelInfo { Task = "forecast", Series = _spec });
        string json = file.Metadata["fastrnn.preprocessing"];
        Assert.Contains(value, json, StringComparison.Ordinal);
        file.Metadata["fastrnn.preprocessing"] = json.Replace(value, replacement, StringComparison.Ordinal);
        string message = Assert.Throws<ModelFormatException>(() => ModelFile.Build(file, "m", _backend)).Message;
        Assert.StartsWith("m: ", message, StringComparison.Ordinal);
        Assert.Contains(problem, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private Sequential Model() => new(_backend, 1, new Gru(_spec.InputSize, 3), new Linear(3, _spec.OutputSize));
}
