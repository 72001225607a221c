using FastRnn.Backends;
using FastRnn.Graphs;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>Nodes that are layers without a state.</summary>
internal sealed partial class SequentialDetection
{
    /// <summary>Weights of the last layer that a node behind it may still bring: the bias of a dense layer, scale and shift of a normalisation.</summary>
    private float[]? _openBias, _openScale;

    private StackData? Embedding(StackConstant table, StackValue? tokens)
    {
        if (tokens is not StackData { Layers: 0 } data || data.Axes.Contains('F', StringComparison.Ordinal) || !IsTip(data))
            return null;
        if (table.Tensor is not { Type: ElementType.Float32, Shape: [> 0 and var vocabulary, > 0 and var size] })
            return null;
        AddLayer(new LayerInfo { Type = "embedding", Vocabulary = vocabulary, Size = size }, size, ("weight", Floats(table.Tensor), table.Name));
        return Tip(data with { Axes = data.Axes + 'F' });
    }

    private StackData? Dropout(GraphNode node, StackValue?[] inputs)
    {
        if (node.HasOutput(1) || AsData(inputs[0]) is not { } data)
            return null;
        if (node.HasInput(2) && inputs[2] is not StackConstant { Tensor: { Type: ElementType.Bool, Length: 1 } training } || (inputs.Length > 2 && inputs[2] is StackConstant mode && mode.Tensor.Values<bool>()[0]))
            return null;
        float rate = node.HasInput(1) ? inputs[1] is StackConstant { Tensor: { Type: ElementType.Float32, Length: 1 } ratio } ? ratio.Values<float>()[0] : -1 : node.Float("ratio", 0.5f);
        if (rate is not (>= 0 and < 1))
            return null;
        if (rate == 0 || Layers.Count == 0)
            return data;
        return IsDense(data) ? Layer(data, new LayerInfo { Type = "dropout", Rate = rate }, _width) : null;
    }

    /// <summary>x·W: a dense layer, whose bias may follow.</summary>
    private StackData? MatMul(StackValue?[] inputs) =>
        AsData(inputs[0]) is { } data && inputs[1] is StackConstant { Tensor: { Type: ElementType.Float32, Shape: [var input, var output] } } weight
            ? Dense(data, weight, GateOrder.Transposed(weight.Tensor.Values<float>(), input, output), input, output, null)
            : null;

    private StackData? Gemm(GraphNode node, StackValue?[] inputs)
    {
        if (AsData(inputs[0]) is not { Axes.Length: 2 } data || node.Flag("transA") || inputs[1] is not StackConstant { Tensor: { Type: ElementType.Float32, Shape: [var rows, var columns] } } weight)
            return null;
        bool transposed = node.Flag("transB");
        (int input, int output) = transposed ? (columns, rows) : (rows, columns);
        float[] values = transposed ? Floats(weight.Tensor) : GateOrder.Transposed(weight.Tensor.Values<float>(), input, output);
        Scale(values, node.Float("alpha", 1));
        node.Ignore("beta");
        float[]? bias = null;
        if (node.HasInput(2))
        {
            if (Vector(inputs[2], output) is not { } given)
                return null;
            Scale(bias = given, node.Float("beta", 1));
        }
        return Dense(data, weight, values, input, output, bias);
    }

    private StackData? Dense(StackData data, StackConstant source, float[] weight, int input, int output, float[]? bias)
    {
        if (!IsDense(data) || !Takes(data, input) || output < 1)
            return null;
        float[] shift = bias ?? new float[output];
        AddLayer(new LayerInfo { Type = "linear", Input = input, Output = output }, output, ("weight", weight, source.Name), ("bias", shift, source.Name));
        _openBias = bias == null ? shift : null;
        return Tip(data);
    }

    /// <summary>Whether the features at the tip are that many, where the file says how many there are.</summary>
    private bool Takes(StackData data, int input)
    {
        int given = Layers.Count > 0 ? _width : _definition.Inputs[data.Input].Shape![^1].Size;
        return input > 0 && (given < 0 || given == input);
    }

