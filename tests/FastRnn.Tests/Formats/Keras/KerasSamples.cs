using System.Runtime.InteropServices;
using System.Text.Json;
using FastRnn.Layers;
using FastRnn.Tests.Dialects;
using FastRnn.Training;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Truth/keras.zip: models in Keras's layouts with the outputs that the equations give; see Truth/make_keras.py.</summary>
internal static class KerasSamples
{
    public const int Batch = 3, Steps = 5, Inputs = 7;

    private static readonly Dictionary<string, byte[]> _entries = SampleArchive.Read("keras.zip");

    /// <summary>A model and what it gives, [N, T, O] or [N, O].</summary>
    public sealed record Case(string Name, string File, int[] Shape, bool Tokens, bool Last, bool Masked);

    public static IReadOnlyList<Case> Cases { get; } = ReadCases();

    public static float[] X { get; } = MemoryMarshal.Cast<byte, float>(_entries["x"]).ToArray();

    /// <summary>The same with steps that a mask of 0.25 hides.</summary>
    public static float[] MaskedX { get; } = MemoryMarshal.Cast<byte, float>(_entries["masked"]).ToArray();

    public static int[] Tokens { get; } = MemoryMarshal.Cast<byte, int>(_entries["tokens"]).ToArray();

    public static byte[] Entry(string name) => _entries[name];

    public static byte[]? OptionalEntry(string name) => _entries.GetValueOrDefault(name);

    public static float[] Outputs(Case of) => MemoryMarshal.Cast<byte, float>(_entries[of.Name + ".y"]).ToArray();

    /// <summary>All outputs [T, N, O] for the samples' inputs.</summary>
    public static float[] Run(Sequential model, bool masked = false)
    {
        SequenceChunk window = model.TakesTokens ? new SequenceChunk(Steps, Batch) : new SequenceChunk(Steps, Batch, Inputs, 0);
        for (int n = 0; n < Batch; n++)
        {
            for (int t = 0; t < Steps; t++)
            {
                if (model.TakesTokens)
                    window.Inputs[(t * Batch) + n] = Tokens[(n * Steps) + t];
                else
                    (masked ? MaskedX : X).AsSpan(((n * Steps) + t) * Inputs, Inputs).CopyTo(window.InputValues[(((t * Batch) + n) * Inputs)..]);
            }
        }
        var outputs = new float[Steps * Batch * model.OutputSize];
        model.Predict(window, outputs);
        return outputs;
    }

    private static List<Case> ReadCases()
    {
        using JsonDocument document = JsonDocument.Parse(_entries["cases.json"]);
        return [.. document.RootElement.EnumerateArray().Select(item => new Case(
            item.GetProperty("name").GetString()!, item.GetProperty("file").GetString()!,
            [.. item.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())], item.GetProperty("tokens").GetBoolean(), item.GetProperty("last").GetBoolean(), item.GetProperty("masked").GetBoolean()))];
    }
}
