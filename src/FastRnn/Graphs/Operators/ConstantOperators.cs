using System.Numerics;

namespace FastRnn.Graphs.Operators;

/// <summary>The sizes of a tensor.</summary>
internal sealed class ShapeOperator : GraphOperator
{
    private readonly long _start, _end;

    public ShapeOperator(GraphNode node)
        : base(node)
    {
        node.Arity(1, 1);
        (_start, _end) = node.Opset >= 15 ? (node.Integer("start", 0), node.Integer("end", int.MaxValue)) : (0, int.MaxValue);
    }

    public override bool ReadsShapeOnly => true;

    public override void Infer(GraphCall call) => call.Set(0, ElementType.Int64, call.InputShapes[0] is { } shape ? [Part(shape.Length).Count] : [-1]);

    /// <summary>What is known before the run stands in the call's shapes, not in a tensor.</summary>
    public override void Run(GraphCall call)
    {
        int[] shape = call.InputShapes[0]!;
        Span<long> to = call.Output(0).Values<long>();
        int start = Part(shape.Length).Start;
        for (int i = 0; i < to.Length; i++)
            to[i] = shape[start + i];
    }

    private (int Start, int Count) Part(int rank)
    {
        long start = Math.Clamp(_start < 0 ? _start + rank : _start, 0, rank), end = Math.Clamp(_end < 0 ? _end + rank : _end, 0, rank);
        return ((int)start, (int)Math.Max(0, end - start));
    }
}

/// <summary>A tensor that is part of the node.</summary>
internal sealed class ConstantOperator : GraphOperator
{
    public ConstantOperator(GraphNode node)
        : base(node)
    {
        node.Arity(0, 0);
        GraphTensor? value = node.Tensor("value");
        if (node.Opset >= 12)
        {
            value ??= node.Floats("value_floats") is { } floats ? GraphTensor.Of<float>(floats, floats.Length) : null;
            value ??= node.Integers("value_ints") is { } integers ? GraphTensor.Of<long>(integers, integers.Length) : null;
            value ??= node.Has("value_float") ? GraphTensor.Of<float>([node.Float("value_float", 0)]) : null;
            value ??= node.Has("value_int") ? GraphTensor.Of<long>([node.Integer("value_int", 0)]) : null;
        }
        if (node.Attributes.Count > 1)
            throw node.Error("it has more than one attribute");
        Value = value ?? (node.Attributes.Count == 1 ? throw node.Error($"attribute {SafeText.Quote(node.Attributes.Keys.First())} is not known for opset {node.Opset}") : throw node.Error("it has no value"));
    }

    public override GraphTensor? Constant => Value;

    private GraphTensor Value { get; }

    public override void Infer(GraphCall call) => call.Set(0, Value.Type, Value.Dimensions);

    public override void Run(GraphCall call) => call.Output(0).CopyFrom(Value);
}

/// <summary>A tensor of one value.</summary>
internal sealed class ConstantOfShapeOperator : GraphOperator
{
    private readonly GraphTensor _value;

    public ConstantOfShapeOperator(GraphNode node)
        : base(node)
    {
        node.Arity(1, 1);
        _value = node.Tensor("value") ?? new GraphTensor(ElementType.Float32, 1);
        if (_value.Length != 1)
            throw node.Error($"its value has {_value.Length} elements, not 1");
    }

    public override bool ShapedBy(int input) => true;

    public override void Infer(GraphCall call)
    {
        long[]? sizes = call.Sizes(0);
        call.Set(0, _value.Type, sizes == null ? null : [.. sizes.Select(size => size is >= 0 and <= int.MaxValue ? (int)size : throw Node.Error($"size {size} cannot be"))]);
    }

    public override void Run(GraphCall call)
    {
        Span<byte> to = call.Output(0).Bytes;
        for (int i = 0; i < to.Length; i += _value.Bytes.Length)
            _value.Bytes.CopyTo(to[i..]);
    }
}

/// <summary>Other element types, numbers cut towards zero, true where not 0.</summary>
internal sealed class CastOperator : GraphOperator
{
    private readonly ElementType _to;

    public CastOperator(GraphNode node)
        : base(node)
    {
        node.Arity(1, 1);
        long to = node.Has("to") ? node.Integer("to", 0) : throw node.Error("attribute to is missing");
        _to = to switch
        {
            1 => ElementType.Float32,
            6 => ElementType.Int32,
            7 => ElementType.Int64,
            9 => ElementType.Bool,
            11 => ElementType.Float64,
            _ => throw node.Error($"element type {to} is none that FastRnn computes with"),
        };
        if (node.Opset >= 19)
            node.Integer("saturate", 1); // of 8 bit floats only
    }

    public override void Infer(GraphCall call) => call.Set(0, _to, call.InputShapes[0]);

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0);
        switch (x.Type)
        {
            case ElementType.Float32:
                From<float>(x, call.Output(0));
                break;
            case ElementType.Float64:
                From<double>(x, call.Output(0));
                break;
            case ElementType.Int64:
                From<long>(x, call.Output(0));
                break;
            case ElementType.Int32:
                From<int>(x, call.Output(0));
                break;
            default:
                FromBools(x.Values<bool>(), call.Output(0));
                break;
        }
    }

    private static void FromBools(ReadOnlySpan<bool> from, GraphTensor y)
    {
        switch (y.Type)
        {
            case ElementType.Float32:
                Numbers(from, y.Values<float>());
                break;
            case ElementType.Float64:
                Numbers(from, y.Values<double>());
                break;
            case ElementType.Int64:
                Numbers(from, y.Values<long>());
                break;
            case ElementType.Int32:
                Numbers(from, y.Values<int>());
                break;
            default:
                from.CopyTo(y.Values<bool>());
                break;
        }
    }

    private static void Numbers<T>(ReadOnlySpan<bool> from, Span<T> to)
        where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < to.Length; i++)
            to[i] = from[i] ? T.One : T.Zero;
    }

    private static void From<T>(GraphTensor x, GraphTensor y)
        where T : unmanaged, INumber<T>
    {
        switch (y.Type)
        {
            case ElementType.Float32:
                Convert<T, float>(x, y);
                break;
            case ElementType.Float64:
                Convert<T, double>(x, y);
                break;
            case ElementType.Int64:
                Convert<T, long>(x, y);
                break;
            case ElementType.Int32:
                Convert<T, int>(x, y);
                break;
            default:
                Span<T> from = x.Values<T>();
                Span<bool> to = y.Values<bool>();
                for (int i = 0; i < to.Length; i++)
                    to[i] = !T.IsZero(from[i]);
                break;
        }
    }

    private static void Convert<T, TResult>(GraphTensor x, GraphTensor y)
        where T : unmanaged, INumber<T>
        where TResult : unmanaged, INumber<TResult>
    {
        Span<T> from = x.Values<T>();
        Span<TResult> to = y.Values<TResult>();
        for (int i = 0; i < to.Length; i++)
            to[i] = TResult.CreateTruncating(from[i]);
    }
}
