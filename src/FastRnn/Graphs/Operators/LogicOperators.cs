using System.Numerics;

namespace FastRnn.Graphs.Operators;

/// <summary>A comparison of two numbers of any type.</summary>
internal interface IComparison
{
    static abstract bool Apply<T>(T a, T b)
        where T : unmanaged, INumber<T>;
}

internal readonly struct EqualFunction : IComparison
{
    public static bool Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a == b;
}

internal readonly struct LessFunction : IComparison
{
    public static bool Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a < b;
}

internal readonly struct LessOrEqualFunction : IComparison
{
    public static bool Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a <= b;
}

internal readonly struct GreaterFunction : IComparison
{
    public static bool Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a > b;
}

internal readonly struct GreaterOrEqualFunction : IComparison
{
    public static bool Apply<T>(T a, T b)
        where T : unmanaged, INumber<T> => a >= b;
}

/// <summary>Two tensors of one type make one of bools, sizes of 1 stretched.</summary>
internal sealed class CompareOperator<TComparison> : GraphOperator
    where TComparison : struct, IComparison
{
    private readonly bool _ofBools;

    public CompareOperator(GraphNode node, bool ofBools = false)
        : base(node)
    {
        node.Arity(2, 2);
        _ofBools = ofBools;
    }

    public override void Infer(GraphCall call)
    {
        call.Require(0, type => _ofBools || type != ElementType.Bool);
        call.Require(1, call.InputTypes[0]);
        call.Set(0, ElementType.Bool, ShapeMath.Broadcast(call.InputShapes[0], call.InputShapes[1], Node));
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
            case ElementType.Int32:
                Loop<int>(call);
                break;
            default:
                ElementLoops.Binary<bool, bool, bool, SameFunction>(call.Input(0), call.Input(1), call.Output(0), default);
                break;
        }
    }

    private static void Loop<T>(GraphCall call)
        where T : unmanaged, INumber<T> =>
        ElementLoops.Binary<T, T, bool, Function<T>>(call.Input(0), call.Input(1), call.Output(0), default);

    private readonly struct Function<T> : IBinaryFunction<T, T, bool>
        where T : unmanaged, INumber<T>
    {
        public bool Apply(T a, T b) => TComparison.Apply(a, b);
    }

    private readonly struct SameFunction : IBinaryFunction<bool, bool, bool>
    {
        public bool Apply(bool a, bool b) => a == b;
    }
}

/// <summary>Two tensors of bools make a third.</summary>
internal sealed class LogicOperator : GraphOperator
{
    private readonly Func<bool, bool, bool> _function;

    public LogicOperator(GraphNode node, Func<bool, bool, bool> function)
        : base(node)
    {
        node.Arity(2, 2);
        _function = function;
    }

    public override void Infer(GraphCall call)
    {
        call.Require(0, ElementType.Bool);
        call.Require(1, ElementType.Bool);
        call.Set(0, ElementType.Bool, ShapeMath.Broadcast(call.InputShapes[0], call.InputShapes[1], Node));
    }

    public override void Run(GraphCall call) =>
        ElementLoops.Binary<bool, bool, bool, Function>(call.Input(0), call.Input(1), call.Output(0), new Function(_function));

    private readonly struct Function(Func<bool, bool, bool> function) : IBinaryFunction<bool, bool, bool>
    {
        public bool Apply(bool a, bool b) => function(a, b);
    }
}

/// <summary>The opposite of bools.</summary>
internal sealed class NotOperator : GraphOperator
{
    public NotOperator(GraphNode node)
        : base(node) => node.Arity(1, 1);

    public override void Infer(GraphCall call)
    {
        call.Require(0, ElementType.Bool);
        call.Set(0, ElementType.Bool, call.InputShapes[0]);
    }

    public override void Run(GraphCall call)
    {
        Span<bool> from = call.Input(0).Values<bool>(), to = call.Output(0).Values<bool>();
        for (int i = 0; i < to.Length; i++)
            to[i] = !from[i];
    }
}
