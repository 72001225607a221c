namespace FastRnn.Graphs.Operators;

/// <summary>Axes in another order.</summary>
internal sealed class TransposeOperator : GraphOperator
{
    private readonly long[]? _order;

    public TransposeOperator(GraphNode node)
        : base(node)
    {
        node.Arity(1, 1);
        _order = node.Integers("perm");
    }

    public override void Infer(GraphCall call)
    {
        int[]? from = call.InputShapes[0];
        if (from != null)
            Check(from.Length);
        call.Set(0, call.InputTypes[0], from == null ? null : [.. Enumerable.Range(0, from.Length).Select(axis => from[Source(axis, from.Length)])]);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0), y = call.Output(0);
        int rank = x.Shape.Length;
        Span<int> from = stackalloc int[rank], strides = stackalloc int[rank];
        ShapeMath.Strides(x.Shape, from);
        for (int axis = 0; axis < rank; axis++)
            strides[axis] = from[Source(axis, rank)];
        StridedCopy.Run(x, y, 0, strides);
    }

    private int Source(int axis, int rank) => _order == null ? rank - 1 - axis : (int)_order[axis];

    private void Check(int rank)
    {
        if (_order == null)
            return;
        for (int axis = 0; axis < rank; axis++)
        {
            if (_order.Length != rank || Array.IndexOf(_order, axis) < 0)
                throw Node.Error($"{SafeText.List(_order)} is no order of {rank} axes");
        }
    }
}

/// <summary>Tensors one behind the other along an axis.</summary>
internal sealed class ConcatOperator : GraphOperator
{
    private readonly long _axis;

    public ConcatOperator(GraphNode node)
        : base(node)
    {
        node.Arity(node.Inputs.Length, int.MaxValue);
        if (node.Inputs.Length == 0)
            throw node.Error("it has no inputs");
        _axis = node.Has("axis") ? node.Integer("axis", 0) : throw node.Error("attribute axis is missing");
    }

    public override void Infer(GraphCall call)
    {
        int[]? shape = null;
        for (int i = 0; i < call.Inputs.Length; i++)
        {
            call.Require(i, call.InputTypes[0]);
            if (call.InputShapes[i] is not { } part)
            {
                call.Set(0, call.InputTypes[0], null);
                return;
            }
            shape = shape == null ? [.. part] : Joined(shape, part);
        }
        ShapeMath.Axis(_axis, shape!.Length, Node);
        call.Set(0, call.InputTypes[0], shape);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor y = call.Output(0);
        if (y.Length == 0)
            return; // however long the other axes are
        int axis = ShapeMath.Axis(_axis, y.Shape.Length, Node);
        int outer = ShapeMath.Product(y.Shape[..axis], Node), inner = ShapeMath.Product(y.Shape[(axis + 1)..], Node) * y.Type.Size(), row = y.Shape[axis] * inner, start = 0;
        for (int i = 0; i < call.Inputs.Length; i++)
        {
            GraphTensor x = call.Input(i);
            int width = x.Shape[axis] * inner;
            for (int r = 0; r < outer; r++)
                x.Bytes.Slice(r * width, width).CopyTo(y.Bytes[((r * row) + start)..]);
            start += width;
        }
    }

    private int[] Joined(int[] shape, int[] part)
    {
        int axis = ShapeMath.Axis(_axis, shape.Length, Node);
        for (int i = 0; i < shape.Length; i++)
        {
            if (part.Length != shape.Length || (i != axis && part[i] != shape[i] && part[i] >= 0 && shape[i] >= 0))
                throw Node.Error($"shapes {SafeText.Shape(shape)} and {SafeText.Shape(part)} do not join along axis {axis}");
            if (i != axis)
                shape[i] = Math.Max(shape[i], part[i]);
            else if (shape[i] < 0 || part[i] < 0)
                shape[i] = ShapeMath.Unknown;
            else
                shape[i] = (long)shape[i] + part[i] <= int.MaxValue ? shape[i] + part[i] : throw Node.Error("the result is too long");
        }
        return shape;
    }
}

/// <summary>Rows of an axis by their numbers, negative ones from the end.</summary>
internal sealed class GatherOperator : GraphOperator
{
    private readonly long _axis;

    public GatherOperator(GraphNode node)
        : base(node)
    {
        node.Arity(2, 2);
        _axis = node.Integer("axis", 0);
    }

