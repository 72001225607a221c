using System.Diagnostics;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>A test that asks ONNX's own checker; reported as skipped, which continuous integration does not allow, where Python has none.</summary>
internal sealed class PythonOnnxFactAttribute : FactAttribute
{
    public PythonOnnxFactAttribute() => Skip = PythonOnnx.Missing.Value;
}

/// <summary>The system's Python with the package onnx.</summary>
internal static class PythonOnnx
{
    private const string Python = "/usr/bin/python3"; // Debian's, for which its packages are

    /// <summary>Why there is none; null where there is one.</summary>
    public static Lazy<string?> Missing { get; } = new(() =>
        File.Exists(Python) && Run("-c", "import onnx.checker").ExitCode == 0 ? null : $"needs the Debian package python3-onnx: {Python} has no onnx");

    /// <summary>Runs a script to its end.</summary>
    public static (int ExitCode, string Output) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.Result);
    }
}
