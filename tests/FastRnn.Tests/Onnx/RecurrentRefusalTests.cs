using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Onnx;

/// <summary>What recurrent nodes refuse, and at the edges of what they take.</summary>
public class RecurrentRefusalTests
{
    private static readonly RecurrentCase _lstm = new("LSTM", "forward", "edge", 77);
    private static readonly RecurrentCase _gru = new("GRU", "bidirectional", "edge", 78);

    public static TheoryData<string, string> BadAttributes => new()
    {
        { "direction", "attribute direction is 'sideways', not forward, reverse or bidirectional" },
        { "unknown function", "attribute activations has 'Sinus', which is no function of recurrent nodes" },
        { "few functions", "attribute activations has 2 names, not 3" },
        { "numbers alone", "attribute activation_alpha without activations" },
        { "many alphas", "attribute activation_alpha has 2 numbers, its functions take 1" },
        { "many betas", "attribute activation_beta has 1 numbers, its functions take 0" },
        { "alpha is not finite", "attribute activation_alpha or activation_beta has a number that is not finite" },
        { "clip 0", "attribute clip is 0, not above 0" },
        { "clip below 0", "attribute clip is -1, not above 0" },
        { "hidden_size", "attribute hidden_size is -3" },
        { "other hidden_size", "input 1 is [1, 44, 7], its size 1 must be 48" },
        { "input_forget", "attribute input_forget is 2, neither 0 nor 1" },
        { "layout", "attribute 'layout' is not known for opset 13" },
        { "output_sequence", "attribute 'output_sequence' is not known for opset 13" },
        { "linear_before_reset", "attribute 'linear_before_reset' is not known for opset 13" },
        { "kind of clip", "attribute clip is Integer, not Float" },
    };

    [Theory]
    [MemberData(nameof(BadAttributes))]
    public void BadAttributeIsNamed(string what, string expected)
    {
        (string, object)[] extra = what switch
        {
            "direction" => [("direction", "sideways")],
            "unknown function" => [("activations", new[] { "Sigmoid", "Sinus", "Tanh" })],
            "few functions" => [("activations", new[] { "Sigmoid", "Tanh" })],
            "numbers alone" => [("activation_alpha", new[] { 0.5f })],
            "many alphas" => [("activations", new[] { "Sigmoid", "LeakyRelu", "Tanh" }), ("activation_alpha", new[] { 0.5f, 0.25f })],
            "many betas" => [("activations", new[] { "Sigmoid", "LeakyRelu", "Tanh" }), ("activation_beta", new[] { 0.5f })],
            "alpha is not finite" => [("activations", new[] { "Sigmoid", "LeakyRelu", "Tanh" }), ("activation_alpha", new[] { float.NaN })],
            "clip 0" => [("clip", 0f)],
            "clip below 0" => [("clip", -1f)],
            "hidden_size" => [("hidden_size", -3)],
            "other hidden_size" => [("hidden_size", 12)],
            "input_forget" => [("input_forget", 2)],
            "layout" => [("layout", 0)],
            "output_sequence" => [("output_sequence", 1)],
            "linear_before_reset" => [("linear_before_reset", 1)],
            _ => [("clip", 3)],
        };
        byte[] model = Lstm(extra);
        using var backend = new CpuBackend(1);
        foreach (bool asGraph in (bool[])[true, false])
        {
            var refusal = Assert.Throws<ModelFormatException>(() => Graphs.Load(model, backend, new ImportOptions { AsGraph = asGraph }).Dispose());
            Assert.Contains($"LSTM 'LSTM_0': {expected}", refusal.Message, StringComparison.Ordinal);
            Assert.True(refusal.Offset > 0);
        }
    }

