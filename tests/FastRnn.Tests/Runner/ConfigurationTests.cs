using System.Text;
using System.Text.Json;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>Options from a file, and the file that every run leaves.</summary>
public sealed class ConfigurationTests : IDisposable
{
    private const string Config = "c.json", Written = RunnerFolder.Model + ".json";

    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void File_gives_the_same_run_as_the_command_line_and_the_command_line_wins()
    {
        Inside(RunnerFolder.TrainArguments("--weight-decay", "0.01")).Succeeded();
        byte[] expected = _folder.Read(RunnerFolder.Model);
        File.Delete(_folder.At(RunnerFolder.Model));
        Configure($$"""
            {
              // Words of a name may be joined either way.
              "data": {{Quoted(RunnerFolder.Data)}}, "out": {{Quoted(RunnerFolder.Model)}},
              "embedding": 4, "hidden": 3, "layers": "1", "batch": 4, "time-steps": 16, "recompute": true,
              "epochs": 2, "learning_rate": 1e-2, "threads": 1, "weight-decay": 0.01,
            }
            """);
        _folder.RunInside("train", "--config", Config, "--hidden", "8", "--recompute", "false").Succeeded();
        Assert.Equal(expected, _folder.Read(RunnerFolder.Model));
    }

    [Theory]
    [InlineData("--optimizer adamw", "weight-decay", "0.01")]
    [InlineData("--optimizer adamw --weight-decay 0", "weight-decay", "0")]
    [InlineData("--optimizer sgd --momentum 0.9 --schedule cosine --memory-limit 1GiB", "schedule-epochs", "2")]
    [InlineData("--recompute --seed 18446744073709551615", "recompute", "True")]
    public void Record_of_a_run_repeats_it(string options, string key, string value)
    {
        Inside(RunnerFolder.TrainArguments(options.Split(' '))).Succeeded();
        byte[] model = _folder.Read(RunnerFolder.Model);
        JsonElement record = JsonDocument.Parse(_folder.Read(Written)).RootElement;
        Assert.Equal(value, (record.TryGetProperty(key, out JsonElement given) ? given : record.GetProperty("defaults").GetProperty(key)).ToString());
        JsonElement run = record.GetProperty("run");
        Assert.Equal("version:String, seed:String, isa:String, threads:String, device:String, data-sha256:String", Json.Shape(run));
        Assert.Equal(64, run.GetProperty("data-sha256").GetString()!.Length);
        File.Delete(_folder.At(RunnerFolder.Model));
        _folder.RunInside("train", "--config", _folder.At(Written)).Succeeded();
        Assert.Equal(model, _folder.Read(RunnerFolder.Model));
    }

    /// <summary>Options of other tasks, and values that auto came to, are no obstacle.</summary>
    [Theory]
    [InlineData("forecast", "mauna-loa-co2.csv", "--target CO2 --missing interpolate --window 6 --season 12 --quantiles 0.1,0.5 --calendar day-of-year", "target CO2")]
    [InlineData("forecast", "seattle-weather.csv", "--target temp_max --window 4 --optimizer adamw", "target temp_max")]
    [InlineData("classify", "japanese-vowels/JapaneseVowels_TRAIN.ts", "--bidirectional --class-weights balanced", "class-weights balanced")]
    [InlineData("classify", "japanese-vowels/JapaneseVowels_TRAIN.ts", "--validation-data VALIDATION --batch 16", "batch 16")]
    public void Record_of_every_task_repeats_its_run(string task, string data, string options, string given)
    {
        string file = Path.Combine(Repository.Root, "tests", "data", data.Replace('/', Path.DirectorySeparatorChar));
        string[] line = ["train", "--task", task, "--data", file, "--out", _folder.At(RunnerFolder.Model), "--hidden", "4", "--layers", "1", "--epochs", "1", "--threads", "1"];
        string validation = Path.Combine(Path.GetDirectoryName(file)!, "JapaneseVowels_TEST.ts");
        Assert.Equal(ExitCodes.Ok, Inside([.. line, .. options.Split(' ').Select(word => word == "VALIDATION" ? validation : word)]).ExitCode);
        byte[] model = _folder.Read(RunnerFolder.Model);
        JsonElement record = JsonDocument.Parse(_folder.Read(Written)).RootElement;
        Assert.Equal(given.Split(' ')[1], record.GetProperty(given.Split(' ')[0]).ToString());
        Assert.False(record.GetProperty("defaults").TryGetProperty(task == "forecast" ? "bidirectional" : "window", out _));
        File.Delete(_folder.At(RunnerFolder.Model));
        Assert.Equal(ExitCodes.Ok, _folder.RunInside("train", "--config", _folder.At(Written)).ExitCode);
        Assert.Equal(model, _folder.Read(RunnerFolder.Model));
    }

