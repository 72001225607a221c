using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Formats;

/// <summary>
/// A checkpoint is a model file that also holds where its training stands: optimiser moments, step count, dropout's time counter, the state
/// carried between chunks, what an early stopping remembers, and the run's position. One file, so that no part can be older than another; training on from it gives the
/// same bits as training that never stopped.
/// </summary>
public static class CheckpointFile
{
    /// <summary>Replaces the file atomically and durably.</summary>
    /// <param name="trainer">The trainer, between two steps.</param>
    /// <param name="info">What a model file would tell about its model.</param>
    /// <param name="run">Where the run stands.</param>
    /// <param name="path">The file.</param>
    /// <param name="stopping">The early stopping of the run, if there is one.</param>
    /// <exception cref="ArgumentException">The early stopping belongs to another model.</exception>
    /// <exception cref="NonFiniteException">A weight, a moment or a carried state is not finite; the old file stays.</exception>
    /// <exception cref="InvalidOperationException">
    /// The model holds averaged weights; <see cref="Trainer.SwapAverage"/> changes them back. Or the next gradient would go back behind the
    /// checkpoint, see <see cref="Trainer.BackwardSteps"/>; <see cref="Trainer.ForgetPast"/> ends its way here.
    /// </exception>
    /// <exception cref="IOException">The disk is full or failing, or the folder is missing; the old file stays.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or file may not be written; the old file stays.</exception>
    public static void Save(Trainer trainer, ModelInfo info, RunState run, string path, EarlyStopping? stopping = null)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(run);
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (trainer.IsSwapped)
            throw new InvalidOperationException($"the model holds averaged weights; {nameof(Trainer.SwapAverage)} changes them back");
        if (trainer.PastSteps > 0)
        {
            throw new InvalidOperationException(
                $"{nameof(Trainer.BackwardSteps)} is {trainer.BackwardSteps}: the next gradient could go back up to {trainer.PastSteps} steps behind this checkpoint, "
                + $"which it does not hold; {nameof(Trainer.ForgetPast)} ends its way here and costs nothing where streams end");
        }
        if (stopping != null && stopping.Model != trainer.Model)
            throw new ArgumentException("the early stopping belongs to another model", nameof(stopping));
        SafetensorsWriter.Write(path, Describe(trainer, info, run, stopping));
    }

    /// <summary>Reads a checkpoint; its model lives on the given back end, which stays the caller's.</summary>
    /// <exception cref="ModelFormatException">The file is damaged, or not a checkpoint that this version can build and trust.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Checkpoint Load(string path, Backend backend, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(backend);
        return Build(SafetensorsReader.Read(path, cancellation: cancellation), path, backend);
    }

    /// <summary>The same from a stream at the file's begin that knows its length.</summary>
    internal static Checkpoint Load(Stream stream, string path, Backend backend) => Build(SafetensorsReader.Read(stream, path), path, backend);

    private static Checkpoint Build(SafetensorsFile file, string path, Backend backend)
    {
        var record = StrictJson.Read<CheckpointRecord>(file, CheckpointRecord.Key, path);
        var (model, info) = ModelFile.Build(file, path, backend);
        record = record with
        {
            Run = record.Run with
            {
                Epochs = EpochTable.Read(file.Find(CheckpointRecord.EpochsName)),
                Updates = UpdateTable.Read(file.Find(CheckpointRecord.UpdatesName)),
            },
        };
        return new Checkpoint(model, info, record, file, path);
    }

    internal static SafetensorsFile Describe(Trainer trainer, ModelInfo info, RunState run, EarlyStopping? stopping = null)
    {
        var model = trainer.Model;
        var optimizer = trainer.Optimizer;
        var file = ModelFile.Describe(model, info);
        var moments = Names(optimizer.MomentNames, trainer.Average is not null, trainer.PendingWindows > 0);
        foreach (string moment in moments)
        {
            for (int i = 0; i < model.Parameters.Count; i++)
            {
                var parameter = model.Parameters[i];
                Add(file, CheckpointRecord.MomentName(moment, parameter.Name), [.. parameter.Shape], model.Backend, Moment(trainer, moment, i));
            }
        }

        for (int i = 0; trainer.State is { } carried && i < carried.Length; i++)
        {
            if (carried[i] is not { } state)
                continue;
            Add(file, CheckpointRecord.HiddenName(i), [state.Hidden.Rows, state.Hidden.Columns], model.Backend, state.Hidden);
            if (state.Cell != null)
                Add(file, CheckpointRecord.CellName(i), [state.Cell.Rows, state.Cell.Columns], model.Backend, state.Cell);
        }

        EarlyStoppingRecord? remembered = AddBest(file, model, stopping);
        if (run.Epochs.Count > 0)
            file.Tensors.Add(EpochTable.Write(run.Epochs));
        if (run.Updates.Count > 0)
            file.Tensors.Add(UpdateTable.Write(run.Updates));
        file.Metadata[CheckpointRecord.Key] = StrictJson.Write(new CheckpointRecord
        {
            Run = run with { Epochs = [], Options = new SortedDictionary<string, string>(run.Options.ToDictionary(), StringComparer.Ordinal) },
            Steps = trainer.Steps,
            Time = trainer.Time,
            Moments = moments,
            PendingWindows = trainer.PendingWindows,
            UpdateCounts = trainer.UpdateCounts.All(count => count == trainer.Steps) ? [] : trainer.UpdateCounts,
            Schedule = trainer.Schedule?.State ?? [],
            Settings = Checkpoint.Settings(trainer, stopping),
            EarlyStopping = remembered,
            EpochCount = run.Epochs.Count,
            UpdateSummaryCount = run.Updates.Count,
            Batch = trainer.State is null ? 0 : trainer.StateBatch,
        });
        return file;
    }

    /// <summary>The best weights, and what there is beside them.</summary>
    private static EarlyStoppingRecord? AddBest(SafetensorsFile file, Sequential model, EarlyStopping? stopping)
    {
        if (stopping?.Capture() is not { } state)
            return null;
        foreach (var parameter in state.BestReport > 0 ? model.Parameters : [])
            Add(file, CheckpointRecord.BestName(parameter.Name), [.. parameter.Shape], state.BestWeights[parameter.Name]);
        return new() { Reports = state.Reports, BestReport = state.BestReport, BestLoss = state.BestLoss };
    }

    /// <summary>Names of the arrays by parameter: the optimiser's and those that the trainer may have beside them.</summary>
    internal static string[] Names(IReadOnlyList<string> optimizer, bool average, bool pending) =>
        [.. optimizer, .. average ? (string[])[CheckpointRecord.AverageName] : [], .. pending ? (string[])[CheckpointRecord.PendingName] : []];

    internal static DeviceBuffer Moment(Trainer trainer, string name, int parameter) => name switch
    {
        CheckpointRecord.AverageName => trainer.EnsureAverage()[parameter],
        CheckpointRecord.PendingName => trainer.Model.Parameters[parameter].Gradient,
        _ => trainer.Optimizer.Moments[parameter][trainer.Optimizer.MomentNames.ToList().IndexOf(name)],
    };

    private static void Add(SafetensorsFile file, string name, int[] shape, Backend backend, DeviceBuffer buffer)
    {
        float[] values = new float[buffer.Length];
        backend.Read(buffer, values);
        Add(file, name, shape, values);
    }

    private static void Add(SafetensorsFile file, string name, int[] shape, float[] values)
    {
        var tensor = new SafetensorsTensor(name, TensorType.F32, shape);
        values.CopyTo(tensor.Floats);
        if (ModelFile.FirstNonFinite(tensor) >= 0)
            throw new NonFiniteException(name);
        file.Tensors.Add(tensor);
    }
}
