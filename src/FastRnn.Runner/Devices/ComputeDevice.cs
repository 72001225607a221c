using FastRnn.Backends;
using FastRnn.Numerics;
using FastRnn.OpenCL;

namespace FastRnn.Runner;

/// <summary>Why a verb, as it was called, belongs on the CPU.</summary>
/// <param name="Text">The reason, for messages.</param>
/// <param name="Must">Nothing else can do it. Otherwise only <c>--device auto</c> heeds it.</param>
internal readonly record struct CpuReason(string Text, bool Must);

/// <summary>What a verb computes on. With <c>--device auto</c> the CPU takes over from a device that fails.</summary>
internal sealed class ComputeDevice : IDisposable
{
    private readonly int _threads;
    private readonly bool _isAuto;
    private readonly Output _output;

    /// <param name="backend">Where the work starts; it is this object's to dispose.</param>
    /// <param name="threads">Of the CPU that would take over.</param>
    /// <param name="isAuto">Whether it may.</param>
    /// <param name="output">Where that would be told.</param>
    internal ComputeDevice(Backend backend, int threads, bool isAuto, Output output) =>
        (Backend, _threads, _isAuto, _output) = (backend, threads, isAuto, output);

    /// <summary>Where to compute now.</summary>
    public Backend Backend { get; private set; }

    /// <summary>As <c>--device</c> would name it.</summary>
    public string Name => Backend is OpenClBackend device ? $"{DeviceChoice.OpenCl}:{device.Device.Index}" : DeviceChoice.Cpu;

    /// <summary>The same, null for the CPU: results that have always been the CPU's name another device alone.</summary>
    public string? Unusual => Backend is CpuBackend ? null : Name;

    /// <summary>Of the CPU; work for a device is handed on by one.</summary>
    public int Threads => Backend is CpuBackend cpu ? cpu.Threads : 1;

    /// <summary>The CPU's instruction set in use, which what is not done by a device has.</summary>
    public string IsaName => Isa.Name(Backend is CpuBackend cpu ? cpu.Isa : Isa.Current);

    /// <summary>What it is, in a few words.</summary>
    public string Description => Backend is CpuBackend ? $"{IsaName}, {Threads} {(Threads == 1 ? "thread" : "threads")}" : Backend.Name;

    /// <summary>Whether the CPU takes over when <see cref="Backend"/> fails.</summary>
    public bool MayFallBack => _isAuto && Backend is OpenClBackend;

    /// <summary>Opens what was asked for, and prints the banner that names it.</summary>
    /// <param name="choice">The option <c>--device</c>.</param>
    /// <param name="threads">The option <c>--threads</c>.</param>
    /// <param name="seed">The option <c>--seed</c>, where there is one.</param>
    /// <param name="output">For the banner.</param>
    /// <param name="reason">Why this belongs on the CPU, if it does.</param>
    /// <param name="infers">Whether the CPU's models are never trained.</param>
    /// <exception cref="OpenClException">There is no such device, or it does not work.</exception>
    /// <exception cref="CliException">Only the CPU can do it.</exception>
    public static ComputeDevice Open(DeviceChoice choice, int threads, ulong? seed, Output output, CpuReason? reason = null, bool infers = false)
    {
        if (choice.Kind == DeviceKind.Cpu)
            return OnCpu(threads, seed, output, "", infers);
        if (choice.Kind == DeviceKind.OpenCl)
        {
            if (reason is { Must: true } must)
                throw new CliException(ExitCodes.Usage, $"--device {DeviceChoice.OpenCl}: {must.Text}");
            return OnDevice(Named(choice.Index, DeviceWatch.Options(output.Log)), threads, seed, output, isAuto: false);
        }
        if (reason is { } known)
            return OnCpu(threads, seed, output, known.Text, infers);
        try
        {
            return FirstGpu() is { } gpu
                ? OnDevice(new OpenClBackend(gpu, DeviceWatch.Options(output.Log)), threads, seed, output, isAuto: true)
                : OnCpu(threads, seed, output, NoGpu(), infers);
        }
        catch (OpenClException e)
        {
            return OnCpu(threads, seed, output, e.Message, infers);
        }
    }

    /// <summary>Does work that can be done again; where the device fails and the CPU may take over, there.</summary>
    public T Run<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (OpenClException e) when (MayFallBack)
        {
            FallBack(e);
            return work();
        }
    }

    /// <summary>The CPU takes over. What lay on the device is lost.</summary>
    public void FallBack(OpenClException why)
    {
        if (!MayFallBack)
            throw new InvalidOperationException($"{Name} was not chosen by {DeviceChoice.Auto}");
        using Backend failed = Backend;
        string name = Name;
        Backend = new CpuBackend(_threads);
        _output.Log.WriteLine($"fastrnn: {name} has failed and the CPU goes on ({Description}): {why.Message}");
    }

    public void Dispose() => Backend.Dispose();

    private static ComputeDevice OnCpu(int threads, ulong? seed, Output output, string reason, bool infers)
    {
        CpuBackend backend = CommonOptions.OpenBackend(threads, seed, output, reason.Length == 0 ? "" : $" ({DeviceChoice.Auto}: {reason})", infers);
        return new ComputeDevice(backend, threads, isAuto: false, output);
    }

    private static ComputeDevice OnDevice(OpenClBackend backend, int threads, ulong? seed, Output output, bool isAuto)
    {
        OpenClDevice device = backend.Device;
        output.Log.WriteLine(CommonOptions.Banner(backend, seed)
            + (isAuto ? $" ({DeviceChoice.Auto}: the first GPU of OpenCL)" : "")
            + $", {device.PlatformName} {device.DriverVersion}, {(device.IsExact ? "the CPU's results to the bit" : "results to rounding those of the CPU")}");
        return new ComputeDevice(backend, threads, isAuto, output);
    }

    private static OpenClBackend Named(int index, OpenClOptions? options = null)
    {
        try
        {
            return new OpenClBackend(index, options);
        }
        catch (OpenClException e)
        {
            throw new CliException(ExitCodes.Of(e), $"{e.Message}; fastrnn doctor lists devices, and says why there are none");
        }
    }

    /// <summary>The device of OpenCL that is asked for, where the CPU cannot stand in.</summary>
    /// <exception cref="CliException">There is none.</exception>
    public static OpenClDevice Find(DeviceChoice choice)
    {
        if (choice.Kind == DeviceKind.Auto)
            return FirstGpu() ?? throw new CliException(ExitCodes.Device, NoGpu());
        using OpenClBackend backend = Named(choice.Index);
        return backend.Device;
    }

    private static OpenClDevice? FirstGpu() => OpenClDevice.All().FirstOrDefault(device => device.Kind == OpenClDeviceKind.Gpu && device.IsAvailable);

    private static string NoGpu() => OpenClDevice.All() is { Count: > 0 } devices
        ? $"OpenCL has no GPU, only {string.Join(", ", devices.Select(device => $"{DeviceChoice.OpenCl}:{device.Index} {device.Name}"))}"
        : "OpenCL has no device";
}
