using FastRnn.Series;
using FastRnn.Training;

namespace FastRnn.Formats;

/// <summary>Metadata value <c>fastrnn.architecture</c>.</summary>
internal sealed record ArchitectureRecord : IJsonRecord<ArchitectureRecord>
{
    public const string Key = "fastrnn.architecture";

    public required IReadOnlyList<LayerInfo> Layers { get; init; }

    public void Write(JsonFields fields) => fields.Add(Layers.Select(LayerJson.Write), "layers");

    public static ArchitectureRecord Read(JsonValue json) => json.Record(fields => new ArchitectureRecord
    {
        Layers = fields.Required("layers").ListOrNull(LayerJson.Read),
    });
}

/// <summary>Metadata value <c>fastrnn.preprocessing</c>.</summary>
internal sealed record PreprocessingRecord : IJsonRecord<PreprocessingRecord>
{
    public const string Key = "fastrnn.preprocessing";

    public required string Task { get; init; }

    public IReadOnlyList<string>? Vocabulary { get; init; }

    public WordsRecord? Words { get; init; }

    public IReadOnlyList<string>? Classes { get; init; }

    public AudioSettings? Audio { get; init; }

    public StandardizationRecord? Standardization { get; init; }

    public ForecastSpec? Series { get; init; }

    public void Write(JsonFields fields) => fields
        .Add(Task).AddKnown(Vocabulary).AddKnown(Words).AddKnown(Classes).AddKnown(Audio is { } audio ? SeriesJson.Write(audio) : null, "audio")
        .AddKnown(Standardization).AddKnown(Series is { } series ? SeriesJson.Write(series) : null, "series");

    public static PreprocessingRecord Read(JsonValue json) => json.Record(fields => new PreprocessingRecord
    {
        Task = fields.Required("task").String(),
        Vocabulary = fields.Optional("vocabulary")?.ListOrNull(item => item.String()),
        Words = fields.Optional("words") is { } words ? WordsRecord.Read(words) : null,
        Classes = fields.Optional("classes")?.ListOrNull(item => item.String()),
        Audio = fields.Optional("audio") is { } audio ? SeriesJson.ReadAudio(audio) : null,
        Standardization = fields.Optional("standardization") is { } scale ? StandardizationRecord.Read(scale) : null,
        Series = fields.Optional("series") is { } series ? SeriesJson.ReadSpec(series) : null,
    });
}

/// <summary>A vocabulary of words within <see cref="PreprocessingRecord"/>.</summary>
internal sealed record WordsRecord : IJsonRecord<WordsRecord>
{
    public required IReadOnlyList<string> Words { get; init; }

    public bool LowerCase { get; init; }

    public void Write(JsonFields fields) => fields.Add(Words).Add(LowerCase);

    public static WordsRecord Read(JsonValue json) => json.Record(fields => new WordsRecord
    {
        Words = fields.Required("words").ListOrNull(item => item.String()),
        LowerCase = fields.Known("lower_case")?.Boolean() ?? false,
    });
}

/// <summary>A standardisation within <see cref="PreprocessingRecord"/>.</summary>
internal sealed record StandardizationRecord : IJsonRecord<StandardizationRecord>
{
    public required float[] Means { get; init; }

    public required float[] Deviations { get; init; }

    public void Write(JsonFields fields) => fields.Add(Means).Add(Deviations);

    public static StandardizationRecord Read(JsonValue json) => json.Record(fields => new StandardizationRecord
    {
        Means = fields.Required("means").List(item => item.Single()),
        Deviations = fields.Required("deviations").List(item => item.Single()),
    });
}

/// <summary>Metadata value <c>fastrnn.provenance</c>.</summary>
internal sealed record ProvenanceRecord : IJsonRecord<ProvenanceRecord>
{
    public const string Key = "fastrnn.provenance";

    public required string Library { get; init; }

    public required ulong Seed { get; init; }

    public TrainingSummary? Training { get; init; }

    public void Write(JsonFields fields) => fields.Add(Library).Add(Seed).AddKnown(Training is { } training ? Write(training) : null, "training");

    public static ProvenanceRecord Read(JsonValue json) => json.Record(fields => new ProvenanceRecord
    {
        Library = fields.Required("library").String(),
        Seed = fields.Required("seed").UInt64(),
        Training = fields.Optional("training") is { } training ? ReadTraining(training) : null,
    });

    private static JsonObject Write(TrainingSummary training) => new(fields => fields
        .AddKnown(training.Data).AddKnown(training.Epochs).AddKnown(training.BestEpoch).AddKnown(training.ValidationLoss)
        .AddKnown(training.Steps).AddKnown(training.Options));

    private static TrainingSummary ReadTraining(JsonValue json) => json.Record(fields => new TrainingSummary
    {
        Data = fields.Optional("data")?.String(),
        Epochs = fields.Optional("epochs")?.Int32(),
        BestEpoch = fields.Optional("best_epoch")?.Int32(),
        ValidationLoss = fields.Optional("validation_loss")?.AnyDouble(),
        Steps = fields.Optional("steps")?.Int64(),
        Options = fields.Optional("options")?.Texts(),
    });
}

/// <summary>Metadata value <c>fastrnn.probe</c>; see <see cref="Probe"/>.</summary>
internal sealed record ProbeRecord : IJsonRecord<ProbeRecord>
{
    public const string Key = "fastrnn.probe";

    /// <summary>Inputs of a model that starts with an embedding, one a step.</summary>
    public int[]? Tokens { get; init; }

    /// <summary>Inputs of any other model, row after row.</summary>
    public float[]? Values { get; init; }

    /// <summary>Every Stride-th output of each step.</summary>
    public required int Stride { get; init; }

    public required float[] Outputs { get; init; }

    /// <summary>Allowed difference, times max(1, |y|).</summary>
    public required double Tolerance { get; init; }

    public void Write(JsonFields fields) => fields.AddKnown(Tokens).AddKnown(Values).Add(Stride).Add(Outputs).Add(Tolerance);

    public static ProbeRecord Read(JsonValue json) => json.Record(fields => new ProbeRecord
    {
        Tokens = fields.Optional("tokens")?.List(item => item.Int32()),
        Values = fields.Optional("values")?.List(item => item.Single()),
        Stride = fields.Required("stride").Int32(),
        Outputs = fields.Required("outputs").List(item => item.Single()),
        Tolerance = fields.Required("tolerance").Double(),
    });
}
