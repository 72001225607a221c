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
    /// <exception cref="IOException">The disk is full or failing, or the folder is missing; the old file stays.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or file may not be written; the old file stays.</exception>
    public static void Save(Trainer trainer, ModelInfo info, RunState run, string path)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(run);
        ArgumentException.ThrowIfNullOrEmpty(path);
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
        for (int k = 0; k < optimizer.MomentNames.Count; k++)
        {
            for (int i = 0; i < model.Parameters.Count; i++)
            {
                var parameter = model.Parameters[i];
                string name = CheckpointRecord.MomentName(optimizer.MomentNames[k], parameter.Name);
                Add(file, name, [.. parameter.Shape], model.Backend, optimizer.Moments[i][k]);
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
            Moments = optimizer.MomentNames,
            EpochCount = run.Epochs.Count,
            Batch = trainer.State is null ? 0 : trainer.StateBatch,
        });
        return file;
    }

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

    /// <summary>Puts a new trainer of <see cref="Model"/>, with an optimiser like the one it had, where the old one stood.</summary>
    /// <exception cref="ArgumentException">The trainer trains another model or has made steps already.</exception>
    /// <exception cref="ModelFormatException">The optimiser is of another kind.</exception>
    public void Restore(Trainer trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        if (trainer.Model != Model || trainer.Steps != 0)
            throw new ArgumentException("A checkpoint is restored into a new trainer of its own model.", nameof(trainer));
        var names = trainer.Optimizer.MomentNames;
        if (!names.SequenceEqual(_record.Moments))
        {
            throw new ModelFormatException(
                $"cannot resume: the checkpoint's optimizer keeps [{List(_record.Moments)}], this run's [{List(names)}]",
                SafetensorsHeaderParser.Start, _path);
        }

        for (int i = 0; i < Model.Parameters.Count; i++)
        {
            for (int k = 0; k < names.Count; k++)
                Fill(trainer.Optimizer.Moments[i][k], CheckpointRecord.MomentName(names[k], Model.Parameters[i].Name));
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
    }

    private static string List(IEnumerable<string> names) => string.Join(", ", names.Select(name => ModelFormatException.Quote(name)));

    private void Fill(DeviceBuffer buffer, string name) => Model.Backend.Write(buffer, _file.Find(name)!.Floats);
}
