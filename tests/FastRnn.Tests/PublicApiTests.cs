using System.Reflection;
using FastRnn.Data;
using FastRnn.Layers;
using FastRnn.OpenCL;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// What others may compile against is written down, so that no change of it happens by accident. To accept one, run these tests with
/// FASTRNN_ACCEPT_API=1, which rewrites the texts in tests/FastRnn.Tests/PublicApi, and commit them; CHANGELOG tells users.
/// </summary>
public class PublicApiTests
{
    private const string Accept = "FASTRNN_ACCEPT_API";

    [Fact]
    public void LibraryOffersWhatIsWrittenDown() => Compare(typeof(Sequential).Assembly);

    [Fact]
    public void DataReadersOfferWhatIsWrittenDown() => Compare(typeof(TsFile).Assembly);

    [Fact]
    public void OpenClBackEndOffersWhatIsWrittenDown() => Compare(typeof(OpenClBackend).Assembly);

    [Fact]
    public void TextShowsKindsModifiersAndNullability()
    {
        string text = PublicApi.Of(typeof(PublicApiTests).Assembly);
        int from = text.IndexOf("abstract class FastRnn.Tests.PublicApiSample", StringComparison.Ordinal);
        Assert.StartsWith("""
            abstract class FastRnn.Tests.PublicApiSample<T> : IDisposable where T : struct
                [Obsolete("old")] virtual void Old()
                abstract (int, string?) Both { get; protected set; }
                const float Half = 0.5
                event EventHandler Happened
                protected new(ReadOnlySpan<float> x, string? name = null, params int[] sizes)
                required List<string?>? Names { get; init; }
                sealed override string ToString()
                static bool Try(T? value, out string[] parts, in double limit = 1, PublicApiSampleKind kind = PublicApiSampleKind.Second)
                virtual void Dispose()

            """, text[from..], StringComparison.Ordinal);
        Assert.Contains("enum FastRnn.Tests.PublicApiSampleKind : int\n    First = 0\n    Second = 2\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Unseen", text[from..(from + 1000)], StringComparison.Ordinal);
    }

    [Fact]
    public void DifferenceNamesWhatCameAndWent()
    {
        string message = Difference("A", "class C\n    int X { get; }\n    void Run()\n", "class C\n    void Run(int n = 1)\n    int X { get; }\n");
        Assert.Equal("A: the public surface changed.\n- class C: void Run()\n+ class C: void Run(int n = 1)\n"
            + $"If this is meant, run the tests with {Accept}=1, commit the text, and tell users in CHANGELOG.md.", message);
    }

    private static void Compare(Assembly assembly)
    {
        string name = assembly.GetName().Name!, actual = PublicApi.Of(assembly);
        string path = Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "PublicApi", $"{name}.txt");
        if (Environment.GetEnvironmentVariable(Accept) == "1")
            File.WriteAllText(path, actual);
        string expected = File.Exists(path) ? File.ReadAllText(path) : "";
        Assert.True(expected == actual, expected == actual ? "" : Difference(name, expected, actual));
    }

    private static string Difference(string name, string expected, string actual)
    {
        string[] before = Flat(expected), after = Flat(actual);
        IEnumerable<string> lines = before.Except(after).Select(line => "- " + line).Concat(after.Except(before).Select(line => "+ " + line));
        return string.Join('\n', [$"{name}: the public surface changed.", .. lines,
            $"If this is meant, run the tests with {Accept}=1, commit the text, and tell users in CHANGELOG.md."]);
    }

    /// <summary>Every line with its type, without which a member says little.</summary>
    private static string[] Flat(string text)
    {
        string type = "";
        var lines = new List<string>();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            type = line[0] == ' ' ? type : line;
            lines.Add(line[0] == ' ' ? $"{type.Split(" : ")[0]}: {line.Trim()}" : line);
        }
        return [.. lines];
    }
}

/// <summary>Something of every kind.</summary>
public abstract class PublicApiSample<T> : IDisposable
    where T : struct
{
    public const float Half = 0.5f;

    internal int Unseen;

    protected PublicApiSample(ReadOnlySpan<float> x, string? name = null, params int[] sizes) => (_, _) = (name, sizes.Length + x.Length);

    public event EventHandler Happened = null!;

    public required List<string?>? Names { get; init; }

    public abstract (int Count, string? Name) Both { get; protected set; }

    public static bool Try(T? value, out string[] parts, in double limit = 1, PublicApiSampleKind kind = PublicApiSampleKind.Second) =>
        (parts = []).Length < limit && value.HasValue && kind == PublicApiSampleKind.First;

    [Obsolete("old")]
    public virtual void Old() => Happened(this, EventArgs.Empty);

    public virtual void Dispose() => GC.SuppressFinalize(this);

    public sealed override string ToString() => $"{Unseen}";

    private protected void UnseenAlso() => Unseen++;
}

public enum PublicApiSampleKind
{
    First,
    Second = 2,
}