    [Fact]
    public void Record_holds_every_option_that_is_a_setting_once()
    {
        Inside(RunnerFolder.TrainArguments()).Succeeded();
        JsonElement record = JsonDocument.Parse(_folder.Read(Written), new JsonDocumentOptions { AllowDuplicateProperties = false }).RootElement;
        IEnumerable<string> keys = record.EnumerateObject().Concat(record.GetProperty("defaults").EnumerateObject()).Select(property => property.Name);
        TaskKind[] kinds = TaskKinds.Create();
        IEnumerable<string> others = kinds.SelectMany(kind => kind.Options).Select(option => option.Name).Except(kinds.Single(kind => kind.Name == "char-lm").Options.Select(option => option.Name));
        IEnumerable<string> settings = TrainCommand.Create(new Output(TextWriter.Null, TextWriter.Null, false), CancellationToken.None).Options.Select(option => option.Name).Except(others);
        Assert.Equal(
            settings.Except(["--config", "--resume", "--json"]).Select(name => name[2..]).Concat(["defaults", "run"]).Order(StringComparer.Ordinal), keys.Order(StringComparer.Ordinal));
        Assert.Contains("time-steps", keys);
        Assert.DoesNotContain("window", keys);
        Assert.Equal(8, record.GetProperty("hidden").GetInt32());
        Assert.Equal(0.1, record.GetProperty("defaults").GetProperty("validation-split").GetDouble());
    }

    [Fact]
    public void Resumed_run_takes_its_options_from_the_record()
    {
        Inside(RunnerFolder.TrainArguments("--epochs", "3")).Succeeded();
        byte[] expected = _folder.Read(RunnerFolder.Model);
        Inside(RunnerFolder.TrainArguments()).Succeeded();
        _folder.RunInside("train", "--config", _folder.At(Written), "--resume", "--epochs", "3").Succeeded();
        Assert.Equal(expected, _folder.Read(RunnerFolder.Model));
    }

    [Fact]
    public void Defaults_of_another_version_are_kept()
    {
        Inside(RunnerFolder.TrainArguments()).Succeeded();
        string record = Encoding.UTF8.GetString(_folder.Read(Written));
        Configure(record.Replace("\"patience\": 0", "\"patience\": 7", StringComparison.Ordinal));
        _folder.RunInside("train", "--config", Config).Succeeded();
        Assert.Equal(7, JsonDocument.Parse(_folder.Read(Written)).RootElement.GetProperty("patience").GetInt32());
    }

