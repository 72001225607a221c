using System.Globalization;
using FastRnn.Formats;
using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using OnnxValue = FastRnn.Tests.Support.OnnxValue;

namespace FastRnn.Tests.Formats.Onnx;

/// <summary>Models written as ONNX: another runtime computes what FastRnn does, ONNX's own checker accepts them, and what ONNX cannot say is refused.</summary>
public sealed class OnnxExportTests() : FileTest("model.onnx")
{
    private const double Tolerance = 1e-5;

    public static TheoryData<string> Cases => [.. ExportCases.All.Keys];

    [Fact]
    public void There_are_enough_cases() => Assert.True(ExportCases.All.Count >= 60, $"{ExportCases.All.Count}");

    [OnnxRuntimeTheory]
    [MemberData(nameof(Cases))]
    public void Another_runtime_agrees(string name)
    {
        using Sequential model = Model(name);
        byte[] file = Write(model, new OnnxExportOptions());
        foreach ((int steps, int batch) in ((int, int)[])[(5, 3), (1, 1), (8, 2)])
        {
            OnnxValue output = Run(file, model, Window(model, steps, batch))["output"];
            var expected = new float[steps * batch * model.OutputSize];
            model.Predict(Window(model, steps, batch), expected);
            bool last = GivesTheLastStep(model);
            Assert.Equal([last ? 1 : steps, batch, model.OutputSize], output.Shape);
            Agree(last ? expected[^(batch * model.OutputSize)..] : expected, output.Floats, $"{name}, {steps} steps, {batch} samples");
        }
    }

    /// <summary>Layers that give one output for each sample are where the file has one step.</summary>
    [OnnxRuntimeTheory]
    [InlineData("lstm, both, Concat, last step", 1)]
    [InlineData("gru, backwards, last step", 1)]
    [InlineData("tokens, classes", 1)]
    [InlineData("last step in the middle", 5)]
    [InlineData("last step in a residual", 5)]
    public void Steps_that_nothing_is_said_of_are_left_out_where_nothing_sees_them(string name, int steps)
    {
        using Sequential model = Model(name);
        Assert.Equal(steps, Run(Write(model, new()), model, Window(model, 5, 2))["output"].Shape[0]);
    }

    [OnnxRuntimeTheory]
    [InlineData("lstm, two", 4)]
    [InlineData("gru, three", 3)]
    [InlineData("gru reset before, tokens", 1)]
    [InlineData("rnn relu, two", 2)]
    [InlineData("residuals", 2)]
    [InlineData("lstm, peepholes True, coupled True, clip 0.2", 2)]
    public void States_go_from_part_to_part(string name, int states)
    {
        using Sequential model = Model(name);
        byte[] file = Write(model, new OnnxExportOptions { States = true });
        SequenceChunk whole = Window(model, 6, 2);
        var expected = new float[12 * model.OutputSize];
        model.Predict(whole, expected);
        Dictionary<string, OnnxValue> carried = Zeros(model, 2), once = Run(file, model, whole, carried);
        Assert.Equal(states, carried.Count);
        Assert.Equal(states + 1, once.Count);
        Agree(expected, once["output"].Floats, name);
        var found = new List<float>();
        foreach ((int first, int count) in ((int, int)[])[(0, 1), (1, 3), (4, 2)])
        {
            Dictionary<string, OnnxValue> outputs = Run(file, model, Part(whole, first, count), carried);
            found.AddRange(outputs["output"].Floats);
            carried = outputs.Where(output => output.Key != "output").ToDictionary(output => output.Key.Replace("final", "initial", StringComparison.Ordinal), output => output.Value);
        }
        // The layer that reads both ways has no state, and does not see what the next part brings.
        if (name != "residuals")
            Agree(expected, [.. found], name);
        foreach ((string initial, OnnxValue state) in carried)
            Agree(once[initial.Replace("initial", "final", StringComparison.Ordinal)].Floats, state.Floats, $"{name}, {initial}");
    }

