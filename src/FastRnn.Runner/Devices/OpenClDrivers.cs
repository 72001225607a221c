using System.Runtime.InteropServices;

namespace FastRnn.Runner;

/// <summary>
/// The drivers that OpenCL's loader on Linux finds: a folder has a file for each, whose first line names a library. The loader says nothing about one that it
/// cannot load.
/// </summary>
internal static class OpenClDrivers
{
    private const string Usual = "/etc/OpenCL/vendors";

    /// <summary>Variables that name another folder, or one such file: of ocl-icd, and of the loader of Khronos.</summary>
    private static readonly string[] _variables = ["OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH"];

    private static string? Variable => _variables.FirstOrDefault(name => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name)));

    private static string Place => Variable is { } name ? Environment.GetEnvironmentVariable(name)! : Usual;

    /// <summary>Empty on systems that keep no such files.</summary>
    public static IReadOnlyList<OpenClDriverResult> Find()
    {
        if (!OperatingSystem.IsLinux())
            return [];
        try
        {
            string[] files = File.Exists(Place) ? [Place] : Directory.Exists(Place) ? Directory.GetFiles(Place, "*.icd") : [];
            return [.. files.Order(StringComparer.Ordinal).Select(Read)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [new OpenClDriverResult(Place, "", e.Message)];
        }
    }

    /// <summary>Why no driver brings a device.</summary>
    public static string Explain(IReadOnlyList<OpenClDriverResult> drivers)
    {
        if (!OperatingSystem.IsLinux())
            return "install the device's OpenCL driver";
        string place = Variable is { } name ? $"{Place}, which {name} names," : Place;
        if (drivers.Count == 0)
            return $"{place} {(Path.Exists(Place) ? "has no *.icd file" : "does not exist")}; install the device's OpenCL driver";
        return string.Join("; ", drivers.Select(driver => $"{driver.File}: {driver.Problem ?? $"{driver.Library} has no device for this user"}"));
    }

    private static OpenClDriverResult Read(string file)
    {
        string library = "";
        try
        {
            library = File.ReadLines(file).FirstOrDefault()?.Trim() ?? "";
            return new OpenClDriverResult(file, library, library.Length == 0 ? "names no library" : ProblemOf(library));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new OpenClDriverResult(file, library, e.Message);
        }
    }

    /// <summary>Loads the library as the loader does, for the reason that the loader keeps to itself.</summary>
    private static string? ProblemOf(string library)
    {
        try
        {
            nint handle = NativeLibrary.Load(library);
            bool isDriver = NativeLibrary.TryGetExport(handle, "clGetExtensionFunctionAddress", out _);
            return isDriver ? null : $"{library} is no OpenCL driver";
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            string[] lines = [.. e.Message.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith(library, StringComparison.Ordinal))];
            return lines.Length > 0 ? $"cannot load {lines[0]}" : $"cannot load {library}: {e.Message.Split('\n')[0]}";
        }
    }
}
