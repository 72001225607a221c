using System.Globalization;
using FastRnn.OpenCL;

namespace FastRnn.Runner;

/// <summary>What <c>doctor</c> tells of OpenCL: drivers, devices, whether they compute what the reference does, and where there is none, why.</summary>
internal static class OpenClExamination
{
    /// <summary>A driver that does not answer must not keep the rest from being told: neither while it is loaded nor when it is asked.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <param name="checks">Receives a check for every device.</param>
    public static OpenClResult Examine(List<DoctorCheck> checks)
    {
        var looking = Task.Run(OpenClDrivers.Find);
        if (!looking.Wait(_patience))
        {
            string stuck = FormattableString.Invariant($"an OpenCL driver has not come back from being loaded for {_patience.TotalSeconds} s");
            return new OpenClResult(stuck, [], [], []) { IsStuck = true };
        }
        IReadOnlyList<OpenClDriverResult> drivers = looking.Result;
        (List<OpenClDevice> devices, List<OpenClException> failures) = ([], []);
        try
        {
            (devices, failures) = OpenClDevice.Ask(_patience);
        }
        catch (OpenClException e)
        {
            failures = [e];
        }
        string? problem = devices.Count > 0 ? null : failures.Count > 0 ? failures[0].Message : "an OpenCL library, but no device: " + OpenClDrivers.Explain(drivers);
        foreach (OpenClDevice device in devices.Where(device => device.IsAvailable))
            checks.Add(Check(device));
        return new OpenClResult(problem, drivers, [.. devices.Select(Describe)], [.. failures.Skip(problem == null ? 0 : 1).Select(failure => failure.Message.ReplaceLineEndings(" "))]);
    }

    public static void Write(TextWriter text, OpenClResult result)
    {
        if (result.Problem != null)
            text.WriteLine($"opencl       none: {result.Problem}");
        foreach (OpenClDriverResult driver in result.Drivers.Where(driver => driver.Problem != null && result.Problem == null))
            text.WriteLine($"opencl       {driver.File}: {driver.Problem}");
        foreach (string failure in result.Failures)
            text.WriteLine($"opencl       {failure}");
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
