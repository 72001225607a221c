using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>Input that cannot be used: one line that names it, what it is and what was expected; exit code 2; no file made or changed.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly RunnerFolder _folder = RunnerFolder.Trained();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Texts() => new()
    {
        { "empty.txt", "the file is empty" },
        { "mark.txt", "the file is empty" },
        { "missing.txt", "no such file" },
        { "folder.txt", "is a folder, expected a file" },
        { "binary.txt", "not UTF-8 text" },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void Unreadable_text_is_refused(string name, string reason)
    {
        _folder.Write("empty.txt", []);
        _folder.Write("mark.txt", [0xEF, 0xBB, 0xBF]);
        _folder.Write("binary.txt", [0x61, 0xFF, 0x62]);
        Directory.CreateDirectory(_folder.At("folder.txt"));
        _folder.Unchanged(() =>
        {
            _folder.Train("--data", name).Failed(ExitCodes.BadInput, name, reason);
            _folder.RunInside("eval", "--model", RunnerFolder.Model, "--data", name).Failed(ExitCodes.BadInput, name, reason);
        });
    }

    [Fact]
    public void Text_too_short_for_the_batch_is_refused_with_both_numbers()
    {
        File.WriteAllText(_folder.At("short.txt"), "abcd");
        string[] split = ["--validation-split", "0"];
        _folder.Unchanged(() =>
        {
            _folder.Train(["--data", "short.txt", "--batch", "4", .. split])
                .Failed(ExitCodes.BadInput, "short.txt", "4 characters", "4 streams", "5 are needed");
            // 2,700 characters remain for training, 300 for validation.
            Train("--batch", "2700").Failed(ExitCodes.BadInput, RunnerFolder.Data, "2700 characters", "2701 are needed");
            Train("--batch", "300").Failed(ExitCodes.BadInput, RunnerFolder.Data, "300 characters", "301 are needed");
            Train("--validation-split", "0.9999").Failed(ExitCodes.BadInput, RunnerFolder.Data, "0 characters", "5 are needed");
            _folder.RunInside("eval", "--model", RunnerFolder.Model, "--data", RunnerFolder.Data, "--batch", "3000")
                .Failed(ExitCodes.BadInput, RunnerFolder.Data, "3000 characters", "3001 needed");
        });
    }

    private RunnerResult Train(params string[] options) => _folder.RunInside(RunnerFolder.TrainArguments(options));

    /// <summary>A window longer than the text is no error: it is cut to the text, and one character for every stream is enough.</summary>
    [Fact]
    public void Window_longer_than_the_text_is_cut()
    {
        File.WriteAllText(_folder.At("short.txt"), "abcde");
        _folder.Train("--data", "short.txt", "--batch", "4", "--time-steps", "1000000", "--validation-split", "0").Succeeded();
    }

    [Fact]
    public void Utf16_is_named() =>
        WithText("wide.txt", [0xFF, 0xFE, 0x61, 0], () => _folder.Train("--data", "wide.txt").Failed(ExitCodes.BadInput, "wide.txt", "UTF-16"));

    private void WithText(string name, byte[] bytes, Action action)
    {
        _folder.Write(name, bytes);
        _folder.Unchanged(action);
    }

    /// <summary>Every file that training writes, under the data's name or a link to it.</summary>
    [Theory]
    [InlineData("own.txt", "own.txt")]
    [InlineData("own.safetensors", null)]
    [InlineData("own.csv", "own")]
    [InlineData("own.svg", "own")]
    [InlineData("own.html", "own")]
    [InlineData("own.checkpoint", "own")]
    [InlineData("link.txt", "own.txt")]
    public void Training_never_replaces_its_data(string data, string? model)
    {
        _folder.Write("own.txt", _folder.Read(RunnerFolder.Data));
        File.CreateSymbolicLink(_folder.At("link.txt"), _folder.At("own.txt"));
        if (!File.Exists(_folder.At(data)))
            _folder.Write(data, _folder.Read(RunnerFolder.Data));
        string[] tiny = RunnerFolder.TrainArguments("--data", data);
        int at = Array.IndexOf(tiny, "--out");
        string[] arguments = [.. tiny[..at], .. tiny[(at + 2)..], .. model == null ? Array.Empty<string>() : ["--out", model]];
        _folder.Unchanged(() => _folder.Run(arguments).Failed(ExitCodes.BadInput, "would replace the data"));
    }

    /// <summary>A pipe can be read once: text and checksum come from the same bytes.</summary>
    [UnixFact]
    public void Text_from_a_pipe_is_the_text_and_another_one_does_not_resume()
    {
        _folder.Run(RunnerFolder.TrainArguments("--data", "pipe"), null, "mkfifo pipe; cat data.txt > pipe &").Succeeded();
        byte[] trained = _folder.Read(RunnerFolder.Checkpoint);
        File.WriteAllText(_folder.At("other.txt"), new string([.. _folder.Text.Reverse()]));
        _folder.Run(RunnerFolder.TrainArguments("--data", "pipe", "--resume", "--epochs", "3"), null, "cat other.txt > pipe &")
            .Failed(ExitCodes.BadInput, "cannot resume", "data-sha256");
        Assert.Equal(trained, _folder.Read(RunnerFolder.Checkpoint));
        _folder.Run(RunnerFolder.TrainArguments("--data", "pipe", "--resume", "--epochs", "3"), null, "cat data.txt > pipe &").Succeeded();
    }

    [Fact]
    public void Character_outside_the_vocabulary_is_named_with_its_place()
    {
        File.WriteAllText(_folder.At("other.txt"), "First\nCiti§en");
        _folder.Unchanged(() =>
        {
            _folder.Run("eval", "--model", RunnerFolder.Model, "--data", "other.txt")
                .Failed(ExitCodes.BadInput, "other.txt", "line 2, column 5", "'§'", "U+00A7", "is not among the 52 of the vocabulary");
            _folder.Run("sample", "--model", RunnerFolder.Model, "--prime", "Fir😀t")
                .Failed(ExitCodes.BadInput, "--prime", "line 1, column 4", "'😀'", "U+1F600", "is not among the 52 of the vocabulary");
            _folder.Run("sample", "--model", RunnerFolder.Model, "--prime", "\u001b[31m", "--json")
                .Failed(ExitCodes.BadInput, "--prime", "U+001B");
        });
    }

    [Theory]
    [InlineData("missing", "no such file")]
    [InlineData("folder", "is a folder, expected a file")]
    [InlineData("plain", "not a safetensors file")]
    [InlineData("foreign", "not a FastRnn file")]
    [InlineData("no vocabulary", "without a vocabulary")]
    [InlineData("no task", "task ''")]
    public void What_is_no_language_model_is_refused(string kind, string reason)
    {
        const string name = "x.safetensors";
        MakeModel(kind, _folder.At(name));
        _folder.Unchanged(() =>
        {
            _folder.Run("sample", "--model", name).Failed(ExitCodes.BadInput, name, reason);
            _folder.RunInside("eval", "--model", name, "--data", RunnerFolder.Data).Failed(ExitCodes.BadInput, name, reason);
        });
    }

    private static void MakeModel(string kind, string path)
    {
        switch (kind)
        {
            case "folder": Directory.CreateDirectory(path); break;
            case "plain": File.WriteAllText(path, "This is a text, and a long one, not a model."); break;
            case "foreign": SafetensorsWriter.Write(path, new SafetensorsFile()); break;
            case "no vocabulary" or "no task":
                using (var model = new Sequential(new Embedding(5, 2), new Lstm(2, 3), new Linear(3, 5)))
                    ModelFile.Save(model, new ModelInfo { Task = kind == "no task" ? "" : "char-lm" }, path);
                break;
        }
    }

    public static TheoryData<string, string, string> Shapes() => new()
    {
        { "0.weight", "[4, 52]", "[52, 4]" },
        { "1.weight_hh_l0", "[8, 32]", "[32, 8]" },
        { "2.weight", "[8, 52]", "[52, 8]" },
    };

    /// <summary>The file itself is whole, with the right checksum; only one tensor has the shape of its transpose.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void Tensor_that_does_not_fit_the_architecture_is_named_with_both_shapes(string tensor, string actual, string expected)
    {
        Transpose(RunnerFolder.Model, tensor);
        Transpose(RunnerFolder.Checkpoint, tensor);
        string[] parts = [$"'{tensor}'", actual, $"the architecture needs F32 {expected}"];
        _folder.Unchanged(() =>
        {
            _folder.RunInside("info", RunnerFolder.Model).Failed(ExitCodes.BadInput, [RunnerFolder.Model, .. parts]);
            _folder.Train("--resume").Failed(ExitCodes.BadInput, [RunnerFolder.Checkpoint, .. parts]);
        });
    }

    private void Transpose(string name, string tensor)
    {
        SafetensorsFile file = SafetensorsReader.Read(_folder.At(name));
        int index = file.Tensors.FindIndex(t => t.Name == tensor);
        SafetensorsTensor old = file.Tensors[index];
        file.Tensors[index] = new SafetensorsTensor(old.Name, old.Type, [.. old.Shape.Reverse()], old.Bytes);
        SafetensorsWriter.Write(_folder.At(name), file);
    }

    [Theory]
    [InlineData(RunnerFolder.Model)]
    [InlineData(RunnerFolder.Checkpoint)]
    public void File_cut_short_anywhere_is_refused(string name)
    {
        byte[] whole = _folder.Read(name);
        int data = 8 + BitConverter.ToInt32(whole, 0);
        foreach (int length in (int[])[0, 1, 7, 8, 9, data / 2, data - 1, data, (data + whole.Length) / 2, whole.Length - 1])
        {
            _folder.Write(name, whole.AsSpan(0, length));
            _folder.Unchanged(() => Read(name).Failed(ExitCodes.BadInput, name, "at byte"));
        }
        _folder.Write(name, [.. whole, 0]);
        _folder.Unchanged(() => _folder.Run(Arguments(name)).Failed(ExitCodes.BadInput, name, "1 bytes after the last tensor belong to nothing"));
    }

    /// <summary>Bits in the length, the first brace, the checksum's digits, names and values in the header, and in data: nothing of it may pass.</summary>
    [Theory]
    [InlineData(RunnerFolder.Model)]
    [InlineData(RunnerFolder.Checkpoint)]
    public void Single_flipped_bit_is_refused(string name)
    {
        byte[] whole = _folder.Read(name);
        int data = 8 + BitConverter.ToInt32(whole, 0);
        foreach (int at in (int[])[0, 3, 8, 30, 60, data / 2, data - 2, data, (data + whole.Length) / 2, whole.Length - 1])
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= (byte)(1 << (at % 7));
            _folder.Write(name, flipped);
            _folder.Unchanged(() => Read(name).Failed(ExitCodes.BadInput, name, "at byte"));
        }
        _folder.Unchanged(() => _folder.Run(Arguments(name)).Failed(ExitCodes.BadInput, name, "checksum"));
        _folder.Write(name, whole);
        Read(name).Succeeded();
    }

    /// <summary>Through the verb that reads such a file.</summary>
    private RunnerResult Read(string name) => _folder.RunInside(Arguments(name));

    private static string[] Arguments(string name) =>
        name == RunnerFolder.Checkpoint ? RunnerFolder.TrainArguments("--resume") : ["info", name];

    public static TheoryData<string, string, string> Contradictions() => new()
    {
        { "--hidden", "9", "'hidden' was '8'" },
        { "--embedding", "5", "'embedding' was '4'" },
        { "--layers", "2", "'layers' was '1'" },
        { "--dropout", "0.5", "'dropout' was '0'" },
        { "--batch", "5", "'batch' was '4'" },
        { "--time-steps", "17", "'time-steps' was '16'" },
        { "--optimizer", "sgd", "'optimizer' was 'adam'" },
        { "--learning-rate", "0.02", "'learning-rate' was '0.01'" },
        { "--clip-norm", "4", "'clip-norm' was '5'" },
        { "--weight-drop", "0.5", "'weight-drop' was not set" },
        { "--weight-decay", "0.5", "'weight-decay' was not set" },
        { "--schedule", "cosine", "'schedule' was not set" },
        { "--warm-up", "3", "'warm-up' was not set" },
        { "--seed", "2", "'seed' was '1'" },
        { "--validation-split", "0.2", "'validation-split' was '0.1'" },
    };

    [Theory]
    [MemberData(nameof(Contradictions))]
    public void Resume_with_another_setting_is_refused_with_both(string option, string value, string was) =>
        _folder.Unchanged(() => Train("--resume", option, value)
            .Failed(ExitCodes.BadInput, RunnerFolder.Checkpoint, "cannot resume", was, $"now it is '{value}'"));

    [Fact]
    public void Resume_with_other_data_or_without_a_checkpoint_is_refused()
    {
        File.WriteAllText(_folder.At("other.txt"), _folder.Text.Replace("First", "first", StringComparison.Ordinal));
        _folder.Unchanged(() => _folder.Train("--resume", "--hidden", "9").Failed(ExitCodes.BadInput, RunnerFolder.Checkpoint, "now it is '9'"));
        _folder.Unchanged(() => _folder.Train("--resume", "--data", "other.txt").Failed(ExitCodes.BadInput, RunnerFolder.Checkpoint, "'data-sha256'"));
        _folder.Unchanged(() => _folder.Train("--resume", "--out", "new").Failed(ExitCodes.BadInput, "new.checkpoint", "no checkpoint to resume from"));
        File.Copy(_folder.At(RunnerFolder.Model), _folder.At(RunnerFolder.Checkpoint), overwrite: true);
        _folder.Unchanged(() => _folder.Train("--resume").Failed(ExitCodes.BadInput, RunnerFolder.Checkpoint, "fastrnn.checkpoint"));
    }
}
