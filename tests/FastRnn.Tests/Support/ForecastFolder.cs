using FastRnn.Runner;

namespace FastRnn.Tests.Support;

/// <summary>A folder where the console program forecasts.</summary>
internal sealed class ForecastFolder : IDisposable
{
    public const string Model = "f.safetensors";

    public static readonly string Co2 = Path.Combine(Repository.Root, "tests", "data", "mauna-loa-co2.csv");

    public static readonly string Weather = Path.Combine(Repository.Root, "tests", "data", "seattle-weather.csv");

    public string Root { get; } = Directory.CreateTempSubdirectory("fastrnn-forecast-").FullName;

    public string[] Files => [.. Directory.GetFileSystemEntries(Root).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    public string At(string name) => Path.Combine(Root, name);

    /// <summary>Writes a table and tells where it is.</summary>
    public string Write(string text, string name = "table.csv")
    {
        File.WriteAllText(At(name), text);
        return At(name);
    }

    /// <summary>Runs the program's entry in this process.</summary>
    public static RunnerResult Run(params string[] arguments)
    {
        var (result, log) = (new StringWriter(), new StringWriter());
        int code = Cli.Run(arguments, new Output(result, log, terminal: false), CancellationToken.None);
        return new RunnerResult(code, result.ToString(), log.ToString());
    }

    /// <summary>Trains a small model; the given options replace its own.</summary>
    public RunnerResult Train(string data, params string[] options) => Run(TrainArguments(data, options));

    public string[] TrainArguments(string data, params string[] options)
    {
        string[] tiny =
        [
            "--out", At(Model), "--window", "12", "--cell", "gru", "--hidden", "8", "--layers", "1", "--batch", "32", "--epochs", "2",
            "--learning-rate", "0.01", "--threads", "1",
        ];
        var arguments = new List<string> { "train", "--task", "forecast", "--data", data };
        for (int i = 0; i < tiny.Length; i += 2)
        {
            if (!options.Contains(tiny[i]))
                arguments.AddRange([tiny[i], tiny[i + 1]]);
        }
        return [.. arguments, .. options];
    }

    public RunnerResult Use(string verb, string data, params string[] options) => Run([verb, "--model", At(Model), "--data", data, "--threads", "1", .. options]);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
