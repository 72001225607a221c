using FastRnn.Formats.Dialects;
using FastRnn.Graphs;
using FastRnn.Tests.Formats.Onnx;
using Xunit;

namespace FastRnn.Tests.Graphs;

/// <summary>States that are a graph's inputs and outputs.</summary>
public class GraphSessionTests
{
    /// <summary>y = x + h, h' = 2·y: what is carried shows in every step.</summary>
    private static ImportedModel Model(string input, string output, params object[] shape) => GraphModelTests.Load(new OnnxBytes()
        .Input("x", OnnxBytes.Float, shape).Input(input, OnnxBytes.Float, shape).Output("y", OnnxBytes.Float, shape).Output(output, OnnxBytes.Float, shape)
        .Constant<float>("two", [2f], 1).Node("Add", ["x", input], ["y"]).Node("Mul", ["y", "two"], [output]));

    [Theory]
    [InlineData("h0", "hn")]
    [InlineData("h_0", "h_n")]
    [InlineData("state_in", "state_out")]
    [InlineData("initial_h", "final_h")]
    [InlineData("prevHidden", "nextHidden")]
    [InlineData("input_3", "tf_op_layer_stack_2")]
    public void StatesAreFoundAndCarried(string input, string output)
    {
        using ImportedModel model = Model(input, output, 1, 2);
        GraphSession session = model.Graph!.OpenSession();
        Assert.Equal((input, output), (Assert.Single(session.States).Input.Name, session.States[0].Output.Name));
        float[] y = new float[2];
        for (int pass = 0; pass < 2; pass++)
        {
            float h = 0, g = 0;
            for (int step = 1; step < 5; step++)
            {
                session.Step([step, -step], y);
                Assert.Equal([step + h, -step + g], y);
                (h, g) = (2 * y[0], 2 * y[1]);
            }
            session.Reset();
        }
    }

    [Fact]
    public void OpenSizesComeFromTheInput()
    {
        using ImportedModel model = Model("h0", "hn", "batch", 2);
        GraphSession session = model.Graph!.OpenSession();
        Assert.Equal([1f, 2, 3, 4], session.Step(GraphTensor.Of<float>([1, 2, 3, 4], 2, 2))[0].Values<float>().ToArray());
        Assert.Equal([3f, 6, 9, 12], session.Step(GraphTensor.Of<float>([1, 2, 3, 4], 2, 2))[0].Values<float>().ToArray());
        session.Reset();
        Assert.Equal([1f, 2], session.Step(GraphTensor.Of<float>([1, 2], 1, 2))[0].Values<float>().ToArray());
    }

    [Fact]
    public void CallerMayChooseStates()
    {
        using ImportedModel model = Model("a", "b", 1, 2);
        GraphSession session = model.Graph!.OpenSession(("x", "b"));
        Assert.Equal("a", Assert.Single(session.Inputs).Name);
        float[] y = new float[2];
        session.Step([1, 2], y);
        session.Step([1, 2], y);
        Assert.Equal([3f, 6], y);
        Assert.Throws<ArgumentException>(() => model.Graph.OpenSession(("x", "nothing")));
        Assert.Throws<ArgumentException>(() => model.Graph.OpenSession(("x", "b"), ("x", "y")));
    }

    [Fact]
    public void WithoutStatesThereIsNoSession()
    {
        using ImportedModel model = GraphModelTests.Load(new OnnxBytes().Input("x", OnnxBytes.Float, 2).Output("y", OnnxBytes.Float, 2).Node("Neg", ["x"], ["y"]));
        var e = Assert.Throws<InvalidOperationException>(() => model.Graph!.OpenSession());
        Assert.Equal("no states are found among inputs 'x' and outputs 'y'; name them", e.Message);
    }

    [Fact]
    public void DataOfBothNamesIsNoState()
    {
        using ImportedModel model = GraphModelTests.Load(new OnnxBytes()
            .Input("audio_in", OnnxBytes.Float, 2).Input("h_in", OnnxBytes.Float, 2).Output("h_out", OnnxBytes.Float, 2).Output("audio_out", OnnxBytes.Float, 2)
            .Node("Add", ["audio_in", "h_in"], ["audio_out"]).Node("Neg", ["audio_out"], ["h_out"]));
        Assert.Equal("h_in", Assert.Single(model.Graph!.OpenSession().States).Input.Name);
    }

    [Fact]
    public void StepsAllocateNothing()
    {
        using ImportedModel model = GraphModelTests.Load(new OnnxBytes()
            .Input("x", OnnxBytes.Float, 1, 4).Input("h0", OnnxBytes.Float, 1, 4).Output("y", OnnxBytes.Float, 1, 4).Output("hn", OnnxBytes.Float, 1, 4)
            .Constant<float>("w", [.. Enumerable.Range(0, 16).Select(i => 0.1f * i)], 4, 4).Constant<long>("axes", [0], 1)
            .Node("Add", ["x", "h0"], ["sum"]).Node("MatMul", ["sum", "w"], ["product"]).Node("Tanh", ["product"], ["hn"])
            .Node("Squeeze", ["hn", "axes"], ["flat"]).Node("Unsqueeze", ["flat", "axes"], ["back"]).Node("Softmax", ["back"], ["y"]));
        GraphSession session = model.Graph!.OpenSession();
        float[] x = [1, 2, 3, 4], y = new float[4];
        for (int i = 0; i < 3; i++)
            session.Step(x, y);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            session.Step(x, y);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
