using System.Text.Json;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Dialects;

/// <summary>PyTorch's state_dicts in safetensors files compute what PyTorch computed in float64, see Truth/make_pytorch_models.py.</summary>
public sealed class StateDictTests() : FileTest("model.safetensors")
{
    private static readonly SampleArchive _samples = new("pytorch_models.zip");

    public static TheoryData<string> Names() => [.. _samples.Cases.Select(sample => sample.GetProperty("name").GetString()!)];

    [Fact]
    public void There_are_enough() => Assert.True(_samples.Cases.Count >= 60);

    [Theory]
    [MemberData(nameof(Names))]
    public void Model_computes_what_PyTorch_did(string name)
    {
        JsonElement sample = _samples.Cases.Single(item => item.GetProperty("name").GetString() == name);
        using ImportedModel imported = Load(name, sample);
        Assert.Equal("PyTorch safetensors", imported.Format);
        SampleArchive.Compare(imported, sample, 1e-6);
    }

    /// <summary>The shapes of a simple cell do not tell its function: the message says how to.</summary>
    [Fact]
    public void Function_of_a_simple_cell_is_asked_for()
    {
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(_samples["relu-1-1-bias.safetensors"], "m", _backend));
        Assert.Contains("--activation tanh or --activation relu", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("softmax")]
    [InlineData("log_softmax")]
    public void Output_function_of_the_options_is_the_last_layer(string function)
    {
        using ImportedModel imported = SampleArchive.Load(_samples["lstm-1-1-bias.safetensors"], "m", _backend, new ImportOptions { OutputActivation = function });
        Assert.Equal(function, imported.Info.Layers[^1].Type);
    }

    [Fact]
    public void Function_that_a_simple_cell_does_not_have_is_refused()
    {
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(_samples["relu-1-1-bias.safetensors"], "m", _backend, new ImportOptions { RnnActivation = "softsign" }));
        Assert.Contains("the activation 'softsign' is not known; tanh and relu are", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Two modules of one width fit in either order.</summary>
    [Fact]
    public void Order_that_shapes_do_not_decide_is_asked_for()
    {
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(_samples["lstm-sidecar.safetensors"], "m", _backend));
        Assert.Contains("name the layers in a sidecar", error.Message, StringComparison.Ordinal);
    }

    private ImportedModel Load(string name, JsonElement sample)
    {
        JsonElement options = sample.GetProperty("options");
        string file = name + ".safetensors";
        File.WriteAllBytes(Target, _samples[file]);
        if (_samples.Has(file + ".json"))
            File.WriteAllBytes(Target + ".json", _samples[file + ".json"]);
        return ModelImport.Load(Target, _backend, new ImportOptions
        {
            RnnActivation = options.TryGetProperty("activation", out JsonElement activation) ? activation.GetString() : null,
            OutputActivation = options.TryGetProperty("output", out JsonElement output) ? output.GetString() : null,
        });
    }
}
