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

    /// <summary>Outputs that are views of inputs or of states show what those were in their own step.</summary>
    [Fact]
    public void DelayLineKeepsTheOrder()
    {
        using ImportedModel model = GraphModelTests.Load(new OnnxBytes()
            .Input("x", OnnxBytes.Float, 1).Input("d1_in", OnnxBytes.Float, 1).Input("d2_in", OnnxBytes.Float, 1)
            .Output("d1_out", OnnxBytes.Float, 1).Output("d2_out", OnnxBytes.Float, 1).Output("y", OnnxBytes.Float, 1).Output("d1_in", OnnxBytes.Float, 1)
            .Node("Identity", ["x"], ["d1_out"]).Node("Identity", ["d1_in"], ["d2_out"]).Node("Identity", ["d2_in"], ["y"]));
        GraphSession session = model.Graph!.OpenSession(("d1_in", "d1_out"), ("d2_in", "d2_out"));
        for (int pass = 0; pass < 2; pass++)
        {
            for (int step = 1; step < 6; step++)
            {
                IReadOnlyList<GraphTensor> results = session.Step(GraphTensor.Of<float>([step], 1));
                Assert.Equal(Math.Max(0, step - 2), results[0].Values<float>()[0]);
                Assert.Equal(step - 1, results[1].Values<float>()[0]);
            }
            session.Reset();
        }
    }

    /// <summary>A result is the next step's input: what the step writes is not what it reads.</summary>
    [Fact]
    public void ResultsMayBeGivenBack()
    {
        using ImportedModel model = GraphModelTests.Load(new OnnxBytes()
            .Input("x", OnnxBytes.Float, 3).Input("h0", OnnxBytes.Float, 1).Output("y", OnnxBytes.Float, 3).Output("hn", OnnxBytes.Float, 1)
            .Constant<long>("order", [2, 0, 1], 3).Node("Gather", ["x", "order"], ["y"]).Node("Neg", ["h0"], ["hn"]));
        GraphSession session = model.Graph!.OpenSession();
        GraphTensor y = GraphTensor.Of<float>([1, 2, 3], 3);
        foreach (float[] expected in (float[][])[[3, 1, 2], [2, 3, 1], [1, 2, 3]])
            Assert.Equal(expected, (y = session.Step(y)[0]).Values<float>().ToArray());
    }

    /// <summary>A result may show what was given back a step ago, which then must not be written over.</summary>
    [Fact]
    public void ResultsThatAreViewsMayBeGivenBack()
    {
        using ImportedModel model = GraphModelTests.Load(new OnnxBytes()
            .Input("a", OnnxBytes.Float, 2).Input("b", OnnxBytes.Float, 2).Input("h", OnnxBytes.Float, 1)
            .Output("p", OnnxBytes.Float, 2).Output("q", OnnxBytes.Float, 2).Output("s", OnnxBytes.Float, 2).Output("hn", OnnxBytes.Float, 1)
            .Node("Neg", ["a"], ["p"]).Node("Identity", ["a"], ["q"]).Node("Neg", ["b"], ["s"]).Node("Neg", ["h"], ["hn"]));
        GraphSession session = model.Graph!.OpenSession(("h", "hn"));
        GraphTensor a = GraphTensor.Of<float>([1, 2], 2), b = GraphTensor.Of<float>([-1, -2], 2);
        foreach (float sign in (float[])[1, -1, 1, -1])
        {
            IReadOnlyList<GraphTensor> results = session.Step(a, b);
            Assert.Equal([-sign, -2 * sign], results[0].Values<float>().ToArray());
            Assert.Equal([sign, 2 * sign], results[1].Values<float>().ToArray());
            Assert.Equal([sign, 2 * sign], results[2].Values<float>().ToArray()); // of the q of the step before
            (a, b) = (results[0], results[1]);
        }
    }

    [Fact]
    public void WrongLengthLeavesTheStates()
    {
        using ImportedModel model = Model("h0", "hn", 1, 2);
        GraphSession session = model.Graph!.OpenSession();
        float[] y = new float[2];
        session.Step([1, 2], y);
        Assert.Throws<ArgumentException>(() => session.Step([1, 2], new float[3]));
        session.Step([1, 2], y);
        Assert.Equal([3f, 6], y);
    }

    [Fact]
    public void EndOfTheModelEndsItsSessions()
    {
        ImportedModel model = Model("h0", "hn", 1, 2);
        GraphSession session = model.Graph!.OpenSession();
        session.Step([1, 2], new float[2]);
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Step([1, 2], new float[2]));
        Assert.Throws<ObjectDisposedException>(() => session.Step(new GraphTensor(ElementType.Float32, 1, 2)));
    }

    [Fact]
    public void StatesAreBounded()
    {
        byte[] file = new OnnxBytes().Input("x", OnnxBytes.Float, 1).Input("h0", OnnxBytes.Float, 1, 1, 200_000).Output("y", OnnxBytes.Float, 1).Output("hn", OnnxBytes.Float, 1, 1, 200_000)
            .Node("Neg", ["x"], ["y"]).Node("Identity", ["h0"], ["hn"]).Build();
        using ImportedModel model = GraphModelTests.Load(file, new ImportOptions { Limits = new ImportLimits { TensorBytes = 1 << 20 } });
        var e = Assert.Throws<GraphException>(() => model.Graph!.OpenSession().Step([1], new float[1]));
        Assert.Equal("'h0' [1, 1, 200000] of float32 passes the limit of 1048576 bytes for all values", e.Message);
    }

    public static TheoryData<string> Operators =>
    [
        "MatMul", "MatMul of values", "MatMul of batches", "Gemm", "Gemm of values", "Softmax", "LogSoftmax", "LayerNormalization", "Slice", "Split", "Concat", "Gather", "Pad", "Pad edge", "Reduce",
        "Reduce of integers", "ArgMax", "Pow", "Cast", "Where", "Max", "Transpose", "Reshape", "Expand", "Shape", "Clip", "Gelu", "GRU", "LSTM", "RNN of lengths",
    ];

    [Theory]
    [MemberData(nameof(Operators))]
    public void StepsAllocateNothing(string name)
    {
        object first = name == "Shape" ? "batch" : 1; // what is known at load would be computed there
        var file = new OnnxBytes(20)
            .Input("x", OnnxBytes.Float, first, 4).Input("h0", OnnxBytes.Float, first, 4).Output("y", OnnxBytes.Float, first, 4).Output("hn", OnnxBytes.Float, first, 4)
            .Constant<float>("w", [.. Enumerable.Range(0, 16).Select(i => 0.1f * i)], 4, 4).Constant<float>("ones", [1, 1, 1, 1], 4).Constant<long>("axis", [0], 1)
            .Node("Add", ["x", "h0"], ["sum"]).Node("Tanh", ["sum"], ["hn"]).Node("Squeeze", ["hn", "axis"], ["flat"]).Node("Unsqueeze", ["flat", "axis"], ["z"]);
        using ImportedModel model = GraphModelTests.Load(With(file, name));
        GraphSession session = model.Graph!.OpenSession(("h0", "hn"));
        float[] x = [1, 2, 3, 4], y = new float[4];
        GraphTensor tensor = GraphTensor.Of<float>(x, 1, 4);
        for (int i = 0; i < 3; i++)
            Both();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 200; i++)
            Both();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Both()
        {
            session.Step(x, y);
            session.Step(tensor);
        }
    }

    /// <summary>What makes y [1, 4] of z [1, 4].</summary>
    private static OnnxBytes With(OnnxBytes file, string name) => name switch
    {
        "MatMul" => file.Node("MatMul", ["z", "w"], ["y"]),
        "MatMul of values" => file.Node("Transpose", ["z"], ["t"]).Node("MatMul", ["t", "z"], ["square"]).Node("MatMul", ["z", "square"], ["y"]),
        "MatMul of batches" => file.Constant<float>("b", [.. Enumerable.Repeat(0.5f, 48)], 3, 4, 4).Node("MatMul", ["z", "b"], ["three"]).Node("ReduceSum", ["three", "axis"], ["y"], node => node.Int("keepdims", 0)),
        "Gemm" => file.Node("Gemm", ["z", "w", "ones"], ["y"], node => node.Int("transB", 1)),
        "Gemm of values" => file.Node("Transpose", ["z"], ["t"]).Node("Gemm", ["t", "t"], ["square"], node => node.Int("transB", 1)).Node("Gemm", ["t", "square", "z"], ["y"], node => node.Int("transA", 1)),
        "LayerNormalization" => file.Node("LayerNormalization", ["z", "ones", "ones"], ["y"]),
        "Slice" => file.Constant<long>("from", [3], 1).Constant<long>("to", [-9], 1).Constant<long>("one", [1], 1).Constant<long>("back", [-1], 1).Node("Slice", ["z", "from", "to", "one", "back"], ["y"]),
        "Split" => file.Node("Split", ["z"], ["a", "b"], node => node.Int("axis", 1).Int("num_outputs", 2)).Node("Concat", ["b", "a"], ["y"], node => node.Int("axis", 1)),
        "Concat" => file.Node("Concat", ["z", "z", "z"], ["c"], node => node.Int("axis", 0)).Node("ReduceMean", ["c", "axis"], ["y"]),
        "Gather" => file.Constant<long>("order", [3, 1, 2, 0], 4).Node("Gather", ["z", "order"], ["y"], node => node.Int("axis", 1)),
        "Pad" => file.Constant<long>("pads", [0, 1, 0, -1], 4).Constant<float>("value", [7]).Node("Pad", ["z", "pads", "value"], ["y"]),
        "Pad edge" => file.Constant<long>("pads", [0, -1, 0, 1], 4).Node("Pad", ["z", "pads"], ["y"], node => node.String("mode", "edge")),
        "Reduce" => file.Node("ReduceMax", ["z"], ["most"]).Node("ReduceMean", ["z"], ["mean"]).Node("Sub", ["z", "most"], ["d"]).Node("Mul", ["d", "mean"], ["y"]),
        "Reduce of integers" => file.Node("Cast", ["z"], ["i"], node => node.Int("to", 6)).Node("ReduceSum", ["i"], ["s"]).Node("Cast", ["s"], ["f"], node => node.Int("to", 1)).Node("Add", ["z", "f"], ["y"]),
        "ArgMax" => file.Node("ArgMax", ["z"], ["best"], node => node.Int("axis", 1)).Node("Cast", ["best"], ["f"], node => node.Int("to", 1)).Node("Add", ["z", "f"], ["y"]),
        "Pow" => file.Constant<long>("power", [2]).Node("Pow", ["z", "power"], ["y"]),
        "Cast" => file.Node("Greater", ["z", "ones"], ["more"]).Node("Cast", ["more"], ["y"], node => node.Int("to", 1)),
        "Where" => file.Node("Less", ["z", "ones"], ["less"]).Node("Not", ["less"], ["more"]).Node("Where", ["more", "z", "ones"], ["y"]),
        "Max" => file.Node("Max", ["z", "ones", "x"], ["y"]),
        "Transpose" => file.Node("Transpose", ["z"], ["t"]).Node("Transpose", ["t"], ["y"]),
        "Reshape" => file.Constant<long>("shape", [2, -1], 2).Constant<long>("again", [1, 4], 2).Node("Reshape", ["z", "shape"], ["r"]).Node("Reshape", ["r", "again"], ["y"]),
        "Expand" => file.Constant<long>("three", [3, 1], 2).Node("Expand", ["z", "three"], ["e"]).Node("ReduceMin", ["e", "axis"], ["y"]),
        "Shape" => file.Node("Shape", ["z"], ["shape"]).Node("ConstantOfShape", ["shape"], ["zeros"]).Node("Add", ["z", "zeros"], ["y"]),
        "Clip" => file.Constant<float>("most", [0.5f]).Node("Clip", ["z", "", "most"], ["y"]),
        "GRU" => Recurrent(file, "GRU", 3),
        "LSTM" => Recurrent(file, "LSTM", 4),
        "RNN of lengths" => Recurrent(file, "RNN", 1, "length"),
        _ => file.Node(name, ["z"], ["y"]),
    };

    private static OnnxBytes Recurrent(OnnxBytes file, string name, int gates, string lengths = "") =>
        file.Constant<float>("W", new float[16 * gates], 1, 4 * gates, 4).Constant<float>("R", new float[16 * gates], 1, 4 * gates, 4).Constant<int>("length", [1], 1)
            .Constant<long>("row", [1, 4], 2).Node("Unsqueeze", ["z", "axis"], ["one"]).Node("Concat", ["one", "one"], ["sequence"], node => node.Int("axis", 0)) // two steps, of which a length of 1 counts one
            .Node(name, ["sequence", "W", "R", "", lengths], ["all", "last"], node => node.Int("hidden_size", 4))
            .Node("ReduceMax", ["all", "axis"], ["top"]).Node("Reshape", ["top", "row"], ["some"]).Node("Squeeze", ["last", "axis"], ["final"]).Node("Add", ["some", "final"], ["y"]);
}
