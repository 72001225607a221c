namespace FastRnn.OpenCL;

/// <summary>
/// The OpenCL library of this machine. Nothing depends on it before it is asked for: without one only this back end is missing.
/// FASTRNN_OPENCL_LIBRARY names another file.
/// </summary>
internal static class OpenClLibrary
{
    public const string Name = "FastRnnOpenCL";

    private const string Variable = "FASTRNN_OPENCL_LIBRARY";

    private static readonly Lock Gate = new();
    private static CL? _api;

    /// <summary>Where the system keeps it.</summary>
    public static string[] Names =>
        OperatingSystem.IsWindows() ? ["OpenCL.dll"]
        : OperatingSystem.IsMacOS() ? ["/System/Library/Frameworks/OpenCL.framework/OpenCL"]
        : ["libOpenCL.so.1", "libOpenCL.so"];

    /// <exception cref="OpenClException">There is none, or it is too old.</exception>
    public static CL Load()
    {
        lock (Gate)
        {
            string? path = Environment.GetEnvironmentVariable(Variable);
            return _api ??= Open(string.IsNullOrEmpty(path) ? null : path);
        }
    }

    public static OpenClException Missing(string[] names) =>
        new($"no OpenCL library: {string.Join(", ", names)} not found; install the device's driver with its OpenCL loader, or set {Variable} to the file");

#if USE_SILK_NET
    private static CL Open(string? path)
    {
        string[] names = path == null ? Names : [path];
        try
        {
            return new CL(CL.CreateDefaultContext(names));
        }
        catch (FileNotFoundException)
        {
            throw Missing(names);
        }
    }
#else
    private static CL Open(string? path) => Resolver.Load(path);
#endif
}
