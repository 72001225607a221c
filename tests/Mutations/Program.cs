using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using FastRnn.Mutations.Formats;
using FastRnn.Mutations.Runs;

namespace FastRnn.Mutations;

/// <summary>
/// Reads files that were damaged on purpose: <c>dotnet run -c Release --project tests/Mutations -- FORMAT|all --count 200000 --seed 1 [--batch N] [--save FOLDER]</c>, one file again
/// with <c>FORMAT --seed 1 --only INDEX</c>, which rules answer how often with <c>FORMAT --reasons COUNT</c>,
/// files that ask for much with <c>all --bombs TRIES</c>, files that end early with <c>all --prefixes 1</c>. Exit code 0 if none did harm.
/// </summary>
internal static partial class Program
{
    private static int Main(string[] arguments)
    {
        Dictionary<string, string> options = Options(arguments, out List<string> names);
        long Number(string name, long otherwise) => options.TryGetValue(name, out string? text) ? long.Parse(text, CultureInfo.InvariantCulture) : otherwise;
        int seed = (int)Number("seed", 1);
        if (options.TryGetValue("child", out string? name))
            return Child.Run(FileFormats.Find(name), seed, Number("from", 0), Number("to", 0), options["beat"]);
        if (names.Count == 0)
        {
            Console.Error.WriteLine($"usage: FORMAT|all [--count N] [--seed N] [--batch N] [--save FOLDER] [--only INDEX]; formats: {string.Join(", ", FileFormats.All().Select(format => format.Name))}");
            return 1;
        }
        FileFormat[] formats = names[0] == "all" ? FileFormats.All() : [.. names.Select(FileFormats.Find)];
        if (options.ContainsKey("only"))
            return Only(formats[0], seed, Number("only", 0), options.GetValueOrDefault("save"));
        if (options.ContainsKey("reasons"))
            return Reasons(formats[0], seed, Number("reasons", 1_000));
        if (options.ContainsKey("bombs"))
            return Bombs(formats, (int)Number("bombs", 5));
        if (options.ContainsKey("prefixes"))
            return Prefixes(formats);
        bool whole = true;
        foreach (FileFormat format in formats)
            whole &= Run(format, seed, Number("count", 20_000), Number("batch", 20_000), options.GetValueOrDefault("save"));
        return whole ? 0 : 2;
    }

    private static bool Run(FileFormat format, int seed, long count, long batch, string? save)
    {
        long start = Stopwatch.GetTimestamp();
        var tally = new Tally();
        for (long from = 0; from < count; from += batch)
        {
            Tally part = new ChildRun(format, seed).Run(from, Math.Min(count, from + batch));
            foreach (Failure failure in part.Failures)
            {
                Console.WriteLine($"{format.Name} --seed {seed} --only {failure.Index}: {failure.Harm[..Math.Min(600, failure.Harm.Length)]}");
                Save(format, seed, failure.Index, save);
            }
            tally.Add(part);
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{format.Name}: {tally.Files} files, {tally.Accepted} accepted, {tally.Failures.Count} did harm; longest {tally.LongestTime.TotalMilliseconds:0.0} ms, ")
            + string.Create(CultureInfo.InvariantCulture, $"most for a refused one {tally.MostBytes / 1024.0 / 1024:0.0} MB; {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s"));
        return tally.Failures.Count == 0;
    }

    private static int Only(FileFormat format, int seed, long index, string? save)
    {
        byte[] file = new Campaign(format, seed).File(index);
        Save(format, seed, index, save);
        Verdict verdict = Verdict.Of(format, file);
        Console.WriteLine($"{file.Length} bytes, {(verdict.Accepted ? "accepted" : "refused")} in {verdict.Time.TotalMilliseconds:0.0} ms with {verdict.Bytes} bytes");
        Console.WriteLine(verdict.Harm ?? verdict.Refusal?.ToString() ?? "whole");
        return verdict.Harm == null ? 0 : 2;
    }

    /// <summary>Time and memory of files that ask for much.</summary>
    private static int Bombs(FileFormat[] formats, int tries)
    {
        foreach (FileFormat format in formats)
        {
            format.HasDefaultLimits = true;
            foreach ((string name, byte[] file) in format.Bombs())
            {
                Verdict best = Enumerable.Range(0, tries).Select(_ => Verdict.Of(format, file)).MinBy(verdict => verdict.Time);
                string answer = best.Harm ?? best.Refusal?.Message ?? "accepted";
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{format.Name} {name}: {best.Time.TotalMilliseconds:0.0} ms, {best.Bytes / 1048576.0:0.0} MB: {answer[..Math.Min(150, answer.Length)]}"));
            }
        }
        return 0;
    }

    /// <summary>Every begin of every sample.</summary>
    private static int Prefixes(FileFormat[] formats)
    {
        var failures = 0;
        foreach (FileFormat format in formats.Where(format => format.TellsItsEnd))
        {
            long start = Stopwatch.GetTimestamp();
            int files = 0;
            foreach (byte[] sample in format.Samples)
            {
                if (Prefix.Problem(format, sample) is { } problem)
                    Console.WriteLine($"{format.Name}: {problem} ({++failures})");
                files += sample.Length;
            }
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{format.Name}: {files} prefixes of {format.Samples.Count} samples, {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s"));
        }
        return failures == 0 ? 0 : 2;
    }

    /// <summary>How often which rule answered: a rule that never does is not reached.</summary>
    private static int Reasons(FileFormat format, int seed, long count)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        var campaign = new Campaign(format, seed);
        for (long index = 0; index < count; index++)
        {
            Verdict verdict = Verdict.Of(format, campaign.File(index));
            string reason = verdict.Refusal?.Message ?? "accepted";
            reason = Varying().Replace(reason, "…");
            counts[reason] = counts.GetValueOrDefault(reason) + 1;
        }
        foreach ((string reason, int number) in counts.OrderByDescending(pair => pair.Value))
            Console.WriteLine($"{number,6} {reason}");
        return 0;
    }

    /// <summary>What differs between messages of one rule.</summary>
    [GeneratedRegex(@"'[^']*'|\[[^\]]*\]|-?\d[\d.eE+-]*")]
    private static partial Regex Varying();

    private static void Save(FileFormat format, int seed, long index, string? folder)
    {
        if (folder == null)
            return;
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, $"{format.Name}-{seed}-{index}{format.Extension}"), new Campaign(format, seed).File(index));
    }

    private static Dictionary<string, string> Options(string[] arguments, out List<string> names)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        names = [];
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i].StartsWith("--", StringComparison.Ordinal) && i + 1 < arguments.Length)
                options[arguments[i][2..]] = arguments[++i];
            else
                names.Add(arguments[i]);
        }
        return options;
    }
}
