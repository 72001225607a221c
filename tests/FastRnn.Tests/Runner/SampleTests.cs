using System.Globalization;
using System.Text;
using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>Text from a model: the draws are the library's, every option does what it says, and a seed stands for a text.</summary>
public sealed class SampleTests : IDisposable
{
    private const int Length = 200;
    private readonly RunnerFolder _folder = RunnerFolder.Trained();
    private readonly CpuBackend _backend = new(threads: 1);
    private readonly Sequential _model;
    private readonly Vocabulary _vocabulary;

    public SampleTests()
    {
        var (model, info) = _folder.Load(_backend);
        (_model, _vocabulary) = (model, info.Vocabulary!);
    }

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    public static TheoryData<string, ulong, double, int, double, string> Options() => new()
    {
        { "", 1, 1, 0, 1, "\n" },
        { "--seed 18446744073709551615", ulong.MaxValue, 1, 0, 1, "\n" },
        { "--temperature 0.3 --seed 2", 2, 0.3, 0, 1, "\n" },
        { "--temperature 5 --seed 2", 2, 5, 0, 1, "\n" },
        { "--top-k 3 --prime Citizen", 1, 1, 3, 1, "Citizen" },
        { "--top-p 0.5 --prime First", 1, 1, 0, 0.5, "First" },
        { "--top-k 10 --top-p 0.9 --temperature 2 --seed 3", 3, 2, 10, 0.9, "\n" },
        { "--greedy --seed 9", 9, 0, 0, 1, "\n" },
        { "--temperature 0", 1, 0, 0, 1, "\n" },
        { "--top-k 2147483647 --top-p 1", 1, 1, int.MaxValue, 1, "\n" },
    };

