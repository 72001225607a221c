using System.Runtime.InteropServices;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>Runs suites in this process and this thread.</summary>
internal static class SuiteRun
{
    private static readonly TimeSpan PeerPatience = TimeSpan.FromSeconds(60);

    /// <summary>Results, suite by suite; suites without a row that the filter lets through are left out. One line of progress a row.</summary>
    /// <param name="options">What to run.</param>
    /// <param name="progress">Lines for people.</param>
    /// <param name="cancellation">Looked at in every round; whatever is measured is thrown away.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static List<SuiteResult> Run(SuiteOptions options, TextWriter progress, CancellationToken cancellation)
    {
        List<(Suite Suite, List<Row> Rows)> chosen = [.. options.Suites.Select(suite => (suite, Rows(options, suite))).Where(part => part.Item2.Count > 0)];
        if (chosen.Count == 0)
            return [];
        cancellation.ThrowIfCancellationRequested();
        bool quick = options.Seconds < 0.1;
        using var affinity = Affinity.Pin(options.Threads);
        string pinned = affinity.Description;
        progress.WriteLine($"fastrnn bench: {Machine.CpuName}, {Isa.Name(options.Isa)}, {options.Threads} thread(s), {pinned}");
        Caches caches = Caches.Read();
        Bandwidth memory = MachineProbe.Memory(options.Isa, caches, quick ? 64L << 20 : 1L << 30);
        using var probe = new MachineProbe(options.Isa, caches, Math.Min(3e-4, options.Seconds / 100), quick ? 3 : 5);
        List<PeerProcess> peers = StartPeers(options, progress);
        try
        {
            var results = new List<SuiteResult>();
            foreach ((Suite suite, List<Row> rows) in chosen)
            {
                var run = new RunContext(options, probe, caches, memory, peers, cancellation);
                List<RowResult> measured = [.. rows.Select(row => Measure(run, row, progress))];
                results.Add(Describe(run, Catalog.Name(suite), pinned, measured));
            }
            return results;
        }
        finally
        {
            peers.ForEach(peer => peer.Dispose());
        }
    }

    /// <summary>The rows of a suite that the filter lets through, and that can have so many threads.</summary>
    private static List<Row> Rows(SuiteOptions options, Suite suite) =>
        [.. Catalog.Rows(options.Isa).Where(row => row.Suite == suite && row.Id.Contains(options.Filter, StringComparison.Ordinal) && (options.Threads == 1 || !row.SingleThread))];

    private static RowResult Measure(RunContext run, Row row, TextWriter progress)
    {
        run.Cancellation.ThrowIfCancellationRequested();
        RowResult result = new RowRun(run, row).Measure();
        progress.WriteLine(Markdown.Progress(result));
        return result;
    }

    private static List<PeerProcess> StartPeers(SuiteOptions options, TextWriter progress)
    {
        List<PeerProcess> peers = [];
        foreach (string name in options.Peers?.Names ?? [])
        {
            PeerProcess peer = PeerProcess.Start(options.Peers!, name, options.Threads, PeerPatience);
            progress.WriteLine($"peer {name}: {peer.Version.Version ?? "-"} {peer.Version.Missing ?? peer.Version.Details}");
            peers.Add(peer);
        }
        return peers;
    }

    private static SuiteResult Describe(RunContext run, string suite, string pinned, List<RowResult> rows)
    {
        SuiteOptions options = run.Options;
        ProbeReading best = run.Best ?? run.Probe.Read();
        var probe = new ProbeResult(
            best.Gflops, best.Gigahertz, best.FlopsPerClock, Rate(run.Caches.L1, best.L1), Rate(run.Caches.L2, best.L2), Rate(run.Caches.L3, best.L3),
            Rate(0, run.Memory), Latencies.TimerSeconds() * 1e9);
        return new SuiteResult(
            suite, Machine.CpuName, Isa.Name(options.Isa), options.Threads, pinned, options.Commit, RuntimeInformation.FrameworkDescription,
            RuntimeInformation.OSDescription, options.Seconds, options.Rounds,
            probe, [.. run.Peers.Select(peer => peer.Version)], rows, Faults.Of(options.Isa, best, rows));
    }

    private static RateResult Rate(long bytes, Bandwidth rate) => new(bytes, rate.GigabytesPerSecond, rate.Pattern.ToString());
}
