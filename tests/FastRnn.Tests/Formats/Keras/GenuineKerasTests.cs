using System.IO.Compression;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Keras;
using FastRnn.Formats.Dialects.Keras.Hdf5;
using FastRnn.Inference;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Files that Keras itself has written; tests/data/README.md tells whose.</summary>
public sealed class GenuineKerasTests() : FileTest("model.h5")
{
    [Fact]
    public void TheContainerOpensAndItsCustomClassIsRefused()
    {
        byte[] file = File.ReadAllBytes(Data("keras3_container.keras"));
        using var stream = new MemoryStream(file);
        KerasArchive archive = KerasArchive.Open(stream, null, ImportLimits.Default, default);
        HdfFile weights = HdfFile.Open(archive.OpenWeights(), ImportLimits.Default, default);
        var shapes = new List<string>();
        foreach (string name in new[] { "dense/vars/0", "dense_1/vars/0", "dense_2/vars/0", "dense_3/vars/0", "dense_3/vars/1" })
        {
            (int[] shape, float[] values) = HdfDataSet.Read(weights.Root.Find($"layers/{name}")!);
            shapes.Add(string.Join('×', shape));
            Assert.All(values, value => Assert.True(float.IsFinite(value)));
            Assert.Contains(values, value => value != 0 || shape.Length == 1);
        }
        Assert.Equal(["4×4", "4×4", "4×4", "4×2", "2"], shapes);
        Assert.Equal("d_0", weights.Root.Find("layers/dense/vars")!.Text("name"));

        ModelFormatException error = Assert.Throws<ModelFormatException>(() => KerasSamples.Load(file, "keras3_container.keras", _backend).Dispose());
        Assert.Contains("'legacy_nested_container>NestedDenseModel' of '' is a custom class; only Keras's own are read", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileOfWeightsIsReadGroupByGroup()
    {
        HdfFile file = HdfFile.Open(Dtln(), ImportLimits.Default, default);
        Assert.Equal("2.2.4-tf", file.Root.Text("keras_version"));
        Assert.Equal("tensorflow", file.Root.Text("backend"));
        var store = new KerasLegacyStore(file.Root);
        Assert.Equal(18, store.LayerNames.Length);
        string Shapes(string layer) => string.Join(' ', store.Weights(layer).Select(array => $"{array.Name[(layer.Length + 1)..]}:{string.Join('×', array.Shape)}"));

        Assert.Equal("lstm/kernel:0:257×512 lstm/recurrent_kernel:0:128×512 lstm/bias:0:512", Shapes("lstm"));
        Assert.Equal("lstm_3/kernel:0:128×512 lstm_3/recurrent_kernel:0:128×512 lstm_3/bias:0:512", Shapes("lstm_3"));
        Assert.Equal("dense/kernel:0:128×257 dense/bias:0:257", Shapes("dense"));
        Assert.Equal("conv1d/kernel:0:1×512×256", Shapes("conv1d"));
        Assert.Equal("layer_normalization/gamma:0:256 layer_normalization/beta:0:256", Shapes("layer_normalization"));
        Assert.Empty(store.Weights("multiply"));
    }

    [Fact]
    public void AModelOfOtherLayersIsRefusedByName()
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => KerasSamples.Load(DtlnBytes(), "dtln.h5", _backend).Dispose());
        Assert.Contains("the 1 arrays of 'conv1d', the first [1, 512, 256], are those of no layer that is read", error.Message, StringComparison.Ordinal);
    }

    private const string FirstPart = """
        {"layers":[{"type":"lstm","input":257,"hidden":128},{"type":"lstm","input":128,"hidden":128},{"type":"linear","input":128,"output":257},{"type":"activation","activation":"sigmoid"}],
        "modules":["lstm","lstm_1","dense"]}
        """;

    [Fact]
    public void APartOfALargerNetworkIsReadByTheNamesOfItsGroups()
    {
        using ImportedModel model = LoadWith(FirstPart);
        Assert.Equal(["lstm 257→128", "lstm 128→128", "linear 128→257", "activation"], model.Info.Layers.Select(
            layer => layer.Input == null ? layer.Type : $"{layer.Type} {layer.Input}→{layer.Hidden ?? layer.Output}"));
        Assert.Contains("read are 3 groups of the file's 18", model.Notes);
        float[] outputs = new float[257];
        model.Sequential!.OpenSession().Step(new float[257], outputs);
        Assert.All(outputs, value => Assert.Equal(0.5f, value)); // all weights of this copy are zero
    }

    [Theory]
    [InlineData("\"dense\"]", "\"dense_7\"]", "the file has no weights of a layer 'dense_7'")]
    [InlineData("\"lstm_1\"", "\"lstm_2\"", "layer 1 has 128 inputs, its weights 256")]
    [InlineData(",\"dense\"", "", "layer 2 (linear) has no weights in the file")]
    [InlineData(",\"dense\"", ",\"dense\",\"dense_1\"", "'dense_1/dense_1/kernel:0' belongs to no layer that is named")]
    [InlineData(",\n\"modules\":[\"lstm\",\"lstm_1\",\"dense\"]", "", "'conv1d/conv1d/kernel:0' belongs to no layer that is named")]
    public void NamesThatDoNotFitAreRefused(string part, string instead, string problem)
    {
        Assert.Contains(part, FirstPart.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        string sidecar = FirstPart.ReplaceLineEndings("\n").Replace(part, instead, StringComparison.Ordinal);
        Assert.Contains(problem, Assert.Throws<ModelFormatException>(() => LoadWith(sidecar).Dispose()).Message, StringComparison.Ordinal);
    }

    private ImportedModel LoadWith(string sidecar)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, sidecar);
            return KerasSamples.Load(DtlnBytes(), "dtln.h5", _backend, new ImportOptions { Sidecar = path });
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static HdfBytes Dtln()
    {
        byte[] bytes = DtlnBytes();
        return new HdfBytes(new MemoryStream(bytes), 0, bytes.Length, "dtln.h5");
    }

    private static byte[] DtlnBytes()
    {
        using var packed = new GZipStream(File.OpenRead(Data("dtln_structure.h5.gz")), CompressionMode.Decompress);
        var bytes = new MemoryStream();
        packed.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static string Data(string name) => Path.Combine(Repository.Root, "tests", "data", name);
}
