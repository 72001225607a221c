namespace FastRnn.Graphs.Operators;

/// <summary>An operator whose result has the elements of its first input, in the same order.</summary>
internal abstract class ViewOperator(GraphNode node) : GraphOperator(node)
{
    public override bool IsView => true;

    public override void Run(GraphCall call)
    {
    }
}

/// <summary>The input itself.</summary>
internal sealed class IdentityOperator : ViewOperator
{
    public IdentityOperator(GraphNode node)
        : base(node) => node.Arity(1, 1);

    public override void Infer(GraphCall call) => call.Set(0, call.InputTypes[0], call.InputShapes[0]);
}

/// <summary>Nothing in inference: the input, and a mask that nobody needs.</summary>
internal sealed class DropoutOperator : ViewOperator
{
    public DropoutOperator(GraphNode node)
        : base(node)
    {
        node.Arity(1, node.Opset < 12 ? 1 : 3, 2);
        if (node.Opset < 12)
            node.Float("ratio", 0.5f);
        else
            node.Integer("seed", 0);
    }

    public override void Infer(GraphCall call)
    {
        call.Set(0, call.InputTypes[0], call.InputShapes[0]);
        // Before opset 10 the mask had the type of the data.
        call.Set(1, Node.Opset < 10 ? call.InputTypes[0] : ElementType.Bool, call.InputShapes[0]);
        call.Require(2, ElementType.Bool);
        call.RequireSingle(2, "training_mode");
    }

    public override void Run(GraphCall call)
    {
        if (call.Inputs.Length > 2 && call.Inputs[2] is { } training && training.Values<bool>()[0])
            throw Node.Error("it is in training mode, whose numbers are random");
        // Until opset 12 nobody has said what an unused mask holds; zeros are what ONNX Runtime gives.
        if (call.Outputs.Length < 2 || call.Outputs[1] is not { } mask)
            return;
        if (Node.Opset >= 12)
            mask.Values<bool>().Fill(true);
        else
            mask.Bytes.Clear();
    }
}

/// <summary>Other sizes: −1 stands for what is left, 0 for the input's own unless allowzero.</summary>
internal sealed class ReshapeOperator : ViewOperator
{
    private readonly bool _allowZero;

    public ReshapeOperator(GraphNode node)
        : base(node)
    {
        node.Arity(2, 2);
        _allowZero = node.Opset >= 14 && node.Flag("allowzero");
    }

    public override bool ShapedBy(int input) => input == 1;

    public override void Infer(GraphCall call) => call.Set(0, call.InputTypes[0], Shape(call));

    private int[]? Shape(GraphCall call)
    {
        long[]? wanted = call.Sizes(1);
        int[]? from = call.InputShapes[0];
        if (wanted == null)
            return call.InputShapes[1] is [>= 0 and int rank] ? Unknown(rank, Node) : null;
        var shape = new int[wanted.Length];
        int open = -1;
        for (int i = 0; i < shape.Length; i++)
        {
            if (wanted[i] is < -1 or > int.MaxValue)
                throw Node.Error($"size {wanted[i]} cannot be");
            shape[i] = wanted[i] == 0 && !_allowZero ? Copied(from, i) : (int)wanted[i];
            if (wanted[i] == -1)
                open = open < 0 ? i : throw Node.Error("two sizes are −1");
        }
        if (!ShapeMath.IsKnown(from))
            return shape;
        if (open >= 0)
        {
            shape[open] = 1;
            long known = ShapeMath.Length(shape), all = ShapeMath.Length(from);
            shape[open] = known > 0 && all % known == 0 ? (int)(all / known) : throw Misfit(from!, wanted);
        }
        return ShapeMath.Length(shape) == ShapeMath.Length(from) ? shape : throw Misfit(from!, wanted);
    }

    private int Copied(int[]? from, int axis) => from == null ? -1 : axis < from.Length ? from[axis] : throw Node.Error($"size {axis} is to be the input's, which has {from.Length}");

    private GraphException Misfit(int[] from, long[] wanted) => Node.Error($"{SafeText.Shape(from)} does not become {SafeText.List(wanted)}");

    private static int[] Unknown(int rank, GraphNode node)
    {
        ShapeMath.CheckRank(rank, node);
        int[] shape = new int[rank];
        Array.Fill(shape, ShapeMath.Unknown);
        return shape;
    }
}

