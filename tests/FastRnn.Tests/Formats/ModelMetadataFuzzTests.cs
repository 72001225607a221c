using System.Text.RegularExpressions;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Series;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Well-formed files with wrong metadata: the checksum is right, the content is not.</summary>
public sealed partial class ModelMetadataFuzzTests
{
    private const int Mutations = 3_000;

    private static readonly string[] _values =
    [
        "null", "true", "-1", "0", "1", "2", "65537", "2147483647", "2147483648", "1e999", "-1e999", "0.5", "1e-400", "\"\"", "\"x\"", "\"lstm\"",
        "\"linear\"", "\"dropout\"", "\"NaN\"", "\"\\ud800\"", "[]", "[null]", "[0]", "[[]]", "{}", "{\"type\":\"lstm\",\"input\":5,\"hidden\":6}", "\"concat\"", "1e39", "\"hard_sigmoid(0.2,0.5)\"", "\"elu(-1)\"",
    ];

    [Fact]
    public void Changed_metadata_meets_only_the_format_exception()
    {
        using var backend = new CpuBackend(threads: 1);
        using var model = new Sequential(
            backend, 1, new Embedding(3, 2), Narrow(), new Residual(new Bidirectional(Reset(), Merge.Sum)), new Dropout(0.1f) { Variational = true },
            new ActivityRegularization(temporal: 1), new Linear(3, 3));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.01f));
        var data = TextDataset.FromText("abcabcaabbcc");
        trainer.Step(data.Chunks(2, 3)[0]);
        var stopping = new EarlyStopping(model, 2);
        stopping.Report(1);
        var run = new RunState { Options = new Dictionary<string, string> { ["a"] = "b" }, Epochs = [new(1, 2, 3, 4, 5)], BestLoss = 1 };
        var valid = CheckpointFile.Describe(trainer, new ModelInfo { Task = "char-lm", Vocabulary = data.Vocabulary }, run, stopping);

        valid.Metadata["fastrnn.preprocessing"] = StrictJson.Write(Preprocessing.Describe(new ModelInfo
        {
            Task = "tag",
            Words = new WordVocabulary(["<unk>", "a", "b"], lowerCase: true),
            Classes = new ClassNames(["a", "b", "c"]),
        }));
        Fuzz(valid, backend, Mutations);
    }

    [Fact]
    public void Changed_metadata_of_a_series_meets_only_the_format_exception()
    {
        using var backend = new CpuBackend(threads: 1);
        var series = new ForecastSpec
        {
            Columns = [new() { Name = "a", Relative = true, Factor = 2.5 }, new() { Name = "b=c", Text = "b", Scale = SeriesScale.None }, new() { Name = "d", Difference = 2 }],
            Window = 3,
            Horizon = 2,
            Quantiles = [0.1f, 0.9f],
            Calendar = CalendarFeatures.DayOfWeek,
            DateColumn = "date",
        };
        using var model = new Sequential(backend, 1, new Rnn(series.InputSize, 2), new Linear(2, series.OutputSize));
        Fuzz(ModelFile.Describe(model, new ModelInfo { Task = "forecast", Series = series }), backend, 1_000);
    }

    private static void Fuzz(SafetensorsFile valid, CpuBackend backend, int mutations)
    {
        int accepted = 0;
        for (int seed = 0; seed < mutations; seed++)
        {
            var error = Record.Exception(() =>
            {
                ModelFile.Build(Mutate(valid, new Random(seed)), "m", backend).Model.Dispose();
                accepted++;
            });
            Assert.True(error is null or ModelFormatException, $"seed={seed}: {error}");
            Assert.DoesNotContain('\n', error?.Message ?? "");
        }

        Assert.InRange(accepted, 10, mutations / 2);
    }

    private static Lstm Narrow() => new(2, 4)
    {
        Projection = 3,
        Peepholes = true,
        GateClip = 3,
        CellClip = 2,
        LayerNorm = true,
        Zoneout = 0.1f,
        CandidateActivation = CellActivation.ScaledTanh(1.5f, 0.5f),
    };

    private static Gru Reset() => new(3, 3) { ResetBefore = true, RecurrentDropout = 0.2f, GateActivation = CellActivation.HardSigmoid };

    private static SafetensorsFile Mutate(SafetensorsFile valid, Random random)
    {
        var file = new SafetensorsFile();
        file.Tensors.AddRange(valid.Tensors);
        foreach (var (key, value) in valid.Metadata)
            file.Metadata[key] = value;
        string[] keys = [.. valid.Metadata.Keys.Where(key => key.StartsWith("fastrnn.", StringComparison.Ordinal))];
        for (int i = random.Next(1, 3); i > 0; i--)
        {
            string key = keys[random.Next(keys.Length)], json = file.Metadata[key];
            var matches = Value().Matches(json);
            if (matches.Count == 0)
                continue;
            var match = matches[random.Next(matches.Count)];
            file.Metadata[key] = json[..match.Index] + _values[random.Next(_values.Length)] + json[(match.Index + match.Length)..];
        }

        return file;
    }

    /// <summary>One whole value inside the text.</summary>
    [GeneratedRegex("""(?<=[:,\[])(-?\d[-+.eE\d]*|"[^"\\]*"(?=[,\]}])|\[[^\[\]]*\]|\{[^{}]*\})""")]
    private static partial Regex Value();
}
