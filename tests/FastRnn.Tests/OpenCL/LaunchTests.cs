using FastRnn.OpenCL;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>Kernels over more groups of work-items than a device takes at once.</summary>
public sealed class LaunchTests
{
    /// <summary>Started in parts of two groups, each way of cutting products and both kinds of kernels give the same as at once.</summary>
    [OpenClTheory]
    [InlineData("Vector", false)]
    [InlineData("Local", false)]
    [InlineData("Vector", true)]
    public void PartsAreTheWhole(string family, bool isGpu)
    {
        var options = new OpenClOptions { Products = Enum.Parse<ProductFamily>(family), KernelsFor = isGpu ? OpenClDeviceKind.Gpu : null };
        using OpenClBackend whole = new(0, options), parts = new(0, options with { LargestGroups = 2 });
        var run = new CellRun(70, 37, 5, 34, seed: 3, CellRun.Cells[0]) { Flags = BitsTests.RandomFlags(5, 34, seed: 3) };
        Dictionary<string, double[]> expected = run.Train(whole), actual = run.Train(parts);
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        foreach ((string name, double[] values) in expected)
            Assert.Equal(values, actual[name]);
    }
}
