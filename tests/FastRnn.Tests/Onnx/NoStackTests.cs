using FastRnn.Backends;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Onnx;

/// <summary>What is almost a stack of layers, and is none: it stays a graph, and is not made something else.</summary>
public class NoStackTests
{
    private static readonly RecurrentCase _gru = new("GRU", "forward", "almost", 55) { Input = 11 };
    private static readonly RecurrentCase _lstm = new("LSTM", "forward", "almost", 56) { Input = 11 };

    public static TheoryData<string> Almost =>
    [
        "lengths", "initial state that is not zero", "weights as inputs", "two results", "result of the first layer, too", "sum with the input", "other functions backwards",
        "softmax over time", "directions apart", "bias of another width", "slope below 0", "no recurrent layer", "transposed features", "second input", "gemm of a transposed matrix",
        "the first step", "a step in the middle", "hidden state of the first layer", "attribute of nobody",
        "bias for nobody", "initial state that does not come out", "only one of two states goes in", "only one of two states comes out", "initial states of both directions",
        "initial state of a layer that reads backwards", "state of another layer comes out",
    ];

    [Theory]
    [MemberData(nameof(Almost))]
    public void StaysAGraph(string what) => Assert.Null(Find(Builder(what)));

    /// <summary>The same parts in a plain order are a stack: the cases above are none for the reason that they name.</summary>
    [Fact]
    public void PlainOneIsAStack()
    {
        OnnxBuilder builder = Plain(_gru);
        Assert.NotNull(Find(builder.Node("Relu", ["s"], ["y"])));
        Assert.NotNull(Find(Plain(_gru with { InitialHidden = true }).Output("Y_h").Node("Relu", ["s"], ["y"])));
        Assert.NotNull(Find(Plain(_lstm with { InitialHidden = true, InitialCell = true }).Output("Y_h").Output("Y_c").Node("Relu", ["s"], ["y"])));
        ModelDraft draft = Find(Plain(_gru).Initializer("w", new float[33], 11, 3).Node("MatMul", ["s", "w"], ["y"]))!;
        Assert.Equal(["gru", "linear"], draft.Layers.Select(layer => layer.Type));
    }

    /// <summary>States that nobody reads do not make a layer give one step alone.</summary>
    [Fact]
    public void StatesForNobodyChangeNothing()
    {
        RecurrentCase both = _gru with { Direction = "bidirectional" };
        OnnxBuilder builder = Plain(both).Initializer("first", OnnxValue.Of((long[])[0])).Initializer("second", OnnxValue.Of((long[])[1]));
        builder.Node("Gather", ["Y_h", "first"], ["f"]).Node("Gather", ["Y_h", "second"], ["b"]).Node("Concat", ["f", "b"], ["unread"], ("axis", 1));
        Assert.False(Find(builder.Node("Identity", ["s"], ["y"]))!.Layers[0].LastStep);
        builder = Plain(both).Initializer("first", OnnxValue.Of((long[])[0])).Initializer("second", OnnxValue.Of((long[])[1]));
        builder.Node("Gather", ["Y_h", "first"], ["f"]).Node("Gather", ["Y_h", "second"], ["b"]).Node("Concat", ["f", "b"], ["y"], ("axis", 1));
        Assert.True(Find(builder)!.Layers[0].LastStep);
    }

    [Fact]
    public void GraphIsKeptOnDemand()
    {
        byte[] file = _gru.Model();
        using var backend = new CpuBackend(1);
        using ImportedModel stack = Graphs.Load(file, backend, new ImportOptions()), graph = Graphs.Load(file, backend, new ImportOptions { AsGraph = true });
        Assert.True(stack is { Sequential: not null, Graph: null });
        Assert.True(graph is { Sequential: null, Graph: not null });
    }