/// <summary>Two dimensions: those before an axis and those from it on.</summary>
internal sealed class FlattenOperator : ViewOperator
{
    private readonly long _axis;

    public FlattenOperator(GraphNode node)
        : base(node)
    {
        node.Arity(1, 1);
        _axis = node.Integer("axis", 1);
    }

    public override void Infer(GraphCall call)
    {
        int[]? from = call.InputShapes[0];
        int[] shape = [-1, -1];
        if (from != null)
        {
            int axis = _axis == from.Length ? from.Length : ShapeMath.Axis(_axis, from.Length, Node);
            shape = [Product(from.AsSpan(0, axis)), Product(from.AsSpan(axis))];
        }
        call.Set(0, call.InputTypes[0], shape);
    }

    private int Product(ReadOnlySpan<int> sizes) => sizes.Contains(ShapeMath.Unknown) ? ShapeMath.Unknown : ShapeMath.Product(sizes, Node);
}

/// <summary>Axes of a node: an attribute until some opset, an input from it on.</summary>
internal sealed class AxesSource(GraphNode node, int inputSince, int input = 1)
{
    private readonly long[]? _attribute = node.Opset < inputSince ? node.Integers("axes") : null;

    public bool IsInput { get; } = node.Opset >= inputSince && node.HasInput(input);

    /// <summary>Whether there are none at all.</summary>
    public bool IsLeftOut => _attribute == null && !IsInput;

    /// <summary>Whether this input decides shapes.</summary>
    public bool Is(int index) => IsInput && index == input;

    /// <summary>The axes, or null where they are not known yet or left out.</summary>
    public long[]? Values(GraphCall call) => IsInput ? call.Integers(input) : _attribute;

    /// <summary>Which axes of so many are meant.</summary>
    public bool[] Marked(long[] axes, int rank)
    {
        var marked = new bool[rank];
        foreach (long axis in axes)
        {
            int place = ShapeMath.Axis(axis, rank, node);
            marked[place] = marked[place] ? throw node.Error($"axis {axis} comes twice") : true;
        }
        return marked;
    }
}

/// <summary>Leaves out axes of size 1.</summary>
internal sealed class SqueezeOperator : ViewOperator
{
    private readonly AxesSource _axes;

    public SqueezeOperator(GraphNode node)
        : base(node)
    {
        node.Arity(1, node.Opset < 13 ? 1 : 2);
        _axes = new AxesSource(node, 13);
    }

    public override bool ShapedBy(int input) => _axes.Is(input);

    public override void Infer(GraphCall call) => call.Set(0, call.InputTypes[0], Shape(call.InputShapes[0], _axes.Values(call)));

    private int[]? Shape(int[]? from, long[]? axes)
    {
        if (from == null || (axes == null && (!_axes.IsLeftOut || !ShapeMath.IsKnown(from))))
            return null;
        bool[] marked = axes != null ? _axes.Marked(axes, from.Length) : [.. from.Select(size => size == 1)];
        for (int i = 0; i < from.Length; i++)
        {
            if (marked[i] && from[i] is not (1 or ShapeMath.Unknown))
                throw Node.Error($"axis {i} of {SafeText.Shape(from)} is not 1");
        }
        return [.. from.Where((_, i) => !marked[i])];
    }
}

/// <summary>Puts axes of size 1 in.</summary>
internal sealed class UnsqueezeOperator : ViewOperator
{
    private readonly AxesSource _axes;

    public UnsqueezeOperator(GraphNode node)
        : base(node)
    {
        node.Arity(node.Opset < 13 ? 1 : 2, node.Opset < 13 ? 1 : 2);
        _axes = new AxesSource(node, 13);
        if (_axes.IsLeftOut)
            throw node.Error("it names no axes");
    }

    public override bool ShapedBy(int input) => _axes.Is(input);

    public override void Infer(GraphCall call)
    {
        int[]? from = call.InputShapes[0];
        long[]? axes = _axes.Values(call);
        call.Set(0, call.InputTypes[0], from == null || axes == null ? null : Shape(from, axes));
    }

    private int[] Shape(int[] from, long[] axes)
    {
        ShapeMath.CheckRank((long)from.Length + axes.Length, Node);
        bool[] marked = _axes.Marked(axes, from.Length + axes.Length);
        var shape = new int[marked.Length];
        int next = 0;
        for (int i = 0; i < shape.Length; i++)
            shape[i] = marked[i] ? 1 : from[next++];
        return shape;
    }
}
