using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Model files of layers that are made of others.</summary>
public sealed class NestedLayersTests() : FileTest("model.safetensors")
{
    [Fact]
    public void Layers_made_of_layers_come_back()
    {
        using var model = new Sequential(
            _backend, 4, new Residual(new Bidirectional(new Gru(6, 3))), new Bidirectional(new Lstm(6, 5), Merge.Average),
            new Residual(Activation.Tanh()), new Residual(new Lstm(5, 5)), new GoBackwards(new Rnn(5, 4), lastStep: true), new Linear(4, 2));
        model.Save(Target);
        var (loaded, info) = ModelFile.Load(Target, _backend);
        using (loaded)
        {
            Assert.Equal(
                [
                    "residual(bidirectional(gru(input 6, hidden 3), merge concat))", "bidirectional(lstm(input 6, hidden 5), merge average)",
                    "residual(activation(activation tanh))", "residual(lstm(input 5, hidden 5))",
                    "go_backwards(rnn(input 5, hidden 4, activation tanh), last step only)", "linear(input 4, output 2)",
                ],
                info.Layers.Select(layer => layer.ToString()));
            Assert.Equal(model.Layers.Select(layer => layer.ToString()), loaded.Layers.Select(layer => layer.ToString()));
            Assert.Equal(model.Parameters.Select(parameter => parameter.ToString()), loaded.Parameters.Select(parameter => parameter.ToString()));
            Assert.Equal(ModelFileTests.AllWeights(model), ModelFileTests.AllWeights(loaded));
            string again = Path.Combine(_folder, "again");
            ModelFile.Save(loaded, info, again);
            Assert.Equal(File.ReadAllBytes(Target), File.ReadAllBytes(again));
        }
    }

    [Fact]
    public void Exchanged_directions_are_found()
    {
        using var model = new Sequential(_backend, 4, new Bidirectional(new Lstm(3, 4)), new Linear(8, 2));
        var file = ModelFile.Describe(model, new ModelInfo());
        var (a, b) = (file.Find("0.weight_hh_l0")!, file.Find("0.weight_hh_l0_reverse")!);
        float[] forward = a.Floats.ToArray();
        b.Floats.CopyTo(a.Floats);
        forward.CopyTo(b.Floats);
        SafetensorsWriter.Write(Target, file);
        var error = Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, _backend));
        Assert.Contains("does not compute what it did", error.Message, StringComparison.Ordinal);
    }
}
