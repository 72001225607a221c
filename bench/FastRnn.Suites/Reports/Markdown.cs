using System.Globalization;
using System.Text;

namespace FastRnn.Suites;

/// <summary>Tables of results.</summary>
internal static class Markdown
{
    private const string None = "–";

    /// <summary>A suite: the machine, the rows, the peers.</summary>
    public static string Suite(SuiteResult run)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"**Suite {run.Suite}**: {Where(run)}, {Dates(run)}.");
        text.AppendLine();
        text.AppendLine(Machine(run.Probe));
        text.AppendLine("Share: of the peak of multiply-adds around each timing. Gap: time ÷ bound, the bound being the multiply-adds or the loads of the weights, whichever");
        text.AppendLine("takes longer; in brackets time ÷ bound with budgets for functions and waiting. Times are medians of rounds in turn; p99 and p99.9 are of units timed one by one");
        text.AppendLine(CultureInfo.InvariantCulture, $"less the {run.Probe.TimerNanoseconds:F0} ns that the clock itself takes. Bytes: allocated by all timed units.");
        text.AppendLine();
        text.AppendLine("| row | T | B | weights | median | p99 | p99.9 | GFLOP/s | share | bound | gap | bytes | collections | more |");
        text.AppendLine("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- | --- | ---: | ---: | --- |");
        foreach (RowResult row in run.Rows)
            text.AppendLine(RowLine(row));
        foreach (string fault in run.Faults)
            text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"**Fault**: {fault}.");
        if (run.Peers.Count > 0)
            Peers(text, run);
        return text.ToString();
    }

    /// <summary>Targets against results: all of them, those of rows that were not run too, or those of the rows there are.</summary>
    public static string TargetTable(IReadOnlyList<SuiteResult> runs, bool all)
    {
        var text = new StringBuilder();
        foreach (SuiteResult run in runs)
            text.AppendLine(CultureInfo.InvariantCulture, $"- {run.Suite}: {Where(run)}, {Dates(run)}; peak {run.Probe.Gflops:F0} GFLOP/s a core{string.Concat(run.Peers.Select(Version))}");
        text.AppendLine();
        text.AppendLine("| row | wanted | measured | |");
        text.AppendLine("| --- | --- | ---: | --- |");
        foreach (Target target in Targets.All)
        {
            (SuiteResult Run, RowResult Row)? found = Find(runs, target.Row);
            if (found is not { } line)
            {
                if (all)
                    text.AppendLine(CultureInfo.InvariantCulture, $"| {target.Row} | {target.Wanted(runs[0], null)} | {None} | **open**: not run |");
                continue;
            }
            (double Value, bool Met)? judged = target.Judge(line.Run, line.Row);
            string value = judged is { } known ? Figure(target, known.Value) : None;
            string mark = judged is { } is_ ? is_.Met ? "met" : "**missed**" : "**open**: " + Reason(target, line.Row);
            text.AppendLine(CultureInfo.InvariantCulture, $"| {target.Row} | {target.Wanted(line.Run, line.Row)} | {value} | {mark} |");
        }
        return text.ToString();
    }

    /// <summary>One line while rows are measured.</summary>
    public static string Progress(RowResult row) => row.Missing != null ? $"{row.Id}: {row.Missing}" : string.Create(
        CultureInfo.InvariantCulture,
        $"{row.Id}: {Time(row.Median)}, share {Percent(row.Share)}, gap {Gap(row)}{string.Concat(row.Metrics.Select(m => $", {m.Key} {m.Value:0.00}"))}{string.Concat(row.Peers.Where(p => p.Ratio != null).Select(p => $", {p.Peer} ÷ ours {p.Ratio:F2}"))}");

    /// <summary>Nanoseconds in a unit that suits them.</summary>
    internal static string Time(double? nanoseconds) => nanoseconds switch
    {
        null => None,
        < 999.5 => Digits(nanoseconds.Value) + " ns",
        < 999.5e3 => Digits(nanoseconds.Value / 1e3) + " µs",
        _ => Digits(nanoseconds.Value / 1e6) + " ms",
    };

    private static string Where(SuiteResult run) => string.Create(
        CultureInfo.InvariantCulture, $"{run.Machine}, {run.Isa}, {run.Threads} thread(s), {run.Pinned}, FastRnn {(run.Commit.Length == 0 ? "of no known commit" : run.Commit)}, {run.Runtime}, {run.Os}");

    private static string Dates(SuiteResult run)
    {
        string first = run.Rows.Min(row => row.Date) ?? "", last = run.Rows.Max(row => row.Date) ?? "";
        return first == last ? first : $"{first} to {last}";
    }

    private static string Version(PeerVersion peer) => peer.Missing != null ? $"; {peer.Peer}: {peer.Missing}" : $"; {peer.Peer} {peer.Version}";

    private static string Machine(ProbeResult probe) => string.Create(
        CultureInfo.InvariantCulture,
        $"Peak {probe.Gflops:F0} GFLOP/s, {probe.FlopsPerClock:F1} FLOP a clock at {probe.Gigahertz:F2} GHz; loads {Rate("L1", probe.L1)}, {Rate("L2", probe.L2)}, {Rate("L3", probe.L3)}, {Rate("memory", probe.Memory)}.");

    private static string Rate(string level, RateResult rate) => string.Create(
        CultureInfo.InvariantCulture, $"{level} {(rate.Bytes == 0 ? "" : $"({rate.Bytes / 1024} KiB) ")}{rate.GigabytesPerSecond:F0} GB/s [{rate.Pattern}]");

    private static string RowLine(RowResult row)
    {
        if (row.Missing != null)
            return $"| {row.Id} | {row.Steps} | {row.Batch} | {row.Precision} | {None} | | | | | | | | | {row.Missing} |";
        string bound = row.Bound == null ? None : $"{Time(row.Bound)} {row.Limit}";
        IEnumerable<string> figures = row.Metrics.Select(m => string.Create(CultureInfo.InvariantCulture, $"{m.Key} {m.Value:0.00}"));
        string more = string.Join(", ", row.Note == null ? figures : figures.Prepend(row.Note));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {row.Id} | {row.Steps} | {row.Batch} | {row.Precision} | {Time(row.Median)} | {Time(row.P99)} | {Time(row.P999)} | {(row.Gflops == null ? None : $"{row.Gflops:F0}")} | {Percent(row.Share)} | {bound} | {Gap(row)} | {row.Allocated} | {row.Collections} | {more} |");
    }

    private static void Peers(StringBuilder text, SuiteResult run)
    {
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"Peers in turn with FastRnn, {run.Rounds} rounds on the same cores: their time with float32 weights, whatever ours are, and in brackets their time ÷ ours, the median of the rounds.");
        foreach (PeerVersion peer in run.Peers)
            text.AppendLine(CultureInfo.InvariantCulture, $"- {peer.Peer} {peer.Version}{(peer.Details == null ? "" : ", " + peer.Details)}{(peer.Missing == null ? "" : ": " + peer.Missing)}");
        text.AppendLine();
        text.AppendLine("| row | FastRnn | " + string.Join(" | ", run.Peers.Select(peer => peer.Peer)) + " |");
        text.AppendLine("| --- | ---: |" + string.Concat(run.Peers.Select(_ => " ---: |")));
        foreach (RowResult row in run.Rows)
        {
            string peers = string.Concat(row.Peers.Select(peer => $" {(peer.Missing ?? string.Create(CultureInfo.InvariantCulture, $"{Time(peer.Nanoseconds)} ({peer.Ratio:F2})"))} |"));
            text.AppendLine(CultureInfo.InvariantCulture, $"| {row.Id} | {Time(row.Median)} |{peers}");
        }
    }

    private static (SuiteResult, RowResult)? Find(IReadOnlyList<SuiteResult> runs, string id)
    {
        // A row that compares threads is missing from runs with one; rows with a time come first.
        var found = from run in runs
                    from row in run.Rows
                    where row.Id == id && (row.Threads == 1 || row.Metrics.ContainsKey(MetricNames.SpeedUp) || row.Missing != null)
                    orderby row.Missing != null
                    select (run, row);
        return found.Select(line => ((SuiteResult, RowResult)?)line).FirstOrDefault();
    }

    private static string Reason(Target target, RowResult row)
    {
        if (row.Missing != null)
            return row.Missing;
        if (target.Names == MetricNames.Tail && row.Samples < Latencies.Full)
            return string.Create(CultureInfo.InvariantCulture, $"{row.Samples:N0} steps, not {Latencies.Full:N0}");
        return target.Measure == Measure.Peers
            ? string.Join("; ", target.PeerNames.Select(name => $"{name}: {row.Peers.FirstOrDefault(peer => peer.Peer == name)?.Missing ?? (row.Peers.Any(peer => peer.Peer == name) ? "there" : "not asked for")}"))
            : "not measured";
    }

    private static string Figure(Target target, double value) => target.Measure switch
    {
        Measure.Nanoseconds => Time(value),
        Measure.Share => Percent(value),
        Measure.NoGarbage => value.ToString("F0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.00", CultureInfo.InvariantCulture),
    };

    private static string Gap(RowResult row) => row.Gap == null ? None : string.Create(CultureInfo.InvariantCulture, $"{row.Gap:F2} ({row.BudgetedGap:F2})");

    private static string Percent(double? share) => share == null ? None : string.Create(CultureInfo.InvariantCulture, $"{share * 100:F1} %");

    /// <summary>Three digits.</summary>
    private static string Digits(double value) =>
        value.ToString(value < 9.995 ? "F2" : value < 99.95 ? "F1" : "F0", CultureInfo.InvariantCulture);
}
