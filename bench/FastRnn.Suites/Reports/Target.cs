namespace FastRnn.Suites;

/// <summary>What a target looks at.</summary>
internal enum Measure
{
    /// <summary>Nanoseconds, at most so many on a core of 250 GFLOP/s; on another in proportion.</summary>
    Nanoseconds,

    /// <summary>Share of the peak of multiply-adds, at least.</summary>
    Share,

    /// <summary>Time ÷ bound, at most.</summary>
    Gap,

    /// <summary>The time of the fastest of some peers ÷ ours, at least.</summary>
    Peers,

    /// <summary>A figure of the row by its name, at most.</summary>
    MetricAtMost,

    /// <summary>A figure of the row by its name, at least.</summary>
    MetricAtLeast,

    /// <summary>Managed bytes and collections: none.</summary>
    NoGarbage,
}

/// <summary>One line of what is to be reached.</summary>
internal sealed record Target(string Row, Measure Measure, double Value, string Names = "")
{
    /// <summary>Speed that times of small steps are stated for, GFLOP/s of one core with AVX-512.</summary>
    public const double StatedPeak = 250;

    /// <summary>Points of share that the narrower registers may lack.</summary>
    public const double NarrowAllowance = 0.05;

    public string[] PeerNames => Names.Split('+');

    /// <summary>What is wanted, in words: for a row the limit that it is judged by, for one that was not run that of the run.</summary>
    public string Wanted(SuiteResult run, RowResult? row) => Measure switch
    {
        Measure.Nanoseconds => FormattableString.Invariant($"≤ {Markdown.Time(Limit(run, row))} ({Value:F0} at {StatedPeak:F0} GFLOP/s)"),
        Measure.Share => FormattableString.Invariant($"≥ {Limit(run, row) * 100:F0} % of FMA peak"),
        Measure.Gap => FormattableString.Invariant($"gap ≤ {Value:F2}"),
        Measure.Peers => FormattableString.Invariant($"≥ {Value:0.##}× {string.Join(", ", PeerNames)}"),
        Measure.MetricAtMost => FormattableString.Invariant($"{Names} ≤ {Value:0.##}"),
        Measure.MetricAtLeast => FormattableString.Invariant($"{Names} ≥ {Value:0.##}"),
        _ => "0 bytes, 0 collections",
    };

    /// <summary>What the row has, and whether that is enough; null where the row, the figure or a peer is missing.</summary>
    public (double Value, bool Met)? Judge(SuiteResult run, RowResult row)
    {
        double? value = Measure switch
        {
            Measure.Nanoseconds => row.Median,
            Measure.Share => row.Share,
            Measure.Gap => row.Gap,
            Measure.Peers => PeerRatio(row),
            Measure.NoGarbage => row.Allocated + row.Collections,
            _ => row.Metrics.TryGetValue(Names, out double metric) ? metric : null,
        };
        if (value is not double known || (Names == MetricNames.Tail && row.Samples < Latencies.Full))
            return null;
        bool least = Measure is Measure.Share or Measure.Peers or Measure.MetricAtLeast;
        return (known, least ? known >= Limit(run, row) : known <= Limit(run, row));
    }

    /// <summary>
    /// The fastest of all the peers that are named, of a peer that is there in several versions – onednn, onednn3 – any; not known while one has no time in
    /// any version.
    /// </summary>
    private double? PeerRatio(RowResult row)
    {
        double?[] ratios = [.. PeerNames.Select(name => row.Peers.Where(peer => peer.Peer.StartsWith(name, StringComparison.Ordinal)).Min(peer => peer.Ratio))];
        return ratios.Any(ratio => ratio == null) ? null : ratios.Min();
    }

    private double Limit(SuiteResult run, RowResult? row) => Measure switch
    {
        Measure.Nanoseconds => Value * StatedPeak / (run.Isa == "avx512" ? row?.Peak ?? run.Probe.Gflops : StatedPeak),
        Measure.Share => run.Isa == "avx512" ? Value : Value - NarrowAllowance,
        Measure.NoGarbage => 0,
        _ => Value,
    };
}
