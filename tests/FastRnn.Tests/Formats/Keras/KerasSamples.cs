using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Formats.Dialects;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Truth/keras.zip: models in Keras's layouts with the outputs that the equations give; see Truth/make_keras.py.</summary>
internal static class KerasSamples
{
    public const int Batch = 3, Steps = 5, Inputs = 7;

    private static readonly Dictionary<string, byte[]> _entries = Read();

    /// <summary>A model and what it gives, [N, T, O] or [N, O].</summary>
    public sealed record Case(string Name, string File, int[] Shape, bool Tokens, bool Last);

    public static IReadOnlyList<Case> Cases { get; } = ReadCases();

    public static float[] X { get; } = MemoryMarshal.Cast<byte, float>(_entries["x"]).ToArray();

    public static int[] Tokens { get; } = MemoryMarshal.Cast<byte, int>(_entries["tokens"]).ToArray();

    public static byte[] Entry(string name) => _entries[name];

    public static byte[]? OptionalEntry(string name) => _entries.GetValueOrDefault(name);

    public static float[] Outputs(Case of) => MemoryMarshal.Cast<byte, float>(_entries[of.Name + ".y"]).ToArray();

    public static ImportedModel Load(byte[] file, string name, Backend backend, ImportOptions? options = null)
    {
        using var stream = new MemoryStream(file, writable: false);
        return ModelImport.Load(stream, name, backend, options ?? new ImportOptions());
    }

    /// <summary>All outputs [T, N, O] for the samples' inputs.</summary>
    public static float[] Run(Sequential model)
    {
        SequenceChunk window = model.TakesTokens ? new SequenceChunk(Steps, Batch) : new SequenceChunk(Steps, Batch, Inputs, 0);
        for (int n = 0; n < Batch; n++)
        {
            for (int t = 0; t < Steps; t++)
            {
                if (model.TakesTokens)
                    window.Inputs[(t * Batch) + n] = Tokens[(n * Steps) + t];
                else
                    X.AsSpan(((n * Steps) + t) * Inputs, Inputs).CopyTo(window.InputValues[(((t * Batch) + n) * Inputs)..]);
            }
        }
        var outputs = new float[Steps * Batch * model.OutputSize];
        model.Predict(window, outputs);
        return outputs;
    }

    private static Dictionary<string, byte[]> Read()
    {
        using ZipArchive zip = ZipFile.OpenRead(Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "Truth", "keras.zip"));
        var entries = new Dictionary<string, byte[]>();
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            using Stream stream = entry.Open();
            var bytes = new byte[entry.Length];
            stream.ReadExactly(bytes);
            entries.Add(entry.Name, bytes);
        }
        return entries;
    }

    private static List<Case> ReadCases()
    {
        using JsonDocument document = JsonDocument.Parse(_entries["cases.json"]);
        return [.. document.RootElement.EnumerateArray().Select(item => new Case(
            item.GetProperty("name").GetString()!, item.GetProperty("file").GetString()!,
            [.. item.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())], item.GetProperty("tokens").GetBoolean(), item.GetProperty("last").GetBoolean()))];
    }
}