    private static void Scale(float[] values, float factor)
    {
        for (int i = 0; factor != 1 && i < values.Length; i++)
            values[i] *= factor;
    }

    /// <summary>A copy of a constant with a number for each feature.</summary>
    private static float[]? Vector(StackValue? value, int width) =>
        value is StackConstant { Tensor: { Type: ElementType.Float32 } tensor } && tensor.Length == width && (tensor.Shape is [_] or [1, _] or [1, 1, _]) ? Floats(tensor) : null;

    private StackValue? Arithmetic(GraphNode node, StackValue?[] inputs)
    {
        if (Norm(node, inputs) is { } norm)
            return norm;
        if (inputs.Length != 2)
            return null;
        (StackValue? left, StackValue? right) = inputs[0] is StackConstant ? (inputs[1], inputs[0]) : (inputs[0], inputs[1]);
        if (node.Operator == "Mul" && left is StackData one && right is StackData other)
            return Silu(one, other);
        if (left is not StackData data || !IsDense(data) || Vector(right, _width) is not { } vector)
            return null;
        float[]? open = node.Operator switch { "Add" => _openBias, "Mul" => _openScale, _ => null };
        if (open == null || open.Length != vector.Length)
            return null;
        vector.CopyTo(open, 0);
        _openScale = null;
        if (node.Operator == "Add")
            _openBias = null;
        _stage++;
        return Tip(data);
    }

    /// <summary>x·σ(x): one function, though the graph has x twice.</summary>
    private StackData? Silu(StackData one, StackData other)
    {
        (StackData x, StackData y) = one.Stage < other.Stage ? (one, other) : (other, one);
        if (!IsDense(y) || x.Stage != y.Stage - 1 || x.Axes != y.Axes || x.Input != y.Input || x.IsLast != y.IsLast || Layers[^1] is not { Type: "activation", Activation: "sigmoid" })
            return null;
        Layers[^1] = Layers[^1] with { Activation = "silu" };
        _stage++;
        return Tip(y);
    }

    private StackData? LayerNormalization(GraphNode node, StackValue?[] inputs)
    {
        if (node.Outputs.Length > 1 || AsData(inputs[0]) is not { } data || !IsDense(data) || data.Axis(node.Integer("axis", -1)) != data.Axes.Length - 1)
            return null;
        node.Ignore("stash_type");
        if (inputs[1] is not StackConstant { Tensor.Length: > 0 and var width } || !Takes(data, width) || Vector(inputs[1], width) is not { } scale)
            return null;
        float[]? shift = node.HasInput(2) ? Vector(inputs[2], width) : new float[width];
        return shift == null ? null : Normalization(data, width, node.Float("epsilon", 1e-5f), scale, shift);
    }

    private StackData Normalization(StackData data, int width, float epsilon, float[] scale, float[] shift)
    {
        AddLayer(new LayerInfo { Type = "layer_normalization", Size = width, Epsilon = epsilon }, width, ("weight", scale, "scale"), ("bias", shift, "shift"));
        return Tip(data);
    }

