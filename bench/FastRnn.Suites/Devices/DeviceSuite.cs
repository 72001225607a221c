using System.Globalization;
using System.Text;
using FastRnn.Backends;
using FastRnn.Formats;

namespace FastRnn.Suites;

/// <summary>A row of the suite <c>gpu</c>.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Mode">What a unit is.</param>
/// <param name="Shape">Of the model and of its input.</param>
/// <param name="Limit">Milliseconds that a unit should take at most on a fast GPU, or null.</param>
internal sealed record DeviceRow(string Id, WorkMode Mode, WorkShape Shape, double? Limit = null);

/// <summary>What a row took: medians of the device and, where that was asked for, of the CPU; the largest difference in parts of the largest result.</summary>
internal sealed record DeviceRowResult(
    string Id, string Mode, string Cell, int Input, int Hidden, int Layers, int TimeSteps, int Batch, double Milliseconds, double Gflops, double? CpuMilliseconds,
    double? Difference, double? Limit) : IJsonResult
{
    public void Write(JsonFields fields) => fields
        .Add(Id).Add(Mode).Add(Cell).Add(Input).Add(Hidden).Add(Layers).Add(TimeSteps).Add(Batch).Add(Milliseconds).Add(Gflops).Add(CpuMilliseconds)
        .Add(Difference).Add(Limit);
}

/// <summary>The rows of a device; it is exact where it promises the bits of the CPU.</summary>
internal sealed record DeviceSuiteResult(string Device, string Driver, bool Exact, string Cpu, int CpuThreads, string Commit, string Date, IReadOnlyList<DeviceRowResult> Rows)
    : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Device).Add(Driver).Add(Exact).Add(Cpu).Add(CpuThreads).Add(Commit).Add(Date).Add(Rows);
}

/// <summary>Whole windows on a device, beside the CPU: times, and how far the results are apart.</summary>
internal static class DeviceSuite
{
    public const string Name = "gpu";

    private const int LeastUnits = 3, MostUnits = 1000;

    public static IReadOnlyList<DeviceRow> Rows { get; } = [.. Create()];

    /// <summary>Measures the rows whose name contains the filter, each on a new back end that it disposes of, and if asked for on the CPU, too.</summary>
    public static IEnumerable<DeviceRowResult> Run(SuiteOptions options, Func<Backend> device, bool comparesCpu, CancellationToken cancellation)
    {
        foreach (DeviceRow row in Rows.Where(row => row.Id.Contains(options.Filter, StringComparison.Ordinal)))
        {
            (double seconds, float[] values) = Measure(row, device(), options.Seconds, cancellation);
            (double Seconds, float[] Values)? cpu = comparesCpu ? Measure(row, new CpuBackend(options.Threads, options.Isa), options.Seconds, cancellation) : null;
            WorkShape shape = row.Shape;
            double operations = 2 * shape.AllWeights * shape.Positions * (row.Mode == WorkMode.Infer ? 1 : 3);
            yield return new DeviceRowResult(
                row.Id, row.Mode.ToString().ToLowerInvariant(), shape.CellName, shape.Input, shape.Hidden, shape.Layers, shape.Steps, shape.Batch, 1e3 * seconds,
                operations / seconds / 1e9, 1e3 * cpu?.Seconds, cpu is { } truth ? Difference(truth.Values, values) : null, row.Limit);
        }
    }

    /// <summary>The table, and where a folder is named its JSON beside it, under the device's name.</summary>
    public static string Write(DeviceSuiteResult result, string? folder)
    {
        string text = Table(result);
        if (folder == null)
            return text;
        string place = Path.Combine(folder, Machine.SlugOf(result.Device));
        Directory.CreateDirectory(place);
        File.WriteAllText(Path.Combine(place, Name + ".md"), text);
        File.WriteAllText(Path.Combine(place, Name + ".json"), JsonFields.Text(result) + "\n");
        return text;
    }

    internal static double Difference(float[] expected, float[] actual)
    {
        double largest = 0, size = 1e-30;
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = Math.Abs((double)expected[i] - actual[i]);
            largest = difference >= 0 ? Math.Max(largest, difference) : double.PositiveInfinity; // NaN is no small difference
            size = Math.Max(size, Math.Abs(expected[i]));
        }
        return largest / size;
    }

    private static IEnumerable<DeviceRow> Create()
    {
        WorkShape wide = new(CellType.Lstm, 768, 768, 1, 1024, 16);
        yield return new DeviceRow($"infer-{wide.Slug}", WorkMode.Infer, wide, 18);
        yield return new DeviceRow($"train-{wide.Slug}", WorkMode.Train, wide, 44);
        yield return Whole(new(CellType.Lstm, 65, 256, 2, 50, 50));
        foreach (int hidden in new[] { 512, 1024 })
        {
            foreach (int steps in new[] { 25, 50, 100 })
                yield return Whole(new(CellType.Lstm, hidden, hidden, 1, steps, 64));
        }
        yield return Whole(new(CellType.Gru, 512, 512, 2, 50, 64));
    }

    private static DeviceRow Whole(WorkShape shape) => new($"whole-{shape.Slug}", WorkMode.Whole, shape);

    /// <summary>Two units make everything ready: the first compiles, the second takes what the first has given back.</summary>
    private static (double Seconds, float[] Values) Measure(DeviceRow row, Backend backend, double seconds, CancellationToken cancellation)
    {
        using WindowWork work = row.Mode == WorkMode.Whole ? new TrainerWork(backend, row.Shape) : new SequenceWork(backend, row.Shape, row.Mode == WorkMode.Train);
        work.Run(2);
        float[] values = work.Results();
        var times = new List<double>();
        for (double spent = 0; times.Count < LeastUnits || (spent < seconds && times.Count < MostUnits); spent += times[^1])
        {
            cancellation.ThrowIfCancellationRequested();
            long start = Ticks.Now;
            work.Run(1);
            work.Wait();
            times.Add(Ticks.SecondsSince(start));
        }
        return (Statistics.Median([.. times]), values);
    }

    private static string Table(DeviceSuiteResult result)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# {result.Device}\n\n{result.Driver}; {(result.Exact ? "exact arithmetic" : "arithmetic not exact")}; beside {result.Cpu}, ");
        text.Append(CultureInfo.InvariantCulture, $"{result.CpuThreads} thread{(result.CpuThreads == 1 ? "" : "s")}; commit {result.Commit}, {result.Date}\n\n");
        text.Append("| row | device ms | GFLOP/s | CPU ms | CPU ÷ device | largest difference | limit ms |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
        foreach (DeviceRowResult row in result.Rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row.Id} | {row.Milliseconds:F2} | {row.Gflops:F0} | {row.CpuMilliseconds:F2} | {row.CpuMilliseconds / row.Milliseconds:F2} ");
            text.Append(CultureInfo.InvariantCulture, $"| {row.Difference:0.0E+0} | {row.Limit} |\n");
        }
        return text.ToString();
    }
}
