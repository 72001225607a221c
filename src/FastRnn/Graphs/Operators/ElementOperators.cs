using System.Numerics;

namespace FastRnn.Graphs.Operators;

/// <summary>Operators that work element by element on two or more tensors.</summary>
internal static class ElementOperators
{
    public static IEnumerable<OperatorTable.Entry> Entries =>
    [
        new("Add", 7, node => new ArithmeticOperator<AddFunction>(node)),
        new("Sub", 7, node => new ArithmeticOperator<SubtractFunction>(node)),
        new("Mul", 7, node => new ArithmeticOperator<MultiplyFunction>(node)),
        new("Div", 7, node => new ArithmeticOperator<DivideFunction>(node)),
        new("Pow", 7, node => new PowerOperator(node)),
        new("Min", 6, node => new ExtremeOperator<LeastFunction>(node)),
        new("Max", 6, node => new ExtremeOperator<GreatestFunction>(node)),
        new("Equal", 7, node => new CompareOperator<EqualFunction>(node, ofBools: true)),
        new("Less", 7, node => new CompareOperator<LessFunction>(node)),
        new("LessOrEqual", 12, node => new CompareOperator<LessOrEqualFunction>(node)),
        new("Greater", 7, node => new CompareOperator<GreaterFunction>(node)),
        new("GreaterOrEqual", 12, node => new CompareOperator<GreaterOrEqualFunction>(node)),
        new("And", 7, node => new LogicOperator(node, static (a, b) => a & b)),
        new("Or", 7, node => new LogicOperator(node, static (a, b) => a | b)),
        new("Xor", 7, node => new LogicOperator(node, static (a, b) => a ^ b)),
    ];
}

/// <summary>An operation of two numbers of any type.</summary>
internal interface IArithmetic
{
    static abstract T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T>;
}

internal readonly struct AddFunction : IArithmetic
{
    public static T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a + b;
}

internal readonly struct SubtractFunction : IArithmetic
{
    public static T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a - b;
}

internal readonly struct MultiplyFunction : IArithmetic
{
    public static T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a * b;
}

/// <summary>Integers are cut towards zero; the least one by −1 stays what it is, as its negative does.</summary>
internal readonly struct DivideFunction : IArithmetic
{
    public static T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) != typeof(int) && typeof(T) != typeof(long))
            return a / b;
        if (T.IsZero(b))
            throw new DivideByZeroException();
        return b == -T.One ? -a : a / b;
    }
}

internal readonly struct LeastFunction : IArithmetic
{
    public static T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => T.Min(a, b);
}

internal readonly struct GreatestFunction : IArithmetic
{
    public static T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => T.Max(a, b);
}

/// <summary>The loop of an operation of two tensors, chosen by their type.</summary>
internal static class Arithmetic<TArithmetic>
    where TArithmetic : struct, IArithmetic
{
    public static void Run(GraphTensor a, GraphTensor b, GraphTensor y, GraphNode node)
    {
        try
        {
            switch (a.Type)
            {
                case ElementType.Float32:
                    ElementLoops.Binary<float, float, float, Function<float>>(a, b, y, default);
                    break;
                case ElementType.Float64:
                    ElementLoops.Binary<double, double, double, Function<double>>(a, b, y, default);
                    break;
                case ElementType.Int64:
                    ElementLoops.Binary<long, long, long, Function<long>>(a, b, y, default);
                    break;
                default:
                    ElementLoops.Binary<int, int, int, Function<int>>(a, b, y, default);
                    break;
            }
        }
        catch (DivideByZeroException)
        {
            throw node.Error("an integer cannot be divided by 0");
        }
    }

    private readonly struct Function<T> : IBinaryFunction<T, T, T>
        where T : unmanaged, INumber<T>
    {
        public T Apply(T a, T b) => TArithmetic.Apply(a, b);
    }
}

/// <summary>Two tensors of one type of number make a third, sizes of 1 stretched.</summary>
internal sealed class ArithmeticOperator<TArithmetic> : GraphOperator
    where TArithmetic : struct, IArithmetic
{
    public ArithmeticOperator(GraphNode node)
        : base(node) => node.Arity(2, 2);

    public override void Infer(GraphCall call)
    {
        ElementType type = call.Require(0, static type => type != ElementType.Bool);
        call.Require(1, type);
        call.Set(0, type, ShapeMath.Broadcast(call.InputShapes[0], call.InputShapes[1], Node));
    }

    public override void Run(GraphCall call) => Arithmetic<TArithmetic>.Run(call.Input(0), call.Input(1), call.Output(0), Node);
}

/// <summary>The least or the greatest of any number of tensors, sizes of 1 stretched.</summary>
internal sealed class ExtremeOperator<TArithmetic> : GraphOperator
    where TArithmetic : struct, IArithmetic
{
    public ExtremeOperator(GraphNode node)
        : base(node)
    {
        node.Arity(node.Inputs.Length, int.MaxValue);
        if (node.Inputs.Length == 0)
            throw node.Error("it has no inputs");
    }

    public override void Infer(GraphCall call)
    {
        ElementType type = call.Require(0, static type => type != ElementType.Bool);
        int[]? shape = call.InputShapes[0];
        for (int i = 1; i < call.Inputs.Length; i++)
        {
            call.Require(i, type);
            shape = ShapeMath.Broadcast(shape, call.InputShapes[i], Node);
        }
        call.Set(0, type, shape);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor y = call.Output(0);
        if (call.Inputs.Length == 1)
        {
            call.Input(0).Bytes.CopyTo(y.Bytes);
            return;
        }
        if (call.Inputs.Length == 2)
        {
            Arithmetic<TArithmetic>.Run(call.Input(0), call.Input(1), y, Node);
            return;
        }
        var stretched = (GraphTensor)(call.Scratch ??= new GraphTensor(y.Type, 0));
        call.Memory.Resize(stretched, y.Type, y.Dimensions, Node);
        Span<int> strides = stackalloc int[y.Shape.Length];
        for (int i = 0; i < call.Inputs.Length; i++)
        {
            ShapeMath.StretchedStrides(call.Input(i).Shape, y.Shape, strides);
            StridedCopy.Run(call.Input(i), i == 0 ? y : stretched, 0, strides);
            if (i > 0)
                Arithmetic<TArithmetic>.Run(y, stretched, y, Node);
        }
    }
}
