using System.Globalization;
using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>Predictions of a character model: how likely every line is, answered as it comes.</summary>
public sealed class PredictTests : IDisposable
{
    private readonly RunnerFolder _folder = RunnerFolder.Trained();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void LinesHaveTheLossThatTheTrainerFinds()
    {
        const string line = "Before we proceed";
        _folder.Write("lines.txt", System.Text.Encoding.UTF8.GetBytes(line + "\n\n"));
        string[] answers = _folder.RunInside("predict", "--model", RunnerFolder.Model, "--data", "lines.txt", "--json").Succeeded().Output.Trim().Split('\n');
        Assert.Equal(2, answers.Length);
        using var backend = new CpuBackend(1);
        (Sequential model, ModelInfo info) = _folder.Load(backend);
        double[] expected = [Loss(model, info.Vocabulary!, $"\n{line}\n"), Loss(model, info.Vocabulary!, "\n\n")];
        for (int i = 0; i < 2; i++)
        {
            JsonElement answer = JsonDocument.Parse(answers[i]).RootElement;
            Assert.Equal(expected[i], answer.GetProperty("loss").GetDouble(), 1e-6);
            Assert.Equal(i == 0 ? line.Length + 1 : 1, answer.GetProperty("characters").GetInt32());
        }
    }

    [Fact]
    public void EveryLineIsAnsweredBeforeTheNextComes()
    {
        using var process = RunnerProcess.Start(_folder.Root, ["predict", "--model", RunnerFolder.Model]);
        process.Send("All:\n");
        process.WaitForLines(1);
        process.Send("First Citizen:\n");
        process.WaitForLines(2);
        process.EndInput();
        string[] losses = process.Wait().Succeeded().Output.Trim().Split('\n');
        Assert.All(losses, loss => Assert.InRange(double.Parse(loss, CultureInfo.InvariantCulture), 0.1, 10));
    }

    [Fact]
    public void CharactersAndBytesThatAreUnknownAreNamed()
    {
        _folder.Write("odd.txt", "f\u00fcr\nAll:\n"u8);
        _folder.RunInside("predict", "--model", RunnerFolder.Model, "--data", "odd.txt").Failed(2, "odd.txt, line 1", "'\u00fc'");
        _folder.Write("bytes.txt", [65, 0xff, 10]);
        _folder.RunInside("predict", "--model", RunnerFolder.Model, "--data", "bytes.txt").Failed(2, "bytes.txt", "line 1", "UTF-8");
        _folder.RunInside("predict", "--model", RunnerFolder.Model, "--data", "none.txt").Failed(2, "none.txt: no such file");
    }

    private static double Loss(Sequential model, Vocabulary vocabulary, string text)
    {
        int[] tokens = vocabulary.Encode(text);
        var chunk = new SequenceChunk(tokens.Length - 1, 1);
        tokens.AsSpan()[..^1].CopyTo(chunk.Inputs);
        tokens.AsSpan()[1..].CopyTo(chunk.Targets);
        return new Trainer(model, FastRnn.Training.Loss.CrossEntropy, new Sgd(1)).Evaluate([chunk]);
    }
}
