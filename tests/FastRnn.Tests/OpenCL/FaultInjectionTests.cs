using System.Diagnostics;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>
/// One call of OpenCL fails in a short training: a sample of what <c>dotnet run -c Release --project tests/OpenClChecks -- faults</c> does with all of them.
/// </summary>
public class FaultInjectionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    [FaultFact]
    public void FailedCallsEndCleanlyOrDoNoHarm()
    {
        string program = Path.Combine(AppContext.BaseDirectory, "OpenClChecks.dll");
        var start = new ProcessStartInfo("dotnet", [program, "faults", "--every", "1000"]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
            process.Kill(entireProcessTree: true);
        string table = output.Result;
        Assert.True(process.ExitCode == 0, table);
        string[] kinds = [.. table.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(2)];
        Assert.Equal(15, kinds.Length);
        Assert.All(kinds, line => Assert.True(int.Parse(line.Split('|')[3], System.Globalization.CultureInfo.InvariantCulture) > 0, $"nothing failed: {line}"));
    }

    private sealed class FaultFactAttribute : FactAttribute
    {
        private static readonly string[] Compilers = ["cc", "gcc", "clang"];

        public FaultFactAttribute() => Skip = OpenClFixture.Missing ?? (HasCompiler() ? null : $"needs a C compiler: {string.Join(", ", Compilers)}");

        private static bool HasCompiler() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Any(folder => Compilers.Any(name => File.Exists(Path.Combine(folder, name))));
    }
}
