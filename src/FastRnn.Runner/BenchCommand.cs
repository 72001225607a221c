using System.CommandLine;
using System.Reflection;
using FastRnn.Numerics;
using FastRnn.Suites;

namespace FastRnn.Runner;

/// <summary>fastrnn bench: how long work takes, and how far that is from the limit of the machine and from other libraries.</summary>
internal static class BenchCommand
{
    private const string All = "all", Auto = "auto";

    public static Command Create(Output output, CancellationToken cancellation)
    {
        string[] suites = [.. Enum.GetValues<Suite>().Select(Catalog.Name)];
        Option<string> suite = CommonOptions.Choice("--suite", All, "What to measure", [All, .. suites, DeviceSuite.Name]);
        var filter = new Option<string>("--filter") { Description = "Only rows whose name contains this", DefaultValueFactory = _ => "", HelpName = "TEXT" };
        Option<string> isa = CommonOptions.Choice("--isa", Auto, $"Instruction set; {Auto} is the widest, or what {Isa.EnvironmentVariable} says", [Auto, .. Levels()]);
        Option<int> threads = CommonOptions.Number("--threads", 1, 1, 1024, "Threads of ours and of peers; rows of steps and kernels have one");
        Option<double> seconds = CommonOptions.Real("--seconds", 1, x => x > 0, "a positive number", "Seconds of timing a row");
        Option<string?> peers = new("--peers")
        {
            Description = "Other libraries in turn with ours, started by start.sh in this folder, bench/peers unless named",
            HelpName = "FOLDER",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string?> folder = CommonOptions.NotEmpty(
            new Option<string?>("--out") { Description = "Where tables and JSON go, in a folder of the CPU's name", HelpName = "FOLDER" });
        Option<string> device = CommonOptions.Device();
        device.Description = $"Of --suite {DeviceSuite.Name}, which compares a device with the CPU: {DeviceChoice.OpenCl}, {DeviceChoice.OpenCl}:INDEX or {DeviceChoice.Auto}";
        Option<bool> json = CommonOptions.Json();
        var command = new Command("bench", "Times, shares of the machine's peak, gaps to its limits, and other libraries' times")
        {
            suite, filter, isa, threads, seconds, peers, folder, device, json,
        };
        command.SetAction(parsed =>
        {
            output.Json = parsed.GetValue(json);
            string chosen = parsed.GetValue(suite)!;
            var options = new SuiteOptions(
                [.. Enum.GetValues<Suite>().Where(value => chosen == All || chosen == Catalog.Name(value))], parsed.GetValue(isa) is { } level && level != Auto ? Isa.Parse(level) : Isa.Current)
            {
                Filter = parsed.GetValue(filter)!,
                Threads = parsed.GetValue(threads),
                Seconds = parsed.GetValue(seconds),
                Peers = parsed.GetResult(peers) is null ? null : PeerScript.In(parsed.GetValue(peers) ?? Path.Combine("bench", "peers")),
                Commit = Commit(),
            };
            DeviceChoice computing = DeviceChoice.Parse(parsed.GetRequiredValue(device));
            if ((chosen == DeviceSuite.Name) != (computing.Kind != DeviceKind.Cpu))
                throw new CliException(ExitCodes.Usage, $"--suite {DeviceSuite.Name} and --device {DeviceChoice.OpenCl} or {DeviceChoice.Auto} go together: the other suites are the CPU's");
            if (chosen == DeviceSuite.Name)
                return DeviceBench.Run(options, computing, parsed.GetValue(folder), output, cancellation);
            return Show(output, SuiteRun.Run(options, output.Log, cancellation), parsed.GetValue(folder), options.Filter.Length == 0);
        });
        return command;
    }

    /// <summary>Prints and writes results; ends with a failure where a probe was wrong.</summary>
    internal static int Show(Output output, IReadOnlyList<SuiteResult> results, string? folder, bool whole)
    {
        if (results.Count == 0)
            throw new CliException(ExitCodes.Usage, "no row has such a name, suite and number of threads; see fastrnn bench --help");
        if (folder != null)
            output.Log.WriteLine($"fastrnn: results in {string.Join(", ", ResultFiles.Write(folder, results, whole).Select(path => path + ".md"))}");
        if (output.Json)
            output.Result.WriteLine(SuiteText.Write(new SuiteResults(results)));
        foreach (SuiteResult result in output.Json ? [] : results)
            output.Result.WriteLine(Markdown.Suite(result));
        if (!output.Json)
            output.Result.WriteLine(Markdown.TargetTable(results, all: false));
        string[] faults = [.. results.SelectMany(result => result.Faults)];
        if (faults.Length > 0)
            throw new CliException(ExitCodes.Device, string.Join("; ", faults));
        return ExitCodes.Ok;
    }

    /// <summary>Those, too, that only the program for a lower level has kernels for: native/src/runner.c starts it.</summary>
    private static IEnumerable<string> Levels() => Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest).Select(Isa.Name);

    /// <summary>What the build noted: 0.1.0+commit, shortened.</summary>
    private static string Commit()
    {
        string version = typeof(BenchCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        int plus = version.IndexOf('+', StringComparison.Ordinal);
        return plus < 0 ? "" : version[(plus + 1)..Math.Min(version.Length, plus + 8)];
    }
}
