using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FastRnn.OpenClChecks;

/// <summary>The library of faults.c: compiled on the spot, and told which call to fail.</summary>
internal static unsafe class FaultLibrary
{
    public const string Variable = "FASTRNN_OPENCL_LIBRARY";

    private static readonly string[] Compilers = ["cc", "gcc", "clang"];

    /// <summary>The compiler that there is, or null.</summary>
    public static string? Compiler => Compilers.FirstOrDefault(name =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, name))));

    /// <summary>Compiles it into a folder and gives the file's name.</summary>
    public static string Build(string folder)
    {
        string source = Path.Combine(folder, "faults.c"), library = Path.Combine(folder, "libfaults.so");
        using (Stream text = typeof(FaultLibrary).Assembly.GetManifestResourceStream("faults.c")!)
        using (FileStream file = File.Create(source))
            text.CopyTo(file);
        string compiler = Compiler ?? throw new InvalidOperationException($"no C compiler: none of {string.Join(", ", Compilers)}");
        using Process process = Process.Start(compiler, ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl", "-lpthread"]);
        process.WaitForExit();
        return process.ExitCode == 0 ? library : throw new InvalidOperationException($"{compiler} does not compile {source}");
    }

    /// <summary>Counts calls anew from 1; the one of this number fails, none for 0.</summary>
    public static void Arm(long call, string kind, TimeSpan hang)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(kind);
        ((delegate* unmanaged<nint, nint, int, void>)Function("fault_arm"))((nint)call, text, (int)hang.TotalMilliseconds);
        Marshal.FreeCoTaskMem(text);
    }

    /// <summary>What was called since, in order.</summary>
    public static string[] Calls()
    {
        var name = (delegate* unmanaged<nint, nint>)Function("fault_name");
        var calls = new string[((delegate* unmanaged<nint>)Function("fault_count"))()];
        for (int i = 0; i < calls.Length; i++)
            calls[i] = Marshal.PtrToStringUTF8(name(i + 1)) ?? "";
        return calls;
    }

    private static nint Function(string name) => NativeLibrary.GetExport(
        NativeLibrary.Load(Environment.GetEnvironmentVariable(Variable) ?? throw new InvalidOperationException($"{Variable} is not set")), name);
}
