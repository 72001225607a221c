using System.Runtime.InteropServices;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Graphs;

/// <summary>
/// Every operator against ONNX Runtime, four times: with inputs of which the file tells nothing but the type, the rank, the sizes and the later inputs' values, and with
/// nothing but constants, so that what is inferred and what is computed at load is compared as well.
/// </summary>
public class OperatorTests
{
    public static TheoryData<int, string> Cases
    {
        get
        {
            var cases = new TheoryData<int, string>();
            for (int i = 0; i < OperatorCases.All.Count; i++)
                cases.Add(i, OperatorCases.All[i].ToString());
            return cases;
        }
    }

    [OnnxRuntimeTheory]
    [MemberData(nameof(Cases))]
    public void AgreesWithOnnxRuntime(int index, string name)
    {
        OperatorCase test = OperatorCases.All[index];
        Assert.Equal(name, test.ToString());
        Dictionary<string, OnnxValue> inputs = Given(test, _ => false);
        Dictionary<string, OnnxValue> expected = OnnxRuntime.Run(test.Build(_ => false, Telling.Sizes), inputs);
        Compare(test, expected, _ => false, Telling.Nothing);
        Compare(test, expected, _ => false, Telling.Rank);
        Compare(test, expected, i => i > 0, Telling.Sizes);
        Compare(test, expected, _ => true, Telling.Sizes);
    }

    /// <summary>A value that two runs compute with other shapes in between must come out as at first.</summary>
    [Fact]
    public void ShapesMayChangeFromRunToRun()
    {
        var test = new OperatorCase("Softmax", 13, [CaseValues.F(3, 4)], [OnnxValue.Float], []);
        using ImportedModel model = GraphModelTests.Load(test.Build(_ => false, Telling.Rank));
        GraphTensor small = GraphTensor.Of<float>([1, 2], 1, 2), large = GraphTensor.Of<float>([.. Enumerable.Range(0, 12).Select(i => (float)i)], 3, 4);
        float[] first = model.Graph!.Run(small)[0].Values<float>().ToArray();
        Assert.Equal(12, model.Graph.Run(large)[0].Length);
        Assert.Equal(first, model.Graph.Run(small)[0].Values<float>().ToArray());
    }

    internal static GraphTensor Tensor(OnnxValue value)
    {
        int[] shape = [.. value.Shape.Select(size => (int)size)];
        return value.Type switch
        {
            1 => GraphTensor.Of<float>(MemoryMarshal.Cast<byte, float>(value.Bytes), shape),
            6 => GraphTensor.Of<int>(MemoryMarshal.Cast<byte, int>(value.Bytes), shape),
            7 => GraphTensor.Of<long>(MemoryMarshal.Cast<byte, long>(value.Bytes), shape),
            9 => GraphTensor.Of<bool>(MemoryMarshal.Cast<byte, bool>(value.Bytes), shape),
            11 => GraphTensor.Of<double>(MemoryMarshal.Cast<byte, double>(value.Bytes), shape),
            _ => throw new ArgumentException($"type {value.Type}"),
        };
    }

    /// <summary>Equal in type and shape; floats within 1e-5·max(1, |y|), all else to the bit.</summary>
    internal static void AssertAgrees(string what, OnnxValue expected, GraphTensor actual)
    {
        GraphTensor wanted = Tensor(expected);
        Assert.Equal((what, wanted.Type, string.Join(", ", expected.Shape)), (what, actual.Type, string.Join(", ", actual.Shape.ToArray())));
        for (int i = 0; i < wanted.Length; i++)
        {
            double difference = wanted.Type switch
            {
                ElementType.Float32 => Difference(wanted.Values<float>()[i], actual.Values<float>()[i]),
                ElementType.Float64 => Difference(wanted.Values<double>()[i], actual.Values<double>()[i]),
                ElementType.Bool => wanted.Values<bool>()[i] == actual.Values<bool>()[i] ? 0 : 1,
                _ => wanted.Integer(i) == actual.Integer(i) ? 0 : 1,
            };
            Assert.True(difference <= 1e-5, $"{what}: element {i} differs by {difference}");
        }
    }

    private static void Compare(OperatorCase test, Dictionary<string, OnnxValue> expected, Func<int, bool> constant, Telling telling)
    {
        using ImportedModel model = GraphModelTests.Load(test.Build(constant, telling), new ImportOptions { AllowNonFinite = true });
        IReadOnlyDictionary<string, GraphTensor> outputs = model.Graph!.Run(Given(test, constant).ToDictionary(pair => pair.Key, pair => Tensor(pair.Value)));
        Assert.Equal(expected.Count, outputs.Count);
        foreach ((string name, OnnxValue value) in expected)
            AssertAgrees($"{test} {name} ({telling})", value, outputs[name]);
        // Inputs of rank 0 or size 0 cannot be told apart from open ones by these files; the shape that a value gives is not known before the run.
        bool tells = telling == Telling.Sizes && test.Operator != "ConstantOfShape" && test.Inputs.All(input => input == null || (input.Shape.Length > 0 && !input.Shape.Contains(0)));
        if (tells)
            Assert.All(model.Graph.Outputs, output => Assert.Equal(expected[output.Name].Shape, output.Shape!.Select(dimension => (long)dimension.Size)));
    }

    private static Dictionary<string, OnnxValue> Given(OperatorCase test, Func<int, bool> constant) =>
        test.Inputs.Index().Where(input => input.Item != null && !constant(input.Index)).ToDictionary(input => $"i{input.Index}", input => input.Item!);

    private static double Difference(double expected, double actual) =>
        expected.Equals(actual) || (double.IsNaN(expected) && double.IsNaN(actual)) ? 0 : Math.Abs(expected - actual) / Math.Max(1, Math.Abs(expected)) is var difference && double.IsNaN(difference) ? double.PositiveInfinity : difference;
}
