using System.Globalization;
using FastRnn.OpenCL;

namespace FastRnn.Runner;

/// <summary>What <c>doctor</c> tells of OpenCL: drivers, devices, whether they compute what the reference does, and where there is none, why.</summary>
internal static class OpenClExamination
{
    /// <summary>A driver that does not answer must not keep the rest from being told.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <param name="checks">Receives a check for every device.</param>
    public static OpenClResult Examine(List<DoctorCheck> checks)
    {
        IReadOnlyList<OpenClDriverResult> drivers = OpenClDrivers.Find();
        Task<IReadOnlyList<OpenClDevice>> asking = Task.Run(OpenClDevice.All);
        IReadOnlyList<OpenClDevice> devices = [];
        string? problem = null;
        try
        {
            if (asking.Wait(_patience))
                devices = asking.Result;
            else
                problem = FormattableString.Invariant($"the OpenCL drivers have not answered for {_patience.TotalSeconds} s");
        }
        catch (AggregateException e) when (e.InnerException is OpenClException failure)
        {
            problem = failure.Message;
        }
        if (problem == null && devices.Count == 0)
            problem = "an OpenCL library, but no device: " + OpenClDrivers.Explain(drivers);
        foreach (OpenClDevice device in devices.Where(device => device.IsAvailable))
            checks.Add(Check(device));
        return new OpenClResult(problem, drivers, [.. devices.Select(Describe)]);
    }

    public static void Write(TextWriter text, OpenClResult result)
    {
        if (result.Problem != null)
            text.WriteLine($"opencl       none: {result.Problem}");
        foreach (OpenClDriverResult driver in result.Drivers.Where(driver => driver.Problem != null && result.Problem == null))
            text.WriteLine($"opencl       {driver.File}: {driver.Problem}");
        foreach (OpenClDeviceResult device in result.Devices)
        {
            text.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{device.Device,-12} {device.Name}, {device.Kind}, {device.ComputeUnits} units, {device.MemoryGib:F1} GiB{(device.Available ? "" : ", NOT AVAILABLE")}"));
            text.WriteLine($"             {device.Platform}, {device.Version}, driver {device.Driver}; {(device.Double ? "" : "no ")}double, {(device.SubGroups ? "" : "no ")}sub-groups; "
                + (device.Exact ? "exact arithmetic: the CPU's results to the bit" : "arithmetic not exact: results to rounding those of the CPU"));
        }
    }

    private static OpenClDeviceResult Describe(OpenClDevice device) => new(
        NameOf(device), device.Name, device.Vendor, device.Kind.ToString().ToLowerInvariant(), device.PlatformName, device.PlatformVersion, device.Version,
        device.DriverVersion, device.IsAvailable, device.ComputeUnits, Math.Round(device.MemoryBytes / (double)(1L << 30), 1), device.HasDouble,
        device.HasSubGroups, device.IsExact);

    private static DoctorCheck Check(OpenClDevice device)
    {
        try
        {
            using var backend = new OpenClBackend(device, DeviceWatch.Options(Console.Error));
            return DoctorCommand.Compare(NameOf(device), backend);
        }
        catch (OpenClException e)
        {
            return new DoctorCheck(NameOf(device), false, e.Message.ReplaceLineEndings(" "));
        }
    }

    private static string NameOf(OpenClDevice device) => $"{DeviceChoice.OpenCl}:{device.Index}";
}
