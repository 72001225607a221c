using System.Text;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Tuning;

/// <summary>Searches that cannot be: one line, an exit code, and no file touched.</summary>
public sealed class TuneErrorTests : IDisposable
{
    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("hiden=3..4", "unknown option '--hiden'; did you mean hidden?")]
    [InlineData("colour=3..4", "unknown option '--colour'; see fastrnn train --help")]
    [InlineData("out=a,b", "unknown option '--out'")]
    [InlineData("resume=true,false", "unknown option '--resume'")]
    [InlineData("help=true,false", "unknown option '--help'")]
    [InlineData("hidden", "expected NAME=LOW..HIGH")]
    [InlineData("hidden=", "expected NAME=LOW..HIGH")]
    [InlineData("=3..4", "expected NAME=LOW..HIGH")]
    [InlineData("hidden=8..8", "the range is empty")]
    [InlineData("hidden=9..8", "the range is empty")]
    [InlineData("learning-rate=0..1:log", "a logarithmic range from 0, expected one above 0")]
    [InlineData("clip-norm=-1..1:log", "a logarithmic range from -1")]
    [InlineData("hidden=0..8", "--hidden is '0', expected 1 to 65536")]
    [InlineData("hidden=8..70000", "--hidden is '70000', expected 1 to 65536")]
    [InlineData("hidden=1.5..8", "expected whole numbers")]
    [InlineData("learning-rate=0.5..8:int", "expected whole numbers")]
    [InlineData("hidden=8..many", "'many' is not a number")]
    [InlineData("hidden=..8", "'' is not a number")]
    [InlineData("hidden=8..NaN", "'NaN' is not a number")]
    [InlineData("learning-rate=1..1e999", "'1e999' is not a number")]
    [InlineData("hidden=8..16:lgo", "'lgo' after the range, expected log, int or")]
    [InlineData("hidden=8..16:0", "'0' after the range")]
    [InlineData("hidden=8:4..16", "expected LOW..HIGH before the first colon")]
    [InlineData("cell=lstm,lru", "--cell is 'lru', expected lstm or gru or rnn")]
    [InlineData("cell=lstm,,gru", "a value is empty")]
    [InlineData("cell=gru,lstm,gru", "the value 'gru' is given twice")]
    [InlineData("loss=mse,mae", "losses of trials with different --loss cannot be compared")]
    [InlineData("data=../a.txt,b.txt", "losses of trials with different --data cannot be compared")]
    [InlineData("validation-split=0.1..0.2", "losses of trials with different --validation-split cannot be compared")]
    [InlineData("class-weights=none,balanced", "losses of trials with different --class-weights cannot be compared")]
    [InlineData("quantiles=0.5", "losses of trials with different --quantiles cannot be compared")]
    [InlineData("cell=a..b", "'a' is not a number")]
    public void Spaces_that_make_no_sense_are_named(string space, string problem) =>
        Refused(ExitCodes.Usage, ["--space", space], [], $"--space '{space}': ", problem);

    [Fact]
    public void Options_that_contradict_each_other_are_named()
    {
        string[] hidden = ["--space", "hidden=4..8"];
        Refused(ExitCodes.Usage, [.. hidden, "--space", "hidden=8..9"], [], "--space 'hidden' is given twice");
        Refused(ExitCodes.Usage, hidden, ["--hidden", "8"], "--hidden is both in --space and fixed after --");
        Refused(ExitCodes.Usage, hidden, ["--out", "m"], "--out after --: every trial has its own; give it before --");
        Refused(ExitCodes.Usage, hidden, ["--resume"], "--resume after --");
        Refused(ExitCodes.Usage, hidden, ["--json"], "--json after --");
        Refused(ExitCodes.Usage, [.. hidden, "--trials", "0"], [], "--trials is '0', expected 1 to 100000");
        Refused(ExitCodes.Usage, [.. hidden, "--minutes", "0"], [], "--minutes is '0', expected above 0");
        Refused(ExitCodes.Usage, [.. hidden, "--minutes", "-1"], [], "--minutes is '-1', expected above 0");
        Refused(ExitCodes.Usage, [.. hidden, "--method", "luck"], [], "--method is 'luck', expected bayes or random or grid");
        Refused(ExitCodes.Usage, [.. hidden, "--trails", "3"], [], "unknown option '--trails'; did you mean --trials?");
        Refused(ExitCodes.Usage, [.. hidden, "--time-stepping", "3"], [], "unknown option '--time-stepping'; options of train follow after --");
        _folder.RunInside("tune", "--out", "o").Failed(ExitCodes.Usage, "--space", "required");
        _folder.RunInside("tune", "--space", "hidden=4..8").Failed(ExitCodes.Usage, "--out", "required");
    }

    /// <summary>The first trial shows what is wrong with all of them.</summary>
    [Fact]
    public void Training_that_cannot_be_ends_the_search()
    {
        string[] hidden = ["--space", "hidden=4..8"];
        Tune(hidden, ["--data", "none.txt"]).Failed(ExitCodes.BadInput, "trial 1 (hidden ", "none.txt: no such file");
        Tune(hidden, ["--epochz", "3"]).Failed(ExitCodes.Usage, "trial 1 (hidden ", "unknown option '--epochz'; did you mean --epochs?");
        Tune(hidden, ["--data", _folder.At(RunnerFolder.Data), "--validation-split", "0", "--batch", "4", "--epochs", "1"])
            .Failed(ExitCodes.BadInput, "no validation loss to search by");
        Assert.False(File.Exists(_folder.At("o/trials.jsonl")));
    }

    [Fact]
    public void Folder_must_be_one_and_hold_what_is_asked_for()
    {
        string[] hidden = ["--space", "hidden=4..8"];
        _folder.RunInside(["tune", .. hidden, "--out", RunnerFolder.Data]).Failed(ExitCodes.BadInput, "is a file, expected a folder");
        Refused(ExitCodes.BadInput, [.. hidden, "--resume"], [], "trials.jsonl: no trials to go on from");
        Journal("");
        Tune(hidden, []).Failed(ExitCodes.BadInput, "trials.jsonl: trials of a search are here; --resume goes on with it");
    }

    private const string Header = "{\"method\":\"bayes\",\"seed\":1,\"space\":[\"hidden=4..8\"],\"train\":[]}";

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("{\"method\":\"bayes\"", "line 1: ")]
    [InlineData("{\"method\":\"bayes\"}", "line 1: ")]
    [InlineData("{\"method\":\"grid\",\"seed\":1,\"space\":[],\"train\":[]}", "is of a search with --method grid, not bayes")]
    [InlineData("{\"method\":\"bayes\",\"seed\":2,\"space\":[],\"train\":[]}", "is of a search with --seed 2, not 1")]
    [InlineData("{\"method\":\"bayes\",\"seed\":1,\"space\":[\"hidden=4..9\"],\"train\":[]}", "is of a search with --space hidden=4..9, not hidden=4..8")]
    [InlineData("{\"method\":\"bayes\",\"seed\":1,\"space\":[\"hidden=4..8\"],\"train\":[\"--x\"]}", "is of a search with training with --x, not ")]
    [InlineData(Header + "\n{\"trial\":1", "line 2: ")]
    [InlineData(Header + "\n{\"trial\":2,\"status\":\"ok\",\"validation_loss\":1,\"seconds\":1,\"settings\":{\"hidden\":\"4\"}}", "line 2: trial 2, expected 1")]
    [InlineData(Header + "\n{\"trial\":1,\"status\":\"ok\",\"validation_loss\":null,\"seconds\":1,\"settings\":{\"hidden\":\"4\"}}", "line 2: status 'ok' without a loss")]
    [InlineData(Header + "\n{\"trial\":1,\"status\":\"odd\",\"validation_loss\":null,\"seconds\":1,\"settings\":{\"hidden\":\"4\"}}", "line 2: status 'odd'")]
    [InlineData(Header + "\n{\"trial\":1,\"status\":\"ok\",\"validation_loss\":1,\"seconds\":1,\"settings\":{}}", "line 2: no value of hidden")]
    [InlineData(Header + "\n{\"trial\":1,\"status\":\"ok\",\"validation_loss\":1,\"seconds\":1,\"settings\":{\"hidden\":\"x\"}}", "line 2: ")]
    [InlineData(Header + "\nnull", "line 2: ")]
    [InlineData(Header + "\n{\"trial\":1,\"status\":\"ok\",\"validation_loss\":1,\"seconds\":1,\"settings\":{\"hidden\":\"9\"}}", "line 2: hidden is '9', expected 4 to 8")]
    [InlineData(Header + "\n{\"trial\":1,\"status\":\"ok\",\"validation_loss\":1,\"seconds\":1,\"settings\":{\"hidden\":\"NaN\"}}", "line 2: hidden is 'NaN'")]
    public void Journal_that_is_damaged_or_of_another_search_is_refused(string text, string problem)
    {
        Journal(text);
        Tune(["--space", "hidden=4..8", "--resume"], []).Failed(ExitCodes.BadInput, "trials.jsonl", problem);
        Assert.Equal(text, File.ReadAllText(_folder.At("o/trials.jsonl")));
    }

    private void Journal(string text)
    {
        Directory.CreateDirectory(_folder.At("o"));
        File.WriteAllBytes(_folder.At("o/trials.jsonl"), Encoding.UTF8.GetBytes(text));
    }

    private RunnerResult Tune(string[] options, string[] train) => _folder.RunInside(["tune", .. options, "--out", _folder.At("o"), "--", .. train]);

    private void Refused(int code, string[] options, string[] train, params string[] parts) =>
        _folder.Unchanged(() => Tune(options, train).Failed(code, parts));
}
