using System.IO.Compression;

namespace FastRnn.Mutations.Formats;

/// <summary>Files that lie beside the tests' sources.</summary>
internal static class SampleFiles
{
    /// <summary>The smallest files with that ending in an archive of the tests' truth, one of each size.</summary>
    public static List<byte[]> FromArchive(string archive, string extension, int most, Func<string, bool> wanted)
    {
        using ZipArchive zip = Open(archive);
        return Read(zip.Entries.Where(entry => Ends(entry, extension) && wanted(entry.Name)).OrderBy(entry => entry.Length).DistinctBy(entry => entry.Length).Take(most));
    }

    /// <summary>All files with that ending in an archive of the tests' truth, and all in the tests' data.</summary>
    public static IEnumerable<byte[]> All(string archive, string extension)
    {
        using ZipArchive zip = Open(archive);
        string data = Path.Combine(Root(), "tests", "data");
        return [.. Read(zip.Entries.Where(entry => Ends(entry, extension))), .. Directory.EnumerateFiles(data, "*" + extension, SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
    }

    private static bool Ends(ZipArchiveEntry entry, string extension) => entry.Name.EndsWith(extension, StringComparison.Ordinal) && entry.Name != "cases.json";

    private static ZipArchive Open(string archive) => ZipFile.OpenRead(Path.Combine(Root(), "tests", "FastRnn.Tests", "Truth", archive));

    private static List<byte[]> Read(IEnumerable<ZipArchiveEntry> entries)
    {
        var files = new List<byte[]>();
        foreach (ZipArchiveEntry entry in entries)
        {
            using Stream stream = entry.Open();
            var bytes = new byte[entry.Length];
            stream.ReadExactly(bytes);
            files.Add(bytes);
        }
        return files;
    }

    private static string Root()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "FastRnn.sln")))
                return folder.FullName;
        }
        return Directory.GetCurrentDirectory();
    }
}
