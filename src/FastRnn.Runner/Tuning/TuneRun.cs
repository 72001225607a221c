using System.CommandLine;
using System.Diagnostics;
using System.Text;
using FastRnn.Formats;

namespace FastRnn.Runner;

/// <summary>Everything that decides a search.</summary>
internal sealed record TuneOptions
{
    /// <summary>What fixes the proposals.</summary>
    public required SearchHeader Header { get; init; }

    public required IReadOnlyList<SearchParameter> Parameters { get; init; }

    /// <summary>Most trials of all.</summary>
    public int Trials { get; init; }

    /// <summary>Most minutes of trials before the last one starts.</summary>
    public double Minutes { get; init; }

    public required string Folder { get; init; }

    public bool Resume { get; init; }
}

/// <summary>Trains with one setting after the other; each trial is the verb train in this process, with a model of its own.</summary>
internal sealed class TuneRun(TuneOptions options, Command training, Output output, CancellationToken cancellation)
{
    private readonly SearchSpace _space = new(options.Parameters);
    private TrialJournal _journal = null!;

    public int Run()
    {
        if (File.Exists(options.Folder))
            throw new CliException(ExitCodes.BadInput, $"{options.Folder}: is a file, expected a folder");
        string path = Path.Combine(options.Folder, "trials.jsonl");
        _journal = options.Resume
            ? TrialJournal.Resume(path, options.Header, options.Parameters)
            : TrialJournal.Start(path, options.Header, options.Parameters);
        Directory.CreateDirectory(options.Folder);
        using FileStream held = Hold();
        output.Log.WriteLine($"fastrnn {CommonOptions.Version}: {options.Header.Method} search, seed {options.Header.Seed}, {(options.Resume ? $"{_journal.Trials.Count} trials done" : options.Folder)}");
        var search = Search.Create(options.Header.Method, _space, options.Header.Seed);
        WriteFindings(); // a kill may have come between the journal and these
        bool interrupted = !Try(search);
        if (!interrupted && _journal.Best == null)
            throw new CliException(ExitCodes.Diverged, $"none of {_journal.Trials.Count} trials has a loss: {Statuses()}");
        new TuneReport(options, _journal, output).Write(interrupted);
        if (interrupted)
        {
            output.Log.WriteLine($"interrupted; {_journal.Trials.Count} finished trials are in {path}; go on with the same command and --resume before --");
            return ExitCodes.Interrupted;
        }
        return ExitCodes.Ok;
    }

    private string Statuses() =>
        string.Join(", ", _journal.Trials.GroupBy(trial => trial.Status).Select(group => $"{group.Count()} {group.Key}"));

    /// <summary>Trials to the end of the budget or the space; false when interrupted.</summary>
    private bool Try(Search search)
    {
        while (_journal.Trials.Count < options.Trials && _journal.Trials.Sum(trial => trial.Seconds) < 60 * options.Minutes)
        {
            if (cancellation.IsCancellationRequested)
                return false;
            if (search.Propose(_journal.Trials) is not { } values)
            {
                output.Log.WriteLine($"all {_journal.Trials.Count} settings are tried");
                return true;
            }
            if (Train(_journal.Trials.Count + 1, values) is not { } trial)
                return false;
            _journal.Add(trial);
            WriteFindings();
        }
        return true;
    }

    /// <summary>Keeps the folder for this search: another one would write over its trials.</summary>
    private FileStream Hold()
    {
        try
        {
            return new FileStream(Path.Combine(options.Folder, "tune.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.BadInput, $"{options.Folder}: another search is at work here, or the folder cannot be written: {e.Message}");
        }
    }

    /// <summary>What follows from the journal: the picture and the best setting.</summary>
    private void WriteFindings()
    {
        if (_journal.Trials.Count > 0)
            TunePlot.Write(Path.Combine(options.Folder, "trials.svg"), options.Parameters, _journal.Trials);
        if (_journal.Best is { } best)
            WriteBest(best.Values);
    }

    /// <summary>The command line of a trial, but for where it goes.</summary>
    private IReadOnlyList<string> Words(IReadOnlyList<string> values) =>
        ["train", .. options.Header.Train, .. options.Parameters.Zip(values, (parameter, value) => $"--{parameter.Name}={value}")];

    /// <summary>The settings of a trial as a configuration, which needs no other.</summary>
    private void WriteBest(IReadOnlyList<string> values)
    {
        IReadOnlyList<string> words = Words(values);
        words = Configuration.Expand(words, Parse(words));
        EffectiveConfiguration.WriteGiven(Path.Combine(options.Folder, "best.json"), Parse(words), "--out");

        ParseResult Parse(IReadOnlyList<string> line) => training.Parse([.. line.Skip(1)], Cli.Parsing);
    }

    /// <summary>One training; null when interrupted.</summary>
    private Trial? Train(int number, string[] values)
    {
        string shown = string.Join(", ", options.Parameters.Zip(values, (parameter, value) => $"{parameter.Name} {value}"));
        output.Log.WriteLine($"trial {number}{(options.Trials == int.MaxValue ? "" : $"/{options.Trials}")}: {shown}");
        var (result, log) = (new StringWriter(), new StringWriter());
        long start = Stopwatch.GetTimestamp();
        string model = Path.Combine(options.Folder, $"trial-{number:000}.safetensors");
        int code = Cli.Run([.. Words(values), $"--out={model}", "--json"], new Output(result, log, terminal: false), cancellation);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (code == ExitCodes.Interrupted)
            return null;
        string problem = log.ToString().TrimEnd().Split('\n')[^1].Trim();
        string status = code switch { ExitCodes.Ok => Trial.Ok, ExitCodes.Diverged => Trial.Diverged, ExitCodes.OutOfMemory => Trial.Memory, _ => Trial.Failed };
        // Where no trial has worked yet, or the device fails, it is not the setting that is wrong.
        if (status == Trial.Failed && (_journal.Best == null || code == ExitCodes.Device))
            throw new CliException(code, $"trial {number} ({shown}): {problem.Replace("fastrnn: error: ", "", StringComparison.Ordinal)}");
        double? loss = status == Trial.Ok ? LossOf(result.ToString()) : null;
        output.Log.WriteLine(loss is { } value
            ? FormattableString.Invariant($"  validation loss {value:G6}, {seconds:F1} s{(_journal.Best is { Loss: var best } && best <= value ? "" : " (best)")}")
            : $"  {status}: {problem.Replace("fastrnn: error: ", "", StringComparison.Ordinal)}");
        return new Trial(number, status, loss, seconds, values);
    }

    private static double LossOf(string result)
    {
        JsonValue fields = JsonValue.Parse(Encoding.UTF8.GetBytes(result), default, unique: false);
        return fields.RequiredOrNull("best_validation_loss")?.Double()
            ?? throw new CliException(ExitCodes.BadInput, "the training has no validation loss to search by; it needs validation data");
    }
}
