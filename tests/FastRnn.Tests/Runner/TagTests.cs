using System.Text.Json;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary><c>--task tag</c>: a label for each word.</summary>
public sealed class TagTests : IDisposable
{
    private readonly RunnerFolder _folder = new();

    public TagTests()
    {
        string[] nouns = ["cat", "dog", "man", "girl"], verbs = ["sees", "hears", "likes"];
        File.WriteAllText(_folder.At("tags.tsv"), string.Concat(
            from noun in nouns
            from verb in verbs
            from other in nouns
            select $"the\tDET\tx\n{noun}\tNOUN\n{verb}\tVERB\n{other}s\tNOUN\n.\tPUNCT\n\n"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Words_are_tagged_and_what_eval_says_is_what_predict_answers()
    {
        JsonElement trained = Json(Train("--test-data", "tags.tsv", "--json"));
        Assert.Equal(1, trained.GetProperty("test").GetProperty("accuracy").GetDouble());
        JsonElement measured = Json(Use("eval", "--data", "tags.tsv", "--json"));
        Assert.Equal((240, 1.0), (measured.GetProperty("count").GetInt64(), measured.GetProperty("accuracy").GetDouble()));
        Assert.Equal(["DET", "NOUN", "PUNCT", "VERB"], measured.GetProperty("classes").EnumerateArray().Select(one => one.GetProperty("class").GetString()));
        Assert.Equal([48, 96, 48, 48], measured.GetProperty("confusion").EnumerateArray().Select((row, i) => row[i].GetInt32()));

        File.WriteAllText(_folder.At("lines.txt"), "the  dog likes\tcats .\n\n.\n");
        Assert.Equal("DET NOUN VERB NOUN PUNCT\n\nPUNCT\n", Use("predict", "--data", "lines.txt").Output);
        JsonElement answer = JsonDocument.Parse(Use("predict", "--data", "lines.txt", "--json").Output.Split('\n')[0]).RootElement;
        Assert.Equal(["the", "dog", "likes", "cats", "."], answer.GetProperty("words").EnumerateArray().Select(word => word.GetString()));
        Assert.Equal("VERB", answer.GetProperty("tags")[2].GetString());
    }

    [Fact]
    public void Lines_are_answered_as_they_come()
    {
        Train("--epochs", "1");
        using var process = RunnerProcess.Start(_folder.Root, ["predict", "--model", RunnerFolder.Model]);
        process.Send("the cat\n");
        process.WaitForLines(1);
        process.Send("the\n");
        process.WaitForLines(2);
        process.EndInput();
        Assert.Equal([2, 1], process.Wait().Succeeded().Output.Trim().Split('\n').Select(line => line.Split(' ').Length));
    }

    [Fact]
    public void Tags_that_training_did_not_have_are_named_with_their_line()
    {
        File.WriteAllText(_folder.At("other.tsv"), "the\tDET\ncat\tNOUN\n\nthe\tDET\nugh\tINTJ\n");
        Run("--test-data", "other.tsv").Failed(ExitCodes.BadInput, "other.tsv, line 5: class 'INTJ' did not occur in training, which had 4: DET, NOUN, PUNCT, VERB");
        Train("--epochs", "1");
        _folder.RunInside("eval", "--model", RunnerFolder.Model, "--data", "other.tsv").Failed(ExitCodes.BadInput, "other.tsv, line 5", "'INTJ'");
        File.WriteAllText(_folder.At("one.tsv"), "the\tX\n\ncat\tX\n\na\tX\n");
        Run("--data", "one.tsv", "--validation-split", "0").Failed(ExitCodes.BadInput, "one.tsv: all samples for training are of one class, 'X'");
        Run("--level", "char").Failed(ExitCodes.Usage, "--level goes with the task classify, not with tag");
        Run("--data", ".").Failed(ExitCodes.BadInput, "is a folder, expected a file");
    }

    private RunnerResult Train(params string[] options) => Run(options).Succeeded();

    private RunnerResult Run(params string[] options)
    {
        string[] small =
        [
            "--data", "tags.tsv", "--hidden", "8", "--layers", "1", "--batch", "8", "--epochs", "6", "--learning-rate", "0.03", "--threads", "1",
            "--embedding", "8", "--out", RunnerFolder.Model,
        ];
        var arguments = new List<string> { "train", "--task", "tag", "--bidirectional" };
        for (int i = 0; i < small.Length; i += 2)
        {
            if (!options.Contains(small[i]))
                arguments.AddRange([small[i], small[i + 1]]);
        }
        return _folder.RunInside([.. arguments, .. options]);
    }

    private RunnerResult Use(string verb, params string[] options) => _folder.RunInside([verb, "--model", RunnerFolder.Model, .. options]).Succeeded();

    private static JsonElement Json(RunnerResult result) => JsonDocument.Parse(result.Succeeded().Output).RootElement;
}
