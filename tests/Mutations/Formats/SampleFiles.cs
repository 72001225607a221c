using System.IO.Compression;

namespace FastRnn.Mutations.Formats;

/// <summary>Files that lie beside the tests' sources.</summary>
internal static class SampleFiles
{
    /// <summary>The smallest files with that ending in an archive of the tests' truth, one of each size.</summary>
    public static List<byte[]> FromArchive(string archive, string extension, int most, Func<string, bool> wanted)
    {
        using ZipArchive zip = ZipFile.OpenRead(Path.Combine(Root(), "tests", "FastRnn.Tests", "Truth", archive));
        var files = new List<byte[]>();
        foreach (ZipArchiveEntry entry in zip.Entries.Where(entry => entry.Name.EndsWith(extension, StringComparison.Ordinal) && wanted(entry.Name)).OrderBy(entry => entry.Length).DistinctBy(entry => entry.Length).Take(most))
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
