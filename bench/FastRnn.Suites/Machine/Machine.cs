
namespace FastRnn.Suites;

/// <summary>What a table must say about the machine it comes from.</summary>
internal static class Machine
{
    /// <summary>The CPU's own name, or the architecture where it cannot be read.</summary>
    public static string CpuName { get; } = ReadCpuName();

    /// <summary>The name as a folder: bench/results/&lt;slug&gt;/.</summary>
    public static string Slug => SlugOf(CpuName);

    /// <summary>A name of letters, digits and single dashes.</summary>
    public static string SlugOf(string name)
    {
        string plain = string.Concat(name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-'));
        return string.Join('-', plain.Split('-', StringSplitOptions.RemoveEmptyEntries));
    }

    private static string ReadCpuName()
    {
        const string info = "/proc/cpuinfo";
        string? line = File.Exists(info) ? File.ReadLines(info).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line == null ? System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':') + 1)..].Trim();
    }
}
