using System.Numerics;
using FastRnn.Backends;

namespace FastRnn.Graphs.Operators;

/// <summary>eˣ by its sum, or the logarithm of that, along an axis; before opset 13 along all axes from it on, as one.</summary>
internal sealed class SoftmaxOperator : GraphOperator
{
    private readonly long _axis;
    private readonly bool _logarithm;

    public SoftmaxOperator(GraphNode node, bool logarithm)
        : base(node)
    {
        node.Arity(1, 1);
        _axis = node.Integer("axis", node.Opset < 13 ? 1 : -1);
        _logarithm = logarithm;
    }

    public override void Infer(GraphCall call)
    {
        if (call.InputShapes[0] is { } shape && !(Node.Opset < 13 && _axis == shape.Length))
            ShapeMath.Axis(_axis, shape.Length, Node);
        call.Set(0, call.Require(0, static type => type.IsFloat()), call.InputShapes[0]);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0), y = call.Output(0);
        if (x.Length == 0)
            return; // however long the other axes are
        int rank = x.Shape.Length, axis = _axis == rank ? rank : ShapeMath.Axis(_axis, rank, Node);
        int inner = Node.Opset < 13 ? 1 : ShapeMath.Product(x.Shape[(axis + 1)..], Node);
        int size = Node.Opset < 13 ? ShapeMath.Product(x.Shape[axis..], Node) : x.Shape[axis];
        if (x.Type == ElementType.Float32 && inner == 1)
            KernelFunction.Run(call, _logarithm ? ActivationKind.LogSoftmax : ActivationKind.Softmax, size);
        else if (x.Type == ElementType.Float32)
            Rows(x.Values<float>(), y.Values<float>(), size, inner);
        else
            Rows(x.Values<double>(), y.Values<double>(), size, inner);
    }

    private void Rows<T>(ReadOnlySpan<T> x, Span<T> y, int size, int inner)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int row = 0; row < x.Length / size; row++)
        {
            int start = (row / inner * inner * size) + (row % inner);
            T greatest = x[start];
            for (int k = 1; k < size; k++)
                greatest = T.Max(greatest, x[start + (k * inner)]);
            double sum = 0;
            for (int k = 0; k < size; k++)
            {
                int place = start + (k * inner);
                T exponential = T.Exp(x[place] - greatest);
                sum += double.CreateTruncating(exponential);
                y[place] = _logarithm ? x[place] - greatest : exponential;
            }
            T total = T.CreateTruncating(_logarithm ? Math.Log(sum) : sum);
            for (int k = 0; k < size; k++)
            {
                ref T value = ref y[start + (k * inner)];
                value = _logarithm ? value - total : value / total;
            }
        }
    }
}

/// <summary>(x − mean)/√(variance + ε)·scale + bias over the axes from one on; mean and variance are taken in double.</summary>
internal sealed class LayerNormalizationOperator : GraphOperator
{
    private readonly long _axis;
    private readonly float _epsilon;

    public LayerNormalizationOperator(GraphNode node)
        : base(node)
    {
        node.Arity(2, 3, 3);
        (_axis, _epsilon) = (node.Integer("axis", -1), node.Float("epsilon", 1e-5f));
        if (node.Integer("stash_type", 1) != 1)
            throw node.Error($"stash_type {node.Integer("stash_type", 1)} is not float32");
    }

    public override void Infer(GraphCall call)
    {
        ElementType type = call.Require(0, static type => type.IsFloat());
        int[]? from = call.InputShapes[0];
        int[]? statistics = null;
        if (from != null)
        {
            int axis = ShapeMath.Axis(_axis, from.Length, Node);
            statistics = [.. from.Select((size, i) => i < axis ? size : 1)];
        }
        for (int i = 1; i < call.Inputs.Length; i++)
        {
            call.Require(i, type);
            if (from != null && Node.HasInput(i) && ShapeMath.Broadcast(from, call.InputShapes[i], Node) is { } stretched && (stretched.Length != from.Length || Grows(from, stretched)))
                throw Node.Error($"shape {SafeText.Shape(call.InputShapes[i])} does not stretch to {SafeText.Shape(from)}");
        }
        call.Set(0, type, from);
        call.Set(1, ElementType.Float32, statistics);
        call.Set(2, ElementType.Float32, statistics);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0);
        if (x.Length == 0)
        {
            if (call.Outputs.Skip(1).Any(statistics => statistics is { Length: > 0 }))
                throw Node.Error("nothing has no mean");
            return;
        }
        if (x.Type == ElementType.Float32)
            Rows<float>(call);
        else
            Rows<double>(call);
    }

    private static bool Grows(int[] from, int[] to)
    {
        for (int i = 0; i < from.Length; i++)
        {
            if (from[i] >= 0 && to[i] != from[i])
                return true;
        }
        return false;
    }

    private void Rows<T>(GraphCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        GraphTensor x = call.Input(0), y = call.Output(0);
        int axis = ShapeMath.Axis(_axis, x.Shape.Length, Node), size = ShapeMath.Product(x.Shape[axis..], Node);
        Span<T> from = x.Values<T>(), to = y.Values<T>();
        for (int row = 0; row < from.Length / size; row++)
        {
            Span<T> values = from.Slice(row * size, size), results = to.Slice(row * size, size);
            double mean = 0, variance = 0;
            foreach (T value in values)
                mean += double.CreateTruncating(value);
            mean /= size;
            foreach (T value in values)
                variance += (double.CreateTruncating(value) - mean) * (double.CreateTruncating(value) - mean);
            double scale = 1 / Math.Sqrt((variance / size) + _epsilon);
            for (int i = 0; i < size; i++)
                results[i] = T.CreateTruncating((double.CreateTruncating(values[i]) - mean) * scale);
            if (call.Outputs.Length > 1 && call.Outputs[1] is { } means)
                means.Values<float>()[row] = (float)mean;
            if (call.Outputs.Length > 2 && call.Outputs[2] is { } scales)
                scales.Values<float>()[row] = (float)scale;
        }
        Arithmetic<MultiplyFunction>.Run(y, call.Input(1), y, Node);
        if (call.Inputs.Length > 2 && call.Inputs[2] is { } bias)
            Arithmetic<AddFunction>.Run(y, bias, y, Node);
    }
}
