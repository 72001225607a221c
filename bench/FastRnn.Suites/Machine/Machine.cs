using System.Text.RegularExpressions;

namespace FastRnn.Suites;

/// <summary>What a table must say about the machine it comes from.</summary>
internal static partial class Machine
{
    /// <summary>The CPU's own name, or the architecture where it cannot be read.</summary>
    public static string CpuName { get; } = ReadCpuName();

    /// <summary>The name as a folder: bench/results/&lt;slug&gt;/.</summary>
    public static string Slug => NotSlug().Replace(CpuName.ToLowerInvariant(), "-").Trim('-');

    private static string ReadCpuName()
    {
        const string info = "/proc/cpuinfo";
        string? line = File.Exists(info) ? File.ReadLines(info).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line == null ? System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':') + 1)..].Trim();
    }

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NotSlug();
}
