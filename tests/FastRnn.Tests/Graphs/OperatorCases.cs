using FastRnn.Tests.Support;
using static FastRnn.Tests.Graphs.CaseValues;

namespace FastRnn.Tests.Graphs;

/// <summary>Every operator over the opsets that changed it, the types it takes, stretched shapes, and its attributes or inputs.</summary>
internal static class OperatorCases
{
    private const int Float = 1, Int32 = 6, Int64 = 7, Bool = 9, Double = 11;

    public static IReadOnlyList<OperatorCase> All { get; } = [.. Elements(), .. Functions(), .. Moves(), .. Cuts(), .. Constants(), .. Products(), .. Reductions(), .. Kernels()];

    private static OperatorCase Case(string name, int opset, OnnxValue?[] inputs, params (string, object)[] attributes) => new(name, opset, inputs, [inputs[0]!.Type], attributes);

    private static OperatorCase Case(string name, int opset, OnnxValue?[] inputs, int[] outputs, params (string, object)[] attributes) => new(name, opset, inputs, outputs, attributes);

    private static IEnumerable<OperatorCase> Elements()
    {
        foreach (string name in new[] { "Add", "Sub", "Mul", "Div" })
        {
            yield return Case(name, 7, [F(2, 3, 4), F(2, 3, 4)]);
            yield return Case(name, 13, [F(2, 3, 4), F(4)]);
            yield return Case(name, 14, [F(3, 1), F(2, 1, 5)]);
            yield return Case(name, 22, [F(), F(2, 3)]);
            yield return Case(name, 14, [D(2, 3), D(1, 3)]);
            yield return Case(name, 14, [L(2, 3), L(2, 1)]);
            yield return Case(name, 7, [I(2, 3), I()]);
        }
        yield return Case("Add", 14, [F(2, 0, 3), F(3)]);
        yield return Case("Pow", 7, [P(2, 3), F(3)]);
        yield return Case("Pow", 13, [P(2, 3), L(3)]);
        yield return Case("Pow", 15, [D(2, 3), OnnxValue.Of([2f, 3, 4], 3)]);
        yield return Case("Pow", 15, [OnnxValue.Of([2L, -3, 5], 3), OnnxValue.Of([3L, 2, 0], 3)]);
        foreach (string name in new[] { "Min", "Max" })
        {
            yield return Case(name, 7, [F(2, 3)]);
            yield return Case(name, 8, [F(2, 3), F(3)]);
            yield return Case(name, 13, [F(2, 1), F(1, 3), F(4, 1, 1)]);
            yield return Case(name, 13, [L(2, 3), L(3)]);
            yield return Case(name, 12, [D(2, 3), D(3), D(1)]);
        }
        foreach (string name in new[] { "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal" })
        {
            int opset = name.EndsWith("OrEqual", StringComparison.Ordinal) ? 12 : 11;
            yield return Case(name, opset, [F(4, 3), F(3)], [Bool]);
            yield return Case(name, 16, [I(4, 3), I(4, 1)], [Bool]);
            yield return Case(name, 13, [OnnxValue.Of([1L, 2, 3], 3), OnnxValue.Of([3L, 2, 1], 3)], [Bool]);
        }
        yield return Case("Equal", 7, [B(4, 3), B(3)], [Bool]);
        yield return Case("And", 7, [B(4, 3), B(3)]);
        yield return Case("Or", 7, [B(4, 3), B(4, 1)]);
        yield return Case("Xor", 7, [B(4, 3), B()]);
        yield return Case("Not", 7, [B(4, 3)]);
        yield return Case("Where", 9, [B(4, 3), F(3), F(4, 1)], [Float]);
        yield return Case("Where", 16, [B(3), L(2, 1, 3), L()], [Int64]);
        yield return Case("Where", 16, [B(2, 1, 1), F(3, 1), F(1, 5)], [Float]);
    }

