using FastRnn.Formats;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>The JSON texts inside the metadata: exact numbers, one meaning.</summary>
public sealed class StrictJsonTests
{
    [Fact]
    public void Run_state_comes_back_to_the_bit()
    {
        var record = new CheckpointRecord
        {
            Steps = long.MaxValue,
            Time = 1L << 60,
            Moments = ["m", "v"],
            Batch = 50,
            EpochCount = 0,
            Run = new RunState
            {
                Epoch = 3,
                Chunk = 17,
                LossSum = Math.PI * 1e5,
                LossCount = 99,
                Seconds = 0.1 + 0.2,
                BestLoss = 1 / 3.0,
                BestEpoch = 2,
                Options = new Dictionary<string, string> { ["data"] = "é\"\\\n😀", ["batch"] = "50" },
                Epochs = [new(1, 2.5, null, 1e5, 3), new(2, double.Epsilon, double.NaN, double.PositiveInfinity, double.MaxValue)],
            },
        };
        string json = StrictJson.Write(record);
        var again = StrictJson.Read<CheckpointRecord>(File(json), CheckpointRecord.Key, null);
        Assert.Equal(record.Run.LossSum, again.Run.LossSum);
        Assert.Equal(record.Run.Options, again.Run.Options);
        Assert.Equal(record.Run.Epochs, again.Run.Epochs);
        Assert.Equal(json, StrictJson.Write(again));
        Assert.DoesNotContain("\\u00", json, StringComparison.Ordinal); // readable for people
    }

    [Theory]
    [InlineData("", "valid")]
    [InlineData("null", "null is not a value")]
    [InlineData("{}", "missing required")]
    [InlineData("{\"library\":\"1\",\"seed\":1,}", "trailing comma")]
    [InlineData("{\"library\":\"1\",\"seed\":1}//", "valid")]
    [InlineData("{\"library\":\"1\",\"seed\":1,\"seed\":1}", "appears twice")]
    [InlineData("{\"library\":\"1\",\"seed\":1,\"\\u0073eed\":1}", "appears twice")]
    [InlineData("{\"library\":\"1\",\"seed\":1,\"other\":1}", "other")]
    [InlineData("{\"library\":null,\"seed\":1}", "null")]
    [InlineData("{\"library\":\"1\",\"seed\":\"1\"}", "could not be converted")]
    [InlineData("{\"library\":\"1\",\"seed\":18446744073709551616}", "could not be converted")]
    [InlineData("{\"library\":\"\\udc00\",\"seed\":1}", "surrogate")]
    [InlineData("{\"library\":[[[[[[[[[[]]]]]]]]]],\"seed\":1}", "depth")]
    public void Anything_ambiguous_is_refused(string json, string reason)
    {
        var error = Assert.Throws<ModelFormatException>(() => StrictJson.Read<ProvenanceRecord>(File(json, ProvenanceRecord.Key), ProvenanceRecord.Key, "m"));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Options_must_agree_and_the_difference_is_named()
    {
        var run = new RunState { Options = new Dictionary<string, string> { ["batch"] = "50", ["seed"] = "1" } };
        run.RequireOptions(new Dictionary<string, string> { ["seed"] = "1", ["batch"] = "50" }, "c");
        Refused(new() { ["batch"] = "20", ["seed"] = "1" }, "'batch' was '50' when the checkpoint was written, now it is '20'");
        Refused(new() { ["batch"] = "50" }, "'seed' was '1' when the checkpoint was written, now it is not set");
        Refused(new() { ["batch"] = "50", ["seed"] = "1", ["clip"] = "5" }, "'clip' was not set when the checkpoint was written, now it is '5'");

        void Refused(Dictionary<string, string> actual, string message) =>
            Assert.Contains(message, Assert.Throws<ModelFormatException>(() => run.RequireOptions(actual, "c")).Message, StringComparison.Ordinal);
    }

    private static SafetensorsFile File(string json, string key = CheckpointRecord.Key)
    {
        var file = new SafetensorsFile();
        file.Metadata[key] = json;
        return file;
    }
}
