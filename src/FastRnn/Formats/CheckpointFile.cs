using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Formats;

/// <summary>
/// A checkpoint is a model file that also holds where its training stands: optimiser moments, step count, dropout's time counter, the state
/// carried between chunks, and the run's position. One file, so that no part can be older than another; training on from it gives the
/// same bits as training that never stopped.
/// </summary>
public static class CheckpointFile
{
    /// <summary>Replaces the file atomically and durably.</summary>
    /// <param name="trainer">The trainer, between two steps.</param>
    /// <param name="info">What a model file would tell about its model.</param>
    /// <param name="run">Where the run stands.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="NonFiniteException">A weight, a moment or a carried state is not finite; the old file stays.</exception>
    /// <exception cref="InvalidOperationException">
    /// The model holds averaged weights; <see cref="Trainer.SwapAverage"/> changes them back. Or the next gradient would go back behind the
    /// checkpoint, see <see cref="Trainer.BackwardSteps"/>; <see cref="Trainer.ForgetPast"/> ends its way here.
    /// </exception>
    /// <exception cref="IOException">The disk is full or failing, or the folder is missing; the old file stays.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or file may not be written; the old file stays.</exception>
    public static void Save(Trainer trainer, ModelInfo info, RunState run, string path)
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
                $"gradients go back through {trainer.PastSteps} steps that a checkpoint does not hold; {nameof(Trainer.ForgetPast)} ends their way here");
        }
        SafetensorsWriter.Write(path, Describe(trainer, info, run));
    }

    /// <summary>Reads a checkpoint; its model lives on the given back end, which stays the caller's.</summary>
    /// <exception cref="ModelFormatException">The file is damaged, or not a checkpoint that this version can build and trust.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Checkpoint Load(string path, Backend backend, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(backend);
        var file = SafetensorsReader.Read(path, cancellation: cancellation);
        var record = StrictJson.Read<CheckpointRecord>(file, CheckpointRecord.Key, path);
        var (model, info) = ModelFile.Build(file, path, backend);
        record = record with { Run = record.Run with { Epochs = EpochTable.Read(file.Find(CheckpointRecord.EpochsName)) } };
        return new Checkpoint(model, info, record, file, path);
    }

    internal static SafetensorsFile Describe(Trainer trainer, ModelInfo info, RunState run)
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

        if (run.Epochs.Count > 0)
            file.Tensors.Add(EpochTable.Write(run.Epochs));
        file.Metadata[CheckpointRecord.Key] = StrictJson.Write(new CheckpointRecord
        {
            Run = run with { Epochs = [], Options = new SortedDictionary<string, string>(run.Options.ToDictionary(), StringComparer.Ordinal) },
            Steps = trainer.Steps,
            Time = trainer.Time,
            Moments = moments,
            PendingWindows = trainer.PendingWindows,
            UpdateCounts = trainer.UpdateCounts.All(count => count == trainer.Steps) ? [] : trainer.UpdateCounts,
            Schedule = trainer.Schedule?.State ?? [],
            EpochCount = run.Epochs.Count,
            Batch = trainer.State is null ? 0 : trainer.StateBatch,
        });
        return file;
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
        var tensor = new SafetensorsTensor(name, TensorType.F32, shape);
        backend.Read(buffer, tensor.Floats);
        if (ModelFile.FirstNonFinite(tensor) >= 0)
            throw new NonFiniteException(name);
        file.Tensors.Add(tensor);
    }
}

/// <summary>What a checkpoint file holds. The model belongs to the caller.</summary>
public sealed class Checkpoint
{
    private readonly CheckpointRecord _record;
    private readonly SafetensorsFile _file;
    private readonly string _path;

    internal Checkpoint(Sequential model, ModelInfo info, CheckpointRecord record, SafetensorsFile file, string path) =>
        (Model, Info, _record, _file, _path) = (model, info, record, file, path);

    /// <summary>The model with the weights it had at the checkpoint.</summary>
    public Sequential Model { get; }

    /// <summary>What the file tells about the model.</summary>
    public ModelInfo Info { get; }

    /// <summary>Where the run stands.</summary>
    public RunState Run => _record.Run;

    /// <summary>
    /// Puts a new trainer of <see cref="Model"/>, with an optimiser and a schedule like those it had, where the old one stood.
    /// </summary>
    /// <exception cref="ArgumentException">The trainer trains another model or has made steps already.</exception>
    /// <exception cref="ModelFormatException">The optimiser is of another kind, or the schedule does not remember what the old one did.</exception>
    public void Restore(Trainer trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        if (trainer.Model != Model || trainer.Steps != 0 || trainer.PendingWindows != 0)
            throw new ArgumentException("A checkpoint is restored into a new trainer of its own model.", nameof(trainer));
        var names = trainer.Optimizer.MomentNames;
        if (!_record.Moments.SequenceEqual(CheckpointFile.Names(names, HasAverage, _record.PendingWindows > 0)))
            throw Refused($"the checkpoint's optimizer keeps [{List(_record.Moments)}], this run's [{List(names)}]");
        int remembered = trainer.Schedule?.State.Count ?? 0;
        if (remembered != _record.Schedule.Count)
            throw Refused($"the checkpoint's schedule remembers {_record.Schedule.Count} numbers, this run's {remembered}");
        try
        {
            trainer.Schedule?.Restore(_record.Schedule);
        }
        catch (InvalidDataException e)
        {
            throw Refused(e.Message);
        }

        foreach (string name in _record.Moments)
        {
            for (int i = 0; i < Model.Parameters.Count; i++)
                Fill(CheckpointFile.Moment(trainer, name, i), CheckpointRecord.MomentName(name, Model.Parameters[i].Name));
        }

        if (_record.Batch > 0)
        {
            var carried = trainer.EnsureState(_record.Batch);
            for (int i = 0; i < carried.Length; i++)
            {
                if (carried[i] is not { } state)
                    continue;
                Fill(state.Hidden, CheckpointRecord.HiddenName(i));
                if (state.Cell != null)
                    Fill(state.Cell, CheckpointRecord.CellName(i));
            }
        }

        trainer.RestoreCounters(_record.Steps, _record.Time);
        var counts = _record.UpdateCounts.Count > 0 ? _record.UpdateCounts : [.. Enumerable.Repeat(_record.Steps, Model.Parameters.Count)];
        trainer.RestoreUpdates(_record.PendingWindows, counts);
    }

    private bool HasAverage => _record.Moments.Contains(CheckpointRecord.AverageName);

    private ModelFormatException Refused(string why) => new($"cannot resume: {why}", SafetensorsHeaderParser.Start, _path);

    private static string List(IEnumerable<string> names) => string.Join(", ", names.Select(name => ModelFormatException.Quote(name)));

    private void Fill(DeviceBuffer buffer, string name) => Model.Backend.Write(buffer, _file.Find(name)!.Floats);
}
