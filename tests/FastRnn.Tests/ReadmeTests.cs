using System.Text.RegularExpressions;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>README tells the truth: its example compiles and runs, its links lead somewhere, its tables are the files the benchmarks wrote.</summary>
[Collection("current directory")]
public partial class ReadmeTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));

    [Fact]
    public void ExampleIsTheCompiledOne()
    {
        string source = Source("ReadmeExample.cs"), import = Source("ReadmeImportExample.cs");
        Assert.Contains(Usings(source) + "\n" + Lines(source, "example"), Readme, StringComparison.Ordinal);
        Assert.Contains($"```csharp\n{Lines(source, "embedded")}```", Readme, StringComparison.Ordinal);
        Assert.Contains($"```csharp\n{Usings(import)}\n{Lines(import, "imported")}```", Readme, StringComparison.Ordinal);
    }

    [Fact]
    public void ImportingExampleRuns()
    {
        string before = Environment.CurrentDirectory, folder = Directory.CreateTempSubdirectory("fastrnn-readme").FullName;
        try
        {
            Environment.CurrentDirectory = folder;
            File.Copy(Path.Combine(Repository.Root, "tests", "data", "models", "BossLSTM-1x16.nam"), "pedal.nam");
            float first = ReadmeImportExample.Import(0.25f);
            using var backend = new CpuBackend(1);
            using Session again = ModelFile.Load("pedal.safetensors", backend).Model.OpenSession();
            float[] y = [0];
            again.Step([0.25f], y);
            Assert.Equal(first, y[0]);
            Assert.NotEqual(0, first);
        }
        finally
        {
            Environment.CurrentDirectory = before;
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Two agents that had news stand a step further, one of them went back to the start, and the new weights count for all.</summary>
    [Fact]
    public void EmbeddedExampleRuns()
    {
        using Sequential model = Model(seed: 1), retrained = Model(seed: 2);
        float[] inputs = [.. Enumerable.Range(0, 1000).Select(i => i / 1000f)], results = ReadmeExample.Embed(model, retrained, inputs, [0.5f, -0.5f]);
        Assert.Equal(1002, results.Length);
        using Session other = retrained.OpenSession();
        using Session old = Model(seed: 1).OpenSession();
        float[] y = [0], state = new float[1];
        old.Step([inputs[3]], y);
        old.Step([0.5f], y);
        Assert.Equal(y[0], results[0]);
        other.Step([inputs[17]], state); // from the zero state, with the new weights
        Assert.Equal(state[0], results[2 + 17]);
    }

    private static Sequential Model(ulong seed) => new(new CpuBackend(), seed, new Gru(1, 5), new Linear(5, 1));

    private static string Source(string file) => File.ReadAllText(Path.Combine(Repository.Root, "tests", "FastRnn.Tests", file));

    private static string Usings(string source) => Between(source, "// <usings>\n", "// </usings>");

    private static string Lines(string source, string name) => string.Join('\n', Between(source, $"        // <{name}>\n", $"        // </{name}>").Split('\n')
        .Select(line => line.StartsWith("        ", StringComparison.Ordinal) ? line[8..] : line));

    [Fact]
    public void ExampleRuns()
    {
        string before = Environment.CurrentDirectory;
        string folder = Directory.CreateTempSubdirectory("fastrnn-readme").FullName;
        TextWriter console = Console.Out;
        try
        {
            Environment.CurrentDirectory = folder;
            File.WriteAllText("input.txt", File.ReadAllText(Repository.Shakespeare)[..20_000]);
            var output = new StringWriter();
            Console.SetOut(output);
            ReadmeExample.Run();
            Assert.True(File.Exists("shakespeare.safetensors"));
            Assert.True(output.ToString().Length > 200);
        }
        finally
        {
            Console.SetOut(console);
            Environment.CurrentDirectory = before;
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void LinksLeadToFiles()
    {
        MatchCollection links = Link().Matches(Readme);
        Assert.True(links.Count > 10);
        foreach (Match link in links)
        {
            string target = link.Groups[1].Value;
            if (!target.StartsWith("http", StringComparison.Ordinal))
                Assert.True(Path.Exists(Path.Combine(Repository.Root, target)), $"README links to {target}, which does not exist");
        }
    }

    /// <summary>A table is announced by a comment that names its file: &lt;!-- table: bench/results/… --&gt;.</summary>
    [Fact]
    public void TablesAreTheBenchmarksFiles()
    {
        MatchCollection tables = Table().Matches(Readme);
        Assert.NotEmpty(tables);
        foreach (Match table in tables)
        {
            string file = File.ReadAllText(Path.Combine(Repository.Root, table.Groups[1].Value)).Trim();
            Assert.Contains(file, Readme, StringComparison.Ordinal);
        }
    }

    private static string Between(string text, string start, string end)
    {
        int from = text.IndexOf(start, StringComparison.Ordinal) + start.Length;
        return text[from..text.IndexOf(end, StringComparison.Ordinal)];
    }

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("<!-- table: (.+?) -->")]
    private static partial Regex Table();
}

/// <summary>Tests that change the process's current directory or console run alone.</summary>
[CollectionDefinition("current directory", DisableParallelization = true)]
public class CurrentDirectoryTests;
