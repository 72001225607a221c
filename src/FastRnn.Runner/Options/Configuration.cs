using System.CommandLine;
using System.Text.Json;
using FastRnn.Formats;
using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>
/// A file of options, <c>--config FILE.json</c>: one object whose keys are names of options without the dashes, with - or _ between words, and
/// whose values are texts, numbers, true or false; a list is for an option that may be given more than once. Comments and a last comma
/// are allowed. What the command line says wins. Two keys are not options: <c>run</c> tells of a run and is not read; an option in
/// <c>defaults</c> counts only where this program's own default is another.
/// </summary>
internal sealed class Configuration
{
    public const string Run = "run", Defaults = "defaults";

    private static readonly JsonReaderOptions _format = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    private readonly string _path;
    private readonly Command _command;
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly List<(Option Option, string[] Values)> _options = [];

    private Configuration(string path, Command command) => (_path, _command) = (path, command);

    /// <summary>The option of every verb that can have a configuration.</summary>
    public static Option<string?> Option() => CommonOptions.NotEmpty(
        new Option<string?>("--config") { Description = "Options from a JSON file; those on the command line win", HelpName = "FILE" });

    /// <summary>The command line with the options of its configuration, if it names one.</summary>
    /// <param name="arguments">The command line, from the verb on.</param>
    /// <param name="parsed">The same, parsed.</param>
    /// <exception cref="CliException">The file is missing or wrong; the message names the key.</exception>
    public static IReadOnlyList<string> Expand(IReadOnlyList<string> arguments, ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        if (command.Options.OfType<Option<string?>>().FirstOrDefault(option => option.Name == "--config") is not { } option
            || parsed.GetResult(option) is not { Implicit: false, Errors: var errors } || errors.Any()
            || parsed.GetValue(option) is not { } path)
        {
            return arguments;
        }
        var configuration = new Configuration(path, command);
        configuration.Read();
        IEnumerable<string> added = configuration._options
            .Where(item => parsed.GetResult(item.Option) is not { Implicit: false })
            .SelectMany(item => OptionText.Words(item.Option, item.Values));
        int verb = arguments.TakeWhile(word => word != command.Name).Count();
        return [.. arguments.Take(verb + 1), .. added, .. arguments.Skip(verb + 1)]; // not at the end, where -- may stand before
    }

    /// <summary>Whether a file was written by a run and not by a person.</summary>
    public static bool IsOfRun(string path)
    {
        JsonValue root = Parse(path);
        return root.Kind == JsonTokenType.StartObject && root.Known(Run) != null;
    }

    private static JsonValue Parse(string path)
    {
        RunFiles.RequireFile(path);
        try
        {
            return JsonValue.Parse(File.ReadAllBytes(path), _format, unique: false);
        }
        catch (JsonException e)
        {
            throw new CliException(ExitCodes.BadInput, $"{path}, line {e.LineNumber + 1}: not JSON: {e.Message}");
        }
        catch (InvalidOperationException e)
        {
            throw new CliException(ExitCodes.BadInput, $"{path}: not JSON: {e.Message}"); // half a surrogate pair
        }
    }

    private void Read()
    {
        JsonValue root = Parse(_path);
        if (root.Kind != JsonTokenType.StartObject)
            throw new CliException(ExitCodes.BadInput, $"{_path}: is {Shown(root)}, expected an object with an option for every key");
        foreach (JsonValue property in root.Inner)
        {
            if (property.Name == Defaults && property.Kind == JsonTokenType.StartObject)
            {
                foreach (JsonValue inner in property.Inner)
                    Add(inner, isDefault: true);
            }
            else if (property.Name != Run)
                Add(property, isDefault: false);
        }
    }

    private void Add(JsonValue property, bool isDefault)
    {
        string name = "--" + property.Name.Replace('_', '-');
        IEnumerable<Option> known = _command.Options.Where(option => option.Name != "--config" && option.Action == null);
        Option option = known.FirstOrDefault(option => option.Name == name) ?? throw Unknown(property.Name, name, known);
        if (!_seen.Add(name))
            throw Wrong(property.Name, "is given twice");
        string[] values = property.Kind == JsonTokenType.StartArray && option.Arity.MaximumNumberOfValues > 1
            ? [.. property.Inner.Select(value => Text(property.Name, option, value))]
            : [Text(property.Name, option, property)];
        if (isDefault && values.Length == 1 && values[0] == OptionText.Default(option))
            return;
        if (OptionText.Problem(_command, option, values) is { } problem)
            throw Wrong(property.Name, problem);
        _options.Add((option, values));
    }

    private CliException Unknown(string key, string name, IEnumerable<Option> known)
    {
        string? near = EditDistance.Nearest(name, known.Select(option => option.Name));
        return Wrong(key, "unknown option" + (near == null ? $"; see fastrnn {_command.Name} --help" : $"; did you mean {near[2..]}?"));
    }

    private string Text(string key, Option option, JsonValue value)
    {
        bool isSwitch = option.ValueType == typeof(bool);
        return value.Kind switch
        {
            JsonTokenType.True or JsonTokenType.False when isSwitch => value.Text,
            JsonTokenType.String or JsonTokenType.Number when !isSwitch => value.Text,
            _ => throw Wrong(key, $"is {Shown(value)}, expected {(isSwitch ? "true or false" : "a text or a number")}"),
        };
    }

    private CliException Wrong(string key, string problem) => new(ExitCodes.BadInput, $"{_path}, key '{key}': {problem}");

    private static string Shown(JsonValue value) => value.Kind switch
    {
        JsonTokenType.StartArray => "a list",
        JsonTokenType.StartObject => "an object",
        JsonTokenType.String => $"'{value.Text}'",
        _ => value.Text,
    };
}
