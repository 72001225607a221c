namespace FastRnn.Graphs.Operators;

/// <summary>Operators that look along an axis.</summary>
internal static class ReductionOperators
{
    public static IEnumerable<OperatorTable.Entry> Entries =>
    [
        new("ReduceSum", 1, node => new ReduceOperator(node, Reduction.Sum, axesInputSince: 13)),
        new("ReduceMean", 1, node => new ReduceOperator(node, Reduction.Mean, axesInputSince: 18)),
        new("ReduceMax", 1, node => new ReduceOperator(node, Reduction.Greatest, axesInputSince: 18)),
        new("ReduceMin", 1, node => new ReduceOperator(node, Reduction.Least, axesInputSince: 18)),
        new("ArgMax", 1, node => new ArgMaxOperator(node)),
        new("Softmax", 1, node => new SoftmaxOperator(node, logarithm: false)),
        new("LogSoftmax", 1, node => new SoftmaxOperator(node, logarithm: true)),
        new("LayerNormalization", 17, node => new LayerNormalizationOperator(node)),
    ];
}

internal enum Reduction
{
    Sum,
    Mean,
    Greatest,
    Least,
}

/// <summary>Sums, means and extremes over axes; sums of floats are taken in double, of integers in int64.</summary>
internal sealed class ReduceOperator : GraphOperator
{
    private readonly Reduction _kind;
    private readonly AxesSource _axes;
    private readonly bool _keeps, _nothingIfEmpty;

    public ReduceOperator(GraphNode node, Reduction kind, int axesInputSince)
        : base(node)
    {
        node.Arity(1, node.Opset < axesInputSince ? 1 : 2);
        _kind = kind;
        _axes = new AxesSource(node, axesInputSince);
        _keeps = node.Flag("keepdims", true);
        _nothingIfEmpty = node.Opset >= axesInputSince && node.Flag("noop_with_empty_axes");
    }

    public override bool ShapedBy(int input) => _axes.Is(input);

