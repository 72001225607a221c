using System.Globalization;
using FastRnn.Mutations.Formats;

namespace FastRnn.Mutations.Runs;

/// <summary>The child's side: runs its batch, and looks at its own resident memory.</summary>
internal static class Child
{
    /// <summary>Compiled code and the heap's first generation have their size after so many files.</summary>
    private const int WarmFiles = 1_000;

    public static int Run(FileFormat format, int seed, long from, long to, string shared)
    {
        using var beat = new Beat(shared);
        var campaign = new Campaign(format, seed)
        {
            Begins = index => beat.Index = index,
            Fails = failure => Console.WriteLine($"harm\t{failure.Index}\t{failure.Harm.ReplaceLineEndings(" ").Replace('\t', ' ')}"),
        };
        Tally tally = campaign.Run(from, Math.Min(to, from + WarmFiles));
        long resident = PeakResident();
        tally.Add(campaign.Run(Math.Min(to, from + WarmFiles), to));
        beat.Index = to; // No file is being read any more.
        long grown = PeakResident() - resident;
        if (grown > Verdict.MostBytes)
            Console.WriteLine($"harm\t{to - 1}\tresident memory grew by {grown >> 20} MB in the files from {from}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"done\t{tally.Files}\t{tally.Accepted}\t{tally.LongestTime.Ticks}\t{tally.MostBytes}"));
        return 0;
    }

    /// <summary>Bytes; 0 where the system does not tell.</summary>
    private static long PeakResident()
    {
        if (!File.Exists("/proc/self/status"))
            return 0;
        string line = File.ReadLines("/proc/self/status").First(text => text.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.AsSpan(6, line.Length - 9), CultureInfo.InvariantCulture) << 10;
    }
}