    [Theory]
    [InlineData(1, new long[] { 2, 44, 7 }, "input 1 is [2, 44, 7], its size 0 must be 1")]
    [InlineData(1, new long[] { 44, 7 }, "input 1 is [44, 7], not of 3 dimensions")]
    [InlineData(2, new long[] { 1, 44, 12 }, "input 1 is [1, 44, 7], its size 1 must be 48")]
    [InlineData(3, new long[] { 1, 44 }, "input 3 is [1, 44], its size 1 must be 88")]
    [InlineData(7, new long[] { 1, 32 }, "input 7 is [1, 32], its size 1 must be 33")]
    public void WeightOfAnotherShapeIsNamed(int input, long[] shape, string expected)
    {
        long[][] shapes = [[], [1, 44, 7], [1, 44, 11], [1, 88], [], [], [], [1, 33]];
        shapes[input] = shape;
        var builder = new OnnxBuilder().Input("x", OnnxValue.Float, "t", "n", 7).Output("y", OnnxValue.Float);
        string[] names = ["x", "w", "r", "b", "", "", "", "p"];
        foreach (int i in new[] { 1, 2, 3, 7 })
            builder.Initializer(names[i], new float[shapes[i].Aggregate(1L, (product, size) => product * size)], shapes[i]);
        using var backend = new CpuBackend(1);
        byte[] model = builder.Node("LSTM", names, ["y"]).Build();
        var refusal = Assert.Throws<ModelFormatException>(() => Graphs.Load(model, backend).Dispose());
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new[] { 4, -1, 2 }, "sample 1 has the length -1 of 5 steps")]
    [InlineData(new[] { 4, 1, 6 }, "sample 2 has the length 6 of 5 steps")]
    public void LengthsOutsideTheSequenceAreNamed(int[] lengths, string expected)
    {
        RecurrentCase given = _lstm with { Lengths = lengths };
        using var backend = new CpuBackend(1);
        using ImportedModel model = Graphs.Load(given.Model(), backend);
        var refusal = Assert.Throws<GraphException>(() => Graphs.Run(model, given.Inputs()));
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>One model, batches and lengths of any size one after the other.</summary>
    [Fact]
    public void ShapesMayChangeFromRunToRun()
    {
        using var backend = new CpuBackend(1);
        using ImportedModel model = Graphs.Load((_gru with { Lengths = [5, 5, 5], InitialHidden = true }).Model(), backend);
        var random = new Random(5);
        for (int run = 0; run < 30; run++)
        {
            int batch = random.Next(1, 5), steps = random.Next(1, 8);
            RecurrentCase given = _gru with { Batch = batch, Steps = steps, InitialHidden = true, Lengths = [.. Enumerable.Range(0, batch).Select(_ => random.Next(steps + 1))] };
            Dictionary<string, double[]> expected = RecurrentEquations.Compute(given);
            Dictionary<string, float[]> results = Graphs.Run(model, given.Inputs());
            Assert.Equal(expected.Keys.Order(), results.Keys.Order());
            foreach ((string name, double[] values) in expected)
            {
                Assert.Equal(values.Length, results[name].Length);
                for (int i = 0; i < values.Length; i++)
                    Assert.Equal(values[i], results[name][i], 2e-6);
            }
        }
    }

    /// <summary>Without a step there are no outputs, and final states are the initial ones.</summary>
    [Fact]
    public void NoSteps()
    {
        RecurrentCase given = _lstm with { Steps = 0, InitialHidden = true, Batch = 2 };
        using var backend = new CpuBackend(1);
        using ImportedModel model = Graphs.Load(given.Model(), backend);
        Dictionary<string, float[]> results = Graphs.Run(model, given.Inputs());
        Assert.Empty(results["Y"]);
        Assert.Equal(given.H0!, results["Y_h"]);
        Assert.Equal(new float[2 * given.Hidden], results["Y_c"]);
    }

    /// <summary>Numbers that a trained cell could not have: below 0, and 0.</summary>
    [OnnxRuntimeTheory]
    [InlineData("LeakyRelu", -0.3f, null)]
    [InlineData("LeakyRelu", 0f, null)]
    [InlineData("Elu", -0.5f, null)]
    [InlineData("ThresholdedRelu", -0.2f, null)]
    [InlineData("Affine", -0.7f, 0.1f)]
    [InlineData("ScaledTanh", -0.7f, 0.9f)]
    [InlineData("HardSigmoid", -0.3f, 0.4f)]
    public void AnyNumbersOfFunctions(string function, float alpha, float? beta)
    {
        var given = new RecurrentCase("RNN", "forward", function, 91) { Activations = [function], Alphas = [alpha], Betas = beta is { } b ? [b] : null };
        using var backend = new CpuBackend(1);
        using ImportedModel model = Graphs.Load(given.Model(), backend);
        Dictionary<string, OnnxValue> expected = OnnxRuntime.Run(given.Model(), given.Inputs());
        Dictionary<string, float[]> results = Graphs.Run(model, given.Inputs());
        Assert.Equal(expected.Keys.Order(), results.Keys.Order());
        foreach ((string name, OnnxValue value) in expected)
        {
            Assert.Equal(value.Floats.Length, results[name].Length);
            for (int i = 0; i < value.Floats.Length; i++)
                Assert.Equal(value.Floats[i], results[name][i], 1e-5f);
        }
    }

    private static byte[] Lstm(params (string Name, object Value)[] attributes) => new OnnxBuilder()
        .Input("x", OnnxValue.Float, "t", "n", 7).Output("y", OnnxValue.Float)
        .Initializer("w", new float[44 * 7], 1, 44, 7).Initializer("r", new float[44 * 11], 1, 44, 11)
        .Node("LSTM", ["x", "w", "r"], ["y"], attributes).Build(13);
}
