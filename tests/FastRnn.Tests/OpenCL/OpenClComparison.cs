using FastRnn.Backends;
using FastRnn.OpenCL;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>
/// One piece of work on three back ends: OpenCL against the reference, which computes in double, and, where the device's arithmetic is exact, bit for bit
/// against the CPU.
/// </summary>
internal static class OpenClComparison
{
    /// <summary>Bound of Σ (a − e)² / Σ e² of every result.</summary>
    private const double Bound = 1e-12;

    /// <summary>The same of the CPU's results, on devices that round otherwise: whole passes, and norms, whose slopes magnify.</summary>
    private const double InexactBound = 1e-9;

    /// <summary>Widths around a line of sixteen and around groups of them.</summary>
    public static int[] Lengths { get; } = [1, 2, 5, 15, 16, 17, 31, 33, 64, 100, 257];

    /// <param name="backend">On which device.</param>
    /// <param name="what">For messages.</param>
    /// <param name="work">Logs its results by name.</param>
    /// <param name="almost">Results that need not have the CPU's bits, but agree to 1e-14: sums in double on a GPU.</param>
    public static void Check(OpenClBackend backend, string what, Action<Backend, Action<string, double[]>> work, params string[] almost)
    {
        List<(string Name, double[] Values)> reference = Log(new ReferenceBackend(), work), cpu = Log(new CpuBackend(1), work), actual = [];
        work(backend, (name, values) => actual.Add((name, values)));
        Assert.Equal(reference.Count, actual.Count);
        for (int k = 0; k < actual.Count; k++)
        {
            string name = $"{what}: {actual[k].Name}";
            Assert.Equal(reference[k].Name, actual[k].Name);
            Close(reference[k].Values, actual[k].Values, Bound, name);
            if (!backend.Device.IsExact)
                continue;
            if (almost.Contains(actual[k].Name))
                Close(cpu[k].Values, actual[k].Values, 1e-28, name);
            else
                SameBits(cpu[k].Values, actual[k].Values, name);
        }
    }

    private static List<(string Name, double[] Values)> Log(Backend backend, Action<Backend, Action<string, double[]>> work)
    {
        var log = new List<(string Name, double[] Values)>();
        using (backend)
            work(backend, (name, values) => log.Add((name, values)));
        return log;
    }

    private static void Close(double[] expected, double[] actual, double bound, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        double error = 0, size = 1e-60;
        for (int i = 0; i < expected.Length; i++)
        {
            if (Bits(expected[i]) == Bits(actual[i]))
                continue;
            error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
        }
        foreach (double value in expected)
            size += double.IsFinite(value) ? value * value : 0;
        Assert.True(error <= bound * size, $"{what}: mean square error {error / size:E1} of the reference's size");
    }

    /// <summary>
    /// The same bits, the sign of zero too, where the device's arithmetic is exact, and elsewhere nearly the same values; a NaN is any NaN.
    /// </summary>
    public static void Same(OpenClBackend backend, double[] expected, double[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        if (backend.Device.IsExact)
            SameBits(expected, actual, what);
        else
            Close(expected, actual, InexactBound, what);
    }

    private static void SameBits(double[] expected, double[] actual, string what)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (Bits(expected[i]) != Bits(actual[i]))
                Assert.Fail($"{what}[{i}] is {actual[i]:R}, on the CPU {expected[i]:R}; {expected.Zip(actual).Count(pair => Bits(pair.First) != Bits(pair.Second))} differ");
        }
    }

    private static long Bits(double value) => BitConverter.DoubleToInt64Bits(double.IsNaN(value) ? double.NaN : value);
}
