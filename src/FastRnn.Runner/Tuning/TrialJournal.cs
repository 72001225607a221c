using System.Globalization;
using System.Text;
using System.Text.Json;
using FastRnn.Formats;

namespace FastRnn.Runner;

/// <summary>A finished trial.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Status"><c>ok</c>, <c>diverged</c>, <c>memory</c>: it would not fit, or <c>failed</c>: the options do not go together.</param>
/// <param name="Loss">The best validation loss; null where there is none.</param>
/// <param name="Seconds">It took.</param>
/// <param name="Values">Of the parameters, in their order.</param>
internal sealed record Trial(int Number, string Status, double? Loss, double Seconds, IReadOnlyList<string> Values)
{
    public const string Ok = "ok", Diverged = "diverged", Memory = "memory", Failed = "failed";
}

/// <summary>What fixes the proposals of a search: one that goes on must have the same.</summary>
internal sealed record SearchHeader(string Method, ulong Seed, IReadOnlyList<string> Space, IReadOnlyList<string> Train) : IJsonRecord<SearchHeader>
{
    public void Write(JsonFields fields) => fields.Add(Method).Add(Seed).Add(Space).Add(Train);

    public static SearchHeader Read(JsonValue json) => json.Record(fields => new SearchHeader(
        fields.Required("method").String(),
        fields.Required("seed").UInt64(),
        fields.Required("space").List(item => item.String()),
        fields.Required("train").List(item => item.String())));
}

internal sealed record TrialLine(int Trial, string Status, double? ValidationLoss, double Seconds, IReadOnlyDictionary<string, string> Settings)
    : IJsonRecord<TrialLine>
{
    public void Write(JsonFields fields) => fields.Add(Trial).Add(Status).Add(ValidationLoss).Add(Seconds).Add(Settings);

    public static TrialLine Read(JsonValue json) => json.Record(fields => new TrialLine(
        fields.Required("trial").Int32(),
        fields.Required("status").String(),
        fields.RequiredOrNull("validation_loss")?.Double(),
        fields.Required("seconds").Double(),
        fields.Required("settings").Texts()));
}

/// <summary>
/// The finished trials in a file: a line of JSON for the search, then one for each trial. It is replaced as a whole after every trial, so a kill
/// loses the running trial at most.
/// </summary>
internal sealed class TrialJournal
{
    private readonly string _path;
    private readonly SearchHeader _header;
    private readonly IReadOnlyList<SearchParameter> _parameters;
    private readonly List<Trial> _trials = [];

    private TrialJournal(string path, SearchHeader header, IReadOnlyList<SearchParameter> parameters) => (_path, _header, _parameters) = (path, header, parameters);

    public IReadOnlyList<Trial> Trials => _trials;

    /// <summary>The trial with the lowest loss, the first of those.</summary>
    public Trial? Best => _trials.Where(trial => trial.Loss != null).MinBy(trial => trial.Loss);

    /// <summary>An empty one; there must be none yet.</summary>
    public static TrialJournal Start(string path, SearchHeader header, IReadOnlyList<SearchParameter> parameters)
    {
        if (File.Exists(path))
            throw new CliException(ExitCodes.BadInput, $"{path}: trials of a search are here; --resume goes on with it, another --out starts anew");
        return new TrialJournal(path, header, parameters);
    }

    /// <summary>That of a search that goes on.</summary>
    /// <exception cref="CliException">The file is missing, damaged, or of another search.</exception>
    public static TrialJournal Resume(string path, SearchHeader header, IReadOnlyList<SearchParameter> parameters)
    {
        RunFiles.RequireFile(path, "no trials to go on from");
        string[] lines = File.ReadAllLines(path);
        var journal = new TrialJournal(path, header, parameters);
        for (int i = 0; i < lines.Length; i++)
        {
            try
            {
                if (i == 0)
                    journal.RequireSame(SearchHeader.Read(StrictJson.Parse(lines[i])));
                else
                    journal._trials.Add(journal.Read(TrialLine.Read(StrictJson.Parse(lines[i])), i));
            }
            catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
            {
                throw new CliException(ExitCodes.BadInput, $"{path}, line {i + 1}: {StrictJson.Reason(e)}");
            }
        }
        return lines.Length > 0 ? journal : throw new CliException(ExitCodes.BadInput, $"{path}: is empty, expected trials");
    }

    public void Add(Trial trial)
    {
        _trials.Add(trial);
        var text = new StringBuilder(JsonFields.Text(_header)).Append('\n');
        foreach (Trial one in _trials)
        {
            var line = new TrialLine(one.Number, one.Status, one.Loss, one.Seconds, Settings(one));
            text.Append(JsonFields.Text(line)).Append('\n');
        }
        RunFiles.WriteText(_path, text.ToString());
    }

    /// <summary>The values of a trial by the names of its parameters.</summary>
    public IReadOnlyDictionary<string, string> Settings(Trial trial) =>
        _parameters.Select((parameter, i) => (parameter.Name, Value: trial.Values[i])).ToDictionary(item => item.Name, item => item.Value);

    private void RequireSame(SearchHeader other)
    {
        (string Name, string Here, string There)[] parts =
        [
            ("--method", _header.Method, other.Method),
            ("--seed", _header.Seed.ToString(CultureInfo.InvariantCulture), other.Seed.ToString(CultureInfo.InvariantCulture)),
            ("--space", string.Join(' ', _header.Space), string.Join(' ', other.Space)),
            ("training with", string.Join(' ', _header.Train), string.Join(' ', other.Train)),
        ];
        foreach ((string name, string here, string there) in parts)
        {
            if (here != there)
                throw new CliException(ExitCodes.BadInput, $"{_path}: is of a search with {name} {there}, not {here}");
        }
    }

    private Trial Read(TrialLine line, int number)
    {
        if (line.Trial != number)
            throw new FormatException($"trial {line.Trial}, expected {number}");
        if (line.Status is not (Trial.Ok or Trial.Diverged or Trial.Memory or Trial.Failed) || (line.Status == Trial.Ok) != (line.ValidationLoss != null))
            throw new FormatException($"status '{line.Status}' {(line.ValidationLoss == null ? "without" : "with")} a loss");
        string[] values = [.. _parameters.Select(parameter =>
            line.Settings.GetValueOrDefault(parameter.Name) ?? throw new FormatException($"no value of {parameter.Name}"))];
        for (int i = 0; i < values.Length; i++)
        {
            double place = _parameters[i].Place(values[i]), slack = 1e-9; // numbers come from text
            if (!_parameters[i].IsCategory && !(place >= -slack && place <= 1 + slack))
                throw new FormatException($"{_parameters[i].Name} is '{values[i]}', expected {_parameters[i].Extremes[0]} to {_parameters[i].Extremes[1]}");
        }
        return new Trial(number, line.Status, line.ValidationLoss, line.Seconds, values);
    }
}