    [PythonOnnxFact]
    public void The_checker_accepts_all_and_names_are_as_documented()
    {
        int number = 0;
        var names = new List<string>();
        foreach ((string name, Func<Layer[]> layers) in ExportCases.All)
        {
            foreach (bool states in (bool[])[false, true])
            {
                using var model = new Sequential(_backend, 5, layers());
                OnnxExport.Save(model, new ModelInfo(), Path.Combine(_folder, FormattableString.Invariant($"{number++:d3}.onnx")), new OnnxExportOptions { States = states });
                names.Add($"{name}{(states ? ", states" : "")}");
            }
        }
        (int code, string output) = PythonOnnx.Run(Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "Formats", "Onnx", "check_onnx.py"), _folder);
        Assert.True(code == 0, output);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(number, lines.Length);
        string Of(string name) => lines[names.IndexOf(name)][10..];
        Assert.Equal("input[time,batch,7] output[time,batch,3]", Of("lstm, two"));
        Assert.Equal(
            "input[time,batch,7] initial_h_0[1,batch,11] initial_c_0[1,batch,11] initial_h_1[1,batch,5] initial_c_1[1,batch,5] "
            + "output[time,batch,3] final_h_0[1,batch,11] final_c_0[1,batch,11] final_h_1[1,batch,5] final_c_1[1,batch,5]", Of("lstm, two, states"));
        Assert.Equal("input[time,batch] output[time,batch,13]", Of("gru, tokens"));
        Assert.Equal("input[time,batch] output[1,batch,3]", Of("tokens, classes"));
        Assert.Equal("input[time,batch,7] output[time,batch,3]", Of("lstm, backwards, states"));
    }

    [Fact]
    public void What_the_operators_lack_is_refused_and_nothing_is_written()
    {
        foreach ((Layer layer, string option) in new (Layer, string)[]
        {
            (new Lstm(4, 3) { LayerNorm = true }, "layer normalisation in the cell"), (new Gru(4, 3) { LayerNorm = true }, "layer normalisation in the cell"),
            (new Lstm(4, 3) { Projection = 2 }, "a projected state"), (new Lstm(4, 3) { CellClip = 1 }, "a limit of the cell state"),
            (new Lstm(4, 3) { Zoneout = 0.1f }, "zoneout"), (new Rnn(4, 3) { Zoneout = 0.1f }, "zoneout"), (new Lstm(4, 3) { CellZoneout = 0.1f }, "zoneout"),
            (new Bidirectional(new Lstm(4, 3) { CellClip = 1 }), "a limit of the cell state"), (new GoBackwards(new Gru(4, 3) { Zoneout = 0.1f }), "zoneout"),
        })
        {
            using var model = new Sequential(_backend, 1, new Linear(2, 4), layer);
            var error = Assert.Throws<NotSupportedException>(() => OnnxExport.Save(model, new ModelInfo(), Target));
            Assert.StartsWith("layer 1, ", error.Message, StringComparison.Ordinal);
            Assert.EndsWith($": {option} cannot be written as ONNX", error.Message, StringComparison.Ordinal);
        }
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Weights_that_are_not_finite_leave_the_old_file()
    {
        File.WriteAllText(Target, "old");
        using var model = new Sequential(_backend, 1, new Linear(2, 1));
        model.Parameters[0].Write([float.NaN, 1]);
        Assert.Throws<NonFiniteException>(() => OnnxExport.Save(model, new ModelInfo(), Target));
        Assert.Equal("old", File.ReadAllText(Target));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Equal_models_give_equal_bytes()
    {
        using Sequential model = Model("residuals");
        Assert.Equal(Write(model, new()), Write(model, new()));
    }

    /// <summary>Whether a layer gives one output for each sample, and none behind it looks at more than a step.</summary>
    private static bool GivesTheLastStep(Sequential model)
    {
        static bool IsStepwise(Layer layer) => layer is Residual residual ? IsStepwise(residual.Inner) : layer is not (RecurrentLayer or Bidirectional or GoBackwards);
        int at = model.Layers.ToList().FindLastIndex(layer => layer is Bidirectional { LastStep: true } or GoBackwards { LastStep: true });
        return at >= 0 && model.Layers.Skip(at + 1).All(IsStepwise);
    }

    private Sequential Model(string name) => new(_backend, 5, ExportCases.All[name]());

    private byte[] Write(Sequential model, OnnxExportOptions options)
    {
        OnnxExport.Save(model, new ModelInfo(), Target, options);
        return File.ReadAllBytes(Target);
    }

    private static SequenceChunk Window(Sequential model, int steps, int batch)
    {
        var window = new SequenceChunk(steps, batch, model.TakesTokens ? 0 : ExportCases.Features, 1);
        for (int i = 0; i < window.Inputs.Length; i++)
            window.Inputs[i] = ((i * 5) + 2) % ExportCases.Tokens;
        for (int i = 0; i < window.InputValues.Length; i++)
            window.InputValues[i] = (float)Math.Sin((0.7 * i) + 0.3) * 1.5f;
        return window;
    }

    private static SequenceChunk Part(SequenceChunk whole, int first, int count)
    {
        int from = first * whole.Batch, rows = count * whole.Batch, features = whole.Features;
        var part = new SequenceChunk(count, whole.Batch, features, 1);
        if (features == 0)
            whole.Inputs.Slice(from, rows).CopyTo(part.Inputs);
        whole.InputValues.Slice(from * features, rows * features).CopyTo(part.InputValues);
        return part;
    }

    private static Dictionary<string, OnnxValue> Zeros(Sequential model, int batch)
    {
        var zeros = new Dictionary<string, OnnxValue>();
        for (int i = 0; i < model.Layers.Count; i++)
        {
            if ((model.Layers[i] is Residual residual ? residual.Inner : model.Layers[i]) is not RecurrentLayer layer)
                continue;
            zeros[FormattableString.Invariant($"initial_h_{i}")] = OnnxValue.Of(new float[batch * layer.Hidden], 1, batch, layer.Hidden);
            if (layer is Lstm)
                zeros[FormattableString.Invariant($"initial_c_{i}")] = OnnxValue.Of(new float[batch * layer.Hidden], 1, batch, layer.Hidden);
        }
        return zeros;
    }

    private static Dictionary<string, OnnxValue> Run(byte[] file, Sequential model, SequenceChunk window, Dictionary<string, OnnxValue>? states = null)
    {
        var inputs = new Dictionary<string, OnnxValue>(states ?? [])
        {
            ["input"] = model.TakesTokens
                ? OnnxValue.Of(Array.ConvertAll(window.Inputs.ToArray(), token => (long)token), window.Steps, window.Batch)
                : OnnxValue.Of(window.InputValues.ToArray(), window.Steps, window.Batch, ExportCases.Features),
        };
        return OnnxRuntime.Run(file, inputs);
    }

    private static void Agree(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            double bound = Tolerance * Math.Max(1, Math.Abs(expected[i]));
            Assert.True(Math.Abs(expected[i] - (double)actual[i]) <= bound, string.Create(CultureInfo.InvariantCulture, $"{what}, element {i}: {actual[i]} instead of {expected[i]}"));
        }
        Assert.Contains(expected, value => value != 0);
    }
}
