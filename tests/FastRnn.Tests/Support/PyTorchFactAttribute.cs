using System.Diagnostics;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>A test that asks PyTorch; where Python does not have it, it is reported as skipped.</summary>
internal sealed class PyTorchFactAttribute : FactAttribute
{
    public const string Python = "/usr/bin/python3";

    public PyTorchFactAttribute()
    {
        if (!File.Exists(Python) || !Directory.Exists("/usr/lib/python3/dist-packages/torch"))
            Skip = "needs PyTorch for /usr/bin/python3 (Debian's python3-torch, which continuous integration installs), which loads what FastRnn has exported";
    }

    /// <summary>Runs a script of Truth. Returns what it has written.</summary>
    public static string Run(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo(Python) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "Truth", script));
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors.Result);
        return output;
    }
}
