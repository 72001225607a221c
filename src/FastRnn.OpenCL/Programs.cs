using System.Text;

namespace FastRnn.OpenCL;

/// <summary>Kernels by file, name and options, compiled when they are first asked for; compiled programs are kept in <see cref="ProgramFiles"/>.</summary>
internal sealed unsafe class Programs : IDisposable
{
    // What a driver says beyond these is no size.
    private const int LargestText = 1 << 24, LargestBinary = 1 << 28;

    private readonly DeviceContext _context;
    private readonly ProgramFiles _files;
    private readonly Dictionary<(string File, string Options), nint> _programs = [];
    private readonly Dictionary<(string File, string Kernel, string Options), Kernel> _kernels = [];
    private readonly string _deviceOptions;

    public Programs(DeviceContext context)
    {
        _context = context;
        _files = new ProgramFiles(context.Options.CacheFolder ?? (KeepsPrograms(context.Device) ? "" : null));
        var options = new StringBuilder("-cl-std=CL1.2");
        if ((context.Device.Config & DeviceFpConfig.FPCorrectlyRoundedDivideSqrt) != 0)
            options.Append(" -cl-fp32-correctly-rounded-divide-sqrt");
        options.Append(context.IsWide ? " -DDEVICE_CPU=1" : " -DDEVICE_GPU=1");
        if (context.HasDouble)
            options.Append(" -DHAS_DOUBLE=1");
        _deviceOptions = options.ToString();
    }

    public void Dispose()
    {
        if (_context.IsLost)
            return;
        foreach (Kernel kernel in _kernels.Values)
            _ = _context.Api.ReleaseKernel(kernel.Handle);
        foreach (nint program in _programs.Values)
            _ = _context.Api.ReleaseProgram(program);
    }

    /// <summary>
    /// PoCL keeps what it compiles in a folder of its own. Asked for a program it compiles every kernel of it, used or not, once more: for groups of any size.
    /// </summary>
    private static bool KeepsPrograms(OpenClDevice device) => device.PlatformVersion.Contains("PoCL", StringComparison.OrdinalIgnoreCase);

    /// <summary>The kernel of such a name in a file; the options, <c>-D…</c>, choose a variant of the whole file.</summary>
    public Kernel Get(string file, string kernel, string options = "")
    {
        if (_kernels.TryGetValue((file, kernel, options), out Kernel? found))
            return found;
        _context.Guard();
        int code = 0;
        nint handle;
        nint program = Program(file, options);
        fixed (byte* name = ProgramText.Native(kernel))
            handle = _context.Calling.CreateKernel(program, name, &code);
        _context.Check(code, $"clCreateKernel {kernel} of {file}");
        found = new Kernel(_context, handle, $"{file}: {kernel}");
        _kernels.Add((file, kernel, options), found);
        return found;
    }

    private nint Program(string file, string options)
    {
        if (_programs.TryGetValue((file, options), out nint program))
            return program;
        string source = ProgramText.Of(file), all = options.Length == 0 ? _deviceOptions : $"{_deviceOptions} {options}";
        OpenClDevice device = _context.Device;
        string key = ProgramFiles.Key(source, all, device.PlatformName, device.Vendor, device.Name, device.PlatformVersion, device.DriverVersion);
        program = _files.Read(key) is { } binary ? FromBinary(binary, all) : 0;
        if (program == 0)
        {
            program = FromSource(file, source, all);
            if (_files.Keeps)
                _files.Write(key, Binary(program));
        }
        _programs.Add((file, options), program);
        return program;
    }

    private nint FromSource(string file, string source, string options)
    {
        int code = 0;
        nint program;
        fixed (byte* text = ProgramText.Native(source))
        {
            byte* first = text;
            program = _context.Calling.CreateProgramWithSource(_context.Handle, 1, &first, null, &code);
        }
        _context.Check(code, $"clCreateProgramWithSource of {file}");
        code = Build(program, options);
        if (code == 0)
            return program;
        string log = BuildLog(program);
        _ = _context.Api.ReleaseProgram(program);
        throw _context.Broken(new OpenClException(
            $"clBuildProgram of {file} with {options} failed: {OpenClException.NameOf(code)} ({code}) on {_context.Device}\n{log}"));
    }

    /// <summary>0 where the driver does not take it: the source is compiled anew then.</summary>
    private nint FromBinary(byte[] binary, string options)
    {
        nint device = _context.Device.Handle, program;
        var length = (nuint)binary.Length;
        int status = 0, code = 0;
        fixed (byte* first = binary)
        {
            byte* pointer = first;
            program = _context.Calling.CreateProgramWithBinary(_context.Handle, 1, &device, &length, &pointer, &status, &code);
        }
        _context.Returned();
        if (code != 0 || program == 0)
            return 0;
        if (status == 0 && Build(program, options) == 0)
            return program;
        _ = _context.Api.ReleaseProgram(program);
        return 0;
    }

    private int Build(nint program, string options)
    {
        nint device = _context.Device.Handle;
        int code;
        fixed (byte* text = ProgramText.Native(options))
            code = _context.Calling.BuildProgram(program, 1, &device, text, null, null);
        _context.Returned();
        return code;
    }

    private string BuildLog(nint program)
    {
        nuint size = 0;
        nint device = _context.Device.Handle;
        if (_context.Api.GetProgramBuildInfo(program, device, ProgramBuildInfo.BuildLog, 0, null, &size) != 0 || size > LargestText)
            return "(no build log)";
        var text = new byte[(int)size];
        fixed (byte* first = text)
            _ = _context.Api.GetProgramBuildInfo(program, device, ProgramBuildInfo.BuildLog, size, first, null);
        return Encoding.UTF8.GetString(text).TrimEnd('\0', '\n');
    }

    /// <summary>What the driver has compiled; empty where it does not tell.</summary>
    private byte[] Binary(nint program)
    {
        nuint size = 0;
        if (_context.Api.GetProgramInfo(program, ProgramInfo.BinarySizes, (nuint)sizeof(nuint), &size, null) != 0 || size is 0 or > LargestBinary)
            return [];
        var binary = new byte[(int)size];
        fixed (byte* first = binary)
        {
            byte* pointer = first;
            return _context.Api.GetProgramInfo(program, ProgramInfo.Binaries, (nuint)sizeof(byte*), &pointer, null) == 0 ? binary : [];
        }
    }
}
