using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>The results of a machine in a folder: a table and its JSON for every suite, instruction set and number of threads, and all targets.</summary>
internal static class ResultFiles
{
    private const string Part = "-part";

    /// <summary>
    /// Writes the results, and the targets against all results that are there then. Whole suites replace older ones; a part of one joins
    /// the rows that the same program has left there, and goes beside those of another, or beside longer measurements, into files that no overview reads. Returns the files without extension.
    /// </summary>
    public static IReadOnlyList<string> Write(string root, IReadOnlyList<SuiteResult> results, bool whole)
    {
        string folder = Path.Combine(root, Machine.Slug);
        Directory.CreateDirectory(folder);
        var written = new List<string>();
        foreach (SuiteResult result in results)
        {
            string path = Path.Combine(folder, $"{result.Suite}-{result.Isa}-{result.Threads}");
            if (!whole && Older(path) is { } other && !result.Joins(other))
                path += Part;
            SuiteResult? older = whole ? null : Older(path);
            SuiteResult joined = result.With(older, [.. Catalog.Rows(Isa.Widest).Select(row => row.Id)]);
            File.WriteAllText(path + ".md", Markdown.Suite(joined));
            File.WriteAllText(path + ".json", SuiteText.Write(joined) + "\n");
            written.Add(path);
        }
        foreach (string isa in results.Select(result => result.Isa).Distinct())
            WriteOverviews(folder, isa, Read(folder, isa));
        return written;
    }

    /// <summary>The tables of a machine's folder again, from the JSON beside them.</summary>
    public static void Refresh(string folder)
    {
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>())
        {
            List<SuiteResult> results = Read(folder, Isa.Name(isa));
            foreach (SuiteResult result in results)
                File.WriteAllText(Path.Combine(folder, $"{result.Suite}-{result.Isa}-{result.Threads}.md"), Markdown.Suite(result));
            if (results.Count > 0)
                WriteOverviews(folder, Isa.Name(isa), results);
        }
    }

    private static void WriteOverviews(string folder, string isa, List<SuiteResult> results)
    {
        File.WriteAllText(Path.Combine(folder, $"targets-{isa}.md"), Markdown.TargetTable(results, all: true));
        File.WriteAllText(Path.Combine(folder, $"summary-{isa}.md"), Summary.Table(results));
    }

    /// <summary>All results of an instruction set in a folder, in order of their files.</summary>
    internal static List<SuiteResult> Read(string folder, string isa)
    {
        IEnumerable<string> files = Enum.GetValues<Suite>().SelectMany(
            suite => Directory.GetFiles(folder, $"{Catalog.Name(suite)}-{isa}-*.json").Order(StringComparer.Ordinal));
        return [.. files.Where(file => !file.EndsWith(Part + ".json", StringComparison.Ordinal)).Select(Read)];
    }

    private static SuiteResult? Older(string path) => File.Exists(path + ".json") ? Read(path + ".json") : null;

    private static SuiteResult Read(string file) => SuiteText.Read(File.ReadAllText(file));
}
