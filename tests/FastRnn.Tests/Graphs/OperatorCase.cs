using System.Runtime.InteropServices;
using FastRnn.Tests.Support;

namespace FastRnn.Tests.Graphs;

/// <summary>One operator on given inputs: what ONNX Runtime and the graph runner must compute alike.</summary>
/// <param name="Operator">ONNX's name.</param>
/// <param name="Opset">Version of the operators.</param>
/// <param name="Inputs">Values; null for one that is left out.</param>
/// <param name="Outputs">Element types of the outputs, by ONNX's numbers; 0 for one that nobody asks for.</param>
/// <param name="Attributes">Of the node.</param>
internal sealed record OperatorCase(string Operator, int Opset, OnnxValue?[] Inputs, int[] Outputs, (string Name, object Value)[] Attributes)
{
    public override string ToString() =>
        $"{Operator}-{Opset}({string.Join(", ", Inputs.Select(input => input == null ? "-" : $"{input.Type}[{string.Join(",", input.Shape)}]"))})" +
        string.Concat(Attributes.Select(attribute => $" {attribute.Name}={Text(attribute.Value)}"));

    /// <summary>The file: which inputs are initializers, and how much of the others' shapes it tells.</summary>
    public byte[] Build(Func<int, bool> constant, Telling telling)
    {
        var builder = new OnnxBuilder();
        for (int i = 0; i < Inputs.Length; i++)
        {
            if (Inputs[i] is not { } value)
                continue;
            if (constant(i))
                builder.Initializer($"i{i}", value);
            else
                builder.Input($"i{i}", value.Type, telling == Telling.Nothing ? [] : [.. value.Shape.Select((size, axis) => telling == Telling.Sizes ? (object)size : $"s{i}_{axis}")]);
        }
        for (int o = 0; o < Outputs.Length; o++)
        {
            if (Outputs[o] != 0)
                builder.Output($"o{o}", Outputs[o]);
        }
        return builder.Node(Operator, [.. Inputs.Select((value, i) => value == null ? "" : $"i{i}")], [.. Outputs.Select((type, o) => type == 0 ? "" : $"o{o}")], Attributes)
            .Build(Opset);
    }

    private static string Text(object value) => value is Array array ? $"[{string.Join(",", array.Cast<object>())}]" : value is OnnxValue tensor ? $"{tensor.Type}" : $"{value}";
}

/// <summary>How much of a shape a file tells.</summary>
internal enum Telling
{
    Nothing,
    Rank,
    Sizes,
}

/// <summary>Values for cases: all different, from a fixed sequence.</summary>
internal static class CaseValues
{
    private static uint _state = 12345;

    /// <summary>Floats in −2 to 2.</summary>
    public static OnnxValue F(params long[] shape) => OnnxValue.Of([.. Enumerable.Range(0, Count(shape)).Select(_ => (float)Next())], shape);

    /// <summary>Floats in 0.1 to 2.1.</summary>
    public static OnnxValue P(params long[] shape) => OnnxValue.Of([.. Enumerable.Range(0, Count(shape)).Select(_ => (float)Math.Abs(Next()) + 0.1f)], shape);

    public static OnnxValue D(params long[] shape) => new(11, shape, MemoryMarshal.AsBytes<double>([.. Enumerable.Range(0, Count(shape)).Select(_ => Next())]).ToArray());

    /// <summary>Integers in −20 to 20, none 0.</summary>
    public static OnnxValue L(params long[] shape) => OnnxValue.Of([.. Enumerable.Range(0, Count(shape)).Select(_ => Whole())], shape);

    public static OnnxValue I(params long[] shape) => OnnxValue.Of([.. Enumerable.Range(0, Count(shape)).Select(_ => (int)Whole())], shape);

    public static OnnxValue B(params long[] shape) => OnnxValue.Of([.. Enumerable.Range(0, Count(shape)).Select(_ => Next() > 0)], shape);

    /// <summary>A list of integers.</summary>
    public static OnnxValue Vector(params long[] values) => OnnxValue.Of(values, values.Length);

    public static OnnxValue Scalar(float value) => OnnxValue.Of([value]);

    private static int Count(long[] shape) => (int)shape.Aggregate(1L, (product, size) => product * size);

    private static long Whole() => (long)(Next() * 10) is var value && value == 0 ? 7 : value;

    private static double Next()
    {
        _state = (_state * 1664525) + 1013904223;
        return ((_state >> 8) / (double)(1 << 22)) - 2;
    }
}
