using FastRnn.Mutations.Formats;
using FastRnn.Mutations.Runs;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Mutations;

/// <summary>
/// Files that were damaged on purpose, of every format: each is refused with a documented exception, in little time and memory, or is a model that runs and can be saved. The same as
/// <c>dotnet run -c Release --project tests/Mutations -- FORMAT --count 20000</c>, which reads them in processes of its own.
/// </summary>
public sealed class MutationTests
{
    private const int Files = 20_000, Seed = 1;

    /// <summary>Far above what a busy machine takes: what lasts longer does not end.</summary>
    private static readonly TimeSpan _hang = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Formats() => [.. FileFormats.All().Select(format => format.Name)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Twenty_thousand_mutants_do_no_harm(string name)
    {
        var campaign = new Campaign(FileFormats.Find(name), Seed);
        Tally? tally = null;
        var thread = new Thread(() => tally = campaign.Run(0, Files)) { IsBackground = true };
        thread.Start();
        for (long last = -1; !thread.Join(_hang); last = campaign.Index)
            Assert.True(campaign.Index != last, $"{name} --seed {Seed} --only {last} does not end");
        Assert.NotNull(tally);
        Assert.True(tally.Failures.Count == 0, string.Join("\n", tally.Failures.Take(10).Select(failure => $"{name} --seed {Seed} --only {failure.Index}: {failure.Harm}")));
        Assert.Equal(Files, tally.Files);
        Assert.InRange(tally.Accepted, Files / 100, Files * 9 / 10); // Both sides of the reader are visited, or the mutator is useless.
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Samples_are_whole(string name)
    {
        FileFormat format = FileFormats.Find(name);
        Assert.InRange(format.Samples.Count, 1, 100);
        foreach (byte[] sample in format.Samples)
        {
            Verdict verdict = Verdict.Of(format, sample);
            Assert.True(verdict.Accepted, $"{verdict.Refusal}");
            Assert.Null(verdict.Harm);
            Assert.InRange(sample.Length, 1, 64 << 10);
        }
    }

    [Fact]
    public void Every_folder_of_the_corpus_is_a_formats() =>
        Assert.All(Directory.GetDirectories(Path.Combine(Repository.Root, "tests", "data", "corpus")), folder => Assert.Contains(FileFormats.All(), format => format.Name == Path.GetFileName(folder)));

    /// <summary>Every file that a reader once failed on stays, and so does what it must answer.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void Files_that_once_did_harm_do_none(string name)
    {
        FileFormat format = FileFormats.Find(name);
        string folder = Path.Combine(Repository.Root, "tests", "data", "corpus");
        var expected = File.ReadLines(Path.Combine(folder, "expected.tsv")).Select(line => line.Split('\t')).Where(words => words[0].StartsWith($"{name}/", StringComparison.Ordinal)).ToList();
        string[] files = Directory.Exists(Path.Combine(folder, name)) ? Directory.GetFiles(Path.Combine(folder, name)) : [];
        Assert.Equal(files.Select(file => $"{name}/{Path.GetFileName(file)}").Order(StringComparer.Ordinal), expected.Select(words => words[0]).Order(StringComparer.Ordinal));
        foreach (string[] words in expected)
        {
            Verdict verdict = Verdict.Of(format, File.ReadAllBytes(Path.Combine(folder, words[0])));
            Assert.True(verdict.Harm == null, $"{words[0]}: {verdict.Harm}");
            Assert.True(verdict.Accepted == (words[1] == "accepted"), $"{words[0]}: {verdict.Refusal?.ToString() ?? "accepted"}");
            if (!verdict.Accepted)
                Assert.Contains(words[2], verdict.Refusal!.Message, StringComparison.Ordinal);
        }
    }
}
