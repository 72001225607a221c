using System.CommandLine;
using System.CommandLine.Completions;

namespace FastRnn.Runner;

/// <summary>What can stand at a place of the command line: some words, a file, or – with neither – what only the user knows.</summary>
/// <param name="Words">To choose from.</param>
/// <param name="Files">Whether it may be the name of a file.</param>
internal sealed record Expected(IReadOnlyList<string> Words, bool Files);

/// <summary>What can stand where, read from the tree of commands; every shell's script is this table in its language.</summary>
internal sealed class CompletionTable
{
    public CompletionTable(Command root)
    {
        Verbs = [.. root.Subcommands.Select(verb => verb.Name)];
        foreach (Command verb in root.Subcommands)
        {
            ByVerb[verb.Name] = new Expected(
                [.. verb.Options.Select(option => option.Name), .. verb.Arguments.SelectMany(argument => Choices(argument, argument.ValueType))],
                verb.Arguments.Any(argument => IsFile(argument.HelpName ?? argument.Name.ToUpperInvariant())));
            foreach (Option option in verb.Options.Where(option => option.ValueType != typeof(bool) && option.Action == null))
                ByOption.Add((verb.Name, option.Name, new Expected(Choices(option, option.ValueType), IsFile(option.HelpName))));
        }
    }

    public IReadOnlyList<string> Verbs { get; }

    /// <summary>After a verb, where no option waits for its value.</summary>
    public Dictionary<string, Expected> ByVerb { get; } = [];

    /// <summary>After an option that takes a value.</summary>
    public List<(string Verb, string Option, Expected Value)> ByOption { get; } = [];

    /// <summary>The same by what can stand there, so that a script says it once.</summary>
    public IEnumerable<(string[] Places, Expected Value)> Groups() =>
        ByOption.GroupBy(item => (string.Join(' ', item.Value.Words), item.Value.Files))
            .Select(group => (group.Select(item => $"{item.Verb} {item.Option}").ToArray(), group.First().Value));

    private static string[] Choices(Symbol symbol, Type type) =>
        type == typeof(bool) ? [] : [.. symbol.GetCompletions(CompletionContext.Empty).Select(item => item.Label).Where(label => label.Length > 0)];

    /// <summary>The help's word for a value tells: all options of files have one of these.</summary>
    private static bool IsFile(string? helpName) => helpName is "FILE" or "MODEL" or "FOLDER";
}
