using System.Numerics;

namespace FastRnn.Graphs.Operators;

/// <summary>Operators that work element by element on two tensors.</summary>
internal static class ElementOperators
{
    public static IEnumerable<OperatorTable.Entry> Entries =>
    [
        new("Add", 1, node => new ArithmeticOperator<AddFunctions>(node)),
        new("Sub", 1, node => new ArithmeticOperator<SubtractFunctions>(node)),
        new("Mul", 1, node => new ArithmeticOperator<MultiplyFunctions>(node)),
    ];
}

/// <summary>An operation of two numbers of any type.</summary>
internal interface IArithmetic
{
    static abstract T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T>;
}

internal readonly struct AddFunctions : IArithmetic
{
    public static T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a + b;
}

internal readonly struct SubtractFunctions : IArithmetic
{
    public static T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a - b;
}

internal readonly struct MultiplyFunctions : IArithmetic
{
    public static T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a * b;
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

    public override void Run(GraphCall call)
    {
        switch (call.Input(0).Type)
        {
            case ElementType.Float32:
                Loop<float>(call);
                break;
            case ElementType.Float64:
                Loop<double>(call);
                break;
            case ElementType.Int64:
                Loop<long>(call);
                break;
            default:
                Loop<int>(call);
                break;
        }
    }

    private static void Loop<T>(GraphCall call)
        where T : unmanaged, INumber<T> =>
        ElementLoops.Binary<T, T, Function<T>>(call.Input(0), call.Input(1), call.Output(0), default);

    private readonly struct Function<T> : IBinaryFunction<T, T>
        where T : unmanaged, INumber<T>
    {
        public T Apply(T a, T b) => TArithmetic.Apply(a, b);
    }
}