    private static IEnumerable<OperatorCase> Functions()
    {
        foreach (string name in new[] { "Exp", "Sqrt", "Log", "Reciprocal", "Neg", "Abs", "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "LeakyRelu", "Elu", "HardSigmoid", "Erf" })
        {
            OnnxValue values = name is "Sqrt" or "Log" ? P(3, 50) : F(3, 50);
            yield return Case(name, 9, [values]);
            yield return Case(name, 13, [values]);
            if (name is not ("Softsign" or "Softplus" or "LeakyRelu" or "Elu" or "HardSigmoid" or "Erf"))
                yield return Case(name, 13, [D(5)], [Double]);
        }
        OnnxValue far = OnnxValue.Of([-200f, -90, -20, -5, -1e-4f, 0, 1e-4f, 5, 20, 90, 200], 11);
        foreach (string name in new[] { "Sigmoid", "Tanh", "Softplus", "Softsign", "Elu", "HardSigmoid", "Erf" })
            yield return Case(name, 13, [far]);
        yield return Case("Neg", 13, [L(5)]);
        yield return Case("Abs", 13, [I(5)]);
        yield return Case("Relu", 14, [I(5)]);
        yield return Case("LeakyRelu", 16, [F(20)], ("alpha", 0.3f));
        yield return Case("Elu", 7, [F(20)], ("alpha", 1.7f));
        yield return Case("HardSigmoid", 22, [F(20)], ("alpha", 0.4f), ("beta", 0.1f));
        yield return Case("ThresholdedRelu", 10, [F(20)]);
        yield return Case("ThresholdedRelu", 10, [F(20)], ("alpha", -0.5f));
        yield return Case("Gelu", 20, [F(40)]);
        yield return Case("Gelu", 20, [F(40)], ("approximate", "tanh"));
        yield return Case("Clip", 7, [F(20)], ("min", -0.5f), ("max", 1f));
        yield return Case("Clip", 10, [F(20)], ("max", 0.25f));
        yield return Case("Clip", 11, [F(20), Scalar(-0.5f), Scalar(0.75f)]);
        yield return Case("Clip", 12, [F(20), null, Scalar(0.75f)]);
        yield return Case("Clip", 13, [L(20), OnnxValue.Of([-5L])]);
        yield return Case("Clip", 13, [F(20)]);
        yield return Case("Clip", 13, [F(20), Scalar(1), Scalar(-1)]);
    }

    private static IEnumerable<OperatorCase> Moves()
    {
        yield return Case("Identity", 13, [F(2, 3)]);
        yield return Case("Dropout", 7, [F(2, 3)]);
        yield return Case("Dropout", 10, [F(2, 3)], [Float, Bool], ("ratio", 0.3f));
        yield return Case("Dropout", 12, [F(2, 3), Scalar(0.5f)], [Float, Bool], ("seed", 3));
        yield return Case("Transpose", 7, [F(2, 3, 4)]);
        yield return Case("Transpose", 13, [F(2, 3, 4, 5)], ("perm", new long[] { 2, 0, 3, 1 }));
        yield return Case("Transpose", 13, [B(2, 3)], ("perm", new long[] { 1, 0 }));
        yield return Case("Transpose", 13, [L(2, 3, 2)], ("perm", new long[] { 0, 2, 1 }));
        yield return Case("Reshape", 7, [F(2, 3, 4), Vector(4, -1)]);
        yield return Case("Reshape", 13, [F(2, 3, 4), Vector(0, 0, 2, -1)]);
        yield return Case("Reshape", 14, [F(0, 3), Vector(3, 0)], ("allowzero", 1));
        yield return Case("Reshape", 14, [F(1), OnnxValue.Of(Array.Empty<long>(), 0)]);
        yield return Case("Flatten", 9, [F(2, 3, 4)]);
        yield return Case("Flatten", 9, [F(2, 3, 4)], ("axis", 0));
        yield return Case("Flatten", 13, [F(2, 3, 4)], ("axis", 3));
        yield return Case("Flatten", 13, [F(2, 3, 4)], ("axis", -1));
        yield return Case("Squeeze", 7, [F(1, 3, 1, 2)]);
        yield return Case("Squeeze", 11, [F(1, 3, 1, 2)], ("axes", new long[] { -2 }));
        yield return Case("Squeeze", 13, [F(1, 3, 1, 2), Vector(0, 2)]);
        yield return Case("Squeeze", 13, [F(1, 3, 1, 2)]);
        yield return Case("Unsqueeze", 7, [F(3, 2)], ("axes", new long[] { 0, 3 }));
        yield return Case("Unsqueeze", 13, [F(3, 2), Vector(-1, 1)]);
        yield return Case("Concat", 7, [F(2, 3), F(2, 1), F(2, 4)], ("axis", 1));
        yield return Case("Concat", 13, [F(2, 3, 2), F(1, 3, 2)], ("axis", -3));
        yield return Case("Concat", 13, [L(2), L(3)], ("axis", 0));
        yield return Case("Gather", 7, [F(4, 3), Vector(2, 0, 3)]);
        yield return Case("Gather", 11, [F(2, 4, 3), OnnxValue.Of([-1L, 0, 1, 2], 2, 2)], ("axis", 1));
        yield return Case("Gather", 13, [F(4, 3), OnnxValue.Of([1])], ("axis", 1));
        yield return Case("Gather", 13, [L(4), OnnxValue.Of([2L])]);
        yield return Case("Expand", 8, [F(3, 1), Vector(2, 1, 4)]);
        yield return Case("Expand", 13, [F(3, 4), Vector(1)]);
        yield return Case("Cast", 9, [F(7)], [Int32], ("to", 6));
        yield return Case("Cast", 13, [F(7)], [Bool], ("to", 9));
        yield return Case("Cast", 13, [B(7)], [Float], ("to", 1));
        yield return Case("Cast", 13, [L(7)], [Double], ("to", 11));
        yield return Case("Cast", 19, [D(7)], [Float], ("to", 1));
        yield return Case("Cast", 13, [I(7)], [Int64], ("to", 7));
    }

    private static IEnumerable<OperatorCase> Cuts()
    {
        yield return Case("Slice", 7, [F(5, 6)], ("starts", new long[] { 1, -4 }), ("ends", new long[] { 4, int.MaxValue }));
        yield return Case("Slice", 9, [F(5, 6)], ("starts", new long[] { -2 }), ("ends", new long[] { 100 }), ("axes", new long[] { 1 }));
        yield return Case("Slice", 10, [F(5, 6), Vector(1, 0), Vector(5, 6), Vector(0, 1), Vector(2, 3)]);
        yield return Case("Slice", 13, [F(5, 6), Vector(-1), Vector(long.MinValue), Vector(1), Vector(-2)]);
        yield return Case("Slice", 13, [F(5, 6), Vector(3), Vector(-5), Vector(-1), Vector(-1)]);
        yield return Case("Slice", 13, [F(5, 6), Vector(4), Vector(2)]);
        yield return Case("Slice", 13, [L(5), OnnxValue.Of([1], 1), OnnxValue.Of([3], 1)]);
        yield return Case("Split", 7, [F(2, 6)], [Float, Float, Float], ("axis", 1));
        yield return Case("Split", 11, [F(2, 6)], [Float, Float], ("axis", -1), ("split", new long[] { 2, 4 }));
        yield return Case("Split", 13, [F(2, 6), Vector(1, 0, 5)], [Float, Float, Float], ("axis", 1));
        yield return Case("Split", 13, [F(4, 3)], [Float, Float]);
        yield return Case("Split", 18, [F(7, 2)], [Float, Float, Float], ("num_outputs", 3));
        yield return Case("Pad", 7, [F(3, 4)], ("pads", new long[] { 1, 0, 0, 2 }), ("value", 1.5f));
        yield return Case("Pad", 10, [F(3, 4)], ("pads", new long[] { 2, 1, 1, 3 }), ("mode", "reflect"));
        yield return Case("Pad", 11, [F(3, 4), Vector(1, 0, 0, 2)]);
        yield return Case("Pad", 13, [F(3, 4), Vector(1, 0, 0, 2), Scalar(-3)], ("mode", "constant"));
        yield return Case("Pad", 13, [F(3, 4), Vector(1, 2, 2, 0)], ("mode", "edge"));
        yield return Case("Pad", 13, [F(3, 4), Vector(-1, 1, 0, -2), Scalar(9)]);
        yield return Case("Pad", 18, [F(3, 4), Vector(2, 1), Scalar(4), Vector(-1)]);
        yield return Case("Pad", 19, [F(3, 4), Vector(2, 1, 1, 3)], ("mode", "wrap"));
    }

    private static IEnumerable<OperatorCase> Constants()
    {
        yield return Case("Shape", 7, [F(2, 3, 4)], [Int64]);
        yield return Case("Shape", 15, [F(2, 3, 4, 5)], [Int64], ("start", 1), ("end", -1));
        yield return Case("ConstantOfShape", 9, [Vector(2, 3)], [Float]);
        yield return Case("ConstantOfShape", 9, [Vector(2, 3)], [Int64], ("value", OnnxValue.Of([7L], 1)));
        yield return Case("ConstantOfShape", 20, [OnnxValue.Of(Array.Empty<long>(), 0)], [Float], ("value", OnnxValue.Of([2.5f], 1)));
        yield return new OperatorCase("Constant", 9, [], [Float], [("value", F(2, 3))]);
        yield return new OperatorCase("Constant", 12, [], [Float], [("value_floats", new float[] { 1, 2.5f })]);
        yield return new OperatorCase("Constant", 13, [], [Int64], [("value_ints", new long[] { 4, -5, 6 })]);
        yield return new OperatorCase("Constant", 13, [], [Float], [("value_float", 1.25f)]);
        yield return new OperatorCase("Constant", 19, [], [Int64], [("value_int", -9)]);
    }

    private static IEnumerable<OperatorCase> Products()
    {
        foreach ((OnnxValue a, OnnxValue b) in new[]
        {
            (F(5, 7), F(7, 11)), (F(7), F(7, 11)), (F(5, 7), F(7)), (F(7), F(7)), (F(3, 5, 7), F(7, 11)), (F(3, 5, 7), F(3, 7, 11)), (F(2, 1, 5, 7), F(3, 7, 2)), (F(5, 7), F(3, 7, 2)),
            (F(0, 7), F(7, 2)), (D(5, 7), D(7, 3)), (L(2, 3), L(3, 4)), (I(2, 3), I(3, 4)), (F(1, 300), F(300, 70)),
        })
            yield return Case("MatMul", 13, [a, b]);
        yield return Case("Gemm", 7, [F(5, 7), F(7, 11), F(11)]);
        yield return Case("Gemm", 9, [F(7, 5), F(11, 7), F(5, 1)], ("transA", 1), ("transB", 1), ("alpha", 0.5f), ("beta", -2f));
        yield return Case("Gemm", 11, [F(5, 7), F(11, 7)], ("transB", 1), ("alpha", 3f));
        yield return Case("Gemm", 13, [F(5, 7), F(11, 7), F(5, 11)], ("transB", 1), ("beta", 0.25f));
        yield return Case("Gemm", 13, [F(5, 7), F(7, 11), F()], ("beta", 4f));
        yield return Case("Gemm", 13, [F(1, 7), F(7, 1), F(1, 1)]);
    }

    private static IEnumerable<OperatorCase> Reductions()
    {
        foreach (string name in new[] { "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin" })
        {
            int since = name == "ReduceSum" ? 13 : 18;
            yield return Case(name, 11, [F(3, 4, 5)], ("axes", new long[] { 1 }));
            yield return Case(name, 12, [F(3, 4, 5)], ("axes", new long[] { -1, 0 }), ("keepdims", 0));
            yield return Case(name, 11, [F(3, 4)]);
            yield return Case(name, since, [F(3, 4, 5), Vector(1, -1)]);
            yield return Case(name, since, [F(3, 4, 5)], ("keepdims", 0));
            yield return Case(name, since, [F(3, 4), null], ("noop_with_empty_axes", 1));
            yield return Case(name, since, [I(3, 4), Vector(0)]);
        }
        yield return Case("ArgMax", 11, [F(3, 4, 5)], [Int64], ("axis", 1));
        yield return Case("ArgMax", 13, [F(3, 4, 5)], [Int64], ("axis", -1), ("keepdims", 0));
        yield return Case("ArgMax", 13, [OnnxValue.Of([3f, 5, 5, 1], 1, 4)], [Int64], ("axis", 1), ("select_last_index", 1));
        yield return Case("ArgMax", 13, [OnnxValue.Of([3, 5, 5, 1], 1, 4)], [Int64], ("axis", 1));
        foreach (string name in new[] { "Softmax", "LogSoftmax" })
        {
            yield return Case(name, 7, [F(3, 4, 5)]);
            yield return Case(name, 11, [F(3, 4, 5)], ("axis", 2));
            yield return Case(name, 12, [F(3, 4, 5)], ("axis", 0));
            yield return Case(name, 13, [F(3, 4, 5)]);
            yield return Case(name, 13, [F(3, 4, 5)], ("axis", 1));
            yield return Case(name, 13, [D(3, 4)], ("axis", 0));
            yield return Case(name, 13, [OnnxValue.Of([100f, -100, 99], 1, 3)]);
        }
        yield return Case("LayerNormalization", 17, [F(3, 4, 5), F(5), F(5)]);
        yield return Case("LayerNormalization", 17, [F(3, 4, 5), F(4, 5)], ("axis", 1), ("epsilon", 0.1f));
        yield return Case("LayerNormalization", 17, [F(3, 4, 5), F(5), F(5)], [Float, Float, Float], ("axis", -1));
    }

    /// <summary>What the back end computes: more than it takes at once, and numbers that are none.</summary>
    private static IEnumerable<OperatorCase> Kernels()
    {
        float[] extremes = [0, -0f, 1e30f, -1e30f, 1e-30f, 90, -90, float.PositiveInfinity, float.NaN];
        foreach ((string name, int opset) in new[] { ("Tanh", 13), ("Sigmoid", 13), ("Softplus", 13), ("Gelu", 20) })
        {
            yield return Case(name, opset, [F(3, 11000)]);
            yield return Case(name, opset, [OnnxValue.Of(extremes, 9)]);
            if (name != "Gelu") // x·Φ(x) of −∞ is 0 here, its limit, and NaN there
                yield return Case(name, opset, [OnnxValue.Of([float.NegativeInfinity], 1)]);
        }
        foreach (string name in new[] { "Softmax", "LogSoftmax" })
        {
            yield return Case(name, 13, [F(7, 3000)]);
            yield return Case(name, 13, [F(2, 20000)]);
            yield return Case(name, 13, [OnnxValue.Of([1, float.NegativeInfinity, 3, 4, 5, float.NaN], 2, 3)]);
        }
    }
}
