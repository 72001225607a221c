namespace FastRnn.Graphs.Operators;

/// <summary>A part of some axes, every so many elements, backwards where the step is negative.</summary>
internal sealed class SliceOperator : GraphOperator
{
    private readonly long[]? _starts, _ends, _axes;
    private readonly bool _byInput;

    public SliceOperator(GraphNode node)
        : base(node)
    {
        _byInput = node.Opset >= 10;
        node.Arity(_byInput ? 3 : 1, _byInput ? 5 : 1);
        if (_byInput)
            return;
        (_starts, _ends, _axes) = (node.Integers("starts"), node.Integers("ends"), node.Integers("axes"));
        if (_starts == null || _ends == null)
            throw node.Error("attribute starts or ends is missing");
    }

    public override bool ShapedBy(int input) => input > 0;

    public override void Infer(GraphCall call)
    {
        int[]? from = call.InputShapes[0];
        int[]? shape = null;
        Cut[]? cuts = from == null ? null : Cuts(call, from);
        if (from != null)
            shape = cuts != null ? [.. cuts.Select(cut => cut.Count)] : [.. from.Select(_ => ShapeMath.Unknown)];
        call.Scratch = cuts;
        call.Set(0, call.InputTypes[0], shape);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0);
        int rank = x.Shape.Length, start = 0;
        Span<int> strides = stackalloc int[rank];
        ShapeMath.Strides(x.Shape, strides);
        var cuts = (Cut[])call.Scratch!;
        for (int axis = 0; axis < rank; axis++)
        {
            start += cuts[axis].Start * strides[axis];
            strides[axis] *= cuts[axis].Step;
        }
        StridedCopy.Run(x, call.Output(0), start, strides);
    }

    /// <summary>What is taken of each axis; null when not known yet.</summary>
    private Cut[]? Cuts(GraphCall call, int[] shape)
    {
        long[]? starts = _starts, ends = _ends, axes = _axes, steps = null;
        if (_byInput)
        {
            (starts, ends) = (call.Integers(1), call.Integers(2));
            axes = Node.HasInput(3) ? call.Integers(3) : null;
            steps = Node.HasInput(4) ? call.Integers(4) : null;
            if (starts == null || ends == null || (Node.HasInput(3) && axes == null) || (Node.HasInput(4) && steps == null))
                return null;
        }
        if (starts!.Length != ends!.Length || (axes != null && axes.Length != starts.Length) || (steps != null && steps.Length != starts.Length))
            throw Node.Error("starts, ends, axes and steps are not equally many");
        Cut[] cuts = [.. shape.Select(size => new Cut(0, 1, size))];
        var cutBefore = new bool[shape.Length];
        for (int i = 0; i < starts.Length; i++)
        {
            int axis = ShapeMath.Axis(axes?[i] ?? i, shape.Length, Node);
            cutBefore[axis] = cutBefore[axis] ? throw Node.Error($"axis {axis} is cut twice") : true;
            cuts[axis] = shape[axis] < 0 ? new Cut(0, 1, ShapeMath.Unknown) : CutOf(starts[i], ends[i], steps?[i] ?? 1, shape[axis]);
        }
        return cuts;
    }

    private Cut CutOf(long start, long end, long step, int size)
    {
        if (step == 0)
            throw Node.Error("a step is 0");
        start = start < 0 ? start + size : start;
        end = end < 0 ? end + size : end;
        (start, end) = step > 0 ? (Math.Clamp(start, 0, size), Math.Clamp(end, 0, size)) : (Math.Clamp(start, Math.Min(0, size - 1), size - 1), Math.Clamp(end, -1, size - 1));
        long distance = step > 0 ? end - start : start - end;
        // A step beyond the axis takes one element whatever it is; −long.MinValue is no number.
        long stride = step == long.MinValue ? long.MaxValue : Math.Abs(step);
        long count = distance <= 0 || size == 0 ? 0 : 1 + ((distance - 1) / stride);
        return new Cut(count == 0 ? 0 : (int)start, count < 2 ? 1 : (int)step, (int)count);
    }

    private readonly record struct Cut(int Start, int Step, int Count);
}

/// <summary>Consecutive parts of an axis.</summary>
internal sealed class SplitOperator : GraphOperator
{
    private readonly long _axis;
    private readonly long[]? _sizes;
    private readonly bool _byInput;

    public SplitOperator(GraphNode node)
        : base(node)
    {
        _byInput = node.Opset >= 13;
        node.Arity(1, _byInput ? 2 : 1, int.MaxValue);
        _axis = node.Integer("axis", 0);
        _sizes = _byInput ? null : node.Integers("split");
        if (node.Opset >= 18 && node.Has("num_outputs") && node.Integer("num_outputs", 0) != node.Outputs.Length)
            throw node.Error($"attribute num_outputs is {node.Integer("num_outputs", 0)}, the outputs are {node.Outputs.Length}");
    }

    public override bool ShapedBy(int input) => input == 1;

    public override void Infer(GraphCall call)
    {
        int[]? from = call.InputShapes[0];
        int axis = from == null ? 0 : ShapeMath.Axis(_axis, from.Length, Node);
        int[]? sizes = from == null ? null : Sizes(call, from[axis]);
        for (int i = 0; i < call.Outputs.Length; i++)
        {
            int[]? part = from == null ? null : [.. from];
            if (part != null)
                part[axis] = sizes?[i] ?? ShapeMath.Unknown;
            call.Set(i, call.InputTypes[0], part);
        }
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0);
        int axis = ShapeMath.Axis(_axis, x.Shape.Length, Node);
        Span<int> strides = stackalloc int[x.Shape.Length];
        ShapeMath.Strides(x.Shape, strides);
        int start = 0;
        for (int i = 0; i < call.Outputs.Length; i++)
        {
            if (call.Outputs[i] is { } part)
                StridedCopy.Run(x, part, start * strides[axis], strides);
            start += call.OutputShapes[i]![axis];
        }
    }

    private int[]? Sizes(GraphCall call, int size)
    {
        long[]? given = _byInput && Node.HasInput(1) ? call.Integers(1) : _sizes;
        int parts = call.Outputs.Length;
        if (given == null)
        {
            if (size < 0 || (_byInput && Node.HasInput(1)))
                return null;
            // From opset 18 on the last part may be shorter.
            int each = (int)(((long)size + parts - 1) / parts);
            if ((Node.Opset < 18 && size % parts != 0) || (long)each * (parts - 1) > size)
                throw Node.Error($"an axis of {size} does not become {parts} equal parts");
            return [.. Enumerable.Range(0, parts).Select(part => part < parts - 1 ? each : size - (each * (parts - 1)))];
        }
        if (given.Length != parts || given.Any(part => part < 0 || part > int.MaxValue) || (size >= 0 && given.Sum() != size))
            throw Node.Error($"parts {SafeText.List(given)} do not make an axis of {size} in {parts} outputs");
        return [.. given.Select(part => (int)part)];
    }
}
