using System.Diagnostics;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;
using FastRnn.Tests.Formats.Onnx;
using Xunit;

namespace FastRnn.Tests.Graphs;

/// <summary>Results without an element, whose other axes are as long as axes may be: no operator goes along them, or multiplies them.</summary>
public class EmptyResultTests
{
    private const int Long = int.MaxValue;

    public static TheoryData<string> Operators => ["Pad", "Gather", "Concat", "Softmax", "LogSoftmax", "LayerNormalization", "ArgMax", "Flatten", "Transpose", "Slice", "Split", "Expand", "Where", "ReduceSum", "Tanh"];

    [Theory]
    [MemberData(nameof(Operators))]
    public void TakeNeitherTimeNorMemory(string name)
    {
        foreach (bool constant in (bool[])[true, false])
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            var watch = Stopwatch.StartNew();
            using (ImportedModel model = GraphModelTests.Load(File(name, constant)))
                Assert.Equal(0, (constant ? model.Graph!.Run() : model.Graph!.Run(new GraphTensor(ElementType.Float32, Long, Long, 0)))[0].Length);
            Assert.True(watch.Elapsed.TotalSeconds < 5, $"{watch.Elapsed.TotalSeconds} s");
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 20);
        }
    }

    private static byte[] File(string name, bool constant)
    {
        var file = new OnnxBytes(18).OutputOfAnyShape("y", name == "ArgMax" ? OnnxBytes.Int64 : OnnxBytes.Float);
        if (constant)
            file.Constant<float>("x", [], Long, Long, 0);
        else
            file.Input("x", OnnxBytes.Float, Long, Long, 0);
        file.Constant<float>("one", [1], 1).Constant<long>("first", [0], 1).Constant<long>("second", [1], 1).Constant<bool>("yes", [true], 1);
        return (name switch
        {
            "Pad" => file.Constant<long>("pads", [-1, 0, 0, 0, 0, 0], 6).Node("Pad", ["x", "pads"], ["y"]),
            "Gather" => file.Node("Gather", ["x", "first"], ["y"], node => node.Int("axis", 1)),
            "Concat" => file.Node("Concat", ["x", "x"], ["y"], node => node.Int("axis", 2)),
            "LayerNormalization" => file.Node(name, ["x", "one"], ["y"]),
            "ArgMax" => file.Node(name, ["x"], ["y"], node => node.Int("axis", 0)),
            "Flatten" => file.Node(name, ["x"], ["y"]),
            "Slice" => file.Node(name, ["x", "first", "second"], ["y"]),
            "Split" => file.Constant<long>("parts", [Long - 1, 1], 2).Node(name, ["x", "parts"], ["y", "z"]),
            "Expand" => file.Node(name, ["x", "second"], ["y"]),
            "Where" => file.Node(name, ["yes", "x", "one"], ["y"]),
            "ReduceSum" => file.Node(name, ["x", "first"], ["y"]),
            _ => file.Node(name, ["x"], ["y"]),
        }).Build();
    }
}
