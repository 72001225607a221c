using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Onnx;

/// <summary>The peer that other tests compare with computes what it is given, and says what it refuses.</summary>
public class OnnxRuntimeTests
{
    private static readonly OnnxValue _left = OnnxValue.Of([1f, 2, 3, 4, 5, 6], 2, 3);
    private static readonly OnnxValue _right = OnnxValue.Of([1f, -1, 0.5f], 3, 1);

    [OnnxRuntimeFact]
    public void ProductIsComputed()
    {
        byte[] model = new OnnxBuilder().Input("a", OnnxValue.Float, "n", 3).Initializer("b", _right).Output("y")
            .Node("MatMul", ["a", "b"], ["y"]).Build();
        OnnxValue y = OnnxRuntime.Run(model, new Dictionary<string, OnnxValue> { ["a"] = _left })["y"];
        Assert.Equal([2L, 1], y.Shape);
        Assert.Equal([0.5f, 2], y.Floats);
    }

    [OnnxRuntimeFact]
    public void RefusalIsTold()
    {
        byte[] model = new OnnxBuilder().Input("a", OnnxValue.Float, "n", 3).Output("y").Node("NoSuchOperator", ["a"], ["y"]).Build();
        var refusal = Assert.Throws<InvalidOperationException>(() => OnnxRuntime.Run(model, new Dictionary<string, OnnxValue> { ["a"] = _left }));
        Assert.Contains("NoSuchOperator", refusal.Message, StringComparison.Ordinal);
    }
}
