using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Suites;

/// <summary>Models of a shape, and numbers to feed them.</summary>
internal static class Models
{
    public static Sequential Create(Backend backend, WorkShape shape) =>
        new(backend, 1, [.. Enumerable.Range(0, shape.Layers).Select(layer => Layer(shape.Cell.Kind, shape.InputOf(layer), shape.Hidden))]);

    /// <summary>Values in ±0.5, the same every time.</summary>
    public static float[] Values(int count, int seed = 1)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = random.NextSingle() - 0.5f;
        return values;
    }

    public static DeviceBuffer Buffer(Backend backend, int rows, int columns, int seed = 1)
    {
        DeviceBuffer buffer = backend.Allocate(rows, columns);
        backend.Write(buffer, Values(buffer.Length, seed));
        return buffer;
    }

    private static Layer Layer(CellKind kind, int input, int hidden) => kind switch
    {
        CellKind.Lstm => new Lstm(input, hidden),
        CellKind.Gru => new Gru(input, hidden),
        _ => new Rnn(input, hidden),
    };
}
