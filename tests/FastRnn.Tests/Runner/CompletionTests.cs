using System.Diagnostics;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>The scripts as their shells run them: what is proposed where.</summary>
public sealed class CompletionTests : IDisposable
{
    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Verbs => string.Join(' ', Cli.CreateRoot(new Output(TextWriter.Null, TextWriter.Null, false), CancellationToken.None).Subcommands.Select(verb => verb.Name));

    /// <summary>Command lines up to the cursor, with words divided as a shell divides them, and what can follow.</summary>
    public static TheoryData<string[], string> Places() => new()
    {
        { [""], Verbs },
        { ["tr"], "train" },
        { ["train", "--cell", ""], "gru lstm rnn" },
        { ["train", "--cell", "g"], "gru" },
        { ["train", "--hidden", "8", "--optimizer", "ad"], "adagrad adam adamw" },
        { ["train", "--recom"], "--recompute" },
        { ["train", "--recompute", "--weight-d"], "--weight-drop --weight-decay" },
        { ["train", "--hidden", ""], "" },
        { ["train", "--colour", "--see"], "--seed" },
        { ["train", "--data", "data"], "data.txt" },
        { ["info", "da"], "data.txt" },
        { ["info", "--js"], "--json" },
        { ["completion", "z"], "zsh" },
        { ["nothing", ""], "" },
        { ["tune", "--meth"], "--method" },
        { ["tune", "--method", "r"], "random" },
        { ["tune", "--out", "data"], "data.txt" },
        { ["tune", "--trials", "3", "--", "--cell", "l"], "lstm" },
        { ["tune", "--trials", "3", "--", "--recom"], "--recompute" },
    };

    [UnixTheory]
    [MemberData(nameof(Places))]
    public void Bash_proposes(string[] words, string expected)
    {
        string script = _folder.RunInside("completion", "bash").Succeeded().Output;
        string list = string.Join(' ', words.Select(word => $"'{word}'"));
        Check(expected, Shell("bash", $"{script}\nCOMP_WORDS=(fastrnn {list}); COMP_CWORD={words.Length}; _fastrnn\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\ncomplete -p fastrnn >&2"));
    }

    /// <summary>bash takes the joint of an option and its value for a word.</summary>
    [UnixTheory]
    [InlineData("--cell =", 3, "gru lstm rnn")]
    [InlineData("--cell = r", 4, "rnn")]
    public void Bash_proposes_after_a_joint(string words, int current, string expected)
    {
        string script = _folder.RunInside("completion", "bash").Output;
        Check(expected, Shell("bash", $"{script}\nCOMP_WORDS=(fastrnn train {words}); COMP_CWORD={current}; _fastrnn\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""));
    }

    /// <summary>Outside a completion, zsh has no such builtins: these stand for them and filter as they do.</summary>
    [ZshTheory]
    [MemberData(nameof(Places))]
    public void Zsh_proposes(string[] words, string expected)
    {
        const string Builtins = """
            compadd() { shift; local w; for w in "$@"; do [[ $w == ${words[CURRENT]}* ]] && print -r -- "$w"; done }
            _files() { print -rl -- ${words[CURRENT]}*(N) }
            compdef() { print -r -- "$@" >&2 }
            """;
        string script = _folder.RunInside("completion", "zsh").Succeeded().Output;
        string list = string.Join(' ', words.Select(word => $"'{word}'"));
        Check(expected, Shell("zsh", $"{Builtins}\n{script}\nwords=(fastrnn {list}); CURRENT={words.Length + 1}; _fastrnn"));
    }

    [Fact]
    public void PowerShell_script_names_every_verb_option_and_choice()
    {
        string script = _folder.RunInside("completion", "pwsh").Succeeded().Output;
        Assert.Contains("        'train --cell' = @('gru', 'lstm', 'rnn')\n", script, StringComparison.Ordinal);
        Assert.Contains("        'train --data' = @('*')\n", script, StringComparison.Ordinal);
        Assert.Contains("        'train --hidden' = @()\n", script, StringComparison.Ordinal);
        Assert.Contains("        '' = @('train', 'tune', 'eval', ", script, StringComparison.Ordinal);
        Assert.DoesNotContain("'train --recompute'", script, StringComparison.Ordinal);
        Assert.Equal(script.Count(c => c == '{'), script.Count(c => c == '}'));
    }

    [Fact]
    public void Unknown_shells_are_refused()
    {
        _folder.RunInside("completion", "fish").Failed(ExitCodes.Usage, "the shell is 'fish', expected bash or zsh or pwsh");
        _folder.RunInside("completion").Failed(ExitCodes.Usage, "shell");
    }

    private static void Check(string expected, string output) =>
        Assert.Equal(expected, string.Join(' ', output.Split('\n', StringSplitOptions.RemoveEmptyEntries)));

    private string Shell(string shell, string script)
    {
        _folder.Write("script", System.Text.Encoding.UTF8.GetBytes(script));
        var start = new ProcessStartInfo(shell, ["script"])
        {
            WorkingDirectory = _folder.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.Result);
        Assert.DoesNotContain("line ", error.Result, StringComparison.Ordinal); // how a shell begins its complaints
        return output;
    }
}
