using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Formats;

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
    /// What a trainer, and the early stopping beside it, have been told otherwise than those of the checkpoint: one line each, that says what
    /// it was and is. Empty where nothing differs, and for files from before settings were kept.
    /// </summary>
    public IReadOnlyList<string> Differences(Trainer trainer, EarlyStopping? stopping = null)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        if (_record.Settings is not { } stored)
            return [];
        var actual = Settings(trainer, stopping);
        return
        [
            .. from name in stored.Keys.Union(actual.Keys).Order(StringComparer.Ordinal)
               let before = stored.GetValueOrDefault(name)
               let now = actual.GetValueOrDefault(name)
               where before != now
               select $"{ModelFormatException.Quote(name)} was {Show(before)}, now it is {Show(now)}",
        ];

        static string Show(string? value) => value is null ? "not set" : ModelFormatException.Quote(value, longest: 200);
    }

    /// <summary>
    /// Puts a new trainer of <see cref="Model"/> where the old one stood: weights, moments, averages, carried state, counters, and what a
    /// schedule and an early stopping remember. What they have been told – rates, limits, penalties, frozen parameters – is compared, not
    /// replaced: tell them before the call, as it was when the checkpoint was written.
    /// </summary>
    /// <param name="trainer">Has made no step.</param>
    /// <param name="stopping">An early stopping of <see cref="Model"/>, if the run has one.</param>
    /// <param name="allowChanges">Go on although settings differ, with the new ones.</param>
    /// <exception cref="ArgumentException">The trainer or the early stopping is of another model, or the trainer has made steps already.</exception>
    /// <exception cref="ModelFormatException">
    /// The optimiser is of another kind, the schedule does not remember what the old one did, or settings differ; nothing is changed.
    /// </exception>
    public void Restore(Trainer trainer, EarlyStopping? stopping = null, bool allowChanges = false)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        if (trainer.Model != Model || trainer.Steps != 0 || trainer.PendingWindows != 0)
            throw new ArgumentException("A checkpoint is restored into a new trainer of its own model.", nameof(trainer));
        if (stopping != null && stopping.Model != Model)
            throw new ArgumentException("A checkpoint is restored into an early stopping of its own model.", nameof(stopping));
        RequireSame(trainer, stopping, allowChanges);
        try
        {
            trainer.Schedule?.Restore(_record.Schedule);
        }
        catch (InvalidDataException e)
        {
            throw Refused(e.Message);
        }

        RestoreArrays(trainer);
        trainer.RestoreCounters(_record.Steps, _record.Time);
        var counts = _record.UpdateCounts.Count > 0 ? _record.UpdateCounts : [.. Enumerable.Repeat(_record.Steps, Model.Parameters.Count)];
        trainer.RestoreUpdates(_record.PendingWindows, counts);
        if (_record.EarlyStopping is { } remembered)
            stopping?.Restore(new EarlyStoppingState(remembered.Reports, remembered.BestReport, remembered.BestLoss, BestWeights(remembered)));
    }

    internal static SortedDictionary<string, string> Settings(Trainer trainer, EarlyStopping? stopping)
    {
        SortedDictionary<string, string> settings = trainer.Settings();
        if (stopping != null)
            settings["early stopping"] = stopping.ToString();
        return settings;
    }

    /// <summary>Whether moments and memories fit, and unless changes are allowed, whether settings are the same.</summary>
    private void RequireSame(Trainer trainer, EarlyStopping? stopping, bool allowChanges)
    {
        var names = trainer.Optimizer.MomentNames;
        if (!_record.Moments.SequenceEqual(CheckpointFile.Names(names, HasAverage, _record.PendingWindows > 0)))
            throw Refused($"the checkpoint's optimizer keeps [{List(_record.Moments)}], this run's, {trainer.Optimizer}, [{List(names)}]");
        int remembered = trainer.Schedule?.State.Count ?? 0;
        if (remembered != _record.Schedule.Count)
            throw Refused($"the checkpoint's schedule remembers {_record.Schedule.Count} numbers, this run's {remembered}");
        if (allowChanges)
            return;
        if (stopping != null && _record.EarlyStopping is null)
            throw Refused("the checkpoint holds no early stopping, this run has one");
        if (Differences(trainer, stopping) is { Count: > 0 } differences)
            throw Refused($"{string.Join("; ", differences.Take(3))}{(differences.Count > 3 ? $"; and {differences.Count - 3} more" : "")}");
    }

    private void RestoreArrays(Trainer trainer)
    {
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
    }

    private Dictionary<string, float[]> BestWeights(EarlyStoppingRecord remembered) => remembered.BestReport == 0
        ? []
        : Model.Parameters.ToDictionary(p => p.Name, p => _file.Find(CheckpointRecord.BestName(p.Name))!.Floats.ToArray(), StringComparer.Ordinal);

    private bool HasAverage => _record.Moments.Contains(CheckpointRecord.AverageName);

    private ModelFormatException Refused(string why) => new($"cannot resume: {why}", -1, _path);

    private static string List(IEnumerable<string> names) => string.Join(", ", names.Select(name => ModelFormatException.Quote(name)));

    private void Fill(DeviceBuffer buffer, string name) => Model.Backend.Write(buffer, _file.Find(name)!.Floats);
}
