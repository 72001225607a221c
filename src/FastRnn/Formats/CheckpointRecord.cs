using System.Globalization;
using FastRnn.Training;

namespace FastRnn.Formats;

/// <summary>Metadata value <c>fastrnn.checkpoint</c>, and the tensors that a checkpoint has beside the weights.</summary>
internal sealed record CheckpointRecord : IJsonRecord<CheckpointRecord>
{
    public const string Key = "fastrnn.checkpoint";

    public required RunState Run { get; init; }

    /// <summary>Updates made.</summary>
    public required long Steps { get; init; }

    /// <summary>Time steps trained on: the counter of the dropout masks.</summary>
    public required long Time { get; init; }

    /// <summary>
    /// Names of the arrays kept for every parameter: the optimiser's, m and v for Adam, then <see cref="AverageName"/> and
    /// <see cref="PendingName"/> where there is one.
    /// </summary>
    public required IReadOnlyList<string> Moments { get; init; }

    /// <summary>Running average of the weights.</summary>
    public const string AverageName = "average";

    /// <summary>Gradient of windows that have not made an update yet.</summary>
    public const string PendingName = "gradient";

    /// <summary>Windows in that gradient.</summary>
    public int PendingWindows { get; init; }

    /// <summary>
    /// Updates made by parameter; empty when all have had <see cref="Steps"/>.
    /// </summary>
    public IReadOnlyList<long> UpdateCounts { get; init; } = [];

    /// <summary>What the learning rate's schedule remembers.</summary>
    public IReadOnlyList<double> Schedule { get; init; } = [];

    /// <summary>What the trainer had been told; null in files from before it was kept.</summary>
    public IReadOnlyDictionary<string, string>? Settings { get; init; }

    /// <summary>What early stopping remembers beside the best weights; null where there was none.</summary>
    public EarlyStoppingRecord? EarlyStopping { get; init; }

    /// <summary>Streams of the carried state; 0 when nothing is carried.</summary>
    public required int Batch { get; init; }

    /// <summary>
    /// Complete epochs, rows of the tensor <see cref="EpochsName"/>. They are not part of <see cref="Run"/>'s text: a run of thousands
    /// would outgrow what a file may have of metadata.
    /// </summary>
    public required int EpochCount { get; init; }

    public const string EpochsName = "run.epochs";

    /// <summary>Rows of the tensor <see cref="UpdatesName"/>; 0 in files from before it was written.</summary>
    public int UpdateSummaryCount { get; init; }

    public const string UpdatesName = "run.updates";

    public void Write(JsonFields fields) => fields
        .Add(RunJson.Write(Run), "run").Add(Steps).Add(Time).Add(Moments).Add(PendingWindows).Add(UpdateCounts).Add(Schedule).AddKnown(Settings)
        .AddKnown(EarlyStopping).Add(Batch).Add(EpochCount).Add(UpdateSummaryCount);

    public static CheckpointRecord Read(JsonValue json) => json.Record(fields => new CheckpointRecord
    {
        Run = RunJson.Read(fields.Required("run")),
        Steps = fields.Required("steps").Int64(),
        Time = fields.Required("time").Int64(),
        Moments = fields.Required("moments").ListOrNull(item => item.String()),
        PendingWindows = fields.Known("pending_windows")?.Int32() ?? 0,
        UpdateCounts = fields.Known("update_counts")?.List(item => item.Int64()) ?? [],
        Schedule = fields.Known("schedule")?.List(item => item.AnyDouble()) ?? [],
        Settings = fields.Optional("settings")?.Texts(),
        EarlyStopping = fields.Optional("early_stopping") is { } stopping ? EarlyStoppingRecord.Read(stopping) : null,
        Batch = fields.Required("batch").Int32(),
        EpochCount = fields.Required("epoch_count").Int32(),
        UpdateSummaryCount = fields.Known("update_summary_count")?.Int32() ?? 0,
    });

    public static string MomentName(string moment, string parameter) => $"optimizer.{moment}.{parameter}";

    public static string BestName(string parameter) => $"early_stopping.best.{parameter}";

    public static string HiddenName(int layer) => string.Create(CultureInfo.InvariantCulture, $"state.h.{layer}");

    public static string CellName(int layer) => string.Create(CultureInfo.InvariantCulture, $"state.c.{layer}");

