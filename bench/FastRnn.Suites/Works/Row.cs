using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>The suites.</summary>
internal enum Suite
{
    Step,
    Batch,
    Train,
    Kernels,
}

/// <summary>Names of figures beside time, share and gap.</summary>
internal static class MetricNames
{
    public const string Clocks = "clocks";
    public const string Subnormal = "subnormal numbers";
    public const string ToActive = "time ÷ active";
    public const string ToPadded = "time ÷ padded";
    public const string SpeedUp = "speed-up";
    public const string OfFmaScaling = "speed-up ÷ that of FMA";
    public const string Tail = "p99.9 ÷ p50";
    public const string TailOfAdditions = "that of additions";
    public const string TailOfLoads = "that of loads";
}

/// <summary>One row of a suite: what is measured, and beside what.</summary>
internal sealed record Row(string Id, Suite Suite, WorkMode Mode, WorkShape? Shape)
{
    /// <summary>Makes the work ready on an instruction set and a number of threads.</summary>
    public required Func<IsaLevel, int, Work> Open { get; init; }

    /// <summary>Another work, run in turn with it.</summary>
    public Func<IsaLevel, int, Work>? OpenOther { get; init; }

    /// <summary>What the ratio to the other work is called: time ÷ its time, but for a speed-up the other way round.</summary>
    public string? RatioName { get; init; }

    /// <summary>Operations of a unit where they do not follow from the shape.</summary>
    public double Flop { get; init; }

    /// <summary>What the shape does not say of the work.</summary>
    public string? Note { get; init; }

    /// <summary>How weights are stored.</summary>
    public string Precision { get; init; } = "f32";

    /// <summary>Needs more than one thread: compared with one.</summary>
    public bool Scales => RatioName == MetricNames.SpeedUp;

    /// <summary>Whether one thread is all it ever takes.</summary>
    public bool SingleThread => Suite is Suite.Step or Suite.Kernels;

    /// <summary>Whether all products of the shape are done: a padded batch's, not those of spread lengths.</summary>
    public bool HasBound => Shape != null && RatioName != MetricNames.ToPadded;

    /// <summary>
    /// Compare the tail of its latencies with those of additions, and of loads of as many bytes, that take as long; all of
    /// <see cref="Latencies.Full"/> units, however short the run is otherwise.
    /// </summary>
    public bool JudgesTail { get; init; }

    /// <summary>How the row is called in the peers' protocol; null where peers have nothing like it.</summary>
    public string? PeerMode { get; init; }

    public double BytesPerWeight => Precision switch { "bf16" => 2, "int8" => 1, _ => 4 };
}
