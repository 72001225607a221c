using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Layers;
using FastRnn.Runner;
using FastRnn.Tests.Dialects;
using FastRnn.Tests.Formats.Keras;
using FastRnn.Tests.Support;
using Xunit;
using Json = FastRnn.Tests.Support.Json;
using JsonObject = System.Text.Json.Nodes.JsonObject;

namespace FastRnn.Tests.Runner;

/// <summary>Files of other programs through convert and info: what they say of themselves is kept, and only what was checked replaces a file.</summary>
public sealed class ConvertTests : IDisposable
{
    private const string Escape = "\u001b";

    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>One of every kind that other programs write, to every kind that can hold it.</summary>
    [Theory]
    [InlineData("audio_models.zip", "lstm-old.nam", "safetensors")]
    [InlineData("rtneural", "lstm.json", "safetensors onnx json")]
    [InlineData("keras.zip", "k3_gru.keras", "safetensors onnx json")]
    [InlineData("keras.zip", "k22_lstm.h5", "safetensors onnx")]
    [InlineData("pytorch_models.zip", "gru-1-1-bias.safetensors", "safetensors onnx json")]
    public void Files_of_other_programs_go_to_every_kind(string archive, string name, string kinds)
    {
        string extension = Path.GetExtension(name);
        _folder.Write("source" + extension, Sample(archive, name));
        foreach (string kind in kinds.Split(' '))
        {
            JsonElement told = Json.Object(_folder.Run("convert", "source" + extension, "target." + kind, "--json").Succeeded().Output);
            Assert.InRange(told.GetProperty("largest_difference").GetDouble(), 0, 1e-6);
            Assert.True(told.GetProperty("outputs").GetInt32() > 0);
            _folder.Run("info", "target." + kind).Succeeded();
        }
    }

    /// <summary>Loudness and gain go with the weights, digit by digit.</summary>
    [Theory]
    [InlineData("safetensors")]
    [InlineData("onnx")]
    [InlineData("json")]
    public void What_a_file_says_of_itself_is_kept(string kind)
    {
        JsonObject amplifier = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Repository.Root, "tests", "data", "models", "BossLSTM-1x16.nam")))!.AsObject();
        amplifier["sample_rate"] = 48000;
        JsonArray weights = amplifier["weights"]!.AsArray();
        if (kind != "safetensors")
        {
            for (int i = 0; i < 32; i++)
                weights[(4 * 16 * 18) + i] = 0; // the others have no place for an initial state
        }
        _folder.Write("amp.nam", JsonSerializer.SerializeToUtf8Bytes(amplifier));
        _folder.Run("convert", "amp.nam", "amp." + kind).Succeeded();
        using CpuBackend backend = CpuBackend.CreateForInference(1);
        using ImportedModel before = ModelImport.Load(_folder.At("amp.nam"), backend), after = ModelImport.Load(_folder.At("amp." + kind), backend);
        Assert.Equal("-11.380825996398926", after.Metadata["metadata.loudness"]);
        Assert.Equal("48000", after.Metadata["sample_rate"]);
        Assert.Equal(before.Metadata, after.Metadata);
        Assert.Contains("metadata.gain: '0.6450519594674613'", _folder.RunInside("info", "amp." + kind).Succeeded().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_target_has_no_place_for_is_told()
    {
        _folder.Write("a.json", Amplifier($$"""
            "in_skip":0,"samplerate":"44100.0","long":"{{new string('x', 70_000)}}",
            """));
        string text = _folder.RunInside("convert", "a.json", _folder.At("b.json")).Succeeded().Output;
        Assert.Contains("note         the target has no place for what the source says of itself as 'in_skip', 'long'", text, StringComparison.Ordinal);
        using CpuBackend backend = CpuBackend.CreateForInference(1);
        using ImportedModel after = ModelImport.Load(_folder.At("b.json"), backend);
        Assert.Equal(["samplerate"], after.Metadata.Keys);
        Assert.Equal("44100.0", after.Metadata["samplerate"]);
    }

    /// <summary>Text of a hostile file neither steers the terminal nor fills it.</summary>
    [Fact]
    public void Notes_are_safe_to_print()
    {
        _folder.Write("a.json", Amplifier($$"""
            "in_gain":"\u001b[2J{{new string('x', 20_000)}}","name":"\u001b]0;title\u0007",
            """));
        foreach (string text in (string[])[_folder.RunInside("info", "a.json").Succeeded().Output, _folder.RunInside("convert", "a.json", _folder.At("b.onnx")).Succeeded().Output])
        {
            Assert.DoesNotContain(Escape, text, StringComparison.Ordinal);
            Assert.Contains("in_gain '\\u001b[2Jxxx", text, StringComparison.Ordinal);
            Assert.True(text.Length < 3000, $"{text.Length} characters");
        }
    }

    /// <summary>The same of what FastRnn's own files name: tasks, classes, data.</summary>
    [Fact]
    public void Names_in_own_files_are_safe_to_print()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Gru(2, 2));
        ModelFile.Save(model, new() { Task = Escape + "[2J", Classes = new([Escape + "[1m", "Имя"]), Training = new() { Data = Escape + "c" } }, _folder.At("m.safetensors"));
        string text = _folder.RunInside("info", "m.safetensors").Succeeded().Output;
        Assert.DoesNotContain(Escape, text, StringComparison.Ordinal);
        Assert.Contains("\\u001b[1m, Имя", text, StringComparison.Ordinal);
    }

    /// <summary>What is not read back as it was written never takes a file's place: here a name that is longer than the target's readers take.</summary>
    [Fact]
    public void A_good_file_stays_until_the_new_one_is_checked()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Linear(2, 2));
        ModelFile.Save(model, new() { Metadata = new Dictionary<string, string> { [new string('n', 2000)] = "1" } }, _folder.At("m.safetensors"));
        _folder.Write("old.json", "what was there"u8);
        _folder.Unchanged(() => _folder.RunInside("convert", "m.safetensors", "old.json").Failed(ExitCodes.BadInput, "old.json: a name is longer than 1024 bytes"));
    }

    [Fact]
    public void Weights_that_are_not_finite_are_not_written_anyway() =>
        _folder.RunInside("convert", "a.safetensors", _folder.At("b.onnx"), "--allow-nonfinite").Failed(ExitCodes.Usage, "--allow-nonfinite");

    /// <summary>y = x/2 + 1/2 as RTNeural has it.</summary>
    private static byte[] Amplifier(string fields) => Encoding.UTF8.GetBytes(
        $$"""{"in_shape":[null,null,1],{{fields}}"layers":[{"type":"dense","activation":"","shape":[null,null,1],"weights":[[[0.5]],[0.5]]}]}""");

    private static byte[] Sample(string archive, string name) => archive switch
    {
        "rtneural" => File.ReadAllBytes(Path.Combine(Repository.Root, "tests", "data", "models", archive, name)),
        "keras.zip" => KerasSamples.Entry(name),
        _ => new SampleArchive(archive)[name],
    };
}
