using System.IO.Compression;
using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Graphs;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Mutations.Formats;
using FastRnn.Mutations.Runs;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Onnx;

/// <summary>Graphs that are plain stacks of layers become models like any other; see Truth/make_onnx_stacks.py.</summary>
public sealed class StackTests : IDisposable
{
    private const double Tolerance = 1e-6;

    private static readonly string _archive = Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "Truth", "onnx_stacks.zip");

    /// <summary>Of <see cref="ExportCases"/>: residuals, normalisation of the input, a last step that is put together of parts or behind zeros, and a stack that has no recurrent layer.</summary>
    private static readonly string[] _noStacks = ["gelu, softmax", "norms", "residuals", "last step in the middle", "last step in a residual", "tokens, classes"];

    private readonly CpuBackend _backend = new(1);

    private static IEnumerable<string> Names
    {
        get
        {
            using ZipArchive archive = ZipFile.OpenRead(_archive);
            return [.. archive.Entries.Where(entry => entry.Name.EndsWith(".onnx", StringComparison.Ordinal)).Select(entry => entry.Name[..^5])];
        }
    }

    public static TheoryData<string> Exported => [.. Names];

    public static TheoryData<string> Written => [.. ExportCases.All.Keys];

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void ThereAreEnoughModels() => Assert.True(Exported.Count >= 60);

    /// <summary>What PyTorch has exported is what PyTorch computes, in a whole and, where no layer reads ahead, step by step.</summary>
    [Theory]
    [MemberData(nameof(Exported))]
    public void ExportsOfPyTorch(string name)
    {
        using ImportedModel model = Graphs.Load(Entry($"{name}.onnx"), _backend, new ImportOptions());
        using JsonDocument facts = JsonDocument.Parse(Entry($"{name}.json"));
        if (name.Contains("_both_", StringComparison.Ordinal) && facts.RootElement.GetProperty("states").GetBoolean())
        {
            AgreesAsAGraph(model, facts.RootElement, name);
            return;
        }
        Assert.True(model.Sequential != null, $"{name} is no stack");
        bool batchFirst = facts.RootElement.GetProperty("batch_first").GetBoolean(), last = facts.RootElement.GetProperty("last").GetBoolean();
        (double[] x, int[] sizes) = Numbers(facts.RootElement.GetProperty("x"));
        (double[] expected, _) = Numbers(facts.RootElement.GetProperty("y"));
        (int steps, int batch) = batchFirst ? (sizes[1], sizes[0]) : (sizes[0], sizes[1]);
        float[] y = Predict(model.Sequential!, TimeFirst(x, batchFirst, steps, batch), steps, batch);
        int width = model.Sequential!.OutputSize;
        Agree(last ? expected : TimeFirst(expected, batchFirst, steps, batch), last ? y[^(batch * width)..] : y, name);
        if (!model.Sequential.Layers.Any(layer => layer is Bidirectional or GoBackwards))
            Agree([.. y.Select(value => (double)value)], Stepwise(model.Sequential, TimeFirst(x, batchFirst, steps, batch), steps, batch), $"{name}, step by step");
        Assert.Equal(last, model.Notes.Any(note => note.Contains("last step", StringComparison.Ordinal)));
        Assert.Equal(batchFirst, model.Notes.Any(note => note.Contains("batch first", StringComparison.Ordinal)));
        Assert.Equal(facts.RootElement.GetProperty("states").GetBoolean(), model.Notes.Any(note => note.Contains("a session carries", StringComparison.Ordinal)));
    }

    /// <summary>Layers that read both ways and whose states can be given: no session could carry these.</summary>
    private static void AgreesAsAGraph(ImportedModel model, JsonElement facts, string name)
    {
        Assert.True(model.Graph != null, $"{name} is a stack");
        (double[] x, int[] sizes) = Numbers(facts.GetProperty("x"));
        (double[] expected, _) = Numbers(facts.GetProperty("y"));
        int batch = sizes[facts.GetProperty("batch_first").GetBoolean() ? 0 : 1];
        GraphTensor data = model.Graph.Inputs[0].Type == ElementType.Int64
            ? GraphTensor.Of<long>(Array.ConvertAll(x, value => (long)value), sizes) : GraphTensor.Of<float>(Array.ConvertAll(x, value => (float)value), sizes);
        IEnumerable<GraphTensor> states = model.Graph.Inputs.Skip(1)
            .Select(state => new GraphTensor(ElementType.Float32, [.. state.Shape!.Select(dimension => dimension.IsOpen ? batch : dimension.Size)]));
        Agree(expected, model.Graph.Run([data, .. states])[0].Values<float>().ToArray(), name);
    }

    /// <summary>Files that were not written to their end.</summary>
    [Fact]
    public void Every_prefix_is_refused_or_the_same()
    {
        FileFormat format = FileFormats.Find("onnx");
        foreach (string name in Names)
            Assert.Null(Prefix.Problem(format, Entry($"{name}.onnx")));
    }

    /// <summary>Nodes of every cell, direction and option with a dense layer and a softmax behind them are their equations.</summary>
    [Theory]
    [MemberData(nameof(RecurrentNodeTests.Kinds), MemberType = typeof(RecurrentNodeTests))]
    public void HandBuilt(string kind, string direction)
    {
        int stacks = 0;
        foreach (RecurrentCase given in RecurrentCases.Of(kind, direction))
        {
            if (given.Lengths != null || given.WeightsAreInputs || !given.Wanted[0] || given.SecondActivations != null)
                continue;
            using ImportedModel model = Graphs.Load(WithHead(given), _backend, new ImportOptions());
            if ((given.InitialHidden || given.InitialCell) && !(given.Direction == "forward" && given.InitialHidden && (given.InitialCell || given.Operator != "LSTM")))
            {
                Assert.True(model.Graph != null, $"{given}: its states are no session's");
                continue;
            }
            stacks++;
            Assert.True(model.Sequential != null, $"{given} is no stack");
            float[] y = Predict(model.Sequential!, TimeFirst([.. given.X.Select(value => (double)value)], given.BatchFirst, given.Steps, given.Batch), given.Steps, given.Batch);
            Agree(Head(given), y, given.ToString());
        }
        Assert.True(stacks >= 15, $"{stacks}");
    }

    /// <summary>FastRnn's own ONNX files without what they say of FastRnn: most are stacks again, and all of these compute the same.</summary>
    [Fact]
    public void OwnExports()
    {
        int number = 0;
        var others = new List<string>();
        foreach ((string name, Func<Layer[]> layers) in ExportCases.All)
        {
            using var model = new Sequential(_backend, 5, layers());
            byte[] file = [.. OnnxExport.Serialize(model, new ModelInfo(), new OnnxExportOptions { States = number++ % 2 == 1 }).SelectMany(part => part.ToArray())];
            if (SequentialDetection.Find(Definition(file), "ONNX", null) is not { } draft)
            {
                others.Add(name);
                continue;
            }
            using ImportedModel again = draft.Build(_backend, new ImportOptions());
            double[] x = [.. Enumerable.Range(0, 15 * ExportCases.Features).Select(i => model.TakesTokens ? i * 7 % ExportCases.Tokens : Math.Sin(0.7 * i))];
            float[] expected = Predict(model, x, 5, 3), y = Predict(again.Sequential!, x, 5, 3);
            bool last = again.Notes.Any(note => note.Contains("last step", StringComparison.Ordinal));
            int rows = last ? 3 * model.OutputSize : expected.Length;
            Agree([.. expected[^rows..].Select(value => (double)value)], y[^rows..], name);
        }
        Assert.Equal(ExportCases.All.Keys.Where(IsNoStack), others);
    }

    /// <summary>Directions that are merged otherwise than side by side, or at their last steps, are no stacks, either.</summary>
    private static bool IsNoStack(string name) => _noStacks.Contains(name) || name.StartsWith("linear, ", StringComparison.Ordinal)
        || (name.Contains(", both, ", StringComparison.Ordinal) && ((string[])["last step", "Sum", "Average", "Multiply"]).Any(end => name.EndsWith(end, StringComparison.Ordinal)));

    private static GraphDefinition Definition(byte[] file)
    {
        var options = new ImportOptions();
        return OnnxDefinition.Of(OnnxParser.Model(file, null, options.Limits), file, null, options, default);
    }

    private static byte[] WithHead(RecurrentCase given)
    {
        int width = given.Directions * given.Hidden;
        var builder = new OnnxBuilder();
        string? batch = given.BatchFirst ? "batch" : "time", time = given.BatchFirst ? "time" : "batch";
        builder.Input("X", OnnxValue.Float, batch, time, given.Input).Output("y", OnnxValue.Float);
        given.Declare(builder);
        string squeezed = given.Directions == 2 ? "joined" : "squeezed";
        string[] outputs = given.Operator == "LSTM" ? ["Y", "Y_h", "Y_c"] : ["Y", "Y_h"];
        builder.Node(given.Operator, given.Names(), outputs, [.. given.Attributes()]);
        if (given.Directions == 2)
        {
            // [T, D, N, H], or [N, T, D, H]
            builder.Initializer("shape", (long[])[0, 0, -1]).Node("Transpose", ["Y"], ["turned"], ("perm", given.BatchFirst ? new long[] { 0, 1, 2, 3 } : [0, 2, 1, 3]));
            builder.Node("Reshape", ["turned", "shape"], ["joined"]);
        }
        else
        {
            builder.Initializer("axis", (long[])[given.BatchFirst ? 2 : 1]).Node("Squeeze", ["Y", "axis"], ["squeezed"]);
        }
        builder.Initializer("dense", Dense(width), width, 3).Initializer("shift", [0.1f, -0.2f, 0.3f], 3);
        builder.Node("MatMul", [squeezed, "dense"], ["product"]).Node("Add", ["shift", "product"], ["scores"]).Node("Softmax", ["scores"], ["y"]);
        if (given.InitialHidden)
            builder.Output("Y_h", OnnxValue.Float);
        if (given.InitialCell)
            builder.Output("Y_c", OnnxValue.Float);
        return builder.Build(14);
    }

    private static float[] Dense(int width) => [.. Enumerable.Range(0, width * 3).Select(i => (float)Math.Sin(1.3 * i) * 0.7f)];

    /// <summary>The equations of <see cref="WithHead"/> from the zero state, time first.</summary>
    private static double[] Head(RecurrentCase given)
    {
        double[] y = RecurrentEquations.Compute(given with { InitialHidden = false, InitialCell = false })["Y"];
        int width = given.Directions * given.Hidden;
        float[] dense = Dense(width);
        double[] shift = [0.1f, -0.2f, 0.3f];
        var result = new List<double>();
        for (int t = 0; t < given.Steps; t++)
        {
            for (int n = 0; n < given.Batch; n++)
            {
                var scores = (double[])shift.Clone();
                for (int k = 0; k < width; k++)
                {
                    (int d, int u) = (k / given.Hidden, k % given.Hidden);
                    int row = given.BatchFirst ? (((n * given.Steps) + t) * given.Directions) + d : (((t * given.Directions) + d) * given.Batch) + n;
                    for (int o = 0; o < 3; o++)
                        scores[o] += y[(row * given.Hidden) + u] * dense[(k * 3) + o];
                }
                double sum = scores.Sum(Math.Exp);
                result.AddRange(scores.Select(score => Math.Exp(score) / sum));
            }
        }
        return [.. result];
    }

    private static byte[] Entry(string name)
    {
        using ZipArchive archive = ZipFile.OpenRead(_archive);
        using Stream stream = archive.GetEntry(name)!.Open();
        var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>A nested list as its numbers and sizes.</summary>
    private static (double[] Values, int[] Sizes) Numbers(JsonElement list)
    {
        var sizes = new List<int>();
        for (JsonElement element = list; element.ValueKind == JsonValueKind.Array; element = element[0])
            sizes.Add(element.GetArrayLength());
        IEnumerable<JsonElement> elements = [list];
        foreach (int _ in sizes)
            elements = [.. elements.SelectMany(element => element.EnumerateArray())];
        return ([.. elements.Select(element => element.GetDouble())], [.. sizes]);
    }

    /// <summary>[N, T, …] as [T, N, …].</summary>
    private static double[] TimeFirst(double[] values, bool batchFirst, int steps, int batch)
    {
        if (!batchFirst)
            return values;
        int width = values.Length / (steps * batch);
        var result = new double[values.Length];
        for (int i = 0; i < values.Length; i++)
            result[((((i / width % steps) * batch) + (i / width / steps)) * width) + (i % width)] = values[i];
        return result;
    }

    private static float[] Predict(Sequential model, double[] x, int steps, int batch)
    {
        var window = new SequenceChunk(steps, batch, model.TakesTokens ? 0 : model.InputSize, 1);
        for (int i = 0; i < window.Inputs.Length; i++)
            window.Inputs[i] = (int)x[i];
        for (int i = 0; i < window.InputValues.Length; i++)
            window.InputValues[i] = (float)x[i];
        var y = new float[steps * batch * model.OutputSize];
        model.Predict(window, y);
        return y;
    }

    private static float[] Stepwise(Sequential model, double[] x, int steps, int batch)
    {
        int input = x.Length / (steps * batch), output = model.OutputSize;
        var y = new float[steps * batch * output];
        for (int n = 0; n < batch; n++)
        {
            using Session session = model.OpenSession();
            for (int t = 0; t < steps; t++)
            {
                int row = (t * batch) + n;
                if (session.TakesTokens)
                    session.Step((int)x[row], y.AsSpan(row * output, output));
                else
                    session.Step([.. x.AsSpan(row * input, input).ToArray().Select(value => (float)value)], y.AsSpan(row * output, output));
            }
        }
        return y;
    }

    private static void Agree(double[] expected, float[] actual, string what)
    {
        Assert.True(expected.Length == actual.Length, $"{what}: {actual.Length} values, not {expected.Length}");
        for (int i = 0; i < actual.Length; i++)
            Assert.True(Math.Abs(actual[i] - expected[i]) <= Tolerance * Math.Max(1, Math.Abs(expected[i])), $"{what}: value {i} is {actual[i]:R}, not {expected[i]:R}");
    }
}
