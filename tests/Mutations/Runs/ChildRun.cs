using System.Diagnostics;
using System.Globalization;
using FastRnn.Mutations.Formats;

namespace FastRnn.Mutations.Runs;

/// <summary>
/// Batches of mutants in processes of their own, so that a crash, an endless loop or a flood of memory ends only one of them and is told with the file that caused it. A child
/// has a hard limit on its heap, and its resident memory may not grow by more than what a refused file may take.
/// </summary>
internal sealed class ChildRun(FileFormat format, int seed)
{
    private const int HeapLimit = 256 << 20, FirstGeneration = 8 << 20;

    /// <summary>A child that uses this much of the CPU, or this much time, for one file hangs.</summary>
    private static readonly TimeSpan _mostCpu = TimeSpan.FromSeconds(3), _mostTime = TimeSpan.FromMinutes(5);

    /// <summary>Files from one number to before another, restarted behind every file that ends a child.</summary>
    public Tally Run(long from, long to)
    {
        var tally = new Tally();
        while (from < to)
        {
            (Tally part, long next) = RunOne(from, to);
            tally.Add(part);
            from = next;
        }
        return tally;
    }

    private (Tally Tally, long Next) RunOne(long from, long to)
    {
        string shared = Path.GetTempFileName();
        try
        {
            using var beat = new Beat(shared) { Index = from };
            using Process child = Start(from, to, shared);
            Task<string> output = child.StandardOutput.ReadToEndAsync(), errors = child.StandardError.ReadToEndAsync();
            bool hung = Watch(child, beat);
            child.WaitForExit();
            Tally tally = Parse(output.Result);
            if (child.ExitCode == 0)
                return (tally, to);
            long index = beat.Index;
            string why = hung ? "hung" : $"ended the process with {child.ExitCode}: {string.Join(" | ", errors.Result.Split('\n').Take(6))}";
            tally.Files += index + 1 - from;
            tally.Failures.Add(new(index, why));
            return (tally, index + 1);
        }
        finally
        {
            File.Delete(shared);
        }
    }

    private Process Start(long from, long to, string shared)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(ChildRun).Assembly.Location);
        foreach (object argument in (object[])["--child", format.Name, "--seed", seed, "--from", from, "--to", to, "--beat", shared])
            start.ArgumentList.Add(Convert.ToString(argument, CultureInfo.InvariantCulture)!);
        start.Environment["DOTNET_GCHeapHardLimit"] = $"{HeapLimit:x}";
        start.Environment["DOTNET_GCgen0size"] = $"{FirstGeneration:x}";
        start.Environment["DOTNET_gcConcurrent"] = "0";
        return Process.Start(start)!;
    }

    /// <summary>Ends a child that stays with one file; true if it did.</summary>
    private static bool Watch(Process child, Beat beat)
    {
        (long index, TimeSpan cpu, long since) = (-1L, TimeSpan.Zero, Stopwatch.GetTimestamp());
        while (!child.WaitForExit(100))
        {
            if (beat.Index != index)
                (index, cpu, since) = (beat.Index, Cpu(child), Stopwatch.GetTimestamp());
            else if (Cpu(child) - cpu > _mostCpu || Stopwatch.GetElapsedTime(since) > _mostTime)
            {
                child.Kill();
                return true;
            }
        }
        return false;
    }

    private static TimeSpan Cpu(Process child)
    {
        try
        {
            child.Refresh();
            return child.TotalProcessorTime;
        }
        catch (InvalidOperationException)
        {
            return TimeSpan.Zero; // It has ended.
        }
    }

    /// <summary>What a child says: lines of failures, and one of counts if it came to its end.</summary>
    private static Tally Parse(string output)
    {
        var tally = new Tally();
        foreach (string line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.Split('\t');
            if (words[0] == "harm")
                tally.Failures.Add(new(long.Parse(words[1], CultureInfo.InvariantCulture), words[2]));
            if (words[0] != "done")
                continue;
            long[] numbers = [.. words[1..].Select(word => long.Parse(word, CultureInfo.InvariantCulture))];
            (tally.Files, tally.Accepted, tally.LongestTime, tally.MostBytes) = (numbers[0], numbers[1], TimeSpan.FromTicks(numbers[2]), numbers[3]);
        }
        return tally;
    }
}
