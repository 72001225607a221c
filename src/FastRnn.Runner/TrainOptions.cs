using System.Globalization;

namespace FastRnn.Runner;

/// <summary>Everything that decides a training run.</summary>
internal sealed record TrainOptions
{
    public const string UsualActivation = "tanh";

    public required string Data { get; init; }

    public required string Cell { get; init; }

    /// <summary>Function of the simple recurrent cell.</summary>
    public string Activation { get; init; } = UsualActivation;

    public int Hidden { get; init; }

    public int Layers { get; init; }

    public float Dropout { get; init; }

    public float WeightDrop { get; init; }

    public int Batch { get; init; }

    public int Epochs { get; init; }

    /// <summary>How the weights are updated.</summary>
    public required UpdateSettings Update { get; init; }

    public ulong Seed { get; init; }

    public required string Model { get; init; }

    public bool Resume { get; init; }

    public int CheckpointEvery { get; init; }

    public int Patience { get; init; }

    /// <summary>Most bytes of memory; 0: any.</summary>
    public long MemoryLimit { get; init; }

    public bool Recompute { get; init; }

    public string Checkpoint => RunFiles.Checkpoint(Model);

    /// <summary>The options that fix the bits of the run: a checkpoint goes on only with the same.</summary>
    public Dictionary<string, string> Fixed(TrainingTask task)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["task"] = task.Name,
            ["cell"] = Cell,
            ["hidden"] = Text(Hidden),
            ["layers"] = Text(Layers),
            ["dropout"] = Text(Dropout),
            ["batch"] = Text(Batch),
            ["seed"] = Text(Seed),
        };
        if (Activation != UsualActivation)
            options["activation"] = Activation;
        if (WeightDrop != 0)
            options["weight-drop"] = Text(WeightDrop);
        Update.AddFixed(options);
        task.AddFixed(options);
        return options;
    }

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