    /// <summary>(x − mean)/√(mean of squares + ε), node by node as older files write it.</summary>
    private StackValue? Norm(GraphNode node, StackValue?[] inputs)
    {
        switch (node.Operator, inputs[0], inputs.Length > 1 ? inputs[1] : null)
        {
            case ("ReduceMean", StackData data, _) when IsDense(data) && Layers.Count > 0 && IsOverFeatures(node, inputs, data):
                return new StackNorm(StackNormPart.Mean, data);
            case ("Sub", StackData data, StackNorm { Part: StackNormPart.Mean } mean) when mean.Of == data:
                return new StackNorm(StackNormPart.Centred, data);
            case ("Pow", StackNorm { Part: StackNormPart.Centred } centred, StackConstant { Tensor: { Length: 1, Type: ElementType.Float32 } power }) when power.Values<float>()[0] == 2:
                return centred with { Part = StackNormPart.Square };
            case ("Mul", StackNorm { Part: StackNormPart.Centred } centred, StackNorm { Part: StackNormPart.Centred } same) when centred.Of == same.Of:
                return centred with { Part = StackNormPart.Square };
            case ("ReduceMean", StackNorm { Part: StackNormPart.Square } square, _) when IsOverFeatures(node, inputs, square.Of):
                return square with { Part = StackNormPart.Variance };
            case ("Add", StackNorm { Part: StackNormPart.Variance } variance, StackConstant { Tensor: { Length: 1, Type: ElementType.Float32 } epsilon }):
                return variance with { Part = StackNormPart.Raised, Epsilon = epsilon.Values<float>()[0] };
            case ("Sqrt", StackNorm { Part: StackNormPart.Raised } raised, _):
                return raised with { Part = StackNormPart.Deviation };
            case ("Div", StackNorm { Part: StackNormPart.Centred } centred, StackNorm { Part: StackNormPart.Deviation } deviation) when centred.Of == deviation.Of && IsTip(centred.Of):
                float[] scale = new float[_width], shift = new float[_width];
                Array.Fill(scale, 1f);
                StackData result = Normalization(centred.Of, _width, deviation.Epsilon, scale, shift);
                (_openScale, _openBias) = (scale, shift);
                return result;
            default:
                return null;
        }
    }

    private static bool IsOverFeatures(GraphNode node, StackValue?[] inputs, StackData data) =>
        node.Flag("keepdims", true) && Numbers(node, inputs, "axes", 1) is [long axis] && data.Axis(axis) == data.Axes.Length - 1;

    /// <summary>Functions without weights.</summary>
    private StackData? Function(GraphNode node, StackValue?[] inputs)
    {
        if (inputs.Length != 1 || node.Outputs.Length != 1 || AsData(inputs[0]) is not { } data || !IsDense(data) || Layers.Count == 0)
            return null;
        if (node.Operator is "Softmax" or "LogSoftmax")
        {
            const int firstOpsetOfOneAxis = 13;
            long axis = node.Integer("axis", node.Opset < firstOpsetOfOneAxis ? 1 : -1);
            return data.Axis(axis) == data.Axes.Length - 1 ? Layer(data, new LayerInfo { Type = node.Operator == "Softmax" ? "softmax" : "log_softmax" }, _width) : null;
        }
        CellActivation? function = node.Operator switch
        {
            "Relu" => CellActivation.Relu,
            "Tanh" => CellActivation.Tanh,
            "Sigmoid" => CellActivation.Sigmoid,
            "Softplus" => CellActivation.Softplus,
            "Softsign" => CellActivation.Softsign,
            "LeakyRelu" when node.Float("alpha", 0.01f) is > 0 and var alpha => CellActivation.LeakyRelu(alpha),
            "Elu" when node.Float("alpha", 1) is > 0 and var alpha => CellActivation.Elu(alpha),
            "ThresholdedRelu" when node.Float("alpha", 1) is > 0 and var alpha => CellActivation.ThresholdedRelu(alpha),
            "HardSigmoid" when node.Float("alpha", 0.2f) is > 0 and var alpha => CellActivation.HardSigmoidOf(alpha, node.Float("beta", 0.5f)),
            _ => null,
        };
        return function == null ? null : Layer(data, new LayerInfo { Type = "activation", Activation = function.Value.ToString() }, _width);
    }

    private StackData Layer(StackData data, LayerInfo layer, int width)
    {
        AddLayer(layer, width);
        return Tip(data);
    }

    private void AddLayer(LayerInfo layer, int width, params ReadOnlySpan<(string Name, float[] Values, string Source)> weights)
    {
        foreach ((string name, float[] values, string source) in weights)
            _draft.Add($"{Layers.Count}.{name}", values, source);
        Layers.Add(layer);
        (_width, _openBias, _openScale) = (width, null, null);
        _stage++;
    }

    /// <summary>What comes out of all that there is by now.</summary>
    private StackData Tip(StackData data) => data with { Layers = Layers.Count, Stage = _stage };
}
