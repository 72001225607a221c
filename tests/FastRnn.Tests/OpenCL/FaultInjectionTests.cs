using System.Diagnostics;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>
/// One call of OpenCL fails in a short training, a sample of what <c>dotnet run -c Release --project tests/OpenClChecks -- faults</c> does with all of them; and what a back end leaves behind.
/// </summary>
public class FaultInjectionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    [FaultFact]
    public void FailedCallsEndCleanlyOrDoNoHarm()
    {
        string[] sample = ["-5", "zero", "more", "event", "hang", "-11+cold", "zero+cold"]; // of every sort one or two
        string table = Checks(["faults", "--every", "1000", .. sample]);
        string[] kinds = [.. table.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(2)];
        Assert.Equal(sample.Length, kinds.Length);
        Assert.All(kinds, line => Assert.True(int.Parse(line.Split('|')[3], System.Globalization.CultureInfo.InvariantCulture) > 0, $"nothing failed: {line}"));
    }

    /// <summary>Everything is released, at once by Dispose and in the end where a back end is only forgotten.</summary>
    [FaultFact]
    public void WhatIsGivenUpIsReleased()
    {
        string counts = Checks("drops");
        Assert.Equal(12, counts.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    /// <summary>What the program prints, which must end with 0.</summary>
    private static string Checks(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "OpenClChecks.dll"), .. arguments]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
            process.Kill(entireProcessTree: true);
        Assert.True(process.ExitCode == 0, output.Result);
        return output.Result;
    }

    private sealed class FaultFactAttribute : FactAttribute
    {
        private static readonly string[] Compilers = ["cc", "gcc", "clang"];

        public FaultFactAttribute() => Skip = OpenClFixture.Missing ?? (HasCompiler() ? null : $"needs a C compiler: {string.Join(", ", Compilers)}");

        private static bool HasCompiler() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Any(folder => Compilers.Any(name => File.Exists(Path.Combine(folder, name))));
    }
}
