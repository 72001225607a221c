namespace FastRnn.Formats;

/// <summary>Where a training run stands, beside what the model and the trainer know themselves.</summary>
public sealed record RunState
{
    /// <summary>Passes over the training data that are complete.</summary>
    public int Epoch { get; init; }

    /// <summary>Chunks of the running pass that are done: the next one is the chunk of this index.</summary>
    public int Chunk { get; init; }

    /// <summary>Sum of the losses (nats) of the running pass's steps.</summary>
    public double LossSum { get; init; }

    /// <summary>Steps in <see cref="LossSum"/>.</summary>
    public long LossCount { get; init; }

    /// <summary>Time the run has taken in all its parts.</summary>
    public double Seconds { get; init; }

    /// <summary>Lowest validation loss so far, or null before the first.</summary>
    public double? BestLoss { get; init; }

    /// <summary>Epoch, from 1, of <see cref="BestLoss"/>.</summary>
    public int? BestEpoch { get; init; }

    /// <summary>
    /// Everything that must be the same when the run goes on: sizes, batch, rates, seed, the data's checksum. Resuming compares it with
    /// <see cref="RequireOptions"/>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();

    /// <summary>The complete epochs, for logs and plots that continue.</summary>
    public IReadOnlyList<EpochSummary> Epochs { get; init; } = [];

    /// <summary>The updates made so far, in order, many in one where they are many; empty in files from before they were kept.</summary>
    public IReadOnlyList<UpdateSummary> Updates { get; init; } = [];

    /// <summary>Refuses to go on with other options than the run was started with.</summary>
    /// <param name="actual">This run's options, under the names used when the checkpoint was written.</param>
    /// <param name="path">The checkpoint, for the message.</param>
    /// <exception cref="ModelFormatException">Names the first differing option, what the checkpoint has and what this run has.</exception>
    public void RequireOptions(IReadOnlyDictionary<string, string> actual, string path)
    {
        ArgumentNullException.ThrowIfNull(actual);
        foreach (string name in Options.Keys.Union(actual.Keys).Order(StringComparer.Ordinal))
        {
            string? stored = Options.GetValueOrDefault(name), given = actual.GetValueOrDefault(name);
            if (stored != given)
            {
                throw new ModelFormatException(
                    $"cannot resume: option {ModelFormatException.Quote(name)} was {Show(stored)} when the checkpoint was written, now it is "
                    + Show(given), -1, path);
            }
        }

        static string Show(string? value) => value is null ? "not set" : ModelFormatException.Quote(value);
    }
}

/// <summary>Figures of one complete epoch. A speed over no time is infinite; that must not lose the checkpoint.</summary>
/// <param name="Epoch">Number of the epoch, from 1.</param>
/// <param name="TrainLoss">Mean training loss in nats.</param>
/// <param name="ValidationLoss">Mean validation loss in nats, or null without validation data.</param>
/// <param name="TokensPerSecond">Training speed.</param>
/// <param name="Seconds">Time of the epoch.</param>
public sealed record EpochSummary(int Epoch, double TrainLoss, double? ValidationLoss, double TokensPerSecond, double Seconds);
