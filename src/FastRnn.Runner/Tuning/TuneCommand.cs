using System.CommandLine;
using System.CommandLine.Parsing;
using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>fastrnn tune</summary>
internal static class TuneCommand
{
    private static readonly string[] _own = ["--out", "--resume", "--json"];

    public static Command Create(Output output, CancellationToken cancellation)
    {
        var space = new Option<string[]>("--space")
        {
            Description = "An option of train to vary: NAME=LOW..HIGH, then :log for a logarithmic scale, :int for whole numbers, :N for the steps of a grid (5); "
                + "or NAME=VALUE,VALUE. Once for each option",
            HelpName = "NAME=VALUES",
            Required = true,
        };
        Option<string> method = CommonOptions.Choice("--method", "bayes", "How to search", Search.Methods);
        Option<int> trials = CommonOptions.Number("--trials", 20, 1, 100_000, "Trainings to make; with --minutes, or of a grid, as many as there can be unless given");
        Option<double> minutes = CommonOptions.Real("--minutes", 0, x => x > 0, "above 0", "Start no training after so many minutes of trials; 0, unless given, is any");
        Option<ulong> seed = CommonOptions.Seed();
        Option<string> folder = CommonOptions.NotEmpty(
            new Option<string>("--out") { Description = "Folder for the trials and their models", HelpName = "FOLDER", Required = true });
        var resume = new Option<bool>("--resume") { Description = "Go on with the search in the folder, as if never stopped; --trials may be raised" };
        Option<string?> config = Configuration.Option();
        Option<bool> json = CommonOptions.Json();
        var train = new Argument<string[]>("train-options") { Description = "After --: options of train for every trial", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("tune", "Search the options of train for the lowest validation loss, which must count the same in every trial: "
            + "so --loss, --scale, --target or --data cannot be varied. Ctrl-C ends; --resume goes on.")
        {
            space, method, trials, minutes, seed, folder, resume, config, json, train,
        };
        command.SetAction(parsed =>
        {
            RequireJoint(parsed, train);
            output.Json = parsed.GetValue(json);
            Command training = TrainCommand.Create(output, cancellation);
            string[] given = parsed.GetValue(train) ?? [], texts = parsed.GetRequiredValue(space);
            SearchParameter[] parameters = ReadSpace(texts, training, given);
            bool open = parsed.GetResult(trials) is not { Implicit: false } && (parsed.GetValue(minutes) > 0 || parsed.GetValue(method) == "grid");
            var options = new TuneOptions
            {
                Header = new SearchHeader(parsed.GetRequiredValue(method), parsed.GetValue(seed), texts, given),
                Parameters = parameters,
                Trials = open ? int.MaxValue : parsed.GetValue(trials),
                Minutes = parsed.GetValue(minutes) is > 0 and var most ? most : double.PositiveInfinity,
                Folder = parsed.GetRequiredValue(folder),
                Resume = parsed.GetValue(resume),
            };
            return new TuneRun(options, training, output, cancellation).Run();
        });
        return command;
    }

    /// <summary>A mistyped option must not pass for one of train.</summary>
    private static void RequireJoint(ParseResult parsed, Argument<string[]> train)
    {
        int after = parsed.Tokens.SkipWhile(token => token.Type != TokenType.DoubleDash).Skip(1).Count();
        string[] given = parsed.GetValue(train) ?? [];
        if (given.Length <= after)
            return;
        string? near = EditDistance.Nearest(given[0], parsed.CommandResult.Command.Options.Select(option => option.Name));
        throw new CliException(
            ExitCodes.Usage, $"unknown option '{given[0]}'; " + (near == null ? "options of train follow after --" : $"did you mean {near}?"));
    }

    private static SearchParameter[] ReadSpace(string[] texts, Command training, string[] given)
    {
        SearchParameter[] parameters = [.. texts.Select(text => ParameterText.Read(text, training))];
        if (parameters.GroupBy(parameter => parameter.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new CliException(ExitCodes.Usage, $"--space '{twice.Key}' is given twice");
        ParseResult alone = training.Parse(given, Cli.Parsing);
        foreach (Option option in training.Options.Where(option => alone.GetResult(option) is { Implicit: false }))
        {
            if (_own.Contains(option.Name))
                throw new CliException(ExitCodes.Usage, $"{option.Name} after --: every trial has its own; give it before --");
            if (parameters.Any(parameter => "--" + parameter.Name == option.Name))
                throw new CliException(ExitCodes.Usage, $"{option.Name} is both in --space and fixed after --");
        }
        return parameters;
    }
}
