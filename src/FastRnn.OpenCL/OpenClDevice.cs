using System.Text;

namespace FastRnn.OpenCL;

/// <summary>What kind of device computes.</summary>
public enum OpenClDeviceKind
{
    /// <summary>Neither of the others.</summary>
    Other,

    /// <summary>A CPU: kernels run as long loops of wide vectors.</summary>
    Cpu,

    /// <summary>A GPU: kernels run as many small work-items that share local memory.</summary>
    Gpu,
}

/// <summary>An OpenCL device of this machine, as its driver describes it.</summary>
public sealed unsafe class OpenClDevice
{
    private OpenClDevice(CL api, nint platform, nint handle, int index)
    {
        (Platform, Handle, Index) = (platform, handle, index);
        PlatformName = Text(size => (api.GetPlatformInfo(platform, PlatformInfo.Name, 0, null, &size), size),
            (buffer, size) => api.GetPlatformInfo(platform, PlatformInfo.Name, size, (void*)buffer, null), "clGetPlatformInfo");
        PlatformVersion = Text(size => (api.GetPlatformInfo(platform, PlatformInfo.Version, 0, null, &size), size),
            (buffer, size) => api.GetPlatformInfo(platform, PlatformInfo.Version, size, (void*)buffer, null), "clGetPlatformInfo");
        Name = Text(api, DeviceInfo.Name);
        Vendor = Text(api, DeviceInfo.Vendor);
        Version = Text(api, DeviceInfo.Version);
        DriverVersion = Text(api, DeviceInfo.DriverVersion);
        string[] extensions = Text(api, DeviceInfo.Extensions).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        HasDouble = extensions.Contains("cl_khr_fp64");
        HasSubGroups = extensions.Contains("cl_khr_subgroups") || extensions.Contains("cl_intel_subgroups");
        Kind = (DeviceType)Number(api, DeviceInfo.Type) switch
        {
            var type when (type & DeviceType.Gpu) != 0 => OpenClDeviceKind.Gpu,
            var type when (type & DeviceType.Cpu) != 0 => OpenClDeviceKind.Cpu,
            _ => OpenClDeviceKind.Other,
        };
        ComputeUnits = (int)Size(api, DeviceInfo.MaxComputeUnits);
        MemoryBytes = Size(api, DeviceInfo.GlobalMemSize);
        LargestAllocation = Size(api, DeviceInfo.MaxMemAllocSize);
        LocalMemoryBytes = Size(api, DeviceInfo.LocalMemSize);
        LargestGroup = (int)Math.Min(int.MaxValue, Size(api, DeviceInfo.MaxWorkGroupSize));
        IsAvailable = Number(api, DeviceInfo.Available) != 0 && Number(api, DeviceInfo.CompilerAvailable) != 0;
        Config = (DeviceFpConfig)Number(api, DeviceInfo.SingleFPConfig);
    }

    /// <summary>Its place in <see cref="All"/>, which counts over all platforms.</summary>
    public int Index { get; }

    /// <summary>The device's own name.</summary>
    public string Name { get; }

    /// <summary>Who made it.</summary>
    public string Vendor { get; }

    /// <summary>The OpenCL version that it has, as its driver writes it.</summary>
    public string Version { get; }

    /// <summary>The driver's version.</summary>
    public string DriverVersion { get; }

    /// <summary>The platform, that is the driver, that it belongs to.</summary>
    public string PlatformName { get; }

    /// <summary>The platform's version.</summary>
    public string PlatformVersion { get; }

    /// <summary>CPU, GPU or another.</summary>
    public OpenClDeviceKind Kind { get; }

    /// <summary>Bytes of its memory.</summary>
    public long MemoryBytes { get; }

    /// <summary>Cores, or what the driver calls so.</summary>
    public int ComputeUnits { get; }

    /// <summary>Whether it computes in double as well.</summary>
    public bool HasDouble { get; }

    /// <summary>Whether its compiler knows sub-groups.</summary>
    public bool HasSubGroups { get; }

    /// <summary>Whether it can be used now and brings a compiler.</summary>
    public bool IsAvailable { get; }

    /// <summary>
    /// Whether fused multiply-adds, quotients and roots are those of IEEE 754 to the last bit, subnormal numbers included. Only then are results those of
    /// the CPU back end bit for bit.
    /// </summary>
    public bool IsExact
    {
        get
        {
            const DeviceFpConfig needed = DeviceFpConfig.FPDenorm | DeviceFpConfig.FPInfNan | DeviceFpConfig.FPRoundToNearest | DeviceFpConfig.FPFma
                | DeviceFpConfig.FPCorrectlyRoundedDivideSqrt;
            return (Config & needed) == needed;
        }
    }

    /// <summary>Whether it has OpenCL 1.2; a version that nobody can read counts as such.</summary>
    internal bool IsRecent => IsRecentVersion(Version);

    internal nint Platform { get; }

    internal nint Handle { get; }

    internal DeviceFpConfig Config { get; }

    /// <summary>Bytes of the largest single buffer.</summary>
    internal long LargestAllocation { get; }

    /// <summary>Bytes that the work-items of a group can share.</summary>
    internal long LocalMemoryBytes { get; }

    /// <summary>Work-items of the largest group.</summary>
    internal int LargestGroup { get; }