    private static OnnxBuilder Builder(string what)
    {
        RecurrentCase bidirectional = _gru with { Direction = "bidirectional" };
        float[] weight = new float[33];
        return what switch
        {
            "lengths" => Plain(_gru with { Lengths = [1, 2, 3] }).Node("Identity", ["s"], ["y"]),
            "initial state that is not zero" => Plain(_gru, "h").Initializer("h", [.. Enumerable.Repeat(0.5f, 11)], 1, 1, 11).Node("Identity", ["s"], ["y"]),
            "weights as inputs" => Plain(_gru with { WeightsAreInputs = true }).Node("Identity", ["s"], ["y"]),
            "two results" => Plain(_gru).Node("Relu", ["s"], ["y"]).Node("Tanh", ["s"], ["z"]).Output("z"),
            "result of the first layer, too" => Plain(_gru).Node("Relu", ["s"], ["y"]).Output("s"),
            "sum with the input" => Plain(_gru).Node("Add", ["s", "X"], ["y"]),
            "other functions backwards" => Plain(bidirectional with { Activations = ["Sigmoid", "Tanh"], SecondActivations = ["Sigmoid", "Relu"] }).Node("Identity", ["s"], ["y"]),
            "softmax over time" => Plain(_gru).Node("Softmax", ["s"], ["y"], ("axis", 0)),
            "directions apart" => Plain(bidirectional).Node("Identity", ["Y"], ["y"]),
            "bias of another width" => Plain(_gru).Initializer("w", weight, 11, 3).Initializer("b", [1f], 1).Node("MatMul", ["s", "w"], ["p"]).Node("Add", ["p", "b"], ["y"]),
            "slope below 0" => Plain(_gru).Node("LeakyRelu", ["s"], ["y"], ("alpha", -0.1f)),
            "no recurrent layer" => new OnnxBuilder().Input("X", OnnxValue.Float, "t", "n", 11).Initializer("w", weight, 11, 3).Node("MatMul", ["X", "w"], ["y"]).Output("y"),
            "transposed features" => Plain(_gru).Node("Transpose", ["s"], ["y"], ("perm", new long[] { 0, 2, 1 })),
            "second input" => Plain(_gru).Input("other", OnnxValue.Float, 11).Node("Add", ["s", "other"], ["y"]),
            "gemm of a transposed matrix" => Plain(_gru).Initializer("w", weight, 11, 3).Initializer("i", OnnxValue.Of((long[])[-1]))
                .Node("Gather", ["s", "i"], ["l"]).Node("Gemm", ["l", "w"], ["y"], ("transA", 1)),
            "the first step" => Plain(_gru).Initializer("i", OnnxValue.Of((long[])[0])).Node("Gather", ["s", "i"], ["y"]),
            "a step in the middle" => Plain(_gru).Initializer("i", OnnxValue.Of((long[])[-2])).Node("Gather", ["s", "i"], ["y"]),
            "hidden state of the first layer" => Plain(_gru).Initializer("w", weight, 11, 3).Node("Relu", ["s"], ["r"]).Node("MatMul", ["Y_h", "w"], ["y"]),
            "attribute of nobody" => Plain(_gru).Node("Relu", ["s"], ["y"], ("strength", 2f)),
            "bias for nobody" => Plain(_gru).Initializer("w", weight, 11, 3).Initializer("b", [1f, 2f, 3f], 3).Node("MatMul", ["s", "w"], ["y"]).Node("Add", ["y", "b"], ["q"]),
            "initial state that does not come out" => Plain(_gru with { InitialHidden = true }).Node("Relu", ["s"], ["y"]),
            "only one of two states goes in" => Plain(_lstm with { InitialHidden = true }).Output("Y_h").Output("Y_c").Node("Relu", ["s"], ["y"]),
            "only one of two states comes out" => Plain(_lstm with { InitialHidden = true, InitialCell = true }).Output("Y_h").Node("Relu", ["s"], ["y"]),
            "initial states of both directions" => Plain(bidirectional with { InitialHidden = true }).Output("Y_h").Node("Relu", ["s"], ["y"]),
            "initial state of a layer that reads backwards" => Plain(_gru with { Direction = "reverse", InitialHidden = true }).Output("Y_h").Node("Relu", ["s"], ["y"]),
            "state of another layer comes out" => Plain(_gru with { InitialHidden = true })
                .Node("GRU", ["s", "W", "R"], ["Z", "Z_h"], ("hidden_size", 11)).Node("Squeeze", ["Z", "axis"], ["y"]).Output("Z_h"),
            _ => throw new ArgumentException(what),
        };
    }

    /// <summary>A recurrent node and what makes its output [time, batch, features], which is called s; the output is y.</summary>
    private static OnnxBuilder Plain(RecurrentCase given, string initial = "")
    {
        var builder = new OnnxBuilder().Input("X", OnnxValue.Float, "t", "n", given.Input).Output("y");
        given.Declare(builder);
        string[] names = given.Names();
        if (initial.Length > 0)
            names = [.. names[..4], "", initial];
        builder.Node(given.Operator, names, given.Operator == "LSTM" ? ["Y", "Y_h", "Y_c"] : ["Y", "Y_h"], [.. given.Attributes()]);
        return given.Directions == 1
            ? builder.Initializer("axis", (long[])[1]).Node("Squeeze", ["Y", "axis"], ["s"])
            : builder.Initializer("shape", (long[])[0, 0, -1]).Node("Transpose", ["Y"], ["q"], ("perm", new long[] { 0, 2, 1, 3 })).Node("Reshape", ["q", "shape"], ["s"]);
    }

    private static ModelDraft? Find(OnnxBuilder builder)
    {
        byte[] file = builder.Build();
        var options = new ImportOptions();
        return SequentialDetection.Find(OnnxDefinition.Of(OnnxParser.Model(file, null, options.Limits), file, null, options, default), "ONNX", null);
    }
}
