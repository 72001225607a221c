using FastRnn.Formats;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>What a checkpoint holds: every tensor's bits and every counter, but not how long the run took.</summary>
internal sealed record TrainingState(long Steps, int Epoch, int Chunk, string Counters, SortedDictionary<string, byte[]> Tensors)
{
    /// <summary>Where a run stands that has no checkpoint yet.</summary>
    public static TrainingState None { get; } = new(0, 0, 0, "", []);

    /// <summary>Reads a file as resuming does, so that one that cannot be resumed from fails here.</summary>
    public static TrainingState Read(string path)
    {
        using (var backend = new Backends.CpuBackend(threads: 1))
            CheckpointFile.Load(path, backend).Model.Dispose();
        SafetensorsFile file = SafetensorsReader.Read(path);
        CheckpointRecord record = StrictJson.Read<CheckpointRecord>(file, CheckpointRecord.Key, path);
        RunState run = record.Run;
        string counters = StrictJson.Write(record with { Run = run with { Seconds = 0 } });
        if (file.Find(CheckpointRecord.EpochsName) is { } epochs)
        {
            file.Tensors.Remove(epochs);
            file.Tensors.Add(EpochTable.Write([.. EpochTable.Read(epochs).Select(epoch => epoch with { Seconds = 0, TokensPerSecond = 0 })]));
        }
        string others = string.Join('\n', file.Metadata.Where(pair => pair.Key != CheckpointRecord.Key).Select(pair => $"{pair.Key} {pair.Value}"));
        var tensors = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (SafetensorsTensor tensor in file.Tensors)
            tensors.Add(tensor.ToString()!, tensor.Bytes);
        return new TrainingState(record.Steps, run.Epoch, run.Chunk, counters + "\n" + others, tensors);
    }

    public static void AssertSame(TrainingState expected, TrainingState actual)
    {
        Assert.Equal(expected.Counters, actual.Counters);
        Assert.Equal(expected.Tensors.Keys, actual.Tensors.Keys);
        foreach ((string name, byte[] bytes) in expected.Tensors)
            Assert.True(bytes.AsSpan().SequenceEqual(actual.Tensors[name]), $"{name} has other bits");
    }
}
