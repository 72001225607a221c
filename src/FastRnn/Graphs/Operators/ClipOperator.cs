using System.Numerics;

namespace FastRnn.Graphs.Operators;

/// <summary>Values held between two bounds, each of which may be left out: attributes before opset 11, inputs from it on. The upper one wins where they cross.</summary>
internal sealed class ClipOperator : GraphOperator
{
    private readonly float _least = float.NegativeInfinity, _most = float.PositiveInfinity;

    public ClipOperator(GraphNode node)
        : base(node)
    {
        node.Arity(1, node.Opset < 11 ? 1 : 3);
        if (node.Opset < 11)
            (_least, _most) = (node.Float("min", float.NegativeInfinity), node.Float("max", float.PositiveInfinity));
    }

    public override void Infer(GraphCall call)
    {
        ElementType type = call.Require(0, type => type != ElementType.Bool && (Node.Opset >= 11 || type.IsFloat()));
        for (int i = 1; i < call.Inputs.Length; i++)
        {
            call.Require(i, type);
            if (ShapeMath.IsKnown(call.InputShapes[i]) && ShapeMath.Length(call.InputShapes[i]) != 1)
                throw Node.Error($"bound {i} is {SafeText.Shape(call.InputShapes[i])}, not one number");
        }
        call.Set(0, type, call.InputShapes[0]);
    }

    public override void Run(GraphCall call)
    {
        switch (call.Input(0).Type)
        {
            case ElementType.Float32:
                Loop(call, _least, _most);
                break;
            case ElementType.Float64:
                Loop(call, (double)_least, _most);
                break;
            case ElementType.Int64:
                Loop(call, long.MinValue, long.MaxValue);
                break;
            default:
                Loop(call, int.MinValue, int.MaxValue);
                break;
        }
    }

    private static void Loop<T>(GraphCall call, T least, T most)
        where T : unmanaged, INumber<T>
    {
        if (call.Inputs.Length > 1 && call.Inputs[1] is { } low)
            least = low.Values<T>()[0];
        if (call.Inputs.Length > 2 && call.Inputs[2] is { } high)
            most = high.Values<T>()[0];
        Span<T> from = call.Input(0).Values<T>(), to = call.Output(0).Values<T>();
        for (int i = 0; i < to.Length; i++)
            to[i] = from[i] > most ? most : from[i] < least ? least > most ? most : least : from[i];
    }
}
