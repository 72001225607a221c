using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary><c>--task classify</c>: texts, series and sounds from training to predictions.</summary>
public sealed class ClassifyTests : IDisposable
{
    private const string Texts = "texts.tsv", Series = "series.ts", Header = "@timeStamps false\n@classLabel true up down\n@data\n";

    private static readonly string[] _small =
        ["--hidden", "8", "--layers", "1", "--batch", "8", "--epochs", "12", "--learning-rate", "0.02", "--threads", "1", "--out", RunnerFolder.Model];

    private readonly RunnerFolder _folder = new();

    public ClassifyTests()
    {
        string[] good = ["nice", "fine", "happy"], bad = ["awful", "sad", "poor"], things = ["day", "Film", "42", "meal"];
        WriteText(Texts, string.Concat(things.SelectMany(thing => good.Select(word => $"good\ta {word} {thing}\n").Concat(bad.Select(word => $"bad\ta {word} {thing}\n")))));
        WriteText(Series, Header + string.Concat(Enumerable.Range(0, 20).Select(i => $"{Ramp(i, 1)}:{Ramp(i, 0)}:up\n{Ramp(i, -1)}:{Ramp(i, 0)}:down\n")));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("word", false)]
    [InlineData("char", true)]
    public void Texts_are_learnt_and_what_eval_says_is_what_predict_answers(string level, bool bidirectional)
    {
        JsonElement trained = Json(Train(Texts, ["--test-data", Texts, "--level", level, "--json", .. bidirectional ? ["--bidirectional"] : Array.Empty<string>()]));
        Assert.Equal("classify", trained.GetProperty("task").GetString());
        double accuracy = trained.GetProperty("test").GetProperty("accuracy").GetDouble();
        Assert.InRange(accuracy, 0.9, 1);

        JsonElement measured = Json(Use("eval", Texts, "--json", "--top-k", "2"));
        Assert.Equal(accuracy, measured.GetProperty("accuracy").GetDouble());
        Assert.Equal(trained.GetProperty("test").GetProperty("loss").GetDouble(), measured.GetProperty("loss").GetDouble());
        Assert.Equal(1, measured.GetProperty("top_k_accuracy").GetDouble());
        Assert.Equal(["bad", "good"], measured.GetProperty("classes").EnumerateArray().Select(one => one.GetProperty("class").GetString()));

        string[] lines = File.ReadAllLines(_folder.At(Texts));
        File.WriteAllLines(_folder.At("lines.txt"), lines.Select(line => line.Split('\t')[1]));
        JsonElement[] answers = [.. Use("predict", "lines.txt", "--json").Output.Trim().Split('\n').Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(accuracy, lines.Zip(answers).Count(pair => pair.First.StartsWith(pair.Second.GetProperty("label").GetString()!, StringComparison.Ordinal)) / 24.0);
        double loss = lines.Zip(answers).Sum(pair => -Math.Log(
            pair.First.StartsWith(pair.Second.GetProperty("label").GetString()!, StringComparison.Ordinal) ? Probability(pair.Second) : 1 - Probability(pair.Second))) / 24;
        Assert.Equal(loss, measured.GetProperty("loss").GetDouble(), 1e-6);
        Assert.All(answers, answer => Assert.InRange(Probability(answer), 0.5, 1));
        Assert.Equal("a nice day", answers[0].GetProperty("source").GetString());

        static double Probability(JsonElement answer) => answer.GetProperty("probability").GetDouble();
    }

    [Fact]
    public void Lines_are_answered_as_they_come()
    {
        Train(Texts, []);
        using var process = RunnerProcess.Start(_folder.Root, ["predict", "--model", RunnerFolder.Model]);
        process.Send("a happy Film\n");
        process.WaitForLines(1);
        process.Send("\nneverheard 😀\n");
        process.WaitForLines(3);
        process.EndInput();
        string[] answers = process.Wait().Succeeded().Output.Split('\n');
        Assert.Matches("^good\t0\\.\\d{4}$", answers[0]);
        Assert.Equal("", answers[1]);
        Assert.Matches("^(good|bad)\t[01]\\.\\d{4}$", answers[2]);
    }

    [Fact]
    public void Folder_has_a_class_a_file_and_every_nth_of_each_is_for_the_test()
    {
        string names = Path.Combine(Repository.Root, "tests", "data", "names");
        Directory.CreateDirectory(_folder.At("names"));
        foreach (string name in (string[])["Japanese", "Greek"]) // 991 and 203 names
            File.Copy(Path.Combine(names, name + ".txt"), _folder.At($"names/{name}.txt"));
        RunnerResult result = Train("names", ["--level", "char", "--test-every", "5", "--epochs", "2"]);
        Assert.Contains("names: 859 samples for training, 95 for validation, 240 for the test, 2 classes, ", result.Error, StringComparison.Ordinal);
        Assert.Contains("test accuracy 0.9", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Speakers_of_the_japanese_vowels_are_told_apart()
    {
        string data = Path.Combine(Repository.Root, "tests", "data", "japanese-vowels", "JapaneseVowels_");
        JsonElement result = Json(Train(
            data + "TRAIN.ts", ["--test-data", data + "TEST.ts", "--hidden", "32", "--bidirectional", "--validation-split", "0", "--epochs", "8", "--json"]));
        Assert.InRange(result.GetProperty("test").GetProperty("accuracy").GetDouble(), 0.9, 1);
        Assert.Equal(JsonValueKind.Null, result.GetProperty("best_validation_loss").ValueKind);
    }

    [Fact]
    public void Series_are_predicted_from_files_and_from_lines()
    {
        Train(Series, ["--epochs", "20"]);
        string[] answers = Use("predict", Series).Output.Trim().Split('\n');
        Assert.Equal(40, answers.Length);
        Assert.Equal(["up", "down"], answers.Take(2).Select(answer => answer.Split('\t')[0]));
        WriteText("lines.txt", $"{Ramp(3, -1)}:{Ramp(3, 0)}\n");
        Assert.StartsWith("down\t", Use("predict", "lines.txt").Output, StringComparison.Ordinal);
        Assert.Contains("accuracy 100.00 % (40 of 40)", Use("eval", Series).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Sounds_are_learnt_from_folders_and_predicted_from_files()
    {
        Directory.CreateDirectory(_folder.At("sounds"));
        for (int i = 0; i < 12; i++)
            _folder.Write($"sounds/{(i % 2 == 0 ? "low" : "high")}_{i}.wav", Tone(i % 2 == 0 ? 300 + (10 * i) : 1500 + (10 * i), 8000));
        Train("sounds", ["--mel-bands", "12", "--audio-window", "32", "--audio-hop", "20", "--validation-split", "0.2"]);
        Assert.Contains("accuracy 100.00 % (12 of 12)", Use("eval", "sounds").Output, StringComparison.Ordinal);
        Assert.StartsWith("high\t", Use("predict", "sounds/high_7.wav").Output, StringComparison.Ordinal);
        JsonElement answer = JsonDocument.Parse(Use("predict", "sounds", "--json").Output.Split('\n')[0]).RootElement;
        Assert.Equal((_folder.At("sounds/high_1.wav"), "high"), (answer.GetProperty("source").GetString(), answer.GetProperty("label").GetString()));

        Directory.CreateDirectory(_folder.At("new"));
        _folder.Write("new/b.wav", Tone(1505, 8000));
        _folder.Write("new/a.wav", Tone(305, 8000));
        Assert.Equal(["low", "high"], Use("predict", "new").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')[0]));

        _folder.Write("other.wav", Tone(300, 16000));
        _folder.RunInside("predict", "--model", RunnerFolder.Model, "--data", "other.wav")
            .Failed(ExitCodes.BadInput, "other.wav", "16000 samples a second, expected 8000");
        _folder.RunInside("predict", "--model", RunnerFolder.Model).Failed(ExitCodes.Usage, "a model of sound reads --data");
    }

    [Fact]
    public void Resumed_run_ends_with_the_same_bits()
    {
        string[] options = ["--bidirectional", "--dropout", "0.2", "--word-dropout", "0.1", "--class-weights", "balanced"];
        Train(Texts, [.. options, "--epochs", "3"]);
        byte[][] whole = Weights();
        Train(Texts, [.. options, "--epochs", "2"]);
        Train(Texts, [.. options, "--epochs", "3", "--resume"]);
        Assert.Equal(whole, Weights());
        Run(Texts, [.. options[..5], "--epochs", "3", "--resume"]).Failed(ExitCodes.BadInput, "cannot resume", "class-weights");
    }

    [Fact]
    public void Balanced_weights_find_the_rare_class()
    {
        WriteText("rare.tsv", string.Concat(Enumerable.Range(0, 60).Select(i => i % 10 == 0 ? $"rare\tx{i % 3} y\n" : $"often\tx{i % 3} {(i % 4 == 0 ? "y" : "z")}\n")));
        string[] options = ["--test-data", "rare.tsv", "--validation-split", "0", "--epochs", "10"];
        Train("rare.tsv", options);
        double plain = Recall();
        Train("rare.tsv", [.. options, "--class-weights", "balanced"]);
        Assert.Equal((0, 1), (plain, Recall()));

        double Recall() => Json(Use("eval", "rare.tsv", "--json")).GetProperty("classes")[1].GetProperty("recall").GetDouble();
    }

    /// <summary>What is validated with and tested on must not leak into what the model knows.</summary>
    [Fact]
    public void Scale_and_words_come_from_the_training_part_alone()
    {
        WriteText("far.ts", Header + "1000,2000:5,5:up\n3000:5:down\n");
        Train(Series, ["--test-data", "far.ts", "--validation-data", "far.ts", "--epochs", "1"]);
        using var backend = new CpuBackend(1);
        Standardization scale = _folder.Load(backend).Info.Standardization!;
        Assert.All(scale.Means, mean => Assert.InRange(mean, -10f, 10f));

        WriteText("others.tsv", "good\tmagnificent magnificent\nbad\tterrible terrible\n");
        WriteText("both.tsv", "good\theldout heldout\n" + File.ReadAllText(_folder.At(Texts)));
        Train("both.tsv", ["--test-every", "100", "--validation-data", "others.tsv", "--epochs", "1"]);
        IReadOnlyList<string> words = _folder.Load(backend).Info.Words!.Words;
        Assert.Contains("nice", words);
        Assert.Empty(words.Intersect(["magnificent", "terrible", "heldout"]));
    }

    [Theory]
    [InlineData("--test-data", "on the test data")]
    [InlineData("--validation-data", "on the validation data")]
    public void Page_of_the_run_shows_classes_and_mistakes(string part, string measured)
    {
        WriteText("wrong.tsv", "bad\ta nice day\ngood\ta nice day\n"); // one of them is wrong, whatever is learnt
        Train(Texts, [part, "wrong.tsv", .. part == "--test-data" ? ["--validation-split", "0"] : Array.Empty<string>()]);
        string page = File.ReadAllText(_folder.At(RunFiles.Page(RunnerFolder.Model)));
        foreach (string shown in (string[])["Confusion matrix", "ROC curve", $"Of 1 in 2 answers {measured}, those the model was surest of.", ">a nice day<"])
            Assert.Contains(shown, page, StringComparison.Ordinal);
    }

    [Fact]
    public void Info_tells_words_and_classes()
    {
        Train(Texts, ["--epochs", "1"]);
        JsonElement info = Json(_folder.RunInside("info", RunnerFolder.Model, "--json"));
        Assert.Equal("classify", info.GetProperty("task").GetString());
        Assert.Equal(["bad", "good"], info.GetProperty("classes").EnumerateArray().Select(name => name.GetString()));
        Assert.InRange(info.GetProperty("vocabulary").GetInt32(), 10, 16);
    }

    private RunnerResult Train(string data, string[] options) => Run(data, options).Succeeded();

    private RunnerResult Run(string data, string[] options)
    {
        var arguments = new List<string> { "train", "--task", "classify", "--data", data };
        for (int i = 0; i < _small.Length; i += 2)
        {
            if (!options.Contains(_small[i]))
                arguments.AddRange([_small[i], _small[i + 1]]);
        }
        return _folder.RunInside([.. arguments, .. options]);
    }

    private RunnerResult Use(string verb, string data, params string[] options) =>
        _folder.RunInside([verb, "--model", RunnerFolder.Model, "--data", data, .. options]).Succeeded();

    private void WriteText(string name, string text) => File.WriteAllText(_folder.At(name), text);

    private static JsonElement Json(RunnerResult result) => JsonDocument.Parse(result.Succeeded().Output).RootElement;

    private static string Ramp(int start, int slope) =>
        string.Join(',', Enumerable.Range(0, 5 + (start % 4)).Select(t => (start % 7) + (slope * t)));

    private byte[][] Weights() => [.. SafetensorsReader.Read(_folder.At(RunnerFolder.Model)).Tensors.Select(tensor => tensor.Bytes.ToArray())];

    /// <summary>A quarter of a second of 16-bit PCM.</summary>
    private static byte[] Tone(double hertz, int rate)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        int samples = rate / 4;
        writer.Write("RIFF"u8);
        writer.Write(36 + (2 * samples));
        writer.Write("WAVEfmt "u8);
        foreach (int value in (int[])[16, 0x10001, rate, 2 * rate, 0x100002])
            writer.Write(value);
        writer.Write("data"u8);
        writer.Write(2 * samples);
        for (int i = 0; i < samples; i++)
            writer.Write((short)(10_000 * Math.Sin(2 * Math.PI * hertz * i / rate)));
        return bytes.ToArray();
    }
}
