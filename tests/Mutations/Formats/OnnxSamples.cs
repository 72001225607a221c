using System.Runtime.InteropServices;
using FastRnn.Formats;
using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Layers;

namespace FastRnn.Mutations.Formats;

/// <summary>Small ONNX models, written field by field: onnx.proto gives the numbers.</summary>
internal static class OnnxSamples
{
    public const int Float = 1, Int64 = 7;

    public static IEnumerable<byte[]> All(Backends.Backend backend)
    {
        yield return Dense();
        yield return Elements();
        yield return Structure();
        yield return Reduced();
        foreach ((Sequential model, ModelInfo info) in SampleModels.All(backend))
        {
            using (model)
            {
                if (model.Layers.Any(layer => layer is Lstm { Projection: > 0 }))
                    continue; // ONNX has no words for it.
                yield return Bytes(OnnxExport.Serialize(model, info, new OnnxExportOptions { States = model.LayerThatReadsAhead == null }));
            }
        }
    }

    public static byte[] Model(IEnumerable<ProtoMessage> nodes, IEnumerable<ProtoMessage> constants, IEnumerable<ProtoMessage> inputs, IEnumerable<ProtoMessage> outputs, int opset = 17)
    {
        ProtoMessage graph = new ProtoMessage().Messages(1, nodes).Text(2, "g").Messages(5, constants).Messages(11, inputs).Messages(12, outputs);
        return Bytes(new ProtoMessage().Int(1, 8).Text(2, "tests").Message(7, graph).Message(8, new ProtoMessage().Int(2, opset)).Parts());
    }

