using System.Numerics;

namespace FastRnn.Graphs.Operators;

/// <summary>Matrix product as numpy's matmul: vectors are rows or columns, leading dimensions stretch.</summary>
internal sealed class MatMulOperator : GraphOperator
{
    /// <summary>As many matrices are kept packed: each takes blocks of its own.</summary>
    private const int MostPacked = 64;

    /// <summary>All matrices of a B that is constant; null where it is not, or where there are too many.</summary>
    private PackedProduct[]? _packed;

    public MatMulOperator(GraphNode node)
        : base(node) => node.Arity(2, 2);

    public override bool Folds => false;

    public override void Infer(GraphCall call)
    {
        ElementType type = call.Require(0, static type => type != ElementType.Bool);
        call.Require(1, type);
        call.Set(0, type, Shape(call.InputShapes[0], call.InputShapes[1]));
    }

    public override void Bind(GraphCall call)
    {
        if (call.Inputs[1] is not { Type: ElementType.Float32, Length: > 0 } b)
            return;
        (int depth, int columns) = MatrixOf(b);
        int count = b.Length / (depth * columns);
        if (count > MostPacked)
            return;
        long bytes = 0;
        call.Memory.Reserve(ref bytes, (UInt128)count * PackedProduct.Bytes(depth, columns), Node);
        float[] turned = new float[depth * columns];
        _packed = new PackedProduct[count];
        for (int i = 0; i < count; i++)
        {
            _packed[i] = new PackedProduct(call.Backend, depth, columns);
            _packed[i].WriteMatrix(b.Values<float>().Slice(i * turned.Length, turned.Length), transposed: false, factor: 1, turned);
            _packed[i].Prepare();
        }
    }

    public override void Run(GraphCall call)
    {
        GraphTensor a = call.Input(0), y = call.Output(0);
        if (y.Length == 0)
            return;
        if (_packed is [var only] && a.Length > 0)
        {
            only.Run(PackedProduct.Buffers.Of(call), a.Length / only.Depth, a.Values<float>(), y.Values<float>());
            return;
        }
        switch (a.Type)
        {
            case ElementType.Float32 when a.Length > 0:
                Batches(call, new Packed(PackedProduct.Buffers.Of(call), _packed));
                break;
            case ElementType.Float32:
                y.Bytes.Clear();
                break;
            case ElementType.Float64:
                Batches(call, default(Plain<double>));
                break;
            case ElementType.Int64:
                Batches(call, default(Plain<long>));
                break;
            default:
                Batches(call, default(Plain<int>));
                break;
        }
    }

    /// <summary>Rows and columns of B's matrices; a vector is a column.</summary>
    private static (int Depth, int Columns) MatrixOf(GraphTensor b) => b.Shape.Length > 1 ? (b.Shape[^2], b.Shape[^1]) : (b.Shape[0], 1);

    private int[]? Shape(int[]? a, int[]? b)
    {
        if (a == null || b == null)
            return null;
        if (a.Length == 0 || b.Length == 0)
            throw Node.Error("a single element is no matrix");
        int depth = a[^1], rows = b.Length == 1 ? b[0] : b[^2];
        if (depth >= 0 && rows >= 0 && depth != rows)
            throw Node.Error($"shapes {SafeText.Shape(a)} and {SafeText.Shape(b)} do not multiply");
        int[] batch = ShapeMath.Broadcast(a.Length > 2 ? a[..^2] : [], b.Length > 2 ? b[..^2] : [], Node)!;
        return [.. batch, .. a.Length > 1 ? a[^2..^1] : [], .. b.Length > 1 ? b[^1..] : []];
    }

    /// <summary>One product after the other, the leading dimensions stretched.</summary>
    private static void Batches<TMultiply>(GraphCall call, TMultiply multiply)
        where TMultiply : struct, IMultiply
    {
        GraphTensor a = call.Input(0), b = call.Input(1), y = call.Output(0);
        int depth = a.Shape[^1], rows = a.Shape.Length > 1 ? a.Shape[^2] : 1, columns = MatrixOf(b).Columns;
        ReadOnlySpan<int> aBatch = a.Shape[..Math.Max(0, a.Shape.Length - 2)], bBatch = b.Shape[..Math.Max(0, b.Shape.Length - 2)];
        int rank = Math.Max(aBatch.Length, bBatch.Length);
        Span<int> shape = stackalloc int[rank + 1], aStrides = stackalloc int[rank + 1], bStrides = stackalloc int[rank + 1], index = stackalloc int[rank + 1];
        y.Shape[..rank].CopyTo(shape);
        shape[rank] = 1;
        ShapeMath.StretchedStrides(aBatch, shape[..rank], aStrides[..rank]);
        ShapeMath.StretchedStrides(bBatch, shape[..rank], bStrides[..rank]);
        index.Clear();
        int left = 0, right = 0;
        for (int start = 0; start < y.Length; start += rows * columns)
        {
            multiply.Run(a, left * rows * depth, b, right * depth * columns, y, start, rows, depth, columns);
            ElementLoops.Next(shape, index, aStrides, bStrides, ref left, ref right);
        }
    }

    private interface IMultiply
    {
        void Run(GraphTensor a, int aStart, GraphTensor b, int bStart, GraphTensor y, int yStart, int rows, int depth, int columns);
    }

    private struct Packed(PackedProduct.Buffers buffers, PackedProduct[]? constants) : IMultiply
    {
        private PackedProduct? _written;
        private int _start;

        public void Run(GraphTensor a, int aStart, GraphTensor b, int bStart, GraphTensor y, int yStart, int rows, int depth, int columns)
        {
            if (constants != null)
            {
                _written = constants[bStart / (depth * columns)];
            }
            else if (_written == null || _start != bStart)
            {
                // The same matrix for many of A's is turned and packed once.
                _written = buffers.Write(b.Values<float>().Slice(bStart, depth * columns), depth, columns);
                _start = bStart;
            }
            _written.Run(buffers, rows, a.Values<float>().Slice(aStart, rows * depth), y.Values<float>().Slice(yStart, rows * columns));
        }
    }

    private readonly struct Plain<T> : IMultiply
        where T : unmanaged, INumber<T>
    {
        public void Run(GraphTensor a, int aStart, GraphTensor b, int bStart, GraphTensor y, int yStart, int rows, int depth, int columns)
        {
            Span<T> left = a.Values<T>()[aStart..], right = b.Values<T>()[bStart..], to = y.Values<T>()[yStart..];
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++)
                {
                    T sum = T.Zero;
                    for (int k = 0; k < depth; k++)
                        sum += left[(row * depth) + k] * right[(k * columns) + column];
                    to[(row * columns) + column] = sum;
                }
            }
        }
    }
}
