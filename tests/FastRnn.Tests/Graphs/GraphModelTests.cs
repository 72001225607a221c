using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;
using FastRnn.Tests.Formats.Onnx;
using Xunit;

namespace FastRnn.Tests.Graphs;

/// <summary>The graph runner by itself: order, folding, shapes, errors.</summary>
public class GraphModelTests
{
    [Fact]
    public void RunsAProductAndASum()
    {
        float[] matrix = [1, 2, 3, 4, 5, 6];
        using ImportedModel model = Load(new OnnxBytes()
            .Input("x", OnnxBytes.Float, "batch", 2)
            .Output("y", OnnxBytes.Float, "batch", 3)
            .Constant<float>("w", matrix, 2, 3)
            .Constant<float>("b", [10f, 20f, 30f], 3)
            .Node("Add", ["xw", "b"], ["sum"])
            .Node("MatMul", ["x", "w"], ["xw"])
            .Node("Identity", ["sum"], ["y"]));
        Assert.Null(model.Sequential);
        GraphModel graph = Assert.IsType<GraphModel>(model.Graph);
        Assert.Equal("batch", graph.Inputs[0].Shape![0].Symbol);
        Assert.Equal(3, graph.Outputs[0].Shape![1].Size);
        for (int batch = 1; batch < 4; batch++)
        {
            float[] x = [.. Enumerable.Range(0, 2 * batch).Select(i => i - 1.5f)];
            GraphTensor y = graph.Run(GraphTensor.Of<float>(x, batch, 2))[0];
            Assert.Equal([batch, 3], y.Shape.ToArray());
            for (int row = 0; row < batch; row++)
            {
                for (int column = 0; column < 3; column++)
                    Assert.Equal((x[2 * row] * matrix[column]) + (x[(2 * row) + 1] * matrix[3 + column]) + (10f * (column + 1)), y.Values<float>()[(3 * row) + column]);
            }
        }
    }

    [Fact]
    public void RefusesInputsOfOtherShapes()
    {
        using ImportedModel model = Load(new OnnxBytes().Input("x", OnnxBytes.Float, "n", 2).Output("y", OnnxBytes.Float, "n", 2).Node("Identity", ["x"], ["y"]));
        var e = Assert.Throws<ArgumentException>(() => model.Graph!.Run(new GraphTensor(ElementType.Float32, 1, 3)));
        Assert.Equal("input 'x' is [1, 3] of float32, the model takes [?, 2] of float32", e.Message);
        Assert.Throws<ArgumentException>(() => model.Graph!.Run(new GraphTensor(ElementType.Float64, 1, 2)));
        Assert.Throws<ArgumentException>(() => model.Graph!.Run());
    }

    [Fact]
    public void NamesAnOperatorThatItLacks()
    {
        var e = Assert.Throws<ModelFormatException>(() => Load(new OnnxBytes().Input("x", OnnxBytes.Float, 2).Output("y", OnnxBytes.Float, 2).Node("Conv", ["x"], ["y"], name: "c\n1")));
        Assert.Equal("model.onnx: Conv 'c\\u000a1': operator 'Conv' is not supported (at byte 12)", e.Message.Replace($"(at byte {e.Offset})", "(at byte 12)", StringComparison.Ordinal));
        Assert.True(e.Offset > 0);
    }

    /// <summary>A mask's −∞, and the names of those who leave an input out: neither is a fault, and what nobody reads is not made.</summary>
    [Fact]
    public void WhatIsLeftOutIsNotNeeded()
    {
        using ImportedModel model = Load(new OnnxBytes().Input("x", OnnxBytes.Float, 2).Output("y", OnnxBytes.Float, 2)
            .Constant<float>("least", [float.NegativeInfinity], 1).Constant<float>("most", [2f])
            .Node("NoSuchOperator", ["x"], ["", "unread"]).Node("Clip", ["x", "", "most"], ["c"]).Node("Max", ["c", "least"], ["y"]));
        Assert.Equal([1f, 2f], model.Graph!.Run(GraphTensor.Of<float>([1, 3], 2))[0].Values<float>().ToArray());
    }

    [Fact]
    public void InputsOfAnyRankAreBounded()
    {
        var file = new OnnxBytes().OutputOfAnyShape("y", OnnxBytes.Float).Node("Transpose", ["x"], ["y"]);
        file.Graph.Message(11, value => value.Text(1, "x").Message(2, any => any.Message(1, tensor => tensor.Integer(1, OnnxBytes.Float))));
        using ImportedModel model = Load(file);
        int[] shape = [.. Enumerable.Repeat(1, 33)];
        Assert.Equal(32, model.Graph!.Run(new GraphTensor(ElementType.Float32, shape.AsSpan(1)))[0].Shape.Length);
        Assert.Throws<ArgumentException>(() => model.Graph.Run(new GraphTensor(ElementType.Float32, shape)));
    }

    internal static ImportedModel Load(OnnxBytes bytes) => Load(bytes.Build());

    internal static ImportedModel Load(byte[] bytes, ImportOptions? options = null, bool asGraph = true)
    {
        using var stream = new MemoryStream(bytes);
        return ModelImport.Load(stream, "model.onnx", _backend ??= new CpuBackend(1), (options ?? new ImportOptions()) with { AsGraph = asGraph });
    }

    /// <summary>Test classes run at the same time, and a back end's calls come from one thread.</summary>
    [ThreadStatic]
    private static CpuBackend? _backend;
}
