using System.IO.Compression;
using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Formats.Dialects;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Dialects;

/// <summary>Models made elsewhere, with what they compute: a zip file that a make_*.py of Truth has written.</summary>
internal sealed class SampleArchive
{
    private readonly Dictionary<string, byte[]> _files;

    public SampleArchive(string name)
    {
        _files = Read(name);
        using JsonDocument cases = JsonDocument.Parse(_files["cases.json"]);
        Cases = [.. cases.RootElement.GetProperty("cases").EnumerateArray().Select(item => item.Clone())];
    }

    public IReadOnlyList<JsonElement> Cases { get; }

    public bool Has(string name) => _files.ContainsKey(name);

    public byte[] this[string name] => _files[name];

    /// <summary>All entries of an archive of Truth.</summary>
    public static Dictionary<string, byte[]> Read(string name)
    {
        using ZipArchive zip = ZipFile.OpenRead(Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "Truth", name));
        var files = new Dictionary<string, byte[]>();
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            using var bytes = new MemoryStream();
            using Stream stream = entry.Open();
            stream.CopyTo(bytes);
            files.Add(entry.FullName, bytes.ToArray());
        }
        return files;
    }

    public static double[] Numbers(JsonElement sample, string name) => [.. sample.GetProperty(name).EnumerateArray().Select(value => value.GetDouble())];

    public static ImportedModel Load(byte[] file, string name, Backend backend, ImportOptions? options = null) =>
        ModelImport.Load(new MemoryStream(file), name, backend, options ?? new ImportOptions());

    /// <summary>Runs a sample in one window and, where the model can, step by step, and compares both with what it says.</summary>
    public static void Compare(ImportedModel imported, JsonElement sample, double tolerance)
    {
        Sequential model = imported.Sequential!;
        int steps = sample.GetProperty("steps").GetInt32(), batch = sample.GetProperty("batch").GetInt32();
        double[] x = Numbers(sample, "x"), y = Numbers(sample, "y");
        var window = new SequenceChunk(steps, batch, model.TakesTokens ? 0 : model.InputSize, 0);
        for (int i = 0; i < x.Length; i++)
        {
            if (model.TakesTokens)
                window.Inputs[i] = (int)x[i];
            else
                window.InputValues[i] = (float)x[i];
        }
        var whole = new float[steps * batch * model.OutputSize];
        model.Predict(window, whole);
        Equal(y, whole, tolerance, imported.Format);
        if (model.LayerThatReadsAhead != null)
            return;
        using Session session = model.OpenSession(new SessionOptions { Streams = batch });
        var streamed = new float[whole.Length];
        for (int pass = 0; pass < 2; pass++, session.Reset())
        {
            Array.Clear(streamed);
            if (model.TakesTokens)
                session.Process(window.Inputs, streamed);
            else
                session.Process(window.InputValues, streamed);
            Assert.Equal(whole, streamed);
        }
    }

    public static void Equal(double[] expected, float[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])), $"{what}: {i} is {actual[i]}, expected {expected[i]}");
    }
}
