using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Weights large enough to be read in blocks, straight to their places where they lie row behind row, and packed by another thread meanwhile.</summary>
public sealed class LargeModelFileTests() : FileTest("large.safetensors")
{
    /// <summary>Rows of 300 floats are padded in memory, others are not. Each matrix has 2^18 floats or more.</summary>
    private Sequential Model() => new(_backend, 5, [.. Layers()]);

    private static IEnumerable<Layer> Layers() =>
        [new Lstm(300, 256), new Gru(256, 352) { ResetBefore = true }, new Residual(new Lstm(352, 352)), new Bidirectional(new Rnn(352, 768)), new Lstm(1536, 528) { Projection = 512 }, new Linear(512, 520)];

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
    [InlineData("5.weight", 519)]
    public void A_value_that_is_not_finite_is_named_wherever_it_lies(string name, int row)
    {
        float value = row % 2 == 0 ? float.NaN : row == 519 ? float.PositiveInfinity : float.NegativeInfinity;
        using (Sequential model = Model())
            model.Save(Target);
        SafetensorsFile file = SafetensorsReader.Read(Target);
        SafetensorsTensor tensor = file.Find(name)!;
        int index = (row * tensor.Shape[1]) + 7;
        tensor.Floats[index] = value;
        SafetensorsWriter.Write(Target, file);
        using CpuBackend backend = new(2);
        var refused = Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, backend));
        Assert.Contains($"tensor {ModelFormatException.Quote(name)} is not finite at element {index}", refused.Message, StringComparison.Ordinal);
        Assert.Equal(SafetensorsReader.Read(Target).Find(name)!.Offset + (4L * index), refused.Offset);
    }

    /// <summary>By another thread while the file is read, or by nobody: the first pass packs.</summary>
    [Theory]
    [InlineData(2, false)]
    [InlineData(2, true)]
    [InlineData(1, false)]
    public void Weights_are_packed_when_they_are_read_where_there_are_threads(int threads, bool inference)
    {
        using (Sequential saved = Model())
            saved.Save(Target);
        using CpuBackend backend = inference ? CpuBackend.CreateForInference(threads) : new CpuBackend(threads);
        using var model = new Sequential(backend, 5, draws: false, [.. Layers()]);
        using FileStream stream = File.OpenRead(Target);
        new ModelWeights(model, SafetensorsReader.Open(stream, Target), Target).Read(default);
        Assert.Equal(7, model.LayerArray.SelectMany(layer => layer.Products).Count());
        Assert.All(
            model.LayerArray.SelectMany(layer => layer.Products),
            weights => Assert.Equal(threads > 1, weights is CpuRecurrentWeights cell ? cell.IsPacked : ((CpuBackend.CpuLinearWeights)weights).IsPacked));
    }

    [Fact]
    public void It_can_be_cancelled_while_it_is_packed()
    {
        using (Sequential saved = Model())
            saved.Save(Target);
        byte[] bytes = File.ReadAllBytes(Target);
        using var cancellation = new CancellationTokenSource();
        using var stream = new WatchedStream(bytes, bytes.Length / 2, cancellation.Cancel);
        using CpuBackend backend = new(2);
        Assert.Throws<OperationCanceledException>(() => ModelFile.Load(SafetensorsReader.Open(stream, null), null, backend, cancellation.Token));
    }

    [Fact]
    public void A_large_model_has_three_steps_of_a_probe_and_may_have_eight()
    {
        using Sequential model = Model();
        SafetensorsFile file = ModelFile.Describe(model, new ModelInfo());
        LayerInfo[] layers = [.. model.Layers.Select(Architecture.Describe)];
        Assert.Equal(3, Probe.StepsOf(layers, StrictJson.Read<ProbeRecord>(file, ProbeRecord.Key, null)));
        file.Metadata[ProbeRecord.Key] = StrictJson.Write(Probe.Record(model, layers, Probe.Steps));
        SafetensorsWriter.Write(Target, file);
        Assert.Equal(8, Probe.StepsOf(layers, StrictJson.Read<ProbeRecord>(SafetensorsReader.Read(Target), ProbeRecord.Key, Target)));
        ModelFile.Load(Target, _backend).Model.Dispose();
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
        using CpuBackend backend = new(2);
        byte[] bytes = File.ReadAllBytes(Target);
        using var stream = new WatchedStream(bytes, bytes.Length * 3 / 4, () => throw new IOException("the disk is gone"));
        Assert.Equal("the disk is gone", Assert.Throws<IOException>(() => ModelFile.Load(stream, backend)).Message);
    }

    /// <summary>Something happens when it is read so far.</summary>
    private sealed class WatchedStream(byte[] bytes, int place, Action happens) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count)
        {
            if (Position <= place && Position + count > place)
                happens();
            return base.Read(buffer, offset, count);
        }
    }
}
