using System.Text.Json;
using System.Text.Json.Serialization;

namespace FastRnn.Runner;

/// <summary>The machine-readable results; keys are snake_case, numbers that are not finite are null.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(FiniteDoubleConverter)])]
[JsonSerializable(typeof(TrainResult))]
[JsonSerializable(typeof(EvalResult))]
[JsonSerializable(typeof(LineResult))]
[JsonSerializable(typeof(LabelResult))]
[JsonSerializable(typeof(LabelAnswer))]
[JsonSerializable(typeof(TagAnswer))]
[JsonSerializable(typeof(ForecastResult))]
[JsonSerializable(typeof(ForecastRow))]
[JsonSerializable(typeof(SampleResult))]
[JsonSerializable(typeof(InfoResult))]
[JsonSerializable(typeof(DoctorResult))]
[JsonSerializable(typeof(TuneResult))]
internal sealed partial class ResultJson : JsonSerializerContext;

internal sealed record EpochResult(int Epoch, double TrainLoss, double? ValidationLoss, double TokensPerSecond, double Seconds);

internal sealed record TrainResult(
    string Task, string Cell, ulong Seed, string Isa, int Threads, string Device, long Parameters, IReadOnlyList<EpochResult> Epochs,
    int? BestEpoch, double? BestValidationLoss, string Model, bool Interrupted,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, double>? Test);

internal sealed record EvalResult(
    double Loss, double Perplexity, double BitsPerCharacter, long Tokens,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] WeightResult? Weights = null);

internal sealed record LineResult(string Text, double Loss, int Characters);

internal sealed record ForecastResult(
    double Mse, double Mae, double Rmse, double? Mape, double BaselinePersistenceMse, double BaselinePersistenceMae, double BaselinePersistenceRmse,
    double? BaselineSeasonalRmse, int Rows, int Horizon, ScaledResult? Scaled, double? PinballLoss, double? Coverage, IReadOnlyList<TargetResult> Targets,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] WeightResult? Weights = null);

internal sealed record ScaledResult(double Mse, double Mae, double BaselinePersistenceMse, double BaselinePersistenceMae);

internal sealed record TargetResult(string Name, double Mse, double Mae, double Rmse, double BaselinePersistenceRmse);

internal sealed record ForecastRow(
    int Step, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Date, IReadOnlyDictionary<string, double> Forecast,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, IReadOnlyDictionary<string, double>>? Quantiles);

internal sealed record SampleResult(string Text, ulong Seed);

internal sealed record InfoResult(
    string Model, string Task, IReadOnlyList<string> Layers, long Parameters, int? Vocabulary, ulong Seed, string LibraryVersion,
    string? Data, int? Epochs, int? BestEpoch, double? ValidationLoss, IReadOnlyDictionary<string, string>? Options,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Classes = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Series = null);

internal sealed record DoctorResult(
    string Version, string Runtime, string Compiled, string Os, string Cpu, int Cores, double MemoryGib, string IsaWidest, string IsaInUse, bool Ok,
    IReadOnlyList<DoctorCheck> Checks);

internal sealed record DoctorCheck(string Name, bool Ok, string Detail);

/// <summary>JSON has no NaN and no infinity.</summary>
internal sealed class FiniteDoubleConverter : JsonConverter<double>
{
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        if (double.IsFinite(value))
            writer.WriteNumberValue(value);
        else
            writer.WriteNullValue();
    }
}
