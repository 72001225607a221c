namespace FastRnn.Formats;

/// <summary>Where a run stands, in the text of a checkpoint.</summary>
internal static class RunJson
{
    public static JsonObject Write(RunState run) => new(fields => fields
        .Add(run.Epoch).Add(run.Chunk).Add(run.LossSum).Add(run.LossCount).Add(run.Seconds).AddKnown(run.BestLoss).AddKnown(run.BestEpoch)
        .Add(run.Options).Add(run.Epochs.Select(Write), "epochs"));

    public static RunState Read(JsonValue json) => json.Record(fields => new RunState
    {
        Epoch = fields.Known("epoch")?.Int32() ?? 0,
        Chunk = fields.Known("chunk")?.Int32() ?? 0,
        LossSum = fields.Known("loss_sum")?.AnyDouble() ?? 0,
        LossCount = fields.Known("loss_count")?.Int64() ?? 0,
        Seconds = fields.Known("seconds")?.AnyDouble() ?? 0,
        BestLoss = fields.Optional("best_loss")?.AnyDouble(),
        BestEpoch = fields.Optional("best_epoch")?.Int32(),
        Options = fields.Known("options")?.Texts() ?? [],
        Epochs = fields.Known("epochs")?.ListOrNull(ReadEpoch) ?? [],
    });

    private static JsonObject Write(EpochSummary epoch) => new(fields => fields
        .Add(epoch.Epoch).Add(epoch.TrainLoss).AddKnown(epoch.ValidationLoss).Add(epoch.TokensPerSecond).Add(epoch.Seconds));

    private static EpochSummary ReadEpoch(JsonValue json) => json.Record(fields => new EpochSummary(
        fields.Known("epoch")?.Int32() ?? 0,
        fields.Known("train_loss")?.AnyDouble() ?? 0,
        fields.Optional("validation_loss")?.AnyDouble(),
        fields.Known("tokens_per_second")?.AnyDouble() ?? 0,
        fields.Known("seconds")?.AnyDouble() ?? 0));
}
