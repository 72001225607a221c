using FastRnn.Backends;

namespace FastRnn.Graphs;

/// <summary>A node's inputs, outputs and scratch memory in one session; at load, what is known of them.</summary>
internal sealed class GraphCall
{
    private readonly int[]?[] _lastShapes;
    private readonly byte[]?[] _lastValues;
    private bool _inferred;

    public GraphCall(GraphOperator node, Backend backend, GraphMemory memory)
    {
        (Operator, Backend, Memory) = (node, backend, memory);
        int inputs = node.Node.Inputs.Length, outputs = node.Node.Outputs.Length;
        (Inputs, InputTypes, InputShapes) = (new GraphTensor?[inputs], new ElementType[inputs], new int[]?[inputs]);
        (Outputs, OutputTypes, OutputShapes) = (new GraphTensor?[outputs], new ElementType[outputs], new int[]?[outputs]);
        (_lastShapes, _lastValues) = (new int[]?[inputs], new byte[]?[inputs]);
    }

    public GraphOperator Operator { get; }

    public GraphNode Node => Operator.Node;

    public Backend Backend { get; }

    /// <summary>Counts what the operator keeps beside its results.</summary>
    public GraphMemory Memory { get; }

    /// <summary>The values; null where left out, and at load where not constant.</summary>
    public GraphTensor?[] Inputs { get; }

    public ElementType[] InputTypes { get; }

    /// <summary>Sizes, −1 where unknown; null where left out or of unknown rank.</summary>
    public int[]?[] InputShapes { get; }

    /// <summary>Where results go; null where nobody asks, and at load.</summary>
    public GraphTensor?[] Outputs { get; }

    public ElementType[] OutputTypes { get; }

    public int[]?[] OutputShapes { get; }

    /// <summary>
    /// Whatever the operator keeps between runs of a session: buffers, and what <see cref="GraphOperator.Infer"/> has found out for the runs of these shapes, so that
    /// they allocate nothing.
    /// </summary>
    public object? Scratch { get; set; }

    public GraphTensor Input(int index) => Inputs[index]!;

    public GraphTensor Output(int index) => Outputs[index]!;

    /// <summary>Says what an output is.</summary>
    public void Set(int output, ElementType type, int[]? shape)
    {
        if (shape != null)
            ShapeMath.CheckRank(shape.Length, Node);
        if (output < Outputs.Length)
            (OutputTypes[output], OutputShapes[output]) = (type, shape);
    }

    /// <summary>An error unless the input is of one of the types that <paramref name="allowed"/> says yes to.</summary>
    public ElementType Require(int input, Func<ElementType, bool> allowed)
    {
        ElementType type = InputTypes[input];
        return allowed(type) ? type : throw Node.Error($"input {input} is {type.Name()}, which FastRnn does not compute here");
    }

    /// <summary>An error unless an input that is given has the type.</summary>
    public void Require(int input, ElementType type)
    {
        if (Node.HasInput(input) && InputTypes[input] != type)
            throw Node.Error($"input {input} is {InputTypes[input].Name()}, not {type.Name()}");
    }

    /// <summary>Sizes of an input, an error unless it has that many; null when not known.</summary>
    public int[]? RequireRank(int input, int rank)
    {
        int[]? shape = InputShapes[input];
        return shape == null || shape.Length == rank ? shape : throw Node.Error($"input {input} is {SafeText.Shape(shape)}, not of {rank} dimensions");
    }

    /// <summary>An error unless an input that is given, and known by its shape, is a single element.</summary>
    public void RequireSingle(int input, string what)
    {
        if (Node.HasInput(input) && ShapeMath.IsKnown(InputShapes[input]) && ShapeMath.Length(InputShapes[input]) != 1)
            throw Node.Error($"{what} is {SafeText.Shape(InputShapes[input])}, not one element");
    }

    /// <summary>The sizes or axes that an input lists; null when not known yet.</summary>
    public long[]? Sizes(int input)
    {
        if (Inputs[input] is { } tensor)
            ShapeMath.CheckRank(tensor.Length, Node);
        return Integers(input);
    }

    /// <summary>The integers of an input of rank 1 or 0; null when not known yet.</summary>
    public long[]? Integers(int input)
    {
        Require(input, static type => type.IsInteger());
        if (InputShapes[input] is { Length: > 1 } shape)
            throw Node.Error($"input {input} is {SafeText.Shape(shape)}, not a list");
        if (Inputs[input] is not { } tensor)
            return null;
        var values = new long[tensor.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = tensor.Integer(i);
        return values;
    }

    /// <summary>Shapes of the outputs, then the outputs in that size.</summary>
    public void Prepare()
    {
        if (!_inferred || HasChanged())
        {
            _inferred = false;
            for (int i = 0; i < Inputs.Length; i++)
            {
                GraphTensor? input = Inputs[i];
                (InputTypes[i], InputShapes[i], _lastShapes[i]) = (input?.Type ?? default, input?.Dimensions, input?.Dimensions);
                _lastValues[i] = input != null && Operator.ShapedBy(i) ? input.Bytes.ToArray() : null;
            }
            Operator.Infer(this);
            _inferred = true;
        }
        for (int i = 0; i < Outputs.Length; i++)
        {
            if (Outputs[i] == null)
                continue;
            if (i == 0 && Operator.IsView)
                Outputs[i]!.Borrow(Inputs[0]!, OutputShapes[i]!);
            else
                Memory.Resize(Outputs[i]!, OutputTypes[i], OutputShapes[i]!, Node);
        }
    }

    private bool HasChanged()
    {
        for (int i = 0; i < Inputs.Length; i++)
        {
            if (Inputs[i] is not { } input)
                continue;
            if (!ReferenceEquals(_lastShapes[i], input.Dimensions) && !input.Shape.SequenceEqual(_lastShapes[i]))
                return true;
            if (_lastValues[i] is { } values && !values.AsSpan().SequenceEqual(input.Bytes))
                return true;
        }
        return false;
    }
}