    /// <param name="type">Operator.</param>
    /// <param name="inputs">Names with spaces between them.</param>
    /// <param name="outputs">The same.</param>
    /// <param name="attributes">Made by the functions below.</param>
    public static ProtoMessage Node(string type, string inputs, string outputs, params ProtoMessage[] attributes)
    {
        var node = new ProtoMessage();
        foreach (string input in inputs.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            node.Text(1, input);
        foreach (string output in outputs.Split(' '))
            node.Text(2, output);
        return node.Text(3, $"{type}_{outputs}").Text(4, type).Messages(5, attributes);
    }

    public static ProtoMessage Whole(string name, long value) => new ProtoMessage().Text(1, name).Int(3, value).Int(20, 2);

    public static ProtoMessage Real(string name, float value) => new ProtoMessage().Text(1, name).Float(2, value).Int(20, 1);

    public static ProtoMessage Wholes(string name, params long[] values)
    {
        ProtoMessage attribute = new ProtoMessage().Text(1, name);
        foreach (long value in values)
            attribute.Int(8, value);
        return attribute.Int(20, 7);
    }

    public static ProtoMessage Tensor(string name, ProtoMessage tensor) => new ProtoMessage().Text(1, name).Message(5, tensor).Int(20, 4);

    public static ProtoMessage Floats(string name, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (int i = 0; i < values.Length; i++)
            values[i] = MathF.Cos(i + shape.Length);
        return Raw(name, Float, shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
    }

    public static ProtoMessage Longs(string name, params long[] values) => Raw(name, Int64, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    public static ProtoMessage Raw(string name, int type, long[] shape, byte[] bytes)
    {
        var tensor = new ProtoMessage();
        foreach (long size in shape)
            tensor.Int(1, size);
        return tensor.Int(2, type).Text(8, name).Bytes(9, bytes);
    }

    /// <param name="name">Of an input or output.</param>
    /// <param name="type">Of its elements.</param>
    /// <param name="sizes">Negative ones are open.</param>
    public static ProtoMessage Value(string name, int type, params int[] sizes)
    {
        var shape = new ProtoMessage();
        foreach (int size in sizes)
            shape.Message(1, size < 0 ? new ProtoMessage().Text(2, $"n{-size}") : new ProtoMessage().Int(1, size));
        return new ProtoMessage().Text(1, name).Message(2, new ProtoMessage().Message(1, new ProtoMessage().Int(1, type).Message(2, shape)));
    }

    public static byte[] Bytes(IEnumerable<ReadOnlyMemory<byte>> parts) => [.. parts.SelectMany(part => part.ToArray())];

    private static byte[] Dense() => Model(
        [
            Node("MatMul", "x w", "a"), Node("Add", "a b", "c"), Node("Relu", "c", "d"), Node("Gemm", "d v e", "f", Whole("transB", 1), Real("alpha", 0.5f)), Node("Sigmoid", "f", "y"),
        ],
        [Floats("w", 3, 4), Floats("b", 4), Floats("v", 2, 4), Floats("e", 2)], [Value("x", Float, -1, 3)], [Value("y", Float, -1, 2)]);

    private static byte[] Elements() => Model(
        [
            Node("Constant", "", "k", Tensor("value", Floats("", 1, 3))), Node("Mul", "x k", "a"), Node("Sub", "a x", "b"), Node("Tanh", "b", "c"), Node("Exp", "c", "d"),
            Node("Div", "d k", "e"), Node("Less", "e x", "f"), Node("Where", "f e x", "y"), Node("Identity", "f", "z"),
        ],
        [], [Value("x", Float, 2, 3)], [Value("y", Float, 2, 3), Value("z", 9, 2, 3)], opset: 13);

    private static byte[] Structure() => Model(
        [
            Node("Shape", "x", "s"), Node("Gather", "s zero", "n", Whole("axis", 0)), Node("Concat", "n six", "r", Whole("axis", 0)), Node("Reshape", "x r", "a"),
            Node("Transpose", "a", "b", Wholes("perm", 1, 0)), Node("Slice", "b from to axis", "c"), Node("Split", "c", "d e", Whole("axis", 0)), Node("Unsqueeze", "d axis", "f"),
            Node("Squeeze", "f axis", "g"), Node("ConstantOfShape", "r", "h", Tensor("value", Floats("", 1))), Node("Expand", "one r", "i"), Node("Add", "h i", "j"),
            Node("Cast", "r", "k", Whole("to", Float)), Node("Concat", "g e", "l", Whole("axis", 0)),
        ],
        [Longs("zero", 0), Longs("six", 6), Longs("from", 1), Longs("to", 5), Longs("axis", 0), Floats("one", 1)],
        [Value("x", Float, -1, 2, 3)], [Value("l", Float, -2, -1), Value("j", Float, -1, 6), Value("k", Float, 2)]);

    private static byte[] Reduced() => Model(
        [
            Node("Pad", "x pads", "a"), Node("ReduceMean", "a", "b", Wholes("axes", -1), Whole("keepdims", 1)), Node("Sub", "a b", "c"), Node("LayerNormalization", "c scale", "d", Whole("axis", -1), Real("epsilon", 0.001f)),
            Node("ReduceSum", "d axes", "e", Whole("keepdims", 0)), Node("ReduceMax", "d", "f", Wholes("axes", 1)), Node("ArgMax", "d", "g", Whole("axis", 1), Whole("keepdims", 0)), Node("Softmax", "e", "h", Whole("axis", 1)),
            Node("LogSoftmax", "h", "i", Whole("axis", 0)), Node("Clip", "i low high", "j"), Node("Flatten", "d", "k", Whole("axis", 1)), Node("Dropout", "k", "l"), Node("HardSigmoid", "l", "m", Real("alpha", 0.3f)),
            Node("Max", "m m", "n"), Node("Erf", "n", "o"), Node("Pow", "o two", "p"), Node("Greater", "p high", "q"), Node("Not", "q", "r"), Node("And", "q r", "s"), Node("Cast", "s", "t", Whole("to", Float)),
        ],
        [Longs("pads", 0, 0, 1, 0, 0, 0), Longs("axes", 2), Floats("scale", 4), Raw("low", Float, [], [0, 0, 0, 192]), Raw("high", Float, [], [0, 0, 0, 63]), Raw("two", Float, [], [0, 0, 0, 64])],
        [Value("x", Float, -1, 2, 3)], [Value("j", Float, -1, 2), Value("f", Float, -1, 1, 4), Value("g", Int64, -1, 4), Value("t", Float, -1, 8)]);
}
