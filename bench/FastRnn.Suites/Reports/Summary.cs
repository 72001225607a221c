using System.Globalization;
using System.Text;

namespace FastRnn.Suites;

/// <summary>A page for readers in a hurry: some rows of all suites, ours beside every peer's.</summary>
internal static class Summary
{
    private static readonly (string Row, string Work)[] _rows =
    [
        ("step-lstm-1-8", "step, LSTM 1→8"),
        ("step-lstm-1-32", "step, LSTM 1→32"),
        ("step-gru-1-8", "step, GRU 1→8"),
        ("step-lstm-64", "step, LSTM 64"),
        ("step-lstm-128", "step, LSTM 128"),
        ("step-lstm-256", "step, LSTM 256"),
        ("step-lstm-256-bf16", "the same, bfloat16 weights"),
        ("step-lstm-256-int8", "the same, 8-bit weights"),
        ("step-lstm-512", "step, LSTM 512"),
        ("step-lstm-512-int8", "the same, 8-bit weights"),
        ("infer-lstm-256-t100-b1", "sequence, LSTM 256, T 100, B 1"),
        ("infer-lstm-512-t50-b32", "batch, LSTM 512, T 50, B 32"),
        ("infer-gru-512-t50-b32", "batch, GRU 512, T 50, B 32"),
        ("infer-lstm-1024-t25-b64", "batch, LSTM 1024, T 25, B 64"),
        ("train-lstm-512x2-t64-b64", "forward + backward, LSTM 512 ×2, T 64, B 64"),
        ("train-gru-512x2-t64-b64", "forward + backward, GRU 512 ×2, T 64, B 64"),
        ("train-lstm-65-128x2-t50-b50", "forward + backward, LSTM 65→128→128, T 50, B 50"),
        ("whole-lstm-512x2-t64-b64", "with clip and Adam, LSTM 512 ×2"),
        ("whole-gru-512x2-t64-b64", "with clip and Adam, GRU 512 ×2"),
        ("whole-lstm-65-128x2-t50-b50", "with clip and Adam, LSTM 65→128→128"),
    ];

    public static IEnumerable<string> Rows => _rows.Select(line => line.Row);

    /// <summary>The rows that were run with one thread; peers in the order of their first mention.</summary>
    public static string Table(IReadOnlyList<SuiteResult> runs)
    {
        SuiteResult[] used = [.. runs.Where(run => run.Threads == 1 && run.Rows.Any(row => _rows.Any(line => line.Row == row.Id)))];
        var text = new StringBuilder();
        if (used.Length == 0)
            return "Nothing of it was run.\n";
        PeerVersion[] peers = [.. used.SelectMany(run => run.Peers).DistinctBy(peer => peer.Peer)];
        string commits = string.Join(", ", used.Select(run => run.Commit).Distinct());
        text.AppendLine(CultureInfo.InvariantCulture, $"{used[0].Machine}, {used[0].Isa}, one thread, peak {used.Max(run => run.Probe.Gflops):F0} GFLOP/s, FastRnn {commits}, {used[0].Runtime}, {used[0].Os}. Other libraries took turns with FastRnn on the same core:");
        text.AppendLine("how many times our time they take, medians of the rounds. Share: of the peak of multiply-adds; gap: time ÷ the least that multiply-adds or loads of the weights take.");
        text.AppendLine();
        text.AppendLine("| work | FastRnn | share | gap |" + string.Concat(peers.Select(peer => $" {peer.Peer}{(peer.Version == null ? $": {peer.Missing}" : " " + peer.Version)} |")));
        text.AppendLine("| --- | ---: | ---: | ---: |" + string.Concat(peers.Select(_ => " ---: |")));
        foreach ((string id, string work) in _rows)
        {
            if (used.SelectMany(run => run.Rows).FirstOrDefault(row => row.Id == id && row.Median != null) is { } row)
                text.AppendLine($"| {work} | {Markdown.Time(row.Median)} | {Figure(row.Share * 100, "F0", " %")} | {Figure(row.Gap, "F2", "")} |{string.Concat(peers.Select(peer => $" {Ratio(row, peer.Peer)} |"))}");
        }
        return text.ToString();
    }

    private static string Ratio(RowResult row, string peer) => Figure(row.Peers.FirstOrDefault(time => time.Peer == peer)?.Ratio, "F2", "×");

    private static string Figure(double? value, string digits, string unit) => value == null ? "–" : value.Value.ToString(digits, CultureInfo.InvariantCulture) + unit;
}
