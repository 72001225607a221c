using System.Numerics;
using FastRnn.Backends;

namespace FastRnn.Graphs.Operators;

/// <summary>Operators that work element by element on one tensor.</summary>
internal static class FunctionOperators
{
    public static IEnumerable<OperatorTable.Entry> Entries =>
    [
        new("Neg", 6, node => new SignOperator<NegateFunction>(node)),
        new("Abs", 6, node => new SignOperator<AbsoluteFunction>(node)),
        new("Relu", 6, node => new SignOperator<ReluFunction>(node)),
        new("Exp", 6, node => new FunctionOperator<ExpFunction>(node, default)),
        new("Log", 6, node => new FunctionOperator<LogFunction>(node, default)),
        new("Sqrt", 6, node => new FunctionOperator<SqrtFunction>(node, default)),
        new("Reciprocal", 6, node => new FunctionOperator<ReciprocalFunction>(node, default)),
        new("Sigmoid", 6, node => new FunctionOperator<SigmoidFunction>(node, default, ActivationKind.Sigmoid)),
        new("Tanh", 6, node => new FunctionOperator<TanhFunction>(node, default, ActivationKind.Tanh)),
        new("Softplus", 1, node => new FunctionOperator<SoftplusFunction>(node, default, ActivationKind.Softplus)),
        new("Softsign", 1, node => new FunctionOperator<SoftsignFunction>(node, default)),
        new("LeakyRelu", 6, node => new FunctionOperator<LeakyReluFunction>(node, new(node.Float("alpha", 0.01f)))),
        new("Elu", 6, node => new FunctionOperator<EluFunction>(node, new(node.Float("alpha", 1)))),
        new("HardSigmoid", 6, node => new FunctionOperator<HardSigmoidFunction>(node, new(node.Float("alpha", 0.2f), node.Float("beta", 0.5f)))),
        new("ThresholdedRelu", 10, node => new FunctionOperator<ThresholdedReluFunction>(node, new(node.Float("alpha", 1)))),
        new("Erf", 9, node => new FunctionOperator<ErfFunction>(node, default)),
        new("Gelu", 20, Gelu),
        new("Clip", 6, node => new ClipOperator(node)),
        new("Not", 1, node => new NotOperator(node)),
    ];

    private static GraphOperator Gelu(GraphNode node) => node.Text("approximate", "none") switch
    {
        "none" => new FunctionOperator<GeluFunction>(node, default, ActivationKind.Gelu),
        "tanh" => new FunctionOperator<TanhGeluFunction>(node, default),
        string other => throw node.Error($"approximation {SafeText.Quote(other)} is not known"),
    };
}

/// <summary>A function of one floating-point number.</summary>
internal interface IFloatFunction
{
    T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T>;
}

/// <summary>y = f(x) of float32, by the back end where it has the function, or float64.</summary>
internal sealed class FunctionOperator<TFunction> : GraphOperator
    where TFunction : struct, IFloatFunction
{
    private readonly TFunction _function;
    private readonly ActivationKind? _kernel;

    public FunctionOperator(GraphNode node, TFunction function, ActivationKind? kernel = null)
        : base(node)
    {
        node.Arity(1, 1);
        (_function, _kernel) = (function, kernel);
    }

    public override void Infer(GraphCall call) => call.Set(0, call.Require(0, static type => type.IsFloat()), call.InputShapes[0]);

    public override void Run(GraphCall call)
    {
        if (call.Input(0).Type == ElementType.Float32 && _kernel is { } kernel)
            KernelFunction.Run(call, kernel);
        else if (call.Input(0).Type == ElementType.Float32)
            ElementLoops.Unary<float, Function<float>>(call.Input(0), call.Output(0), new(_function));
        else
            ElementLoops.Unary<double, Function<double>>(call.Input(0), call.Output(0), new(_function));
    }

    private readonly struct Function<T>(TFunction function) : IUnaryFunction<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public T Apply(T x) => function.Apply(x);
    }
}

/// <summary>A function of one signed number of any type.</summary>
internal interface ISignFunction
{
    static abstract T Apply<T>(T x)
        where T : unmanaged, INumber<T>;
}

internal readonly struct NegateFunction : ISignFunction
{
    public static T Apply<T>(T x)
        where T : unmanaged, INumber<T> => -x;
}

internal readonly struct AbsoluteFunction : ISignFunction
{
    /// <summary>The least integer stays what it is, as it does in two's complement.</summary>
    public static T Apply<T>(T x)
        where T : unmanaged, INumber<T> => T.IsNegative(x) ? -x : x;
}

internal readonly struct ReluFunction : ISignFunction
{
    /// <summary>NaN stays NaN.</summary>
    public static T Apply<T>(T x)
        where T : unmanaged, INumber<T> => x < T.Zero ? T.Zero : x;
}

/// <summary>y = f(x) of any type of number.</summary>
internal sealed class SignOperator<TFunction> : GraphOperator
    where TFunction : struct, ISignFunction
{
    public SignOperator(GraphNode node)
        : base(node) => node.Arity(1, 1);

    public override void Infer(GraphCall call) => call.Set(0, call.Require(0, static type => type != ElementType.Bool), call.InputShapes[0]);

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0), y = call.Output(0);
        switch (x.Type)
        {
            case ElementType.Float32:
                ElementLoops.Unary<float, Function<float>>(x, y, default);
                break;
            case ElementType.Float64:
                ElementLoops.Unary<double, Function<double>>(x, y, default);
                break;
            case ElementType.Int64:
                ElementLoops.Unary<long, Function<long>>(x, y, default);
                break;
            default:
                ElementLoops.Unary<int, Function<int>>(x, y, default);
                break;
        }
    }

    private readonly struct Function<T> : IUnaryFunction<T>
        where T : unmanaged, INumber<T>
    {
        public T Apply(T x) => TFunction.Apply(x);
    }
}
