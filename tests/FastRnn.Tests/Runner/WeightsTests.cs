using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary><c>--weights</c>: what the verbs measure and say is what the library computes with such weights.</summary>
public sealed class WeightsTests : IDisposable
{
    private readonly RunnerFolder _folder = RunnerFolder.Trained();
    private readonly CpuBackend _backend = new(threads: 1);

    public static TheoryData<string, WeightPrecision> Reduced => new() { { "bf16", WeightPrecision.BFloat16 }, { "int8", WeightPrecision.Int8 } };

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Reduced))]
    public void Eval_of_text_measures_both(string name, WeightPrecision precision)
    {
        (Sequential model, var info) = _folder.Load(_backend);
        var trainer = new Trainer(model, Loss.CrossEntropy, new Sgd(1));
        ChunkSequence chunks = TextDataset.Open(_folder.At(RunnerFolder.Data), info.Vocabulary!).Chunks(3, 100);
        double full = trainer.Evaluate(chunks);
        WeightComparison change = trainer.CompareWeights(chunks, precision);
        model.InferenceWeights = precision;
        double reduced = trainer.Evaluate(chunks);
        Assert.Equal((full, reduced), (change.Loss, change.ReducedLoss));
        Assert.NotEqual(full, reduced);

        JsonElement json = Evaluated("--data", RunnerFolder.Data, "--batch", "3", "--weights", name, "--json");
        Assert.Equal(reduced, json.GetProperty("loss").GetDouble());
        JsonElement weights = json.GetProperty("weights");
        Assert.Equal("precision:String, float32:Object, largest_output_difference:Number, largest_output:Number", Json.Shape(weights));
        Assert.Equal(name, weights.GetProperty("precision").GetString());
        Assert.Equal(full, weights.GetProperty("float32").GetProperty("loss").GetDouble());
        Assert.Equal(Math.Exp(full), weights.GetProperty("float32").GetProperty("perplexity").GetDouble());
        Assert.Equal(change.Outputs.Largest, weights.GetProperty("largest_output_difference").GetDouble());
        Assert.InRange(change.Outputs.Largest, 1e-6, 0.5);
        Assert.Equal(chunks.TokensPerPass * info.Vocabulary!.Count, change.Outputs.Count);

        string text = _folder.RunInside("eval", "--model", RunnerFolder.Model, "--data", RunnerFolder.Data, "--weights", name).Succeeded().Output;
        Assert.Contains(name, text, StringComparison.Ordinal);
        Assert.Contains("largest difference of an output", text, StringComparison.Ordinal);
    }

    /// <summary>The largest difference, output by output, over windows that stand alone.</summary>
    [Fact]
    public void The_largest_difference_is_that_of_the_outputs()
    {
        (Sequential model, var info) = _folder.Load(_backend);
        int width = info.Vocabulary!.Count;
        SequenceChunk window = TextDataset.Open(_folder.At(RunnerFolder.Data), info.Vocabulary!).Chunks(2, 30).First();
        float[] Outputs(WeightPrecision precision)
        {
            model.InferenceWeights = precision;
            var outputs = new float[30 * 2 * width];
            model.Predict(window, outputs);
            return outputs;
        }

        float[] full = Outputs(WeightPrecision.Float32), reduced = Outputs(WeightPrecision.Int8);
        WeightComparison change = new Trainer(model, Loss.CrossEntropy, new Sgd(1)).CompareWeights([window], WeightPrecision.Int8);
        Assert.Equal(full.Zip(reduced, (a, b) => Math.Abs((double)b - a)).Max(), change.Outputs.Largest);
        Assert.Equal(full.Max(y => Math.Abs((double)y)), change.Outputs.LargestOutput);
    }

    [Fact]
    public void Unless_asked_for_nothing_is_reduced_or_said()
    {
        JsonElement json = Evaluated("--data", RunnerFolder.Data, "--json");
        Assert.False(json.TryGetProperty("weights", out _));
        Assert.Equal(json.GetRawText(), Evaluated("--data", RunnerFolder.Data, "--weights", "f32", "--json").GetRawText());
        RunnerResult sample = Inside("sample", "--length", "5");
        Assert.DoesNotContain("weights", sample.Error, StringComparison.Ordinal);
        RunnerResult bad = _folder.RunInside("sample", "--model", RunnerFolder.Model, "--weights", "int4");
        Assert.Equal(ExitCodes.Usage, bad.ExitCode);
        Assert.Contains("--weights is 'int4', expected f32 or bf16 or int8", bad.Error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Reduced))]
    public void Sample_and_predict_use_them_and_say_so(string name, WeightPrecision precision)
    {
        (Sequential model, var info) = _folder.Load(_backend);
        Session session = model.OpenSession(new SessionOptions { Weights = precision });
        var logits = new float[info.Vocabulary!.Count];
        session.Step(info.Vocabulary.Encode("\n")[0], logits);
        var sampler = new Sampler(4);
        string expected = "";
        for (int i = 0; i < 80; i++)
        {
            int token = sampler.Next(logits);
            expected += info.Vocabulary[token];
            session.Step(token, logits);
        }
        RunnerResult sample = Inside("sample", "--length", "80", "--seed", "4", "--weights", name);
        Assert.Equal(expected + "\n", sample.Output.ReplaceLineEndings("\n"));
        Assert.Contains($"{name} weights; what they change: fastrnn eval --model", sample.Error, StringComparison.Ordinal);

        RunnerResult full = Inside("predict", "--data", RunnerFolder.Data, "--json"), reduced = Inside("predict", "--data", RunnerFolder.Data, "--json", "--weights", name);
        Assert.NotEqual(full.Output, reduced.Output);
        Assert.Equal(full.Output.Count(c => c == '\n'), reduced.Output.Count(c => c == '\n'));
        Assert.Contains($"{name} weights; what they change: fastrnn eval --model", reduced.Error, StringComparison.Ordinal);
    }

    /// <summary>Labels of real series, forecasts of a real one: both figures, and their difference.</summary>
    [Fact]
    public void Eval_of_labels_and_forecasts_measures_both()
    {
        string data = Path.Combine(Repository.Root, "tests", "data");
        string speakers = Path.Combine(data, "japanese-vowels", "JapaneseVowels_TRAIN.ts"), co2 = Path.Combine(data, "mauna-loa-co2.csv");
        Succeeding("train", "--task", "classify", "--data", speakers, "--hidden", "12", "--layers", "1", "--epochs", "2", "--threads", "1", "--out", _folder.At("s"));
        CheckFigures(Measured(_folder.At("s"), speakers), "loss", "accuracy", "macro_f1");
        Succeeding(
            "train", "--task", "forecast", "--data", co2, "--target", "CO2", "--relative", "--hidden", "12", "--layers", "1", "--window", "12", "--epochs", "1",
            "--threads", "1", "--out", _folder.At("f"));
        CheckFigures(Measured(_folder.At("f"), co2), "mse", "mae", "rmse");
    }

    private static void CheckFigures(JsonElement json, params string[] figures)
    {
        JsonElement weights = json.GetProperty("weights"), full = weights.GetProperty("float32");
        Assert.Equal(figures, full.EnumerateObject().Select(figure => figure.Name));
        double reduced = json.GetProperty(figures[0]).GetDouble(), other = full.GetProperty(figures[0]).GetDouble();
        Assert.NotEqual(reduced, other);
        Assert.InRange(reduced / other, 0.95, 1.05);
        Assert.InRange(weights.GetProperty("largest_output_difference").GetDouble(), 1e-6, 0.5);
    }

    private JsonElement Measured(string model, string data) =>
        Json.Object(Succeeding("eval", "--model", model, "--data", data, "--weights", "int8", "--threads", "1", "--json").Output);

    private JsonElement Evaluated(params string[] arguments) => Json.Object(Inside(["eval", .. arguments]).Output);

    private RunnerResult Inside(params string[] arguments) => Succeeding([arguments[0], "--model", RunnerFolder.Model, .. arguments[1..]]);

    private RunnerResult Succeeding(params string[] arguments) => _folder.RunInside(arguments).Succeeded();
}