    public override void Infer(GraphCall call)
    {
        ElementType type = call.Require(0, static type => type != ElementType.Bool);
        int[]? from = call.InputShapes[0];
        bool[]? reduced = from == null ? null : Reduced(call, from.Length);
        int[]? shape = null;
        if (reduced != null)
            shape = [.. from!.Select((size, i) => reduced[i] ? 1 : size).Where((_, i) => _keeps || !reduced[i])];
        else if (from != null && _keeps)
            shape = [.. from.Select(_ => ShapeMath.Unknown)];
        call.Set(0, type, shape);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0), y = call.Output(0);
        int rank = x.Shape.Length;
        bool[] reduced = Reduced(call, rank)!;
        Span<int> kept = stackalloc int[rank], strides = stackalloc int[rank];
        for (int i = 0; i < rank; i++)
            kept[i] = reduced[i] ? 1 : x.Shape[i];
        ShapeMath.StretchedStrides(kept, x.Shape, strides);
        if (y.Length > 0 && x.Length == 0 && _kind >= Reduction.Greatest)
            throw Node.Error("nothing has no extreme");
        if (x.Type.IsFloat())
            Floats(x, y, strides);
        else
            Integers(x, y, strides);
    }

    /// <summary>Which axes go; null where that is not known yet.</summary>
    private bool[]? Reduced(GraphCall call, int rank)
    {
        long[]? axes = _axes.Values(call);
        if (axes == null && !_axes.IsLeftOut)
            return null;
        if (axes is { Length: > 0 })
            return _axes.Marked(axes, rank);
        var all = new bool[rank];
        Array.Fill(all, !_nothingIfEmpty);
        return all;
    }

    private void Floats(GraphTensor x, GraphTensor y, ReadOnlySpan<int> strides)
    {
        var sums = new double[y.Length];
        Array.Fill(sums, _kind switch { Reduction.Greatest => double.NegativeInfinity, Reduction.Least => double.PositiveInfinity, _ => 0 });
        Span<int> index = stackalloc int[x.Shape.Length];
        index.Clear();
        int place = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double value = x.Type == ElementType.Float32 ? x.Values<float>()[i] : x.Values<double>()[i];
            sums[place] = _kind switch { Reduction.Greatest => Math.Max(sums[place], value), Reduction.Least => Math.Min(sums[place], value), _ => sums[place] + value };
            Advance(x.Shape, index, strides, ref place);
        }
        double count = y.Length == 0 ? 1 : (double)x.Length / y.Length;
        for (int i = 0; i < sums.Length; i++)
        {
            double value = _kind == Reduction.Mean ? sums[i] / count : sums[i];
            if (y.Type == ElementType.Float32)
                y.Values<float>()[i] = (float)value;
            else
                y.Values<double>()[i] = value;
        }
    }

    private void Integers(GraphTensor x, GraphTensor y, ReadOnlySpan<int> strides)
    {
        var sums = new long[y.Length];
        Array.Fill(sums, _kind switch { Reduction.Greatest => long.MinValue, Reduction.Least => long.MaxValue, _ => 0 });
        Span<int> index = stackalloc int[x.Shape.Length];
        index.Clear();
        int place = 0;
        for (int i = 0; i < x.Length; i++)
        {
            long value = x.Integer(i);
            sums[place] = _kind switch { Reduction.Greatest => Math.Max(sums[place], value), Reduction.Least => Math.Min(sums[place], value), _ => sums[place] + value };
            Advance(x.Shape, index, strides, ref place);
        }
        if (_kind == Reduction.Mean && x.Length == 0 && y.Length > 0)
            throw Node.Error("nothing has no mean");
        for (int i = 0; i < sums.Length; i++)
        {
            long value = _kind == Reduction.Mean ? sums[i] / (x.Length / y.Length) : sums[i];
            if (y.Type == ElementType.Int64)
                y.Values<long>()[i] = value;
            else
                y.Values<int>()[i] = (int)value;
        }
    }

    private static void Advance(ReadOnlySpan<int> shape, Span<int> index, ReadOnlySpan<int> strides, ref int place)
    {
        for (int axis = shape.Length - 1; axis >= 0; axis--)
        {
            place += strides[axis];
            if (++index[axis] < shape[axis])
                return;
            place -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
}

/// <summary>Place of the greatest element along an axis: the first of equals, or the last.</summary>
internal sealed class ArgMaxOperator : GraphOperator
{
    private readonly long _axis;
    private readonly bool _keeps, _last;

    public ArgMaxOperator(GraphNode node)
        : base(node)
    {
        node.Arity(1, 1);
        (_axis, _keeps) = (node.Integer("axis", 0), node.Flag("keepdims", true));
        _last = node.Opset >= 12 && node.Flag("select_last_index");
    }

    public override void Infer(GraphCall call)
    {
        call.Require(0, static type => type != ElementType.Bool);
        int[]? from = call.InputShapes[0];
        int[]? shape = null;
        if (from != null)
        {
            int axis = ShapeMath.Axis(_axis, from.Length, Node);
            if (from[axis] == 0)
                throw Node.Error("an axis of 0 has no greatest element");
            shape = [.. from[..axis], .. _keeps ? new int[] { 1 } : [], .. from[(axis + 1)..]];
        }
        call.Set(0, ElementType.Int64, shape);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0);
        int axis = ShapeMath.Axis(_axis, x.Shape.Length, Node), size = x.Shape[axis];
        int inner = ShapeMath.Product(x.Shape[(axis + 1)..]);
        Span<long> to = call.Output(0).Values<long>();
        for (int i = 0; i < to.Length; i++)
        {
            int start = ((i / inner) * inner * size) + (i % inner), best = 0;
            for (int k = 1; k < size; k++)
            {
                int order = Compare(x, start + (k * inner), start + (best * inner));
                if (order > 0 || (_last && order == 0))
                    best = k;
            }
            to[i] = best;
        }
    }

    private static int Compare(GraphTensor x, int left, int right) => x.Type switch
    {
        ElementType.Float32 => Order(x.Values<float>()[left], x.Values<float>()[right]),
        ElementType.Float64 => Order(x.Values<double>()[left], x.Values<double>()[right]),
        _ => x.Integer(left).CompareTo(x.Integer(right)),
    };

    /// <summary>−0 is no less than 0 here, and NaN no greater than anything.</summary>
    private static int Order(double left, double right) => left > right ? 1 : left == right ? 0 : -1;
}
