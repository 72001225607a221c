using System.Numerics;

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
        {
            shape = [.. from!.Select((size, i) => reduced[i] ? 1 : size).Where((_, i) => _keeps || !reduced[i])];
            call.Scratch = new Plan(Strides(from!, reduced), (call.Scratch as Plan)?.Sums ?? new GraphTensor(type, 0));
        }
        else if (from != null && _keeps)
        {
            shape = [.. from.Select(_ => ShapeMath.Unknown)];
        }
        call.Set(0, type, shape);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0), y = call.Output(0);
        if (y.Length > 0 && x.Length == 0 && (_kind >= Reduction.Greatest || (_kind == Reduction.Mean && x.Type.IsInteger())))
            throw Node.Error($"nothing has no {(_kind == Reduction.Mean ? "mean" : "extreme")}");
        switch (x.Type)
        {
            case ElementType.Float32:
                Run<float, double>(call, double.PositiveInfinity, double.NegativeInfinity);
                break;
            case ElementType.Float64:
                Run<double, double>(call, double.PositiveInfinity, double.NegativeInfinity);
                break;
            case ElementType.Int64:
                Run<long, long>(call, long.MaxValue, long.MinValue);
                break;
            default:
                Run<int, long>(call, long.MaxValue, long.MinValue);
                break;
        }
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

    /// <summary>Between the sums that neighbours of each axis go to.</summary>
    private static int[] Strides(int[] shape, bool[] reduced)
    {
        int[] strides = new int[shape.Length];
        ShapeMath.StretchedStrides([.. shape.Select((size, i) => reduced[i] ? 1 : size)], shape, strides);
        return strides;
    }

    private void Run<T, TSum>(GraphCall call, TSum greatest, TSum least)
        where T : unmanaged, INumber<T>
        where TSum : unmanaged, INumber<TSum>
    {
        GraphTensor x = call.Input(0), y = call.Output(0);
        var plan = (Plan)call.Scratch!;
        GraphTensor sums = typeof(T) == typeof(TSum) ? y : plan.Sums;
        if (sums != y)
            call.Memory.Resize(sums, ElementTypes.Of<TSum>(), y.Dimensions, Node);
        Span<TSum> results = sums.Values<TSum>();
        results.Fill(_kind switch { Reduction.Greatest => least, Reduction.Least => greatest, _ => TSum.Zero });
        switch (_kind)
        {
            case Reduction.Greatest:
                Fold<T, TSum, GreatestFunction>(x, results, plan.Strides);
                break;
            case Reduction.Least:
                Fold<T, TSum, LeastFunction>(x, results, plan.Strides);
                break;
            default:
                Fold<T, TSum, AddFunction>(x, results, plan.Strides);
                break;
        }
        TSum count = TSum.CreateTruncating(_kind != Reduction.Mean || y.Length == 0 ? 1 : x.Length / y.Length);
        Span<T> to = y.Values<T>();
        for (int i = 0; i < to.Length; i++)
            to[i] = T.CreateTruncating(_kind == Reduction.Mean ? results[i] / count : results[i]);
    }

    private static void Fold<T, TSum, TFunction>(GraphTensor x, Span<TSum> results, ReadOnlySpan<int> strides)
        where T : unmanaged, INumber<T>
        where TSum : unmanaged, INumber<TSum>
        where TFunction : struct, IArithmetic
    {
        ReadOnlySpan<T> from = x.Values<T>();
        Span<int> index = stackalloc int[x.Shape.Length];
        index.Clear();
        int width = strides.Length == 0 ? 1 : x.Shape[^1], step = strides.Length == 0 ? 0 : strides[^1], place = 0, unused = 0;
        for (int row = 0; row < from.Length; row += width)
        {
            for (int i = 0; i < width; i++)
            {
                ref TSum result = ref results[place + (i * step)];
                result = TFunction.Apply(result, TSum.CreateTruncating(from[row + i]));
            }
            ElementLoops.Next(x.Shape, index, strides, strides, ref place, ref unused);
        }
    }

    /// <summary>What runs of one shape have in common.</summary>
    private sealed record Plan(int[] Strides, GraphTensor Sums);
}
