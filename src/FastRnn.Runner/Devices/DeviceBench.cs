using System.Globalization;
using FastRnn.Formats;
using FastRnn.OpenCL;
using FastRnn.Suites;

namespace FastRnn.Runner;

/// <summary><c>fastrnn bench --suite gpu</c></summary>
internal static class DeviceBench
{
    public static int Run(SuiteOptions options, DeviceChoice choice, string? folder, Output output, CancellationToken cancellation)
    {
        OpenClDevice device = ComputeDevice.Find(choice);
        output.Log.WriteLine($"fastrnn {CommonOptions.Version}: {DeviceChoice.OpenCl}:{device.Index} {device}, beside {options.Threads} threads of the CPU");
        double peak = DevicePeak.Measure(device), cpuPeak = Enumerable.Range(0, 5).Max(_ => FmaPeak.Measure(options.Isa));
        string speed = FormattableString.Invariant($"multiply-adds at {peak:F0} GFLOP/s, those of one thread of the CPU at {cpuPeak:F0}: {(peak > cpuPeak / 4 ? "in hardware" : "NOT in hardware")}");
        output.Log.WriteLine(speed);
        var rows = new List<DeviceRowResult>();
        foreach (DeviceRowResult row in DeviceSuite.Run(options, () => new OpenClBackend(device, DeviceWatch.Options(output.Log)), comparesCpu: true, cancellation))
        {
            rows.Add(row);
            output.Log.WriteLine(FormattableString.Invariant(
                $"{row.Id}: {row.Milliseconds:F2} ms, CPU {row.CpuMilliseconds:F2} ms, largest difference {row.Difference:0.0E+0}"));
        }
        if (rows.Count == 0)
            throw new CliException(ExitCodes.Usage, $"no row of --suite {DeviceSuite.Name} has such a name: {string.Join(", ", DeviceSuite.Rows.Select(row => row.Id))}");
        var result = new DeviceSuiteResult(
            device.Name, $"{device.PlatformName}, {device.Version}, driver {device.DriverVersion}; {speed}", device.IsExact, Machine.CpuName, options.Threads, options.Commit,
            DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture), rows);
        string text = DeviceSuite.Write(result, folder);
        output.Result.WriteLine(output.Json ? JsonFields.Text(result) : text);
        return ExitCodes.Ok;
    }
}
