using System.CommandLine;

namespace FastRnn.Runner;

/// <summary>
/// A value of <c>--task</c>: the options that only some tasks have, and how to make the task from them. An option that several tasks have is one
/// object, handed to all of them.
/// </summary>
internal abstract class TaskKind
{
    /// <summary>As <c>--task</c> names it.</summary>
    public abstract string Name { get; }

    /// <summary>What it learns, in a few words for the help.</summary>
    public abstract string Summary { get; }

    /// <summary>The options that this task knows beside those that every training has.</summary>
    public abstract IReadOnlyList<Option> Options { get; }

    /// <summary>Reads and checks the data.</summary>
    /// <exception cref="CliException">The options do not go together, or not with the data.</exception>
    public abstract TrainingTask Create(ParseResult parsed, TrainOptions options, Output output);

    /// <summary>Refuses options that other tasks have and this one does not.</summary>
    public void CheckOptions(ParseResult parsed, IReadOnlyList<TaskKind> all)
    {
        foreach (Option option in all.SelectMany(kind => kind.Options).Except(Options))
        {
            if (parsed.GetResult(option) is { Implicit: false })
            {
                string tasks = string.Join(" or ", all.Where(kind => kind.Options.Contains(option)).Select(kind => kind.Name));
                throw new CliException(ExitCodes.Usage, $"{option.Name} goes with --task {tasks}, not with {Name}");
            }
        }
    }
}

/// <summary>Options that more than one task has.</summary>
internal sealed class SharedOptions
{
    public Option<int> Embedding { get; } = CommonOptions.Number("--embedding", 64, 1, 65_536, "Width of the vectors that stand for symbols");

    public Option<double> ValidationSplit { get; } =
        CommonOptions.Real("--validation-split", 0.1, x => x is >= 0 and < 1, "0 to below 1", "Share of the data kept for validation");
}
