using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Runner;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>A folder of its own with a small text, where the console program runs. Two epochs take some hundredths of a second.</summary>
internal sealed class RunnerFolder : IDisposable
{
    public const string Data = "data.txt", Model = "m.safetensors", Checkpoint = Model + ".checkpoint", Log = Model + ".csv", Plot = Model + ".svg",
        Page = Model + ".html";

    /// <summary>Characters of the text.</summary>
    public const int Characters = 3000;

    private static readonly string[] _tiny =
    [
        "--data", Data, "--out", Model, "--embedding", "4", "--hidden", "8", "--layers", "1", "--batch", "4", "--time-steps", "16",
        "--epochs", "2", "--learning-rate", "0.01", "--threads", "1",
    ];

    /// <summary>The files of one training with these settings, made once.</summary>
    private static readonly Lazy<Dictionary<string, byte[]>> _trained = new(() =>
    {
        using var folder = new RunnerFolder();
        folder.Train().Succeeded();
        return folder.Files.ToDictionary(name => name, folder.Read);
    });

    public RunnerFolder() => File.WriteAllText(At(Data), File.ReadAllText(Repository.Shakespeare)[..Characters]);

    public string Root { get; } = Directory.CreateTempSubdirectory("fastrnn-runner-").FullName;

    public string Text => File.ReadAllText(At(Data));

    /// <summary>Names of all files, sorted.</summary>
    public string[] Files => [.. Directory.GetFileSystemEntries(Root).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    /// <summary>A folder in which a model was trained.</summary>
    public static RunnerFolder Trained()
    {
        var folder = new RunnerFolder();
        foreach ((string name, byte[] bytes) in _trained.Value)
            folder.Write(name, bytes);
        return folder;
    }

    public string At(string name) => Path.Combine(Root, name);

    public byte[] Read(string name) => File.ReadAllBytes(At(name));

    public void Write(string name, ReadOnlySpan<byte> bytes) => File.WriteAllBytes(At(name), bytes);

    /// <summary>Runs the program to its end.</summary>
    public RunnerResult Run(params string[] arguments) => Run(arguments, null);

    public RunnerResult Run(string[] arguments, IReadOnlyDictionary<string, string>? environment, string? shell = null)
    {
        using var process = RunnerProcess.Start(Root, arguments, environment, shell);
        return process.Wait();
    }

    /// <summary>
    /// Runs the program's entry in this process, a hundred times faster than a process of its own, for the cases of which there are many.
    /// Files are named with their folder, because the current directory is another.
    /// </summary>
    public RunnerResult RunInside(params string[] arguments)
    {
        var (result, log) = (new StringWriter(), new StringWriter());
        string[] absolute = [.. arguments.Select(word => word == Model || (word.Length > 0 && Path.Exists(At(word))) ? At(word) : word)];
        int code = Cli.Run(absolute, new Output(result, log, terminal: false), CancellationToken.None);
        return new RunnerResult(code, result.ToString(), log.ToString());
    }

    /// <summary>Trains the small model; the given options replace its own.</summary>
    public RunnerResult Train(params string[] options) => Run(TrainArguments(options));

    public RunnerProcess StartTraining(params string[] options) => RunnerProcess.Start(Root, TrainArguments(options));

    public static string[] TrainArguments(params string[] options)
    {
        var arguments = new List<string> { "train" };
        for (int i = 0; i < _tiny.Length; i += 2)
        {
            if (!options.Contains(_tiny[i]))
                arguments.AddRange([_tiny[i], _tiny[i + 1]]);
        }
        return [.. arguments, .. options];
    }

    /// <summary>Runs something after which every file must be there with the bytes it had, and no other.</summary>
    public void Unchanged(Action action)
    {
        var before = Files.Where(name => File.Exists(At(name))).ToDictionary(name => name, Read);
        string[] names = Files;
        action();
        Assert.Equal(names, Files);
        foreach ((string name, byte[] bytes) in before)
            Assert.True(bytes.AsSpan().SequenceEqual(Read(name)), $"{name} was changed");
    }

    /// <summary>The model as the library reads it; it may be used until the back end is disposed.</summary>
    public (Sequential Model, ModelInfo Info) Load(Backend backend) => ModelFile.Load(At(Model), backend);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
