using System.CommandLine;

namespace FastRnn.Runner;

/// <summary>
/// A value of <c>--task</c>: the options that only some tasks have, how to make the task from them, and how to use a trained model. An option that
/// several tasks have is one object, handed to all of them.
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

    /// <summary>Options of <c>eval</c> beside those that all tasks have.</summary>
    public virtual IReadOnlyList<Option> EvalOptions => [];

    /// <summary>Measures a model of this task on data and prints the figures.</summary>
    public abstract void Evaluate(ModelUse use, string data);

    /// <summary>Options of <c>predict</c> beside those that all tasks have.</summary>
    public virtual IReadOnlyList<Option> PredictOptions => [];

    /// <summary>Prints what a model of this task says to data; null: to standard input, answer by answer.</summary>
    public abstract void Predict(ModelUse use, string? data);
}

/// <summary>The tasks there are.</summary>
internal static class TaskKinds
{
    /// <summary>New ones, with options that no other command has: a command of its own needs options of its own.</summary>
    public static TaskKind[] Create()
    {
        var shared = new SharedOptions();
        var sequence = new SequenceOptions();
        return [new CharLmKind(shared), new ClassifyKind(shared, sequence), new TagKind(shared, sequence), new ForecastKind()];
    }

    /// <summary>Adds the options that only some tasks have to a verb; the help says which.</summary>
    public static void AddOptions(Command command, IReadOnlyList<TaskKind> kinds, Func<TaskKind, IReadOnlyList<Option>> options)
    {
        foreach (Option option in kinds.SelectMany(options).Distinct())
        {
            string tasks = string.Join(", ", kinds.Where(kind => options(kind).Contains(option)).Select(kind => kind.Name));
            option.Description = $"({tasks}) {option.Description}";
            command.Options.Add(option);
        }
    }

    /// <summary>Refuses options that other tasks have and this one does not.</summary>
    public static void CheckOptions(ParseResult parsed, TaskKind kind, IReadOnlyList<TaskKind> all, Func<TaskKind, IReadOnlyList<Option>> options)
    {
        foreach (Option option in all.SelectMany(options).Except(options(kind)))
        {
            if (parsed.GetResult(option) is { Implicit: false })
            {
                string tasks = string.Join(" or ", all.Where(other => options(other).Contains(option)).Select(other => other.Name));
                throw new CliException(ExitCodes.Usage, $"{option.Name} goes with the task {tasks}, not with {kind.Name}");
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
