using System.Numerics;

namespace FastRnn.Graphs.Operators;

/// <summary>Base to an exponent that may be of another type; the result has the base's. In double, unless both are float32.</summary>
internal sealed class PowerOperator : GraphOperator
{
    public PowerOperator(GraphNode node)
        : base(node) => node.Arity(2, 2);

    public override void Infer(GraphCall call)
    {
        ElementType type = call.Require(0, static type => type != ElementType.Bool);
        call.Require(1, Node.Opset < 12 ? other => other == type : static other => other != ElementType.Bool);
        call.Set(0, type, ShapeMath.Broadcast(call.InputShapes[0], call.InputShapes[1], Node));
    }

    public override void Run(GraphCall call)
    {
        switch (call.Input(0).Type)
        {
            case ElementType.Float32 when call.Input(1).Type == ElementType.Float32:
                ElementLoops.Binary<float, float, float, FloatPower>(call.Input(0), call.Input(1), call.Output(0), default);
                break;
            case ElementType.Float32:
                Of<float>(call);
                break;
            case ElementType.Float64:
                Of<double>(call);
                break;
            case ElementType.Int64:
                Of<long>(call);
                break;
            default:
                Of<int>(call);
                break;
        }
    }

    private static void Of<T>(GraphCall call)
        where T : unmanaged, INumber<T>
    {
        switch (call.Input(1).Type)
        {
            case ElementType.Float32:
                To<T, float>(call);
                break;
            case ElementType.Float64:
                To<T, double>(call);
                break;
            case ElementType.Int64:
                To<T, long>(call);
                break;
            default:
                To<T, int>(call);
                break;
        }
    }

    private static void To<T, TExponent>(GraphCall call)
        where T : unmanaged, INumber<T>
        where TExponent : unmanaged, INumber<TExponent> =>
        ElementLoops.Binary<T, TExponent, T, Power<T, TExponent>>(call.Input(0), call.Input(1), call.Output(0), default);

    private readonly struct FloatPower : IBinaryFunction<float, float, float>
    {
        public float Apply(float a, float b) => MathF.Pow(a, b);
    }

    private readonly struct Power<T, TExponent> : IBinaryFunction<T, TExponent, T>
        where T : unmanaged, INumber<T>
        where TExponent : unmanaged, INumber<TExponent>
    {
        public T Apply(T a, TExponent b) => T.CreateTruncating(Math.Pow(double.CreateTruncating(a), double.CreateTruncating(b)));
    }
}
