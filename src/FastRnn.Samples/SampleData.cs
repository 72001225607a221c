namespace FastRnn.Samples;

/// <summary>The folder of real data that the samples learn from.</summary>
internal static class SampleData
{
    /// <summary>A file or folder below tests/data, wherever the program is started.</summary>
    public static string Find(params string[] names)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
        {
            string path = Path.Combine([folder.FullName, "tests", "data", .. names]);
            if (Path.Exists(path))
                return path;
        }
        throw new FileNotFoundException($"{Path.Combine(["tests", "data", .. names])} is not above {AppContext.BaseDirectory}");
    }
}
