using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Weights large enough to be read in blocks, straight to their places where they lie row behind row, and packed by other threads meanwhile.</summary>
public sealed class LargeModelFileTests() : FileTest("large.safetensors")
{
    /// <summary>Rows of 300 floats are padded in memory, those of 256, 320 and 272 are not.</summary>
    private Sequential Model(Backend? backend = null) => new(
        backend ?? _backend, 5, new Lstm(300, 256), new Gru(256, 320) { ResetBefore = true }, new Lstm(320, 304) { Projection = 272 }, new Linear(272, 1000));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_comes_back_to_the_bit_and_computes_the_same(bool inference)
    {
        using Sequential model = Model();
        model.Save(Target);
        using Backend backend = inference ? CpuBackend.CreateForInference(2) : new CpuBackend(2);
        (Sequential loaded, ModelInfo info) = ModelFile.Load(Target, backend);
        using (loaded)
        {
            Assert.Equal(ModelFileTests.AllWeights(model), ModelFileTests.AllWeights(loaded));
            string again = Path.Combine(_folder, "again");
            ModelFile.Save(loaded, info, again); // with the outputs of its probe
            Assert.Equal(File.ReadAllBytes(Target), File.ReadAllBytes(again));
        }
    }

    [Theory]
    [InlineData("0.weight_ih_l0", 1023)]
    [InlineData("0.weight_hh_l0", 700)]
    [InlineData("3.weight", 999)]
    public void A_value_that_is_not_finite_is_named_wherever_it_lies(string name, int row)
    {
        using (Sequential model = Model())
            model.Save(Target);
        SafetensorsFile file = SafetensorsReader.Read(Target);
        SafetensorsTensor tensor = file.Find(name)!;
        int index = (row * tensor.Shape[1]) + 7;
        tensor.Floats[index] = float.NegativeInfinity;
        SafetensorsWriter.Write(Target, file);
        var refused = Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, _backend));
        Assert.Contains($"tensor {ModelFormatException.Quote(name)} is not finite at element {index}", refused.Message, StringComparison.Ordinal);
        Assert.Equal(SafetensorsReader.Read(Target).Find(name)!.Offset + (4L * index), refused.Offset);
    }

    [Fact]
    public void A_flipped_bit_is_found_by_the_checksum()
    {
        using (Sequential model = Model())
            model.Save(Target);
        byte[] bytes = File.ReadAllBytes(Target);
        bytes[^(bytes.Length / 3)] ^= 1;
        File.WriteAllBytes(Target, bytes);
        Assert.Contains("damaged", Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, _backend)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stream_that_fails_in_the_middle_is_the_callers_failure()
    {
        using (Sequential model = Model())
            model.Save(Target);
        byte[] bytes = File.ReadAllBytes(Target);
        using var stream = new FailingStream(bytes, bytes.Length * 3 / 4);
        Assert.Equal("the disk is gone", Assert.Throws<IOException>(() => ModelFile.Load(stream, _backend)).Message);
    }

    private sealed class FailingStream(byte[] bytes, int good) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) =>
            Position + count > good ? throw new IOException("the disk is gone") : base.Read(buffer, offset, count);
    }
}
