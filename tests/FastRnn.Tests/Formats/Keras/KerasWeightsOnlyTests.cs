using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Tests.Dialects;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Files of weights alone: what the options say of them, and layers that somebody has named and that do not fit.</summary>
public sealed class KerasWeightsOnlyTests() : FileTest("weights.h5")
{
    private const string Cell = "{\"type\":\"rnn\",\"input\":7,\"hidden\":11,\"activation\":\"tanh\"}", Norm = "{\"type\":\"layer_normalization\",\"size\":11,\"epsilon\":0.001}";
    private const string Linear = "{\"type\":\"linear\",\"input\":11,\"output\":4}";

    [Theory]
    [InlineData("softmax", "softmax")]
    [InlineData("log_softmax", "log_softmax")]
    [InlineData("sigmoid", "activation")]
    public void Output_function_of_the_options_is_the_last_layer(string function, string type)
    {
        using ImportedModel imported = SampleArchive.Load(KerasSamples.Entry("weights_norm.h5"), "w.h5", _backend, new ImportOptions { OutputActivation = function });
        Assert.Equal(type, imported.Info.Layers[^1].Type);
    }

    [Fact]
    public void Function_of_a_cell_is_that_of_the_options()
    {
        using ImportedModel imported = SampleArchive.Load(KerasSamples.Entry("weights_norm.h5"), "w.h5", _backend, new ImportOptions { RnnActivation = "relu" });
        Assert.Equal("relu", imported.Info.Layers[0].Activation);
    }

    [Theory]
    [InlineData("softsign", null, "the activation 'softsign' is not known; tanh and relu are")]
    [InlineData("", null, "the activation '' is not known")]
    [InlineData(null, "sofmax", "the output activation 'sofmax' is not known")]
    public void Functions_that_are_not_known_are_refused(string? cell, string? output, string text)
    {
        var options = new ImportOptions { RnnActivation = cell, OutputActivation = output };
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(KerasSamples.Entry("weights_norm.h5"), "w.h5", _backend, options).Dispose());
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Cell + "," + Norm, "\"simple_rnn\",\"dense\"", "'dense/dense/kernel:0' is [11, 4], expected [11]")]
    [InlineData(Cell + "," + Norm, "\"layer_normalization\",\"simple_rnn\"", "is [11], expected [0, 11]")]
    [InlineData(Cell + "," + Norm, "\"dense\",\"simple_rnn\"", "'dense/dense/kernel:0' is [11, 4], expected [11, 11]")]
    [InlineData("{\"type\":\"linear\",\"input\":7,\"output\":11}", "\"simple_rnn\"", "layer 0 (linear) has 3 arrays, expected 1 or 2")]
    [InlineData("{\"type\":\"embedding\",\"vocabulary\":11,\"size\":4}", "\"dense\"", "layer 0 (embedding) has 2 arrays, expected 1")]
    [InlineData(Norm, "\"simple_rnn\"", "layer 0 (layer_normalization) has 3 arrays, expected 2")]
    [InlineData("{\"type\":\"bidirectional\",\"inner\":" + Cell + ",\"merge\":\"sum\",\"last_step\":false}", "\"simple_rnn\"", "layer 0 has 3 arrays, which are not the same for both directions")]
    public void Arrays_that_are_not_those_of_a_named_layer_are_refused(string layers, string modules, string text) => Refused("weights_norm.h5", layers, modules, text);

    [Fact]
    public void Groups_that_no_named_layer_has_are_refused() => Refused("weights_paths_dropout.h5", "{\"type\":\"lstm\",\"input\":7,\"hidden\":11}", null, "the weights of 'dense' belong to no layer of the model");

    [Fact]
    public void The_named_layers_themselves_are_read()
    {
        File.WriteAllBytes(Target, KerasSamples.Entry("weights_norm.h5"));
        File.WriteAllText(Target + ".json", $"{{\"layers\":[{Cell},{Norm},{Linear}]}}");
        using ImportedModel imported = ModelImport.Load(Target, _backend);
        Assert.Equal(["rnn", "layer_normalization", "linear"], imported.Info.Layers.Select(layer => layer.Type));
    }

    /// <summary>A layer that has weights where its class has none is named with its file.</summary>
    [Fact]
    public void Errors_name_the_file()
    {
        byte[] file = [.. KerasSamples.Entry("k22_lstm.h5")];
        int at = file.AsSpan().IndexOf("\"class_name\": \"LSTM\""u8);
        "\"class_name\": \"ReLU\""u8.CopyTo(file.AsSpan(at));
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(file, "w.h5", _backend).Dispose());
        Assert.StartsWith("w.h5: layer 'lstm' (ReLU) has weights", error.Message, StringComparison.Ordinal);
    }

    private void Refused(string sample, string layers, string? modules, string text)
    {
        File.WriteAllBytes(Target, KerasSamples.Entry(sample));
        File.WriteAllText(Target + ".json", $"{{\"layers\":[{layers}]{(modules == null ? "" : $",\"modules\":[{modules}]")}}}");
        var error = Assert.Throws<ModelFormatException>(() => ModelImport.Load(Target, _backend).Dispose());
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
    }
}
