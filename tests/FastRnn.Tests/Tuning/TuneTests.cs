using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Tuning;

/// <summary>The verb tune over real trainings of a small model.</summary>
public sealed partial class TuneTests : IDisposable
{
    private const string Journal = "o/trials.jsonl";

    private static readonly string[] _space = ["--space", "hidden=4..16:log", "--space", "learning-rate=1e-3..1e-1:log", "--space", "cell=lstm,gru"];

    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Search_leaves_trials_a_picture_a_table_and_the_best_setting()
    {
        RunnerResult result = Tune([.. _space, "--trials", "8"]).Succeeded();
        string[] rows = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Matches("^trial +validation loss +seconds +hidden +learning-rate +cell$", rows[0]);
        (int Trial, double Loss)[] table = [.. rows[1..9].Select(row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(cells => (Int(cells[0]), Number(cells[1])))];
        Assert.Equal(table.OrderBy(row => row.Loss), table);
        Assert.Equal(Enumerable.Range(1, 8), table.Select(row => row.Trial).Order());
        Assert.Equal($"best: trial {table[0].Trial}, again with", rows[9]);
        XDocument picture = XDocument.Load(_folder.At("o/trials.svg"));
        Assert.Equal(4, picture.Descendants().Count(element => element.Name.LocalName == "g")); // a panel for the search and for each parameter
        Assert.Equal(4 * 8, picture.Descendants().Count(element => element.Name.LocalName == "circle"));

        // Both ways to the same model.
        byte[] best = _folder.Read($"o/trial-{table[0].Trial:000}.safetensors");
        _folder.RunInside([.. rows[10].Split(' ')[1..], "--out", _folder.At(RunnerFolder.Model)]).Succeeded();
        Assert.Equal(best, _folder.Read(RunnerFolder.Model));
        File.Delete(_folder.At(RunnerFolder.Model));
        JsonElement again = Json.Object(_folder.RunInside(
            "train", "--config", _folder.At("o/best.json"), "--out", _folder.At(RunnerFolder.Model), "--json").Succeeded().Output);
        Assert.Equal(best, _folder.Read(RunnerFolder.Model));
        Assert.Equal(table[0].Loss, again.GetProperty("best_validation_loss").GetDouble(), 1e-5);
    }

    [Fact]
    public void Json_tells_all_trials()
    {
        JsonElement result = Json.Object(Tune([.. _space, "--trials", "3", "--method", "random", "--seed", "9", "--json"]).Succeeded().Output);
        Assert.Equal(
            "method:String, seed:Number, folder:String, trials:Array, best_trial:Number, best_validation_loss:Number, best_settings:Object, command:String, interrupted:Boolean",
            Json.Shape(result));
        Assert.Equal(3, result.GetProperty("trials").GetArrayLength());
        JsonElement best = result.GetProperty("trials")[result.GetProperty("best_trial").GetInt32() - 1];
        Assert.Equal("trial:Number, status:String, validation_loss:Number, seconds:Number, settings:Object", Json.Shape(best));
        Assert.Equal("hidden:String, learning-rate:String, cell:String", Json.Shape(best.GetProperty("settings")));
        Assert.Equal(result.GetProperty("trials").EnumerateArray().Min(trial => trial.GetProperty("validation_loss").GetDouble()), result.GetProperty("best_validation_loss").GetDouble());
    }

    /// <summary>A rate far too high diverges, a network too large does not fit, an optimiser without momentum is refused: none ends the search.</summary>
    [Fact]
    public void Trials_that_fail_are_noted()
    {
        JsonElement result = Json.Object(Tune(["--method", "grid", "--space", "learning-rate=0.01,1e38", "--space", "optimizer=sgd,adam", "--space", "hidden=8,4096", "--json"],
            "--momentum", "0.5", "--memory-limit", "50MiB", "--clip-norm", "0", "--batch", "1").Succeeded().Output);
        Assert.Equal("ok memory failed failed diverged memory failed failed",
            string.Join(' ', result.GetProperty("trials").EnumerateArray().Select(trial => trial.GetProperty("status").GetString())));
        Assert.Equal(1, result.GetProperty("best_trial").GetInt32());
        Assert.Equal(8, XDocument.Load(_folder.At("o/trials.svg")).Descendants().Count(element => element.Name.LocalName == "circle") / 4);
    }

    [Fact]
    public void Search_without_any_loss_has_diverged() =>
        Tune(["--method", "grid", "--space", "hidden=8,9", "--trials", "2"], "--optimizer", "sgd", "--learning-rate", "1e38", "--clip-norm", "0", "--batch", "1")
            .Failed(ExitCodes.Diverged, "none of 2 trials has a loss: 2 diverged");

    [Fact]
    public void Budget_is_kept()
    {
        string[] grid = ["--method", "grid", "--space", "hidden=4,5,6"];
        Assert.Contains("all 3 settings are tried", Tune(grid).Succeeded().Error, StringComparison.Ordinal);
        Assert.Equal(4, Trials().Length);
        Directory.Delete(_folder.At("o"), recursive: true);
        Tune([.. grid, "--minutes", "1e-9"]).Succeeded();
        Assert.Equal(2, Trials().Length); // time is looked at before a trial
        Tune([.. grid, "--resume", "--trials", "2"]).Succeeded();
        Assert.Equal(3, Trials().Length);
    }

    [Fact]
    public void Options_come_from_configurations_of_both_verbs()
    {
        _folder.Write("tune.json", """{"space": ["hidden=4,5"], "method": "grid", "trials": 1}"""u8);
        _folder.Write("train.json", """{"recompute": true, "hidden": 3, "defaults": {"patience": 4}}"""u8);
        Tune(["--config", "tune.json"], "--config", "train.json").Succeeded();
        Assert.Equal(2, Trials().Length);
        JsonElement best = JsonDocument.Parse(_folder.Read("o/best.json")).RootElement;
        Assert.Equal(4, best.GetProperty("hidden").GetInt32());
        Assert.True(best.GetProperty("recompute").GetBoolean());
        Assert.Equal(4, best.GetProperty("patience").GetInt32());
        Assert.False(best.TryGetProperty("out", out _));
    }

    [Fact]
    public void Killed_search_goes_on_with_the_same_trials()
    {
        using (RunnerProcess process = Start([.. _space, "--trials", "1000"])) // far more than it comes to: it cannot end before the kill
        {
            process.WaitForError("trial 7/1000");
            process.Kill();
        }
        int done = Trials().Length - 1;
        Assert.InRange(done, 6, 900);
        string[] options = [.. _space, "--trials", $"{done + 2}"]; // the last two look at the others
        Tune([.. options, "--resume"]).Succeeded();
        string[] resumed = Trials();
        byte[] best = _folder.Read("o/best.json");
        Directory.Delete(_folder.At("o"), recursive: true);
        Tune(options).Succeeded();
        string[] expected = Trials();
        Assert.Equal(expected, resumed);
        Assert.Equal(_folder.Read("o/best.json"), best);
        File.WriteAllText(_folder.At("o/best.json"), "{}"); // as if the kill had come between the journal and this
        File.Delete(_folder.At("o/trials.svg"));
        Tune([.. options, "--resume"]).Succeeded();
        Assert.Equal(expected, Trials());
        Assert.Equal(best, _folder.Read("o/best.json"));
        Assert.True(File.Exists(_folder.At("o/trials.svg")));
    }

    [Fact]
    public void Folder_is_one_search_at_a_time()
    {
        Directory.CreateDirectory(_folder.At("o"));
        using (new FileStream(_folder.At("o/tune.lock"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None))
            Tune(["--space", "hidden=4,5"]).Failed(ExitCodes.BadInput, "another search is at work here");
        Tune(["--space", "hidden=4,5", "--trials", "1"]).Succeeded(); // what a killed one leaves is no obstacle
        Assert.False(File.Exists(_folder.At("o/tune.lock")));
    }

    [UnixFact]
    public void Interrupted_search_says_how_to_go_on()
    {
        string[] options = [.. _space, "--trials", "1000"];
        using RunnerProcess process = Start([.. options, "--json"]);
        process.WaitForError("trial 3/1000");
        process.Signal(RunnerProcess.Interrupt);
        RunnerResult result = process.Wait();
        Assert.Equal(ExitCodes.Interrupted, result.ExitCode);
        JsonElement told = Json.Object(result.Output);
        Assert.True(told.GetProperty("interrupted").GetBoolean());
        Assert.Equal(Trials().Length - 1, told.GetProperty("trials").GetArrayLength());
        Assert.Contains("--resume", result.Error, StringComparison.Ordinal);
        int done = Trials().Length - 1;
        Tune([.. _space, "--trials", $"{done + 1}", "--resume"]).Succeeded();
        Assert.Equal(done + 2, Trials().Length);
    }

    /// <summary>The journal's lines without what the clock says.</summary>
    private string[] Trials() => [.. File.ReadAllLines(_folder.At(Journal)).Select(line => Seconds().Replace(line, ""))];

    [GeneratedRegex("\"seconds\":[^,]*,")]
    private static partial Regex Seconds();

    private string[] Line(string[] options, string[] train)
    {
        string[] tiny = RunnerFolder.TrainArguments([.. train, "--out", ""])[1..];
        IEnumerable<string> own = options.Where((word, i) => i > 0 && options[i - 1] == "--space").Select(space => "--" + space.Split('=')[0]);
        return ["tune", .. options, "--out", _folder.At("o"), "--", .. Without(tiny, [.. own, "--out", .. train.Contains("--config") ? (string[])["--hidden"] : []])];
    }

    private static IEnumerable<string> Without(string[] words, IReadOnlyCollection<string> names) =>
        words.Where((word, i) => !names.Contains(word) && !(i > 0 && names.Contains(words[i - 1])));

    private RunnerResult Tune(string[] options, params string[] train) => _folder.RunInside(Line(options, train));

    private RunnerProcess Start(string[] options) =>
        RunnerProcess.Start(_folder.Root, Line(options, []).Select(word => word == RunnerFolder.Data ? _folder.At(word) : word));

    private static int Int(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static double Number(string text) => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
