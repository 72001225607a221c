using FastRnn.Tests.Dialects;
using FastRnn.Tests.Formats.Keras;
using FastRnn.Tests.Formats.Tensors;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Every format has its own files that break its rules one by one, each with the reason and the byte that are expected.</summary>
public sealed class BadFileTallyTests
{
    private const int Least = 60;

    [Fact]
    public void Every_format_has_enough()
    {
        var counts = new Dictionary<string, int>
        {
            ["safetensors"] = MalformedSafetensorsTests.Headers().Count,
            ["checkpoint"] = MalformedCheckpointTests.Records().Count,
            ["keras-h5"] = MalformedHdf5Tests.Old().Count + MalformedHdf5Tests.Chunks().Count + MalformedHdf5Tests.Latest().Count + MalformedHdf5Tests.Dense().Count,
            ["keras"] = MalformedArchiveTests.Patches().Count + MalformedArchiveTests.Contents().Count + KerasConfigTests.Changes().Count,
            ["pytorch"] = BadStateDictTests.Files().Count,
            ["rtneural"] = BadRtNeuralFiles.All().Count,
            ["guitarml"] = BadGuitarMlFiles.All().Count,
            ["nam"] = BadNamFiles.All().Count,
            ["tensors"] = BadTensorFileTests.Cases.Count,
        };
        Assert.All(counts, format => Assert.True(format.Value >= Least, $"{format.Key}: {format.Value}"));
    }
}
