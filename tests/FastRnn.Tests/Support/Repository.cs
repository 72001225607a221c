namespace FastRnn.Tests.Support;

/// <summary>Where the sources are, so that tests can read README, data and code.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static string Shakespeare => Path.Combine(Root, "tests", "data", "tiny-shakespeare.txt");

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "FastRnn.sln")))
                return folder.FullName;
        }
        throw new DirectoryNotFoundException($"FastRnn.sln not found above {AppContext.BaseDirectory}");
    }
}
