using System.Globalization;
using System.Text.Json;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Dialects;

/// <summary>Files of audio programs mean what their formats' equations say, in float64, see Truth/make_audio_models.py.</summary>
public sealed class AudioModelTests() : FileTest("model.safetensors")
{
    private static readonly SampleArchive _samples = new("audio_models.zip");

    public static TheoryData<string> Names() => [.. _samples.Cases.Select(sample => sample.GetProperty("name").GetString()!)];

    [Fact]
    public void There_are_enough() => Assert.True(_samples.Cases.Count >= 60);

    [Theory]
    [MemberData(nameof(Names))]
    public void Model_computes_what_its_file_says(string name)
    {
        JsonElement sample = _samples.Cases.Single(item => item.GetProperty("name").GetString() == name);
        using ImportedModel imported = SampleArchive.Load(_samples[name], name, _backend);
        SampleArchive.Compare(imported, sample, 1e-6);
        if (sample.TryGetProperty("metadata", out JsonElement metadata))
            Assert.All(metadata.EnumerateObject(), item => Assert.Equal(item.Value.GetString(), imported.Metadata[item.Name]));
    }

    /// <summary>Also what FastRnn's own files and RTNeural's do not say is kept or refused, never dropped.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Model_goes_through_FastRnns_own_file(string name)
    {
        JsonElement sample = _samples.Cases.Single(item => item.GetProperty("name").GetString() == name);
        using ImportedModel imported = SampleArchive.Load(_samples[name], name, _backend);
        ModelFile.Save(imported.Sequential!, imported.Info, Target);
        using ImportedModel again = ModelImport.Load(Target, _backend);
        Assert.Equal("FastRnn safetensors", again.Format);
        Assert.Equal(imported.Metadata, again.Metadata);
        SampleArchive.Compare(again, sample, 1e-6);
    }

    [Theory]
    [InlineData("lstm.json", "lstm", "RTNeural JSON")]
    [InlineData("gru_torch.json", "gru_torch", "PyTorch state_dict in JSON")]
    public void Genuine_networks_agree_with_their_outputs(string file, string values, string format)
    {
        string folder = Path.Combine(Repository.Root, "tests", "data", "models", "rtneural");
        using ImportedModel imported = ModelImport.Load(Path.Combine(folder, file), _backend);
        Assert.Equal(format, imported.Format);
        float[] x = [.. Column(Path.Combine(folder, values + "_x_python.csv")).Select(value => (float)value)];
        double[] y = Column(Path.Combine(folder, values + "_y_python.csv"));
        (float[] whole, float[] streamed) = Run(imported.Sequential!, x);
        SampleArchive.Equal(y, whole, 1e-5, file);
        Assert.Equal(whole, streamed);
    }

    [Fact]
    public void Genuine_amplifier_starts_from_its_own_state()
    {
        string folder = Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "Truth");
        using JsonDocument truth = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "boss_lstm.json")));
        float[] x = [.. SampleArchive.Numbers(truth.RootElement, "x").Select(value => (float)value)];
        double[] y = SampleArchive.Numbers(truth.RootElement, "y");
        using ImportedModel imported = ModelImport.Load(Path.Combine(Repository.Root, "tests", "data", "models", "BossLSTM-1x16.nam"), _backend);
        Assert.Equal("Neural Amp Modeler", imported.Format);
        Assert.Equal("-11.380825996398926", imported.Metadata["metadata.loudness"]);
        Assert.Equal("0.6450519594674613", imported.Metadata["metadata.gain"]);
        Assert.Equal("29", imported.Metadata["metadata.date.day"]);
        (float[] whole, float[] streamed) = Run(imported.Sequential!, x);
        SampleArchive.Equal(y, whole, 5e-6, imported.Format); // an amplifier: its slope is 100 and more
        Assert.Equal(whole, streamed);
    }

    private static (float[] Whole, float[] Streamed) Run(Sequential model, float[] x)
    {
        var window = new SequenceChunk(x.Length, 1, 1, 0);
        x.CopyTo(window.InputValues);
        float[] whole = new float[x.Length], streamed = new float[x.Length];
        model.Predict(window, whole);
        using Session session = model.OpenSession();
        for (int t = 0; t < x.Length; t++)
            session.Step(x.AsSpan(t, 1), streamed.AsSpan(t, 1));
        return (whole, streamed);
    }

    private static double[] Column(string path) => [.. File.ReadLines(path).Where(line => line.Length > 0).Select(line => double.Parse(line, CultureInfo.InvariantCulture))];
}
