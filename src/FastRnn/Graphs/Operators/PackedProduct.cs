using FastRnn.Backends;
using FastRnn.Memory;
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

    /// <summary>Bytes of a product: B by rows, and packed for the pass forwards and, where the back end does not wait for one, backwards.</summary>
    public static UInt128 Bytes(int depth, int columns) => 3 * (UInt128)AlignedBuffer.Pad(depth) * (UInt128)AlignedBuffer.Pad(columns) * sizeof(float);

    /// <summary>Takes B, row-major [depth, columns], or [columns, depth] when <paramref name="transposed"/>, times a factor.</summary>
    /// <param name="values">B.</param>
    /// <param name="transposed">Whether rows are columns.</param>
    /// <param name="factor">Of every element.</param>
    /// <param name="turned">Room for B.</param>
    public void WriteMatrix(ReadOnlySpan<float> values, bool transposed, float factor, Span<float> turned)
    {
        for (int column = 0; column < Columns; column++)
        {
            for (int k = 0; k < Depth; k++)
                turned[(column * Depth) + k] = factor * values[transposed ? (column * Depth) + k : (k * Columns) + column];
        }
        _backend.Write(_weights.Weight, turned);
    }

    /// <summary>Takes c, one value a column.</summary>
    public void WriteBias(ReadOnlySpan<float> values) => _backend.Write(_weights.Bias, values);

    /// <summary>Packs, so that sessions on several threads may meet.</summary>
    public void Prepare() => _weights.Prepare(WeightPrecision.Float32);

    /// <summary>The product of so many rows.</summary>
    public void Run(Buffers buffers, int rows, ReadOnlySpan<float> x, Span<float> y)
    {
        buffers.Fit(rows, Depth, Columns);
        _backend.Write(buffers.X!, x);
        _backend.LinearForward(_weights, buffers.X!, buffers.Y!);
        _backend.Read(buffers.Y!, y);
    }

    /// <summary>A session's buffers of one node.</summary>
    internal sealed class Buffers(GraphCall call)
    {
        private readonly GraphTensor _turned = new(ElementType.Float32, 0);
        private PackedProduct? _product;
        private long _rowBytes, _productBytes;

        public DeviceBuffer? X { get; private set; }

        public DeviceBuffer? Y { get; private set; }

        public static Buffers Of(GraphCall call) => (Buffers)(call.Scratch ??= new Buffers(call));

        /// <summary>A product for a B that is no constant.</summary>
        public PackedProduct Write(ReadOnlySpan<float> values, int depth, int columns, bool transposed = false, float factor = 1)
        {
            if (_product?.Depth != depth || _product.Columns != columns)
            {
                call.Memory.Reserve(ref _productBytes, Bytes(depth, columns), call.Node);
                call.Memory.Resize(_turned, ElementType.Float32, [columns, depth], call.Node);
                _product = new PackedProduct(call.Backend, depth, columns);
            }
            _product.WriteMatrix(values, transposed, factor, _turned.Values<float>());
            return _product;
        }

        public void Fit(int rows, int depth, int columns)
        {
            if (X?.Rows == rows && X.Columns == depth && Y!.Columns == columns)
                return;
            (X, Y) = (null, null);
            call.Memory.Reserve(ref _rowBytes, (UInt128)rows * sizeof(float) * (UInt128)(AlignedBuffer.Pad(depth) + (long)AlignedBuffer.Pad(columns)), call.Node);
            X = call.Backend.Allocate(rows, depth);
            Y = call.Backend.Allocate(rows, columns);
        }
    }
}
