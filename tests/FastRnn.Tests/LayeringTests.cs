using System.Text.RegularExpressions;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>The house: a file uses only floors below its own, or its own.</summary>
public partial class LayeringTests
{
    private static readonly Dictionary<string, int> Floors = new()
    {
        ["Memory"] = 0,
        ["Numerics"] = 0,
        ["Threading"] = 0,
        ["Kernels"] = 1,
        ["Backends"] = 2,
        ["Layers"] = 3,
        ["Metrics"] = 4,
        ["Training"] = 4,
        ["Inference"] = 4,
        ["Series"] = 4,
        ["Graphs"] = 5,
        ["Formats"] = 5,
    };

    [Fact]
    public void FilesUseOnlyFloorsBelow()
    {
        var wrong = new List<string>();
        int files = 0;
        foreach (string folder in Directory.GetDirectories(Path.Combine(Repository.Root, "src", "FastRnn")))
        {
            string floor = Path.GetFileName(folder);
            if (floor is "bin" or "obj")
                continue;
            Assert.True(Floors.ContainsKey(floor), $"folder {floor} has no floor");
            foreach (string file in Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories))
            {
                files++;
                foreach (Match match in FloorName().Matches(File.ReadAllText(file)))
                {
                    string used = match.Groups[1].Value;
                    if (Floors.TryGetValue(used, out int other) && other > Floors[floor])
                        wrong.Add($"{Path.GetRelativePath(Repository.Root, file)} (floor {Floors[floor]}) uses {used} (floor {other})");
                }
            }
        }
        Assert.True(files > 20, $"only {files} files found");
        Assert.Empty(wrong);
    }

    [GeneratedRegex(@"FastRnn\.(\w+)")]
    private static partial Regex FloorName();
}
