using System.Numerics;

namespace FastRnn.Graphs.Operators;

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
        switch (call.Input(0).Type)
        {
            case ElementType.Float32:
                Run<float>(call);
                break;
            case ElementType.Float64:
                Run<double>(call);
                break;
            case ElementType.Int64:
                Run<long>(call);
                break;
            default:
                Run<int>(call);
                break;
        }
    }

    /// <summary>−0 is no less than 0 here, and NaN no greater than anything.</summary>
    private void Run<T>(GraphCall call)
        where T : unmanaged, INumber<T>
    {
        GraphTensor x = call.Input(0);
        Span<long> to = call.Output(0).Values<long>();
        if (to.Length == 0)
            return; // however long the other axes are
        int axis = ShapeMath.Axis(_axis, x.Shape.Length, Node), size = x.Shape[axis], inner = ShapeMath.Product(x.Shape[(axis + 1)..], Node);
        ReadOnlySpan<T> from = x.Values<T>();
        for (int i = 0; i < to.Length; i++)
        {
            int start = (i / inner * inner * size) + (i % inner), best = 0;
            for (int k = 1; k < size; k++)
            {
                T value = from[start + (k * inner)], before = from[start + (best * inner)];
                if (value > before || (_last && value == before))
                    best = k;
            }
            to[i] = best;
        }
    }
}
