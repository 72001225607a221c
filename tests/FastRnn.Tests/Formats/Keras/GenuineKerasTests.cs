using System.IO.Compression;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Keras;
using FastRnn.Formats.Dialects.Keras.Hdf5;
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
