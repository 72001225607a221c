using System.IO.Compression;
using System.Text;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>Data and options that <c>classify</c> cannot use: one line with file and place, a documented exit code, no file changed.</summary>
public sealed class ClassifyBadInputTests : IDisposable
{
    private const string Header = "@classLabel true a b\n@data\n";

    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("one.tsv", "a\tx\na\ty\n", "one.tsv: all samples for training are of one class, 'a': there is nothing to tell apart")]
    [InlineData("empty.tsv", "", "empty.tsv: the file is empty")]
    [InlineData("columns.tsv", "a\tx\nb\n", "columns.tsv, line 2: there is no tab")]
    [InlineData("empty.ts", Header, "empty.ts: there is no series after @data")]
    [InlineData("one.ts", Header + "1,2:a\n3:a\n", "one.ts: all samples for training are of one class, 'a'")]
    [InlineData("ragged.ts", Header + "1,2:1,2:a\n1,2:1:b\n", "ragged.ts, line 4: channel 2 has 1 values, expected 2")]
    [InlineData("channels.ts", Header + "1:1:a\n1:b\n", "channels.ts, line 4: 1 channels, expected 2")]
    [InlineData("nan.ts", Header + "1:a\n1,NaN:b\n", "nan.ts, line 4: value 2 of channel 1 is 'NaN', expected a finite number")]
    [InlineData("missing.ts", Header + "1:a\n?:b\n", "missing.ts, line 4: value 1 of channel 1 is '?'")]
    [InlineData("undeclared.ts", Header + "1:a\n1:c\n", "undeclared.ts, line 4: class 'c'")]
    [InlineData("unlabelled.ts", "@classLabel false\n@data\n1\n", "unlabelled.ts, line 3: the series has no class: @classLabel says false")]
    public void Data_that_cannot_be_used_are_refused(string name, string text, string problem)
    {
        File.WriteAllText(_folder.At(name), text);
        _folder.Unchanged(() => Train("--data", name, "--validation-split", "0").Failed(ExitCodes.BadInput, problem));
    }

    [Theory]
    [InlineData("--test-data", "other.tsv", "other.tsv, line 2: class 'c' did not occur in training, which had 2: a, b")]
    [InlineData("--validation-data", "other.tsv", "other.tsv, line 2: class 'c' did not occur in training, which had 2: a, b")]
    [InlineData("--test-data", "none.tsv", "none.tsv: no such file")]
    [InlineData("--validation-split", "0.1", "small.tsv: 4 samples leave 4 to train on and 0 to validate with; --validation-split is 0.1")]
    public void Parts_that_cannot_be_used_are_refused(string option, string value, string problem)
    {
        File.WriteAllText(_folder.At("small.tsv"), "a\tx\nb\ty\na\tz\nb\tx\n");
        File.WriteAllText(_folder.At("other.tsv"), "a\tx\nc\ty\n");
        string[] split = option == "--test-data" ? ["--validation-split", "0"] : [];
        _folder.Unchanged(() => Train(["--data", "small.tsv", option, value, .. split]).Failed(ExitCodes.BadInput, problem));
    }

    [Theory]
    [InlineData("--level goes with texts, not with --format ts", "s.ts", "--level", "char")]
    [InlineData("--embedding goes with texts, not with --format ts", "s.ts", "--embedding", "3")]
    [InlineData("--mel-bands goes with sound, not with --format ts", "s.ts", "--mel-bands", "3")]
    [InlineData("--audio-hop goes with sound, not with --format text", "s.ts", "--audio-hop", "3", "--format", "text")]
    [InlineData("--test-data and --test-every both say what to test on", "s.ts", "--test-data", "s.ts", "--test-every", "2")]
    [InlineData("--validation-data and --validation-split both say", "s.ts", "--validation-data", "s.ts", "--validation-split", "0.1")]
    [InlineData("--test-every is '1'", "s.ts", "--test-every", "1")]
    [InlineData("--time-steps goes with the task char-lm, not with classify", "s.ts", "--time-steps", "5")]
    public void Options_that_do_not_go_together_are_refused(string problem, params string[] options)
    {
        File.WriteAllText(_folder.At("s.ts"), Header + "1:a\n2:b\n");
        _folder.Unchanged(() => Train(["--data", .. options]).Failed(ExitCodes.Usage, problem));
    }

    [Fact]
    public void Words_that_do_not_fit_a_model_file_are_refused_before_training()
    {
        File.WriteAllText(_folder.At("long.tsv"), string.Concat(Enumerable.Range(0, 100).Select(i => $"{(i % 2 == 0 ? 'a' : 'b')}	{new string('x', 10_000)}{i}\n")));
        _folder.Unchanged(() => Train("--data", "long.tsv", "--validation-split", "0", "--min-count", "1")
            .Failed(ExitCodes.BadInput, "long.tsv: 101 words take", "--max-words or --min-count leaves some out"));
    }

    [Fact]
    public void Training_never_replaces_the_data_it_is_tested_on()
    {
        File.WriteAllText(_folder.At("m.safetensors.csv"), "a\tx\nb\ty\n");
        foreach (string option in (string[])["--test-data", "--validation-data"])
        {
            _folder.Unchanged(() => Train("--data", "data.txt", option, "m.safetensors.csv", "--out", _folder.At(RunnerFolder.Model))
                .Failed(ExitCodes.BadInput, "would replace the data"));
        }
    }

    [Fact]
    public void Sound_and_folders_that_cannot_be_used_are_refused()
    {
        Directory.CreateDirectory(_folder.At("empty"));
        Directory.CreateDirectory(_folder.At("sounds"));
        File.WriteAllText(_folder.At("sounds/a_1.wav"), "no sound");
        File.WriteAllText(_folder.At("file.wav"), "no sound");
        _folder.Unchanged(() =>
        {
            Train("--data", "empty").Failed(ExitCodes.BadInput, "empty", "the folder holds no .txt file");
            Train("--data", "sounds").Failed(ExitCodes.BadInput, "a_1.wav: not a WAV file");
            Train("--data", "file.wav", "--format", "wav").Failed(ExitCodes.BadInput, "file.wav: sound is a folder of .wav files");
        });
    }

    [Fact]
    public void Model_refuses_other_channels_and_classes()
    {
        File.WriteAllText(_folder.At("s.ts"), Header + "1:2:a\n2:1:b\n2:2:a\n1:1:b\n");
        File.WriteAllText(_folder.At("narrow.ts"), "@classLabel true a b\n@data\n1:a\n");
        File.WriteAllText(_folder.At("classes.ts"), "@classLabel true a c\n@data\n1:1:a\n1:2:c\n");
        Train("--data", "s.ts", "--validation-split", "0", "--hidden", "2", "--layers", "1", "--epochs", "1", "--out", RunnerFolder.Model).Succeeded();
        string[] use = ["--model", RunnerFolder.Model, "--data"];
        _folder.RunInside(["eval", .. use, "narrow.ts"]).Failed(ExitCodes.BadInput, "narrow.ts, line 3: 1 channels, expected 2 as in training");
        _folder.RunInside(["predict", .. use, "narrow.ts"]).Failed(ExitCodes.BadInput, "narrow.ts, line 3: 1 channels, expected 2 as in training");
        _folder.RunInside(["eval", .. use, "classes.ts"]).Failed(ExitCodes.BadInput, "classes.ts, line 4: class 'c' did not occur in training, which had 2: a, b");
        File.WriteAllText(_folder.At("lines.txt"), "1:1\n1:x\n");
        RunnerResult half = _folder.RunInside(["predict", .. use, "lines.txt"]);
        Assert.Equal(ExitCodes.BadInput, half.ExitCode);
        Assert.Single(half.Output.Trim().Split('\n'));
        Assert.Contains("lines.txt, line 2: value 1 of channel 2 is 'x'", half.Error, StringComparison.Ordinal);
    }

    /// <summary>The program itself is started: it is its configuration that makes the unpacker strict.</summary>
    [Fact]
    public void Packed_data_cut_short_are_refused()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            for (int i = 0; i < 3000; i++)
                gzip.Write(Encoding.UTF8.GetBytes($"{(i % 2 == 0 ? "a" : "b")}\t{i * 7919 % 3001}\n"));
        }
        File.WriteAllBytes(_folder.At("cut.tsv.gz"), packed.ToArray()[..^8]); // all text is there, checksum and length are not
        _folder.Run("train", "--task", "classify", "--data", "cut.tsv.gz", "--out", RunnerFolder.Model)
            .Failed(ExitCodes.BadInput, "cut.tsv.gz: not a gzip file, or a damaged one");
    }

    private RunnerResult Train(params string[] options) => _folder.RunInside(["train", "--task", "classify", "--threads", "1", .. options]);
}
