using FastRnn.Formats.Dialects;
using FastRnn.Tests.Dialects;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Every sample must give what Keras's equations give in float64, within 1e-6·max(1, |y|).</summary>
public sealed class KerasTruthTests() : FileTest("model")
{
    public static TheoryData<string> Names() => [.. KerasSamples.Cases.Select(sample => sample.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void AgreesWithTheEquations(string name)
    {
        KerasSamples.Case sample = KerasSamples.Cases.Single(other => other.Name == name);
        string path = Path.Combine(_folder, sample.File);
        File.WriteAllBytes(path, KerasSamples.Entry(sample.File));
        if (KerasSamples.OptionalEntry(sample.File + ".json") is { } sidecar)
            File.WriteAllBytes(path + ".json", sidecar);
        using ImportedModel imported = ModelImport.Load(path, _backend);
        float[] expected = KerasSamples.Outputs(sample), actual = KerasSamples.Run(imported.Sequential!, sample.Masked);
        int width = sample.Shape[^1];
        Assert.Equal(width, imported.Sequential!.OutputSize);
        Assert.Equal(sample.Shape.Aggregate(1, (product, size) => product * size), expected.Length);
        var expectedInOrder = new List<double>();
        var given = new List<float>();
        for (int n = 0; n < KerasSamples.Batch; n++)
        {
            for (int t = sample.Last ? KerasSamples.Steps - 1 : 0; t < KerasSamples.Steps; t++)
            {
                for (int o = 0; o < width; o++)
                {
                    expectedInOrder.Add(expected[sample.Last ? (n * width) + o : (((n * KerasSamples.Steps) + t) * width) + o]);
                    given.Add(actual[(((t * KerasSamples.Batch) + n) * width) + o]);
                }
            }
        }
        SampleArchive.Equal([.. expectedInOrder], [.. given], 1e-6, name);
    }

    [Fact]
    public void ThereAreEnoughSamplesAndTheyDiffer()
    {
        Assert.True(KerasSamples.Cases.Count >= 60);
        Assert.Equal(KerasSamples.Cases.Count, KerasSamples.Cases.Select(sample => Convert.ToHexString(KerasSamples.Entry(sample.Name + ".y"))).Distinct().Count());
    }
}
