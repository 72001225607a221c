using FastRnn.OpenCL;
using FastRnn.Suites;

namespace FastRnn.Runner;

/// <summary>Multiply-adds of float32 that a device does when nothing else holds it up.</summary>
internal static class DevicePeak
{
    private const int Chains = 8, Rounds = 20_000;

    /// <summary>GFLOP/s, the best of a few runs.</summary>
    public static double Measure(OpenClDevice device)
    {
        using var context = new DeviceContext(device, new OpenClOptions());
        using var programs = new Programs(context);
        using var pool = new DevicePool(context);
        int lanes = context.IsWide ? 16 : 1, group = context.IsWide ? 1 : 256, items = device.ComputeUnits * (context.IsWide ? 4 : 2048);
        DeviceBlock block = pool.Take((long)items * sizeof(float));
        OpenCL.Kernel kernel = programs.Get("probe.cl", "fma_chains", $"-DLANES={lanes}");
        double best = 0;
        for (int run = 0; run < 5; run++)
        {
            long start = Ticks.Now;
            kernel.Start().Memory(block).Int(Rounds).Run(items, 1, 1, group, 1, 1);
            context.Finish();
            best = Math.Max(best, 2.0 * Chains * Rounds * lanes * items / Ticks.SecondsSince(start) / 1e9);
        }
        block.Dispose();
        return best;
    }
}
