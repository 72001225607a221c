using System.Text.RegularExpressions;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>What the pages of the packages say; that the packages work is tried by tests/Packages.proj.</summary>
public partial class PackageTests
{
    private static readonly string Source = Path.Combine(Repository.Root, "src");

    /// <summary>A program of its own, which has nothing but the package, compiles and runs it.</summary>
    [Theory]
    [InlineData("FastRnn", "Program.cs")]
    [InlineData("FastRnn.OpenCL", "OnDevice.cs")]
    public void ExampleIsTheConsumersProgram(string project, string file)
    {
        string program = File.ReadAllText(Path.Combine(Repository.Root, "tests", "PackageConsumer", file));
        Assert.Contains($"```csharp\n{program}```", File.ReadAllText(Path.Combine(Source, project, "PACKAGE.md")), StringComparison.Ordinal);
    }

    /// <summary>A page that is shown elsewhere cannot link to files beside it.</summary>
    [Theory]
    [InlineData("FastRnn")]
    [InlineData("FastRnn.Data")]
    [InlineData("FastRnn.OpenCL")]
    [InlineData("FastRnn.Runner")]
    public void LinksAreWholeAddresses(string project)
    {
        string page = File.ReadAllText(Path.Combine(Source, project, "PACKAGE.md"));
        Assert.All(Link().Matches(page), link => Assert.StartsWith("https://", link.Groups[1].Value, StringComparison.Ordinal));
        Assert.Contains("MIT", page, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Link();
}