    [Theory]
    [InlineData("{\"hiden\": 3}", "key 'hiden': unknown option; did you mean hidden?")]
    [InlineData("{\"defaults\": {\"learning_rat\": 3}}", "key 'learning_rat': unknown option; did you mean learning-rate?")]
    [InlineData("{\"colour\": 3}", "key 'colour': unknown option; see fastrnn train --help")]
    [InlineData("{\"config\": \"d.json\"}", "key 'config': unknown option")]
    [InlineData("{\"help\": true}", "key 'help': unknown option")]
    [InlineData("{\"hidden\": 0}", "key 'hidden': --hidden is '0', expected 1 to 65536")]
    [InlineData("{\"hidden\": 16.5}", "key 'hidden': --hidden is '16.5', expected 1 to 65536")]
    [InlineData("{\"hidden\": \"many\"}", "key 'hidden': --hidden is 'many', expected 1 to 65536")]
    [InlineData("{\"cell\": \"lru\"}", "key 'cell': --cell is 'lru', expected lstm or gru or rnn")]
    [InlineData("{\"learning_rate\": -1}", "key 'learning_rate': --learning-rate is '-1', expected a positive number")]
    [InlineData("{\"data\": \"\"}", "key 'data': --data is '', expected a file name")]
    [InlineData("{\"hidden\": true}", "key 'hidden': is true, expected a text or a number")]
    [InlineData("{\"hidden\": null}", "key 'hidden': is null, expected a text or a number")]
    [InlineData("{\"hidden\": [3]}", "key 'hidden': is a list, expected a text or a number")]
    [InlineData("{\"hidden\": {}}", "key 'hidden': is an object, expected a text or a number")]
    [InlineData("{\"recompute\": 1}", "key 'recompute': is 1, expected true or false")]
    [InlineData("{\"recompute\": \"yes\"}", "key 'recompute': is 'yes', expected true or false")]
    [InlineData("{\"hidden\": 3, \"hidden\": 4}", "key 'hidden': is given twice")]
    [InlineData("{\"time-steps\": 3, \"time_steps\": 3}", "key 'time_steps': is given twice")]
    [InlineData("{\"hidden\": 3, \"defaults\": {\"hidden\": 128}}", "key 'hidden': is given twice")]
    [InlineData("{\"defaults\": 3}", "key 'defaults': unknown option")]
    [InlineData("[1]", "is a list, expected an object")]
    [InlineData("{\"hidden\":\n 3", "line 2: not JSON")]
    [InlineData("", "line 1: not JSON")]
    public void Wrong_files_are_named_with_the_key(string text, string problem)
    {
        Configure(text);
        _folder.Unchanged(() => _folder.RunInside("train", "--data", RunnerFolder.Data, "--config", Config).Failed(ExitCodes.BadInput, Config, problem));
    }

    [Fact]
    public void Missing_file_and_missing_options_are_said()
    {
        _folder.RunInside("train", "--config", "none.json").Failed(ExitCodes.BadInput, "none.json: no such file");
        _folder.RunInside("train", "--data", RunnerFolder.Data, "--config", "").Failed(ExitCodes.Usage, "--config is '', expected a file name");
        Configure("{}");
        _folder.RunInside("train", "--config", Config).Failed(ExitCodes.Usage, "--data", "required");
        Configure("{\"data\": \"x\", \"momentum\": 0}");
        _folder.RunInside("train", "--config", Config).Failed(ExitCodes.Usage, "--momentum goes with --optimizer sgd or rmsprop");
    }

    [Fact]
    public void What_a_person_wrote_is_not_replaced_by_the_record()
    {
        _folder.Write(Written, "{\"hidden\": 8}"u8);
        string[] line = [.. RunnerFolder.TrainArguments(), "--config", _folder.At(Written)];
        _folder.Unchanged(() => Inside(line).Failed(ExitCodes.BadInput, "would be replaced by the record of the run"));
    }

    /// <summary>In this process, where the current directory is another.</summary>
    private RunnerResult Inside(string[] arguments) => _folder.RunInside(arguments.Select(word => word == RunnerFolder.Model ? _folder.At(word) : word).ToArray());

    private void Configure(string text) => _folder.Write(Config, Encoding.UTF8.GetBytes(text));

    private string Quoted(string name) => "\"" + JsonEncodedText.Encode(_folder.At(name)) + "\"";
}