    [Theory]
    [MemberData(nameof(Options))]
    public void Text_is_what_the_library_draws(string options, ulong seed, double temperature, int topK, double topP, string prime)
    {
        string expected = Draw(new Sampler(seed, temperature, topK, topP), prime);
        Assert.Equal(expected + "\n", Inside(options.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Output.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Same_seed_gives_the_same_text_and_another_seed_another()
    {
        string[] arguments = ["sample", "--model", RunnerFolder.Model, "--length", "100", "--seed"];
        RunnerResult first = _folder.Run([.. arguments, "7"]).Succeeded();
        Assert.Contains("1 thread, seed 7\n", first.Error, StringComparison.Ordinal);
        Assert.Equal(100 + 1, first.Output.Length);
        Assert.Equal(first.Output, _folder.Run([.. arguments, "7", "--threads", "2"]).Succeeded().Output);
        Assert.NotEqual(first.Output, _folder.Run([.. arguments, "8"]).Succeeded().Output);

        JsonElement json = Json.Object(_folder.Run([.. arguments, "7", "--json"]).Succeeded().Output);
        Assert.Equal("text:String, seed:Number", Json.Shape(json));
        Assert.Equal(first.Output.TrimEnd('\n'), json.GetProperty("text").GetString()!.TrimEnd('\n'));
        Assert.Equal(7, json.GetProperty("seed").GetInt32());
    }

    [Theory]
    [InlineData("--greedy", 1)]
    [InlineData("--top-k 1", 1)]
    [InlineData("--top-p 1e-9", 1)]
    [InlineData("--top-k 2", 2)]
    [InlineData("--top-k 5 --temperature 3", 5)]
    public void Every_character_is_among_the_likeliest(string options, int most)
    {
        string text = Text(options.Split(' '));
        int[] ranks = Ranks(text);
        Assert.Equal(Length, ranks.Length);
        Assert.InRange(ranks.Max(), 0, most - 1);
        Assert.Equal(most, ranks.Distinct().Count()); // and all of them are drawn
    }

    [Fact]
    public void Higher_temperature_draws_unlikelier_characters()
    {
        double[] means = [.. ((double[])[0, 0.2, 1, 10]).Select(temperature =>
            Ranks(Text("--temperature", temperature.ToString(CultureInfo.InvariantCulture))).Average())];
        Assert.Equal(0, means[0]);
        Assert.Equal(means.Order(), means);
        Assert.InRange(means[^1], 10, 41); // almost the 25.5 of blind guessing among 52
    }

    [Fact]
    public void Top_p_keeps_the_smallest_set_that_reaches_it()
    {
        string text = Text("--top-p", "0.6");
        Session session = Started();
        foreach (int token in _vocabulary.Encode(text))
        {
            double[] probabilities = Probabilities(session.Logits);
            double likelier = probabilities.Where(p => p > probabilities[token]).Sum();
            Assert.True(likelier < 0.6 + 1e-9, $"the likelier characters alone have {likelier}");
            session.Step(token);
        }
    }

    [Fact]
    public void Length_counts_characters_and_may_be_zero()
    {
        Assert.Equal("\n", Inside("--length", "0").Output.ReplaceLineEndings("\n"));
        File.WriteAllText(_folder.At(RunnerFolder.Data), string.Concat(Enumerable.Repeat("😀é😎", 300)));
        _folder.RunInside(RunnerFolder.TrainArguments()).Succeeded();
        string text = Json.Object(_folder.Run("sample", "--model", RunnerFolder.Model, "--length", "50", "--prime", "😀", "--json").Succeeded().Output)
            .GetProperty("text").GetString()!;
        Assert.Equal(50, text.EnumerateRunes().Count());
        Assert.Empty(text.EnumerateRunes().Except("😀é😎".EnumerateRunes()));
    }

    private RunnerResult Inside(params string[] options)
    {
        string[] length = options.Contains("--length") ? [] : ["--length", Length.ToString(CultureInfo.InvariantCulture)];
        return _folder.RunInside(["sample", "--model", RunnerFolder.Model, .. length, .. options]).Succeeded();
    }

    private string Text(params string[] options) => Json.Object(Inside([.. options, "--json"]).Output).GetProperty("text").GetString()!;

    private string Draw(Sampler sampler, string prime)
    {
        Session session = Started(prime);
        var text = new StringBuilder();
        for (int i = 0; i < Length; i++)
        {
            int token = sampler.Next(session.Logits);
            text.Append(_vocabulary[token]);
            session.Step(token);
        }
        return text.ToString();
    }

    /// <summary>For every character of a text, how many were likelier in its place.</summary>
    private int[] Ranks(string text)
    {
        Session session = Started();
        return [.. _vocabulary.Encode(text).Select(token =>
        {
            int rank = session.Logits.Count(logit => logit > session.Logits[token]);
            session.Step(token);
            return rank;
        })];
    }

    private static double[] Probabilities(float[] logits)
    {
        double[] weights = [.. logits.Select(logit => Math.Exp(logit))];
        return [.. weights.Select(weight => weight / weights.Sum())];
    }

    private Session Started(string prime = "\n")
    {
        var session = new Session(_model, _vocabulary.Count);
        foreach (int token in _vocabulary.Encode(prime))
            session.Step(token);
        return session;
    }

    /// <summary>A reader who has seen enough ends the program: it does not draw on for nobody.</summary>
    [UnixFact]
    public void Closed_pipe_ends_the_sample()
    {
        string[] arguments = ["sample", "--model", RunnerFolder.Model, "--length", "2000000000"];
        RunnerResult result = _folder.Run(arguments, null, "mkfifo p; head -c 20 < p & exec > p");
        Assert.Equal(20, result.Output.Length);
        Assert.Equal(ExitCodes.Ok, result.ExitCode);
        Assert.DoesNotContain("error", result.Error, StringComparison.Ordinal);
    }

    /// <summary>A reader who takes nothing at all.</summary>
    [UnixTheory]
    [InlineData("info", RunnerFolder.Model)]
    [InlineData("eval", "--model", RunnerFolder.Model, "--data", RunnerFolder.Data)]
    [InlineData("predict", "--model", RunnerFolder.Model, "--data", RunnerFolder.Data)]
    [InlineData("generate")]
    [InlineData("doctor")]
    [InlineData("completion", "bash")]
    [InlineData("train", "--help")]
    public void Closed_pipe_is_no_error(params string[] arguments)
    {
        RunnerResult result = _folder.Run(arguments, null, "mkfifo p; true < p & exec > p; wait");
        Assert.Equal((ExitCodes.Ok, ""), (result.ExitCode, result.Output));
        Assert.DoesNotContain("error", result.Error, StringComparison.Ordinal);
    }

    /// <summary>A session of the library with its last logits.</summary>
    private sealed class Session(Sequential model, int outputs)
    {
        private readonly FastRnn.Inference.Session _session = model.OpenSession();

        public float[] Logits { get; } = new float[outputs];

        public void Step(int token) => _session.Step(token, Logits);
    }
}
