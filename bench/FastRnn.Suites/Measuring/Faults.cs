using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>What proves that a run's probes were wrong, so that none of its shares and gaps is worth anything.</summary>
internal static class Faults
{
    public static IReadOnlyList<string> Of(IsaLevel isa, ProbeReading best, IEnumerable<RowResult> rows)
    {
        List<string> faults = [.. rows.Select(Gap).OfType<string>()];
        if (MachineProbe.Fault(isa, best) is string fault)
            faults.Insert(0, fault);
        return faults;
    }

    /// <summary>No row is faster than its bound.</summary>
    private static string? Gap(RowResult row) => row.Gap is double gap && gap < 1
        ? FormattableString.Invariant($"row {row.Id}: gap {gap:F3} is below 1, the probe of {(row.Limit == "FMA" ? "multiply-adds" : "loads from " + row.Limit)} was too slow")
        : null;
}
