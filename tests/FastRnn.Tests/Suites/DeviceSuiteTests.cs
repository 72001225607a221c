using FastRnn.Backends;
using FastRnn.Runner;
using FastRnn.Suites;
using FastRnn.Tests.OpenCL;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Suites;

/// <summary>The suite that compares a device with the CPU.</summary>
public sealed class DeviceSuiteTests(OpenClFixture fixture) : IClassFixture<OpenClFixture>
{
    [OpenClFact]
    public void WorkOnADeviceComesToWhatItDoesOnTheCpu()
    {
        var shape = new WorkShape(CellType.Lstm, 5, 17, 2, 6, 3);
        foreach (bool training in new[] { false, true })
            Same(() => new SequenceWork(New(), shape, training), () => new SequenceWork(new CpuBackend(1), shape, training));
        Same(() => new TrainerWork(New(), shape), () => new TrainerWork(new CpuBackend(1), shape));

        static FastRnn.OpenCL.OpenClBackend New() => new();
    }

    [Fact]
    public void DifferencesArePartsOfTheLargestResult()
    {
        Assert.Equal(0, DeviceSuite.Difference([1, -4], [1, -4]));
        Assert.Equal(0.125, DeviceSuite.Difference([1, -4], [1.5f, -4]));
        Assert.Equal(double.PositiveInfinity, DeviceSuite.Difference([1, -4], [float.NaN, -4]));
    }

    [Fact]
    public void ResultsLieUnderTheDevicesName()
    {
        using var folder = new RunnerFolder();
        var row = new DeviceRowResult("whole-lstm-8", "whole", "lstm", 8, 8, 1, 5, 3, 1.25, 40, 2.5, 1e-7, 18);
        string text = DeviceSuite.Write(new DeviceSuiteResult("Some GPU (rev 2)", "driver 1", false, "a CPU", 2, "abc", "today", [row]), folder.Root);
        Assert.Contains("| whole-lstm-8 | 1.25 | 40 | 2.50 | 2.00 | 1.0E-7 | 18 |", text, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(folder.At("some-gpu-rev-2/gpu.md")));
        Assert.Contains("\"gflops\":40", File.ReadAllText(folder.At("some-gpu-rev-2/gpu.json")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bench --suite gpu")]
    [InlineData("bench --suite train --device opencl")]
    [InlineData("bench --device auto")]
    public void SuiteAndDeviceGoTogether(string words)
    {
        using var folder = new RunnerFolder();
        folder.RunInside(words.Split(' ')).Failed(ExitCodes.Usage, "--suite gpu and --device opencl or auto go together");
    }

    [OpenClFact]
    public void ARowThatIsNotThereIsNamed()
    {
        using var folder = new RunnerFolder();
        folder.RunInside("bench", "--suite", "gpu", "--device", "opencl", "--filter", "nothing").Failed(ExitCodes.Usage, "no row of --suite gpu", "infer-lstm-768-t1024-b16");
        folder.RunInside("bench", "--suite", "gpu", "--device", "opencl:9").Failed(ExitCodes.Device, "there is no OpenCL device 9");
    }

    private void Same(Func<WindowWork> onDevice, Func<WindowWork> onCpu)
    {
        using WindowWork device = onDevice(), cpu = onCpu();
        foreach (WindowWork work in new[] { device, cpu })
        {
            work.Run(3);
            work.Wait();
        }
        float[] expected = cpu.Results(), actual = device.Results();
        Assert.True(expected.Length > 100 && expected.Distinct().Count() > 50);
        if (fixture.Backend.Device.IsExact)
            Assert.Equal(expected, actual);
        Assert.True(DeviceSuite.Difference(expected, actual) <= 1e-5);
    }
}