    /// <summary>
    /// All devices of all platforms; empty where a library but no driver is installed. Drivers have 10 s to answer; one that fails is left out as long as
    /// there is any other device.
    /// </summary>
    /// <exception cref="OpenClException">There is no OpenCL library, a driver does not answer, or all that there are fail.</exception>
    public static IReadOnlyList<OpenClDevice> All() => AllWithin(TimeSpan.FromSeconds(10));

    /// <summary>As <see cref="All"/>, with a limit: loading a broken driver may take for ever.</summary>
    internal static IReadOnlyList<OpenClDevice> AllWithin(TimeSpan limit)
    {
        (List<OpenClDevice> devices, List<OpenClException> failures) = Ask(limit);
        return devices.Count > 0 || failures.Count == 0 ? devices : throw failures[0];
    }

    /// <summary>All devices, and what went wrong with others.</summary>
    internal static (List<OpenClDevice> Devices, List<OpenClException> Failures) Ask(TimeSpan limit)
    {
        var question = Task.Factory.StartNew(Find, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        if (!Task.WaitAll([question.ContinueWith(static _ => { }, TaskScheduler.Default)], limit))
            throw new OpenClException($"OpenCL's drivers did not tell their devices within {limit.TotalSeconds:0.###} s");
        return question.GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({PlatformName}, {Version})";

    /// <summary>Of "OpenCL 1.2 and what the driver adds".</summary>
    internal static bool IsRecentVersion(string version) =>
        version.Split(' ') is not [_, var number, ..] || !System.Version.TryParse(number, out Version? parsed) || parsed >= new Version(1, 2);

    private static (List<OpenClDevice> Devices, List<OpenClException> Failures) Find()
    {
        CL api = OpenClLibrary.Load();
        uint count = 0;
        int code = api.GetPlatformIDs(0, null, &count);
        if (code == (int)ErrorCodes.PlatformNotFoundKhr || (code == 0 && count == 0))
            return ([], []);
        Check(code, "clGetPlatformIDs", "this machine");
        var platforms = new nint[Believable(count, "platforms")];
        fixed (nint* first = platforms)
            Check(api.GetPlatformIDs(count, first, null), "clGetPlatformIDs", "this machine");
        var devices = new List<OpenClDevice>();
        var failures = new List<OpenClException>();
        foreach (nint platform in platforms)
        {
            foreach (nint handle in Try(() => Handles(api, platform), failures) ?? [])
            {
                if (Try(() => new OpenClDevice(api, platform, handle, devices.Count), failures) is { } device)
                    devices.Add(device);
            }
        }
        return (devices, failures);
    }

    /// <summary>One driver that is broken must not hide the others' devices.</summary>
    private static T? Try<T>(Func<T> ask, List<OpenClException> failures)
        where T : class
    {
        try
        {
            return ask();
        }
        catch (OpenClException error)
        {
            failures.Add(error);
            return null;
        }
    }

    private static nint[] Handles(CL api, nint platform)
    {
        uint count = 0;
        int code = api.GetDeviceIDs(platform, DeviceType.All, 0, null, &count);
        if (code == (int)ErrorCodes.DeviceNotFound || (code == 0 && count == 0))
            return [];
        Check(code, "clGetDeviceIDs", "this machine");
        var handles = new nint[Believable(count, "devices")];
        fixed (nint* first = handles)
            Check(api.GetDeviceIDs(platform, DeviceType.All, count, first, null), "clGetDeviceIDs", "this machine");
        return handles;
    }

    private static void Check(int code, string call, string where)
    {
        if (code != 0)
            throw new OpenClException(call, code, where);
    }

    /// <summary>A driver that is broken may say anything.</summary>
    private static int Believable(ulong number, string what)
    {
        const int most = 1 << 20;
        return number <= most ? (int)number : throw new OpenClException($"an OpenCL driver tells of {number} {what}");
    }

    private string Text(CL api, DeviceInfo name) =>
        Text(size => (api.GetDeviceInfo(Handle, name, 0, null, &size), size), (buffer, size) => api.GetDeviceInfo(Handle, name, size, (void*)buffer, null),
            $"clGetDeviceInfo of {name}");

    private string Text(Func<nuint, (int Code, nuint Size)> ask, Func<nint, nuint, int> get, string call)
    {
        (int code, nuint size) = ask(0);
        Check(code, call, $"device {Index}");
        var bytes = new byte[Believable(size, $"bytes of text about device {Index}")];
        fixed (byte* first = bytes)
            Check(get((nint)first, size), call, $"device {Index}");
        return Encoding.UTF8.GetString(bytes).Trim('\0', ' ');
    }

    private long Size(CL api, DeviceInfo name)
    {
        ulong value = Number(api, name);
        return value is > 0 and < 1UL << 62 ? (long)value : throw new OpenClException($"an OpenCL driver says that device {Index} has a {name} of {value}");
    }

    /// <summary>A number of at most eight bytes; those that the driver does not write are zero.</summary>
    private ulong Number(CL api, DeviceInfo name)
    {
        ulong value = 0;
        Check(api.GetDeviceInfo(Handle, name, sizeof(ulong), &value, null), "clGetDeviceInfo", $"device {Index}");
        return value;
    }
}
