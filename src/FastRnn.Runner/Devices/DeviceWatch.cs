using System.Runtime.InteropServices;
using FastRnn.OpenCL;

namespace FastRnn.Runner;

/// <summary>
/// Ends the program when a call into a device's driver does not come back: the thread that made it cannot be had again, and so the CPU cannot go on for it
/// either. Files are whole, as they are written beside and renamed.
/// </summary>
internal static partial class DeviceWatch
{
    /// <summary>Options of a back end that is watched.</summary>
    public static OpenClOptions Options(TextWriter log) => new() { NotAnswering = fault => End(fault, log) };

    private static void End(OpenClException fault, TextWriter log)
    {
        log.WriteLine($"fastrnn: error: {fault.Message.ReplaceLineEndings(" ")}; the program ends here, what it has saved is whole");
        log.Flush();
        EndNow(ExitCodes.Device);
    }

    /// <summary>Ends the program without a driver's own clean-up, which may wait for the same device, and without unloading one that is still being loaded.</summary>
    public static void EndNow(int code)
    {
        if (!OperatingSystem.IsWindows())
            ExitNow(code);
        Environment.Exit(code);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int code);
}
