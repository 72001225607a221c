using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Graphs.Operators;

/// <summary>y = x·B + c by the back end's own kernels, B packed when it is written.</summary>
internal sealed class PackedProduct
{
    private readonly Backend _backend;
    private readonly LinearWeights _weights;

    public PackedProduct(Backend backend, int depth, int columns)
    {
        (_backend, Depth, Columns) = (backend, depth, columns);
        _weights = backend.CreateLinearWeights(depth, columns);
    }

    /// <summary>Rows of B.</summary>
    public int Depth { get; }

    /// <summary>Columns of B.</summary>
    public int Columns { get; }

    /// <summary>Takes B, row-major [depth, columns], or [columns, depth] when <paramref name="transposed"/>, times a factor.</summary>
    public void WriteMatrix(ReadOnlySpan<float> values, bool transposed, float factor = 1)
    {
        float[] weight = new float[values.Length];
        for (int column = 0; column < Columns; column++)
        {
            for (int k = 0; k < Depth; k++)
                weight[(column * Depth) + k] = factor * values[transposed ? (column * Depth) + k : (k * Columns) + column];
        }
        _backend.Write(_weights.Weight, weight);
    }

    /// <summary>Takes c, one value a column.</summary>
    public void WriteBias(ReadOnlySpan<float> values) => _backend.Write(_weights.Bias, values);

    /// <summary>Packs, so that sessions on several threads may meet.</summary>
    public void Prepare() => _weights.Prepare(WeightPrecision.Float32);

    /// <summary>The product of so many rows.</summary>
    public void Run(Buffers buffers, int rows, ReadOnlySpan<float> x, Span<float> y)
    {
        buffers.Fit(_backend, rows, Depth, Columns);
        _backend.Write(buffers.X!, x);
        _backend.LinearForward(_weights, buffers.X!, buffers.Y!);
        _backend.Read(buffers.Y!, y);
    }

    /// <summary>A session's buffers of one node.</summary>
    internal sealed class Buffers
    {
        public DeviceBuffer? X { get; private set; }

        public DeviceBuffer? Y { get; private set; }

        /// <summary>B where it is no constant.</summary>
        public PackedProduct? Product { get; set; }

        public void Fit(Backend backend, int rows, int depth, int columns)
        {
            if (X?.Rows != rows || X.Columns != depth)
                X = backend.Allocate(rows, depth);
            if (Y?.Rows != rows || Y.Columns != columns)
                Y = backend.Allocate(rows, columns);
        }
    }
}
