using System.CommandLine;

namespace FastRnn.Runner;

/// <summary>fastrnn completion</summary>
internal static class CompletionCommand
{
    public static Command Create(Output output)
    {
        var shell = new Argument<string>("shell") { Description = "The shell: " + string.Join(", ", CompletionScripts.Shells) };
        shell.CompletionSources.Add(CompletionScripts.Shells);
        shell.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !CompletionScripts.Shells.Contains(result.Tokens[0].Value))
                result.AddError($"the shell is '{result.Tokens[0].Value}', expected {string.Join(" or ", CompletionScripts.Shells)}");
        });
        var command = new Command("completion", "A script that makes a shell complete verbs, options and their values: source <(fastrnn completion bash)") { shell };
        command.SetAction(parsed =>
        {
            output.Result.Write(CompletionScripts.For(parsed.GetRequiredValue(shell), new CompletionTable(parsed.RootCommandResult.Command)).ReplaceLineEndings("\n"));
            return ExitCodes.Ok;
        });
        return command;
    }
}
