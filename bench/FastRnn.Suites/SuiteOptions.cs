using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>What to run, and how long.</summary>
internal sealed record SuiteOptions(IReadOnlyList<Suite> Suites, IsaLevel Isa)
{
    /// <summary>Rows whose name contains this.</summary>
    public string Filter { get; init; } = "";

    public int Threads { get; init; } = 1;

    /// <summary>Seconds of timing a row, over all its rounds; a unit that takes longer than a round is done once a round.</summary>
    public double Seconds { get; init; } = 1;

    /// <summary>Rounds in which ours and others take turns.</summary>
    public int Rounds { get; init; } = 15;

    /// <summary>The script that starts peers, or null for none.</summary>
    public PeerScript? Peers { get; init; }

    /// <summary>The commit of the program, where it is known.</summary>
    public string Commit { get; init; } = "";
}

/// <summary>How peers are started: <c>sh FILE NAME THREADS</c>.</summary>
internal sealed record PeerScript(string File, IReadOnlyList<string> Names)
{
    public static PeerScript In(string folder) => new(Path.Combine(folder, "start.sh"), ["onnxruntime", "onednn", "onednn3", "torch"]);
}
