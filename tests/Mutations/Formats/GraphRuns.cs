using System.Text;
using FastRnn.Graphs;

namespace FastRnn.Mutations.Formats;

/// <summary>Graphs of operators: what is accepted runs again and again with equal bits, or names the node that cannot compute what it was given.</summary>
internal static class GraphRuns
{
    private const int OpenSize = 2, MostElements = 1_000_000;

    /// <exception cref="InvalidDataException">The second run gives something else.</exception>
    public static void Use(GraphModel graph)
    {
        byte[]? first = Run(graph), second = Run(graph);
        if (!first.AsSpan().SequenceEqual(second))
            throw new InvalidDataException("run again, the bits are others");
    }

    public static byte[] Fingerprint(GraphModel graph) =>
        [.. Encoding.UTF8.GetBytes($"{graph.NodeCount} {string.Join(",", graph.Operators)} {string.Join(",", graph.Outputs.Select(output => output.Name))}"), .. Run(graph)];

    private static byte[] Run(GraphModel graph)
    {
        if (graph.Inputs.Any(input => input.Shape?.Aggregate(1.0, (product, dimension) => product * Math.Abs(dimension.Size)) > MostElements))
            return []; // Nobody has such an input.
        GraphTensor[] outputs;
        try
        {
            outputs = graph.Run([.. graph.Inputs.Select(Input)]);
        }
        catch (GraphException e)
        {
            return Encoding.UTF8.GetBytes(e.Message); // Sizes that the file leaves open, and that do not go together.
        }
        return [.. outputs.SelectMany(output => (byte[])[(byte)output.Type, .. Encoding.UTF8.GetBytes(string.Join(",", output.Shape.ToArray())), .. output.Bytes])];
    }

    private static GraphTensor Input(GraphValue value)
    {
        int[] shape = value.Shape == null ? [OpenSize, OpenSize + 1] : [.. value.Shape.Select(dimension => dimension.IsOpen ? OpenSize : dimension.Size)];
        var tensor = new GraphTensor(value.Type, shape);
        Span<byte> bytes = tensor.Bytes;
        if (value.Type == ElementType.Float32)
        {
            Span<float> values = tensor.Values<float>();
            for (int i = 0; i < values.Length; i++)
                values[i] = MathF.Sin((0.7f * i) + 1);
            return tensor;
        }
        for (int i = 0; i < bytes.Length; i += value.Type.Size())
            bytes[i] = (byte)(i / value.Type.Size() % 2);
        return tensor;
    }
}
