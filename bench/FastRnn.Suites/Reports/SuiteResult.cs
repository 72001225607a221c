using FastRnn.Formats;

namespace FastRnn.Suites;

/// <summary>What a run prints.</summary>
internal sealed record SuiteResults(IReadOnlyList<SuiteResult> Suites) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Suites);
}

/// <summary>One suite on one machine. Everything in a row was measured in one process, in turns.</summary>
internal sealed record SuiteResult(
    string Suite, string Machine, string Isa, int Threads, string Pinned, string Commit, string Runtime, string Os, double SecondsARow, int Rounds,
    ProbeResult Probe, IReadOnlyList<PeerVersion> Peers, IReadOnlyList<RowResult> Rows, IReadOnlyList<string> Faults) : IJsonResult
{
    /// <summary>
    /// These rows beside those that an older run of the same program on the same machine has and this one has not, in the order of the suite. Results of another
    /// program are not mixed in, and rows are not replaced by shorter measurements.
    /// </summary>
    public SuiteResult With(SuiteResult? older, List<string> order)
    {
        if (older == null || !Joins(older))
            return this;
        List<RowResult> kept = [.. older.Rows.Where(row => !Rows.Any(other => other.Id == row.Id))];
        // A fault of a probe names no row: it stays as long as a row does that was measured beside it.
        IEnumerable<string> faults = older.Faults.Where(
            fault => kept.Count > 0 && !Rows.Any(row => fault.StartsWith($"row {row.Id}:", StringComparison.Ordinal)) && !Faults.Contains(fault));
        return this with { SecondsARow = older.SecondsARow, Rows = [.. Rows.Concat(kept).OrderBy(row => order.IndexOf(row.Id))], Faults = [.. Faults, .. faults] };
    }

    /// <summary>Whether the older one comes from the same program and peers on the same machine, measured in as many rounds and in no more time a row.</summary>
    public bool Joins(SuiteResult older) => Program(older) == Program(this) && SecondsARow >= older.SecondsARow;

    /// <summary>What is not known is left out, here and in the parts.</summary>
    public void Write(JsonFields fields) => fields
        .Add(Suite).Add(Machine).Add(Isa).Add(Threads).Add(Pinned).Add(Commit).Add(Runtime).Add(Os).Add(SecondsARow).Add(Rounds)
        .Add(Probe).Add(Peers).Add(Rows).Add(Faults);

    private static (string, string, string, int, string, string, int) Program(SuiteResult run) =>
        (run.Suite, run.Machine, run.Isa, run.Threads, run.Commit, string.Join(';', run.Peers), run.Rounds);
}

/// <summary>The best of all readings of the run, in GFLOP/s, GHz and GB/s, and the cache sizes in bytes.</summary>
internal sealed record ProbeResult(
    double Gflops, double Gigahertz, double FlopsPerClock, RateResult L1, RateResult L2, RateResult L3, RateResult Memory, double TimerNanoseconds) : IJsonResult
{
    public void Write(JsonFields fields) => fields
        .Add(Gflops).Add(Gigahertz).Add(FlopsPerClock).Add(L1).Add(L2).Add(L3).Add(Memory).Add(TimerNanoseconds);
}

/// <summary>A level of memory: its size, its rate, and the pattern of loads that reached it.</summary>
internal sealed record RateResult(long Bytes, double GigabytesPerSecond, string Pattern) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Bytes).Add(GigabytesPerSecond).Add(Pattern);
}

/// <summary>A peer of this run; without a version, why it is not there.</summary>
internal sealed record PeerVersion(string Peer, string? Version, string? Details, string? Missing) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Peer).AddKnown(Version).AddKnown(Details).AddKnown(Missing);
}

/// <summary>What a peer took for the same work: nanoseconds a unit, and its time ÷ ours, the median over the rounds; or why there is nothing.</summary>
internal sealed record PeerTime(string Peer, double? Nanoseconds, double? Ratio, string? Missing) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Peer).AddKnown(Nanoseconds).AddKnown(Ratio).AddKnown(Missing);
}

/// <summary>One row. Times in nanoseconds a unit of work.</summary>
internal sealed record RowResult(string Id, string Mode, string Precision, int Threads) : IJsonResult
{
    /// <summary>When it was measured: rows of a suite may come from several runs.</summary>
    public string Date { get; init; } = "";

    public string? Cell { get; init; }

    public int? Input { get; init; }

    public int? Hidden { get; init; }

    public int? Layers { get; init; }

    public int? Steps { get; init; }

    public int? Batch { get; init; }

    public double? Median { get; init; }

    /// <summary>Of units timed one by one, where there are enough of them.</summary>
    public double? P50 { get; init; }

    public double? P99 { get; init; }

    public double? P999 { get; init; }

    /// <summary>Units timed one by one.</summary>
    public int? Samples { get; init; }

    public double? Gflops { get; init; }

    /// <summary>Of the peak measured beside this row, GFLOP/s.</summary>
    public double? Peak { get; init; }

    public double? Share { get; init; }

    /// <summary>Least time on this machine, and whether multiply-adds or a level of memory set it.</summary>
    public double? Bound { get; init; }

    public string? Limit { get; init; }

    public double? Gap { get; init; }

    /// <summary>The bound with the budgets for functions and waiting.</summary>
    public double? BudgetedBound { get; init; }

    public double? BudgetedGap { get; init; }

    /// <summary>Managed bytes and collections of all timed units together.</summary>
    public long? Allocated { get; init; }

    public int? Collections { get; init; }

    /// <summary>Other figures, by name.</summary>
    public SortedDictionary<string, double> Metrics { get; init; } = [];

    public IReadOnlyList<PeerTime> Peers { get; init; } = [];

    /// <summary>What the other columns do not say of the work.</summary>
    public string? Note { get; init; }

    /// <summary>Why the row was not measured.</summary>
    public string? Missing { get; init; }

    public void Write(JsonFields fields) => fields
        .Add(Id).Add(Mode).Add(Precision).Add(Threads).Add(Date).AddKnown(Cell).AddKnown(Input).AddKnown(Hidden).AddKnown(Layers).AddKnown(Steps)
        .AddKnown(Batch).AddKnown(Median).AddKnown(P50).AddKnown(P99).AddKnown(P999).AddKnown(Samples).AddKnown(Gflops).AddKnown(Peak)
        .AddKnown(Share).AddKnown(Bound).AddKnown(Limit).AddKnown(Gap).AddKnown(BudgetedBound).AddKnown(BudgetedGap).AddKnown(Allocated)
        .AddKnown(Collections).Add(Metrics).Add(Peers).AddKnown(Note).AddKnown(Missing);
}
