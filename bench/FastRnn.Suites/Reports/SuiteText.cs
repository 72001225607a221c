using System.Text;
using System.Text.Json;
using FastRnn.Formats;

namespace FastRnn.Suites;

/// <summary>The machine-readable results as text. Fields that are not known are passed over: another version may have written them.</summary>
internal static class SuiteText
{
    private static readonly JsonWriterOptions _format = new() { Indented = true };

    public static string Write(IJsonResult result) => JsonFields.Text(result, _format);

    /// <exception cref="JsonException">This is no JSON, or no result.</exception>
    public static SuiteResult Read(string text) => Record(Parse(text), fields => new SuiteResult(
        Text(fields, "suite"), Text(fields, "machine"), Text(fields, "isa"), fields.Known("threads")?.Int32() ?? 0, Text(fields, "pinned"), Text(fields, "commit"),
        Text(fields, "runtime"), Text(fields, "os"), Number(fields, "seconds_a_row"), fields.Known("rounds")?.Int32() ?? 0, ReadProbe(fields.Required("probe")),
        fields.Required("peers").List(ReadVersion), fields.Required("rows").List(ReadRow), fields.Required("faults").List(item => item.String())));

    /// <summary>A peer's first line.</summary>
    /// <exception cref="JsonException">It is no JSON, or no greeting.</exception>
    public static PeerVersion ReadGreeting(string line) => ReadVersion(Parse(line));

    private static JsonValue Parse(string text)
    {
        try
        {
            return JsonValue.Parse(Encoding.UTF8.GetBytes(text), default, unique: false);
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException(e.Message, e); // half a surrogate pair
        }
    }

    private static T Record<T>(JsonValue json, Func<JsonValue, T> make)
        where T : class => json.Record(make, others: true);

    private static string Text(JsonValue fields, string name) => fields.Optional(name)?.String() ?? "";

    private static double Number(JsonValue fields, string name) => fields.Known(name)?.Double() ?? 0;

    private static ProbeResult ReadProbe(JsonValue json) => Record(json, fields => new ProbeResult(
        Number(fields, "gflops"), Number(fields, "gigahertz"), Number(fields, "flops_per_clock"), ReadRate(fields.Required("l1")), ReadRate(fields.Required("l2")),
        ReadRate(fields.Required("l3")), ReadRate(fields.Required("memory")), Number(fields, "timer_nanoseconds")));

    private static RateResult ReadRate(JsonValue json) => Record(json, fields => new RateResult(
        fields.Known("bytes")?.Int64() ?? 0, Number(fields, "gigabytes_per_second"), Text(fields, "pattern")));

    private static PeerVersion ReadVersion(JsonValue json) => Record(json, fields => new PeerVersion(
        Text(fields, "peer"), fields.Optional("version")?.String(), fields.Optional("details")?.String(), fields.Optional("missing")?.String()));

    private static PeerTime ReadTime(JsonValue json) => Record(json, fields => new PeerTime(
        Text(fields, "peer"), fields.Optional("nanoseconds")?.Double(), fields.Optional("ratio")?.Double(), fields.Optional("missing")?.String()));

    private static RowResult ReadRow(JsonValue json) => Record(json, fields => new RowResult(
        Text(fields, "id"), Text(fields, "mode"), Text(fields, "precision"), fields.Known("threads")?.Int32() ?? 0)
    {
        Date = Text(fields, "date"),
        Cell = fields.Optional("cell")?.String(),
        Input = fields.Optional("input")?.Int32(),
        Hidden = fields.Optional("hidden")?.Int32(),
        Layers = fields.Optional("layers")?.Int32(),
        Steps = fields.Optional("steps")?.Int32(),
        Batch = fields.Optional("batch")?.Int32(),
        Median = fields.Optional("median")?.Double(),
        P50 = fields.Optional("p50")?.Double(),
        P99 = fields.Optional("p99")?.Double(),
        P999 = fields.Optional("p999")?.Double(),
        Samples = fields.Optional("samples")?.Int32(),
        Gflops = fields.Optional("gflops")?.Double(),
        Peak = fields.Optional("peak")?.Double(),
        Share = fields.Optional("share")?.Double(),
        Bound = fields.Optional("bound")?.Double(),
        Limit = fields.Optional("limit")?.String(),
        Gap = fields.Optional("gap")?.Double(),
        BudgetedBound = fields.Optional("budgeted_bound")?.Double(),
        BudgetedGap = fields.Optional("budgeted_gap")?.Double(),
        Allocated = fields.Optional("allocated")?.Int64(),
        Collections = fields.Optional("collections")?.Int32(),
        Metrics = new(fields.Known("metrics")?.Map(item => item.Double()) ?? []),
        Peers = fields.Known("peers")?.List(ReadTime) ?? [],
        Note = fields.Optional("note")?.String(),
        Missing = fields.Optional("missing")?.String(),
    });
}
