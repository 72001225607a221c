using FastRnn.Suites;

namespace FastRnn.Tests.Suites;

/// <summary>Made-up results.</summary>
internal static class SuiteReports
{
    public static readonly ProbeResult Probe = new(250, 4, 62.5, new(49152, 500, "1 stream"), new(1 << 20, 250, "panels"), new(32 << 20, 100, "4 streams"), new(0, 20, "8 streams"), 25);

    public static RowResult Row(string id, double nanoseconds = 40) => new(id, "step", "f32", 1)
    {
        Date = "2026-01-01 00:00 UTC",
        Cell = "lstm",
        Input = 1,
        Hidden = 8,
        Layers = 1,
        Steps = 1,
        Batch = 1,
        Median = nanoseconds,
        P50 = nanoseconds,
        P99 = 2 * nanoseconds,
        P999 = 3 * nanoseconds,
        Samples = 1000,
        Gflops = 14.4,
        Peak = 250,
        Share = 0.0576,
        Bound = 2.3,
        Limit = "FMA",
        Gap = 17.4,
        BudgetedBound = 32,
        BudgetedGap = 1.25,
        Allocated = 0,
        Collections = 0,
    };

    public static SuiteResult Suite(string suite, params RowResult[] rows) => new(
        suite, "A CPU", "avx512", 1, "pinned to core 1", "abc1234", ".NET 10", "Linux", 1, 15, Probe,
        [new PeerVersion("onnxruntime", "1.2.3", "threads 1", null), new PeerVersion("onednn", null, null, "not installed")], rows, []);
}
