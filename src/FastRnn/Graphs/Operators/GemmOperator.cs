namespace FastRnn.Graphs.Operators;

/// <summary>Y = α·A'·B' + β·C with A' and B' transposed where asked, C stretched to [M, N]; float32.</summary>
internal sealed class GemmOperator : GraphOperator
{
    private readonly float _alpha, _beta;
    private readonly bool _transposeA, _transposeB;
    private PackedProduct? _packed;
    private bool _hasRowBias;

    public GemmOperator(GraphNode node)
        : base(node)
    {
        node.Arity(node.Opset < 11 ? 3 : 2, 3);
        (_alpha, _beta) = (node.Float("alpha", 1), node.Float("beta", 1));
        (_transposeA, _transposeB) = (node.Flag("transA"), node.Flag("transB"));
    }

    public override bool Folds => false;

    public override void Infer(GraphCall call)
    {
        for (int i = 0; i < call.Inputs.Length; i++)
            call.Require(i, ElementType.Float32);
        int[]? a = call.RequireRank(0, 2), b = call.RequireRank(1, 2);
        int[] shape = [a?[_transposeA ? 1 : 0] ?? -1, b?[_transposeB ? 0 : 1] ?? -1];
        int left = a?[_transposeA ? 0 : 1] ?? -1, right = b?[_transposeB ? 1 : 0] ?? -1;
        if (left >= 0 && right >= 0 && left != right)
            throw Node.Error($"shapes {SafeText.Shape(a)} and {SafeText.Shape(b)} do not multiply");
        if (Node.HasInput(2) && call.InputShapes[2] is { } c)
        {
            int[] stretched = ShapeMath.Broadcast(shape, c, Node)!;
            if (stretched.Length != 2 || (shape[0] >= 0 && stretched[0] != shape[0]) || (shape[1] >= 0 && stretched[1] != shape[1]))
                throw Node.Error($"shape {SafeText.Shape(c)} does not stretch to {SafeText.Shape(shape)}");
        }
        call.Set(0, ElementType.Float32, shape);
    }

    public override void Bind(GraphCall call)
    {
        if (call.Inputs[1] is not { Length: > 0 } matrix)
            return;
        (int depth, int columns) = _transposeB ? (matrix.Shape[1], matrix.Shape[0]) : (matrix.Shape[0], matrix.Shape[1]);
        long bytes = 0;
        call.Memory.Reserve(ref bytes, PackedProduct.Bytes(depth, columns), Node);
        _packed = new PackedProduct(call.Backend, depth, columns);
        _packed.WriteMatrix(matrix.Values<float>(), _transposeB, _alpha, new float[matrix.Length]);
        if (Node.HasInput(2) && call.Inputs[2] is { } c && IsRow(c, _packed.Columns))
        {
            float[] bias = new float[_packed.Columns];
            for (int i = 0; i < bias.Length; i++)
                bias[i] = _beta * c.Values<float>()[c.Length == 1 ? 0 : i];
            _packed.WriteBias(bias);
            _hasRowBias = true;
        }
        _packed.Prepare();
    }

    public override void Run(GraphCall call)
    {
        GraphTensor a = call.Input(0), b = call.Input(1), y = call.Output(0);
        Span<float> to = y.Values<float>();
        int rows = y.Shape[0], columns = y.Shape[1], depth = a.Shape[_transposeA ? 0 : 1];
        if (y.Length == 0)
            return;
        if (depth == 0)
        {
            to.Clear();
        }
        else
        {
            var scratch = (Scratch)(call.Scratch ??= new Scratch(call));
            PackedProduct product = _packed ?? scratch.Buffers.Write(b.Values<float>(), depth, columns, _transposeB, _alpha);
            product.Run(scratch.Buffers, rows, _transposeA ? scratch.Transposed(a) : a.Values<float>(), to);
        }
        if (!_hasRowBias && call.Inputs.Length > 2 && call.Inputs[2] is { } c)
            AddStretched(c, to, rows, columns);
    }

    private static bool IsRow(GraphTensor c, int columns) => c.Length == 1 || (c.Length == columns && c.Shape[^1] == columns);

    private void AddStretched(GraphTensor c, Span<float> to, int rows, int columns)
    {
        Span<int> strides = stackalloc int[2];
        ShapeMath.StretchedStrides(c.Shape, [rows, columns], strides);
        Span<float> values = c.Values<float>();
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
                to[(row * columns) + column] += _beta * values[(row * strides[0]) + (column * strides[1])];
        }
    }

    private sealed class Scratch(GraphCall call)
    {
        private readonly GraphTensor _transposed = new(ElementType.Float32, 0);

        public PackedProduct.Buffers Buffers { get; } = new(call);

        public ReadOnlySpan<float> Transposed(GraphTensor a)
        {
            call.Memory.Resize(_transposed, ElementType.Float32, a.Dimensions, call.Node);
            Span<float> values = a.Values<float>(), to = _transposed.Values<float>();
            int rows = a.Shape[0], columns = a.Shape[1];
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++)
                    to[(column * rows) + row] = values[(row * columns) + column];
            }
            return to;
        }
    }
}