    /// <summary>Every tensor that this record promises, for checked layers with these parameters.</summary>
    /// <exception cref="InvalidDataException">A counter or name makes no sense.</exception>
    public List<ParameterShape> Tensors(IReadOnlyList<LayerInfo> layers, IReadOnlyList<ParameterShape> parameters)
    {
        if (Steps < 0 || Time < 0 || Batch < 0 || Run.Epoch < 0 || Run.Chunk < 0 || Run.LossCount < 0)
            throw new InvalidDataException("a counter of the checkpoint is negative");
        if (EpochCount < 0 || Run.Epochs.Count != 0)
            throw new InvalidDataException("the epochs of the checkpoint are not where they belong");
        if (UpdateSummaryCount is < 0 or > UpdateSummary.Most)
            throw new InvalidDataException($"the checkpoint says that it has {UpdateSummaryCount} rows of updates");
        if (Moments.Count > 8 || Moments.Any(string.IsNullOrEmpty) || Moments.Distinct().Count() != Moments.Count)
            throw new InvalidDataException("the names of the optimizer's moments are not valid");
        if (PendingWindows < 0 || PendingWindows > 0 != Moments.Contains(PendingName))
            throw new InvalidDataException("the windows that wait for an update are not those of the checkpoint");
        if (UpdateCounts.Count > 0 && (UpdateCounts.Count != parameters.Count || UpdateCounts.Any(count => count < 0 || count > Steps)))
            throw new InvalidDataException("the updates of the parameters are not valid");
        EarlyStopping?.Check();
        var tensors = new List<ParameterShape>();
        if (EpochCount > 0)
            tensors.Add(new(EpochsName, [EpochCount, EpochTable.Columns], TensorType.F64));
        if (UpdateSummaryCount > 0)
            tensors.Add(new(UpdatesName, [UpdateSummaryCount, UpdateTable.Columns], TensorType.F64));
        foreach (string moment in Moments)
            tensors.AddRange(parameters.Select(parameter => new ParameterShape(MomentName(moment, parameter.Name), parameter.Shape)));
        if (EarlyStopping is { BestReport: > 0 })
            tensors.AddRange(parameters.Select(parameter => new ParameterShape(BestName(parameter.Name), parameter.Shape)));
        for (int i = 0; i < layers.Count && Batch > 0; i++)
        {
            LayerInfo carried = layers[i].Type == "residual" ? layers[i].Inner! : layers[i];
            if (carried.Hidden is not { } hidden)
                continue;
            tensors.Add(new(HiddenName(i), [Batch, RecurrentInfo.StateSize(carried)!.Value]));
            if (carried.Type == "lstm")
                tensors.Add(new(CellName(i), [Batch, hidden]));
        }

        return tensors;
    }
}

/// <summary>What an <see cref="EarlyStopping"/> remembers, without the weights.</summary>
internal sealed record EarlyStoppingRecord : IJsonRecord<EarlyStoppingRecord>
{
    public required int Reports { get; init; }

    public required int BestReport { get; init; }

    public required double BestLoss { get; init; }

    public void Write(JsonFields fields) => fields.Add(Reports).Add(BestReport).Add(BestLoss);

    public static EarlyStoppingRecord Read(JsonValue json) => json.Record(fields => new EarlyStoppingRecord
    {
        Reports = fields.Required("reports").Int32(),
        BestReport = fields.Required("best_report").Int32(),
        BestLoss = fields.Required("best_loss").AnyDouble(),
    });

    /// <exception cref="InvalidDataException">No reports can have led there.</exception>
    public void Check()
    {
        bool possible = BestReport == 0 ? double.IsPositiveInfinity(BestLoss) : double.IsFinite(BestLoss);
        if (BestReport < 0 || BestReport > Reports || !possible)
            throw new InvalidDataException("what early stopping remembers is not valid");
    }
}

/// <summary>Epochs as rows of doubles: number, training loss, whether validated, validation loss, tokens per second, seconds.</summary>
internal static class EpochTable
{
    public const int Columns = 6;

    public static SafetensorsTensor Write(IReadOnlyList<EpochSummary> epochs)
    {
        var tensor = new SafetensorsTensor(CheckpointRecord.EpochsName, TensorType.F64, epochs.Count, Columns);
        for (int i = 0; i < epochs.Count; i++)
        {
            EpochSummary e = epochs[i];
            ReadOnlySpan<double> row =
                [e.Epoch, e.TrainLoss, e.ValidationLoss is null ? 0 : 1, e.ValidationLoss ?? 0, e.TokensPerSecond, e.Seconds];
            row.CopyTo(tensor.Doubles[(i * Columns)..]);
        }
        return tensor;
    }

    public static EpochSummary[] Read(SafetensorsTensor? tensor)
    {
        var epochs = new EpochSummary[tensor?.Shape[0] ?? 0];
        for (int i = 0; i < epochs.Length; i++)
        {
            ReadOnlySpan<double> row = tensor!.Doubles.Slice(i * Columns, Columns);
            epochs[i] = new EpochSummary((int)row[0], row[1], row[2] == 0 ? null : row[3], row[4], row[5]);
        }
        return epochs;
    }
}
