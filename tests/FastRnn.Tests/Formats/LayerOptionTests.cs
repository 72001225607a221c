using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>What a layer may have beside its sizes comes back from a file, is left out where it is not there, and is refused where it makes no sense.</summary>
public sealed class LayerOptionTests() : FileTest("model.safetensors")
{
    [Fact]
    public void Options_come_back()
    {
        using var model = new Sequential(
            _backend, 1, new Linear(3, 4), new Dropout(0.25f) { Variational = true }, new Dropout(0.5f),
            new Bidirectional(new Lstm(4, 2) { WeightDrop = 0.25f }), new Gru(4, 4) { WeightDrop = 0.5f }, new Rnn(4, 4) { WeightDrop = 0.125f }, new Lstm(4, 4), new ActivityRegularization(0.25f, 2, 1),
            new LayerNormalization(4, 0.001f), new Residual(new LayerNormalization(4)), Activation.LeakyRelu(0.3f), new Softmax());
        model.Save(Target);
        var (loaded, info) = ModelFile.Load(Target, _backend);
        using (loaded)
        {
            Assert.Equal(model.Layers.Select(layer => layer.ToString()), loaded.Layers.Select(layer => layer.ToString()));
            Assert.Equal("Dropout(0.25, variational)", loaded.Layers[1].ToString());
            Assert.True(((Dropout)loaded.Layers[1]).Variational);
            Assert.False(((Dropout)loaded.Layers[2]).Variational);
            Assert.Equal("dropout(rate 0.25, variational yes)", info.Layers[1].ToString());
            Assert.Equal("dropout(rate 0.5)", info.Layers[2].ToString());
            Assert.Equal("bidirectional(lstm(input 4, hidden 2, weight drop 0.25), merge concat)", info.Layers[3].ToString());
            Assert.Equal("lstm(input 4, hidden 4)", info.Layers[6].ToString());
            Assert.Equal("ActivityRegularization(l1 0.25, l2 2, temporal 1)", loaded.Layers[7].ToString());
            Assert.Equal("activity_regularization(l1 0.25, l2 2, temporal 1)", info.Layers[7].ToString());
            Assert.Equal("layer_normalization(size 4, epsilon 0.001)", info.Layers[8].ToString());
            Assert.Equal("LayerNormalization(4, epsilon 0.001)", loaded.Layers[8].ToString());
            Assert.Equal(1e-5f, ((LayerNormalization)((Residual)loaded.Layers[9]).Inner).Epsilon);
            Assert.Equal("activation(activation leaky_relu(0.3))", info.Layers[10].ToString());
            Assert.Equal("softmax()", info.Layers[11].ToString());
            Assert.Contains("8.weight", model.Parameters.Select(parameter => parameter.Name));
            Assert.Contains("9.inner.bias", model.Parameters.Select(parameter => parameter.Name));
        }
    }

    [Theory]
    [InlineData("{\"type\":\"linear\",\"input\":4,\"output\":4,\"variational\":true}", "layer 1 (linear) cannot have variational")]
    [InlineData("{\"type\":\"residual\",\"inner\":{\"type\":\"linear\",\"input\":4,\"output\":4,\"variational\":false}}", "layer 1 (linear) cannot have variational")]
    [InlineData("{\"type\":\"dropout\",\"rate\":0.5,\"variational\":1}", "fastrnn.architecture is not valid")]
    [InlineData("{\"type\":\"linear\",\"input\":4,\"output\":4,\"weight_drop\":0.5}", "layer 1 (linear) cannot have weight_drop")]
    [InlineData("{\"type\":\"activity_regularization\",\"l1\":1,\"l2\":1}", "layer 1 (activity_regularization) lacks temporal")]
    [InlineData("{\"type\":\"activity_regularization\",\"l1\":1,\"l2\":-1,\"temporal\":0}", "layer 1 has l2 -1; it must be finite and not negative")]
    [InlineData("{\"type\":\"dropout\",\"rate\":0.5,\"l1\":1}", "layer 1 (dropout) cannot have l1")]
    [InlineData("{\"type\":\"layer_normalization\",\"size\":4}", "layer 1 (layer_normalization) lacks epsilon")]
    [InlineData("{\"type\":\"layer_normalization\",\"size\":4,\"epsilon\":0}", "layer 1 has epsilon 0; it must be finite and above 0")]
    [InlineData("{\"type\":\"layer_normalization\",\"size\":5,\"epsilon\":0.1}", "layer 1 expects 5 inputs, layer 0 gives 4")]
    [InlineData("{\"type\":\"layer_normalization\",\"epsilon\":0.1}", "layer 1 (layer_normalization) lacks size")]
    [InlineData("{\"type\":\"layer_normalization\",\"size\":0,\"epsilon\":0.1}", "layer 1 (layer_normalization) has size 0")]
    [InlineData("{\"type\":\"masking\",\"size\":4}", "layer 1 (masking) lacks value")]
    [InlineData("{\"type\":\"masking\",\"size\":3,\"value\":0}", "layer 1 expects 3 inputs, layer 0 gives 4")]
    [InlineData("{\"type\":\"residual\",\"inner\":{\"type\":\"masking\",\"size\":4,\"value\":0}}", "layer 1 is residual around masking")]
    [InlineData("{\"type\":\"softmax\",\"epsilon\":0.1}", "layer 1 (softmax) cannot have epsilon")]
    [InlineData("{\"type\":\"activation\",\"activation\":\"leaky_relu\"}", "layer 1 has the activation 'leaky_relu', which this version does not know")]
    [InlineData("{\"type\":\"lstm\",\"input\":4,\"hidden\":4,\"weight_drop\":1}", "layer 1 (lstm) has weight_drop 1; expected a share from 0 to below 1")]
    [InlineData("{\"type\":\"lstm\",\"input\":4,\"hidden\":4,\"weight_drop\":-1e-9}", "weight_drop -1E-09; expected a share from 0")]
    public void Options_that_make_no_sense_are_refused(string layer, string reason)
    {
        using var model = new Sequential(_backend, 1, new Linear(3, 4), new Dropout(0.5f));
        SafetensorsFile file = ModelFile.Describe(model, new ModelInfo());
        const string stored = "{\"type\":\"dropout\",\"rate\":0.5}";
        Assert.Contains(stored, file.Metadata[ArchitectureRecord.Key], StringComparison.Ordinal);
        file.Metadata[ArchitectureRecord.Key] = file.Metadata[ArchitectureRecord.Key].Replace(stored, layer, StringComparison.Ordinal);
        SafetensorsWriter.Write(Target, file);
        var error = Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, _backend));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }
}
