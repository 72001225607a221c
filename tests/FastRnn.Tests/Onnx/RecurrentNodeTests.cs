using FastRnn.Backends;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Onnx;

/// <summary>RNN, LSTM and GRU nodes over all attributes.</summary>
public class RecurrentNodeTests
{
    private const double OrtTolerance = 1e-5, Tolerance = 1e-6;

    public static TheoryData<string, string> Kinds
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string kind in RecurrentCases.Operators)
            {
                foreach (string direction in RecurrentCases.Directions)
                    data.Add(kind, direction);
            }
            return data;
        }
    }

    [Fact]
    public void ThereAreEnoughCases() => Assert.True(RecurrentCases.Operators.Sum(kind => RecurrentCases.Directions.Sum(direction => RecurrentCases.Of(kind, direction).Count())) >= 300);

    /// <summary>The equations that other tests trust are ONNX Runtime's.</summary>
    [OnnxRuntimeTheory]
    [MemberData(nameof(Kinds))]
    public void EquationsAreOnnxRuntimes(string kind, string direction)
    {
        var failures = new List<string>();
        foreach (RecurrentCase given in RecurrentCases.Of(kind, direction))
        {
            if (given.BatchFirst)
            {
                Assert.Contains("layout", Assert.Throws<InvalidOperationException>(() => OnnxRuntime.Run(given.Model(), given.Inputs())).Message, StringComparison.OrdinalIgnoreCase);
                continue;
            }
            Dictionary<string, double[]> expected = RecurrentEquations.Compute(given);
            Dictionary<string, OnnxValue> outputs = OnnxRuntime.Run(given.Model(), given.Inputs());
            Assert.Equal(given.Outputs.Keys.Order(), outputs.Keys.Order());
            foreach ((string name, long[] shape) in given.Outputs)
            {
                Assert.Equal(shape, outputs[name].Shape);
                Compare(given, name, expected[name], outputs[name].Floats, OrtTolerance, failures);
            }
        }
        Assert.True(failures.Count == 0, string.Join("\n", failures));
    }

    /// <summary>Nodes that a graph runs, twice in a row: what a run leaves behind is not seen by the next.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void NodesAreTheEquations(string kind, string direction)
    {
        using var backend = new CpuBackend(1);
        var failures = new List<string>();
        foreach (RecurrentCase given in RecurrentCases.Of(kind, direction))
        {
            Dictionary<string, double[]> expected = RecurrentEquations.Compute(given);
            using ImportedModel model = Graphs.Load(given.Model(), backend);
            for (int run = 0; run < 2; run++)
            {
                IReadOnlyDictionary<string, GraphTensor> outputs = model.Graph!.Run(given.Inputs().ToDictionary(input => input.Key, input => Graphs.Tensor(input.Value)));
                Assert.Equal(given.Outputs.Keys.Order(), outputs.Keys.Order());
                foreach ((string name, long[] shape) in given.Outputs)
                {
                    Assert.Equal(shape, Array.ConvertAll(outputs[name].Shape.ToArray(), size => (long)size));
                    Compare(given, name, expected[name], outputs[name].Values<float>().ToArray(), Tolerance, failures);
                }
            }
        }
        Assert.True(failures.Count == 0, string.Join("\n", failures));
    }

    private static void Compare(RecurrentCase given, string name, double[] expected, float[] actual, double tolerance, List<string> failures)
    {
        Assert.Equal(expected.Length, actual.Length);
        double worst = 0;
        for (int i = 0; i < expected.Length; i++)
            worst = Math.Max(worst, Math.Abs(actual[i] - expected[i]) / Math.Max(1, Math.Abs(expected[i])));
        if (!(worst <= tolerance))
            failures.Add($"{given}: {name} differs by {worst:E1}");
    }
}