    public override void Infer(GraphCall call)
    {
        call.Require(1, static type => type.IsInteger());
        int[]? from = call.InputShapes[0], indices = call.InputShapes[1];
        int[]? shape = null;
        if (from != null)
        {
            int axis = ShapeMath.Axis(_axis, from.Length, Node);
            ShapeMath.CheckRank((long)from.Length + (indices?.Length ?? 0) - 1, Node);
            shape = indices == null ? null : [.. from[..axis], .. indices, .. from[(axis + 1)..]];
        }
        call.Set(0, call.InputTypes[0], shape);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0), indices = call.Input(1), y = call.Output(0);
        int axis = ShapeMath.Axis(_axis, x.Shape.Length, Node), size = x.Shape[axis];
        for (int i = 0; i < indices.Length; i++)
        {
            long index = indices.Integer(i);
            if (index < -size || index >= size)
                throw Node.Error($"index {index} is none of an axis of {size}");
        }
        if (y.Length == 0)
            return; // however long the other axes are
        int outer = ShapeMath.Product(x.Shape[..axis], Node), inner = ShapeMath.Product(x.Shape[(axis + 1)..], Node) * x.Type.Size();
        for (int i = 0; i < indices.Length; i++)
        {
            long index = indices.Integer(i);
            int from = (int)(index < 0 ? index + size : index);
            for (int r = 0; r < outer; r++)
                x.Bytes.Slice(((r * size) + from) * inner, inner).CopyTo(y.Bytes[(((r * indices.Length) + i) * inner)..]);
        }
    }
}

/// <summary>Sizes of 1 stretched.</summary>
internal sealed class ExpandOperator : GraphOperator
{
    public ExpandOperator(GraphNode node)
        : base(node) => node.Arity(2, 2);

    public override bool ShapedBy(int input) => input == 1;

    public override void Infer(GraphCall call)
    {
        long[]? wanted = call.Sizes(1);
        int[]? shape = wanted == null ? null : [.. wanted.Select(size => size is >= 0 and <= int.MaxValue ? (int)size : throw Node.Error($"size {size} cannot be"))];
        call.Set(0, call.InputTypes[0], ShapeMath.Broadcast(call.InputShapes[0], shape, Node));
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0), y = call.Output(0);
        Span<int> strides = stackalloc int[y.Shape.Length];
        ShapeMath.StretchedStrides(x.Shape, y.Shape, strides);
        StridedCopy.Run(x, y, 0, strides);
    }
}

/// <summary>One of two elements, as a third says.</summary>
internal sealed class WhereOperator : GraphOperator
{
    public WhereOperator(GraphNode node)
        : base(node) => node.Arity(3, 3);

    public override void Infer(GraphCall call)
    {
        call.Require(0, ElementType.Bool);
        call.Require(2, call.InputTypes[1]);
        call.Set(0, call.InputTypes[1], ShapeMath.Broadcast(call.InputShapes[0], ShapeMath.Broadcast(call.InputShapes[1], call.InputShapes[2], Node), Node));
    }

    public override void Run(GraphCall call)
    {
        GraphTensor condition = call.Input(0), x = call.Input(1), z = call.Input(2), y = call.Output(0);
        int rank = y.Shape.Length, size = y.Type.Size(), from = 0, left = 0, right = 0, unused = 0;
        Span<int> shape = stackalloc int[rank + 1], index = stackalloc int[rank + 1], other = stackalloc int[rank + 1];
        Span<int> conditions = stackalloc int[rank + 1], lefts = stackalloc int[rank + 1], rights = stackalloc int[rank + 1];
        (shape[rank], conditions[rank], lefts[rank], rights[rank]) = (1, 0, 0, 0);
        y.Shape.CopyTo(shape);
        index.Clear();
        other.Clear();
        ShapeMath.StretchedStrides(condition.Shape, y.Shape, conditions[..rank]);
        ShapeMath.StretchedStrides(x.Shape, y.Shape, lefts[..rank]);
        ShapeMath.StretchedStrides(z.Shape, y.Shape, rights[..rank]);
        Span<bool> chosen = condition.Values<bool>();
        for (int i = 0; i < y.Length; i++)
        {
            (chosen[from] ? x.Bytes.Slice(left * size, size) : z.Bytes.Slice(right * size, size)).CopyTo(y.Bytes[(i * size)..]);
            ElementLoops.Next(shape, index, lefts, rights, ref left, ref right);
            ElementLoops.Next(shape, other, conditions, conditions, ref from, ref unused);
        }
    }
}
