using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Mutations.Changes;

namespace FastRnn.Mutations.Formats;

/// <summary>ONNX: fields are changed with every length around them made to fit, and bytes without.</summary>
internal sealed class OnnxFormat : ModelFormat
{
    public override string Name => "onnx";

    public override string Extension => ".onnx";

    protected override IReadOnlyList<byte[]> CreateSamples() => [.. OnnxSamples.All(Backend)];

    protected override byte[] Change(byte[] sample, byte[] other, Random random)
    {
        for (int i = Math.Max(1, random.Next(-3, 4)); i > 0; i--)
            sample = random.Next(10) == 0 ? ByteChanges.Change(sample, other, [], random) : WireChanges.Change(sample, other, random);
        return sample;
    }

    public override IEnumerable<(string Name, byte[] File)> Bombs()
    {
        ProtoMessage[] x = [OnnxSamples.Value("x", OnnxSamples.Float, 1)], y = [OnnxSamples.Value("y", OnnxSamples.Float, 1)];
        ProtoMessage[] same = [OnnxSamples.Node("Identity", "x", "y")];
        byte[] Weights(params ProtoMessage[] constants) => OnnxSamples.Model(same, constants, x, y);

        yield return ("2^31 x 2^31", Weights(OnnxSamples.Raw("w", OnnxSamples.Float, [int.MaxValue, int.MaxValue], [])));
        yield return ("2^63", Weights(OnnxSamples.Raw("w", OnnxSamples.Float, [long.MaxValue], [])));
        yield return ("2^31 x 2^31 x 2", Weights(OnnxSamples.Raw("w", OnnxSamples.Float, [1L << 31, 1L << 31, 2], [])));
        yield return ("500,000,000 without bytes", Weights(OnnxSamples.Raw("w", OnnxSamples.Float, [500_000_000], [])));
        yield return ("100,000 dimensions", Weights(OnnxSamples.Raw("w", OnnxSamples.Float, [.. Enumerable.Repeat(1L, 100_000)], [0, 0, 0, 0])));
        yield return ("100,000 tensors", Weights([.. Enumerable.Range(0, 100_000).Select(i => OnnxSamples.Raw($"w{i}", OnnxSamples.Float, [0], []))]));
        yield return ("100,000 nodes", OnnxSamples.Model([.. Enumerable.Range(0, 100_000).Select(i => OnnxSamples.Node("Identity", "x", $"y{i}"))], [], x, y));
        yield return ("cycle of 20,000 nodes", OnnxSamples.Model([.. Enumerable.Range(0, 20_000).Select(i => OnnxSamples.Node("Identity", $"y{i}", $"y{(i + 1) % 20_000}"))], [], x, y));
        yield return ("one name 20,000 times", OnnxSamples.Model([.. Enumerable.Repeat(OnnxSamples.Node("Identity", "x", "y"), 20_000)], [], x, y));
        yield return ("number of 11 bytes", [0x08, .. Enumerable.Repeat((byte)0xff, 10), 1]);
        yield return ("messages 100,000 deep", Nested(100_000));
        yield return ("length of 2^64", [0x08, 0x08, 0x3a, .. Enumerable.Repeat((byte)0xff, 9), 1]);
        yield return ("10 MB of zeros", [0x08, 0x08, .. new byte[10_000_000]]);
    }

    /// <summary>Graphs in attributes of nodes of graphs.</summary>
    private static byte[] Nested(int depth)
    {
        // From the innermost out; every level has three fields, each with its length.
        byte[] tags = [0x32, 0x2a, 0x0a]; // attribute's graph, node's attribute, graph's node
        var reversed = new List<byte>();
        for (int i = 0; i < depth; i++)
        {
            foreach (byte tag in tags)
            {
                byte[] length = LengthChanges.EncodeVarint((ulong)reversed.Count);
                Array.Reverse(length);
                reversed.AddRange(length);
                reversed.Add(tag);
            }
        }
        byte[] head = [0x08, 0x08, 0x3a, .. LengthChanges.EncodeVarint((ulong)reversed.Count)];
        reversed.Reverse();
        return [.. head, .. reversed];
    }
}
