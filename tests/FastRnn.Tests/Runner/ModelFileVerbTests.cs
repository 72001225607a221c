using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Tensors;
using FastRnn.Graphs;
using FastRnn.Layers;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using Json = FastRnn.Tests.Support.Json;
using OnnxValue = FastRnn.Tests.Support.OnnxValue;

namespace FastRnn.Tests.Runner;

/// <summary>The verbs for model files of any kind: convert, info, run and verify.</summary>
public sealed class ModelFileVerbTests : IDisposable
{
    private readonly RunnerFolder _folder = new();
    private readonly CpuBackend _backend = new(threads: 1);

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("convert", "<FILE> --states --sidecar --activation --output-activation --json")]
    [InlineData("info", "<model> --sidecar --activation --json")]
    [InlineData("run", "<model> --input NAME=FILE --output --threads --json")]
    [InlineData("verify", "<folder> --rtol 0.001 --atol 1E-05 --threads --json")]
    public void Help_lists_everything(string verb, string words)
    {
        string help = _folder.RunInside(verb, "--help").Succeeded().Output;
        foreach (string word in words.Split(' '))
            Assert.Contains(word, help, StringComparison.Ordinal);
    }

    // ---- convert ----------------------------------------------------------------------------------------------------------------

    [Fact]
    public void Models_go_to_ONNX_and_back()
    {
        Save("a.safetensors", new Embedding(5, 3), new Bidirectional(new Lstm(3, 4)), new Dropout(0.5f), new Linear(8, 2));
        string text = _folder.Run("convert", "a.safetensors", "b.onnx").Succeeded().Output;
        Assert.Equal("source       a.safetensors: FastRnn safetensors\nmodel        b.onnx\ndifference   0 at most in 16 outputs of the probe\n", text.ReplaceLineEndings("\n"));
        JsonElement json = Json.Object(_folder.Run("convert", "b.onnx", "c.safetensors", "--json").Succeeded().Output);
        Assert.Equal("source:String, source_format:String, model:String, largest_difference:Number, outputs:Number, notes:Array", Json.Shape(json));
        Assert.Equal("FastRnn ONNX", json.GetProperty("source_format").GetString());
        Assert.Equal(_folder.Read("a.safetensors"), _folder.Read("c.safetensors"));
    }

    [Fact]
    public void States_are_asked_for()
    {
        Save("a.safetensors", new Lstm(3, 4));
        _folder.Run("convert", "a.safetensors", "b.onnx", "--states").Succeeded();
        Assert.True(_folder.Read("b.onnx").AsSpan().IndexOf("initial_c_0"u8) > 0);
        _folder.RunInside("convert", "a.safetensors", _folder.At("c.safetensors"), "--states").Failed(ExitCodes.Usage, "--states goes with .onnx");
    }

    [Fact]
    public void What_cannot_be_converted_is_refused_and_nothing_is_written()
    {
        Save("a.safetensors", new Lstm(3, 4) { Projection = 2 });
        WriteSum("sum.onnx");
        _folder.Unchanged(() =>
        {
            _folder.RunInside("convert", "a.safetensors", _folder.At("b.onnx")).Failed(ExitCodes.BadInput, "layer 0, lstm(", "a projected state cannot be written as ONNX");
            _folder.RunInside("convert", "a.safetensors", _folder.At("b.txt")).Failed(ExitCodes.Usage, "b.txt, expected the end .safetensors, .onnx");
            _folder.RunInside("convert", "a.safetensors", "a.safetensors").Failed(ExitCodes.BadInput, "would replace the source");
            _folder.RunInside("convert", "missing", _folder.At("b.onnx")).Failed(ExitCodes.BadInput, "no such file");
            _folder.RunInside("convert", RunnerFolder.Data, _folder.At("b.onnx")).Failed(ExitCodes.BadInput, "of no known kind");
            _folder.RunInside("convert", "sum.onnx", _folder.At("b.safetensors")).Failed(ExitCodes.BadInput, "no stack of FastRnn's layers");
            _folder.RunInside("convert", "a.safetensors", "").Failed(ExitCodes.Usage, "the target is '', expected a file name");
            _folder.RunInside("convert", "a.safetensors", "b.onnx", "--activation", "sigmoid").Failed(ExitCodes.Usage, "--activation is 'sigmoid', expected tanh or relu");
        });
    }

    // ---- info -------------------------------------------------------------------------------------------------------------------

    [Fact]
    public void Info_tells_of_graphs()
    {
        WriteSum("sum.onnx");
        string text = _folder.Run("info", "sum.onnx").Succeeded().Output.ReplaceLineEndings("\n");
        Assert.StartsWith("model        sum.onnx\nformat       ONNX\ninputs       a float32 [rows, 3]\n             b float32 [3]\noutputs      y float32 [rows, 3]\noperators    Add\nparameters   0\n", text, StringComparison.Ordinal);
        Assert.Contains("opset: '17'", text, StringComparison.Ordinal);
        JsonElement json = Json.Object(_folder.RunInside("info", "sum.onnx", "--json").Succeeded().Output);
        Assert.Equal(["a float32 [rows, 3]", "b float32 [3]"], json.GetProperty("inputs").EnumerateArray().Select(item => item.GetString()));
        Assert.Equal("Add", json.GetProperty("operators")[0].GetString());
    }

    // ---- run --------------------------------------------------------------------------------------------------------------------

    [Fact]
    public void Graphs_are_run_on_files_of_every_kind()
    {
        WriteSum("sum.onnx");
        File.WriteAllText(_folder.At("a.csv"), "1,2,3\n4,5,6\n");
        File.WriteAllText(_folder.At("b.json"), "[10,20,30]");
        string text = _folder.Run("run", "sum.onnx", "--input", "a=a.csv", "--input", "b=b.json", "--output", "y=y.npy").Succeeded().Output;
        Assert.Equal("y float32 [2, 3], 11 to 36: y.npy", text.TrimEnd());
        Assert.Equal([11f, 22, 33, 14, 25, 36], TensorFile.Read(_folder.At("y.npy")).Value.Values<float>().ToArray());

        TensorFile.Write(_folder.At("a.npy"), new("", GraphTensor.Of<double>([1, 2, 3], 1, 3)));
        TensorFile.Write(_folder.At("b.pb"), new("b", GraphTensor.Of<float>([1, 1, 1], 3)));
        Directory.CreateDirectory(_folder.At("out"));
        JsonElement json = Json.Object(_folder.Run("run", "sum.onnx", "--input", "a=a.npy", "--input", "b=b.pb", "--output", "out", "--json").Succeeded().Output);
        Assert.Equal("model:String, format:String, outputs:Array", Json.Shape(json));
        Assert.Equal("name:String, type:String, shape:Array, least:Number, greatest:Number, file:String", Json.Shape(json.GetProperty("outputs")[0]));
        Assert.Equal([2f, 3, 4], TensorFile.Read(_folder.At("out/y.npy")).Value.Values<float>().ToArray());
    }

    [Fact]
    public void Stacks_of_layers_are_run()
    {
        using Sequential model = Save("a.safetensors", new Gru(2, 3), new Linear(3, 1));
        File.WriteAllText(_folder.At("x.csv"), "0.5,1\n-1,0.25\n2,0\n");
        _folder.Run("run", "a.safetensors", "--input", "x.csv", "--output", "y.csv").Succeeded();
        var window = new SequenceChunk(3, 1, 2, 1);
        new float[] { 0.5f, 1, -1, 0.25f, 2, 0 }.CopyTo(window.InputValues);
        var expected = new float[3];
        model.Predict(window, expected);
        Assert.Equal(expected, TensorFile.Read(_folder.At("y.csv")).Value.Values<float>().ToArray());

        Save("t.safetensors", new Embedding(4, 3), new Linear(3, 2));
        File.WriteAllText(_folder.At("tokens.json"), "[[0,1],[3,2],[1,1]]");
        Assert.StartsWith("output float32 [3, 2, 2], ", _folder.RunInside("run", "t.safetensors", "--input", $"input={_folder.At("tokens.json")}").Succeeded().Output, StringComparison.Ordinal);
        File.WriteAllText(_folder.At("tokens.json"), "[[0],[4]]");
        _folder.RunInside("run", "t.safetensors", "--input", $"input={_folder.At("tokens.json")}").Failed(ExitCodes.BadInput, "has the token 4, the model knows 0 to 3");
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        WriteSum("sum.onnx");
        File.WriteAllText(_folder.At("a.csv"), "1,2,3\n4,5,6\n");
        File.WriteAllText(_folder.At("wide.csv"), "1,2,3,4\n");
        File.WriteAllText(_folder.At("bad.csv"), "1,2\nx,4\n");
        string a = "a=" + _folder.At("a.csv"), wide = "b=" + _folder.At("wide.csv");
        _folder.Unchanged(() =>
        {
            _folder.RunInside("run", "sum.onnx").Failed(ExitCodes.Usage, "--input");
            _folder.RunInside("run", "sum.onnx", "--input", a).Failed(ExitCodes.Usage, "a float32 [rows, 3]; b float32 [3]", "--input b=FILE is missing");
            _folder.RunInside("run", "sum.onnx", "--input", a, "--input", a).Failed(ExitCodes.Usage, "--input a is given twice");
            _folder.RunInside("run", "sum.onnx", "--input", "c=x.csv").Failed(ExitCodes.Usage, "--input is 'c=x.csv', expected NAME=FILE with one of a, b");
            _folder.RunInside("run", "sum.onnx", "--input", "a=").Failed(ExitCodes.Usage, "--input is 'a=', expected NAME=FILE");
            _folder.RunInside("run", "sum.onnx", "--input", "a=missing.npy").Failed(ExitCodes.BadInput, "missing.npy: no such file");
            _folder.RunInside("run", "sum.onnx", "--input", "a=" + _folder.At("bad.csv")).Failed(ExitCodes.BadInput, "bad.csv: row 2, column 1: 'x' is no float32 (at byte 4)");
            _folder.RunInside("run", "sum.onnx", "--input", a, "--input", wide).Failed(ExitCodes.BadInput, "input 'b' is [4] of float32, the model takes [3] of float32");
            _folder.RunInside("run", "sum.onnx", "--input", a, "--input", "b=" + _folder.At("sum.onnx")).Failed(ExitCodes.BadInput, "a tensor's file ends in .npy");
            _folder.RunInside("run", "sum.onnx", "--input", a, "--input", wide, "--output", "nowhere").Failed(ExitCodes.BadInput, "nowhere: no such folder");
            _folder.RunInside("run", "sum.onnx", "--input", a, "--input", wide, "--output", "z=y.npy").Failed(ExitCodes.Usage, "--output is 'z=y.npy'");
        });
    }

    /// <summary>Names of outputs differ where names of files do not.</summary>
    [Fact]
    public void No_output_overwrites_another()
    {
        _folder.Write("twice.onnx", new OnnxBuilder().Input("x", OnnxValue.Float, 3).Output("h/0", OnnxValue.Float, 3).Output("h:0", OnnxValue.Float, 3)
            .Node("Relu", ["x"], ["h/0"]).Node("Neg", ["x"], ["h:0"]).Build());
        File.WriteAllText(_folder.At("x.csv"), "1,2,3\n");
        Directory.CreateDirectory(_folder.At("out"));
        string x = _folder.At("x.csv"), file = _folder.At("y.npy");
        _folder.RunInside("run", "twice.onnx", "--input", x, "--output", "out").Failed(ExitCodes.BadInput, "h_0.npy: would hold the outputs 'h/0' and 'h:0'".Replace("'", "", StringComparison.Ordinal));
        _folder.RunInside("run", "twice.onnx", "--input", x, "--output", "h/0=" + file, "--output", "h:0=" + file).Failed(ExitCodes.BadInput, "y.npy: would hold the outputs");
        Assert.Empty(Directory.GetFiles(_folder.At("out")));
        _folder.RunInside("run", "twice.onnx", "--input", x, "--output", "out", "--output", "h:0=" + file).Succeeded();
        Assert.Equal([-1f, -2, -3], TensorFile.Read(file).Value.Values<float>().ToArray());
    }

    // ---- verify -----------------------------------------------------------------------------------------------------------------

    [Fact]
    public void Folders_are_verified()
    {
        Test("tests/one", 0, [1, 2, 3], [10, 20, 30], [11, 22, 33]);
        Test("tests/one", 10, [1, 2, 3], [0, 0, 0], [1, 2, 3.0029f]); // within 1e-3 of what is expected, and 1e-5
        Test("tests/deep/two", 2, [1, 2, 3], [0, 0, 0], [1, 2, 3]);
        RunnerResult result = _folder.Run("verify", "tests");
        Assert.Equal(
            "passed tests/deep/two/test_data_set_2\npassed tests/one/test_data_set_0\npassed tests/one/test_data_set_10\n3 passed, 0 failed\n", result.Succeeded().Output.ReplaceLineEndings("\n").Replace('\\', '/'));

        Test("tests/one", 2, [1, 2, 3], [0, 0, 0], [1, 2.5f, 3.1f]);
        result = _folder.Run("verify", "tests/one", "tests/deep/two");
        Assert.Equal(ExitCodes.BadInput, result.ExitCode);
        string[] lines = result.Output.ReplaceLineEndings("\n").Replace('\\', '/').TrimEnd().Split('\n');
        Assert.Equal("FAILED tests/one/test_data_set_2: output y, element [0, 1]: expected 2.5, actual 2; 2 of 3 elements differ", lines[1]);
        Assert.Equal("3 passed, 1 failed", lines[^1]);
        _folder.Run("verify", "tests", "--rtol", "0.3").Succeeded();
        Assert.Equal(ExitCodes.BadInput, _folder.RunInside("verify", "tests", "--rtol", "0", "--atol", "0.001").ExitCode);

        result = _folder.Run("verify", "tests", "--json");
        JsonElement json = Json.Object(result.Output);
        Assert.Equal((ExitCodes.BadInput, 3, 1), (result.ExitCode, json.GetProperty("passed").GetInt32(), json.GetProperty("failed").GetInt32()));
        Assert.Equal("passed:Number, failed:Number, rtol:Number, atol:Number, tests:Array", Json.Shape(json));
        JsonElement failed = json.GetProperty("tests").EnumerateArray().Single(test => !test.GetProperty("passed").GetBoolean());
        Assert.Equal("y [0, 1] 2.5 2", string.Join(' ', ((string[])["output", "element", "expected", "actual"]).Select(key => failed.GetProperty(key).GetString())));
    }

    [Fact]
    public void What_cannot_be_verified_fails_or_is_refused()
    {
        Test("one", 0, [1, 2, 3], [0, 0, 0], [1, 2, 3]);
        File.Delete(_folder.At("one/test_data_set_0/input_1.pb"));
        Expect("one", "there is no input_1.pb for the input b");
        Test("two", 0, [1, 2, 3], [0, 0, 0], [1, 2, 3]);
        File.Copy(_folder.At("two/test_data_set_0/input_1.pb"), _folder.At("two/test_data_set_0/input_2.pb"));
        Expect("two", "there is input_2.pb, the model has 2 inputs");
        Test("three", 0, [1, 2, 3], [0, 0, 0], [1, 2, 3]);
        TensorFile.Write(_folder.At("three/test_data_set_0/output_0.pb"), new("y", GraphTensor.Of<float>([1, 2, 3], 3)));
        Expect("three", "output y: expected shape [3], actual shape [1, 3]");
        TensorFile.Write(_folder.At("three/test_data_set_0/output_0.pb"), new("y", GraphTensor.Of<int>([1, 2, 3], 1, 3)));
        Expect("three", "output y: expected int32, actual float32");
        TensorFile.Write(_folder.At("three/test_data_set_0/output_0.pb"), new("y", GraphTensor.Of<float>([1, float.NaN, 3], 1, 3)));
        Expect("three", "element [0, 1]: expected NaN, actual 2; it alone of 3 elements differ");
        File.WriteAllBytes(_folder.At("three/test_data_set_0/output_0.pb"), [0x08]);
        Expect("three", "a number is cut off (at byte 0)");
        File.WriteAllText(_folder.At("three/model.onnx"), "no model");
        Expect("three", "model.onnx: ");
        Directory.CreateDirectory(_folder.At("four"));
        WriteSum("four/model.onnx");
        Expect("four", "there is no test_data_set_*");

        Directory.CreateDirectory(_folder.At("empty"));
        _folder.RunInside("verify", "empty").Failed(ExitCodes.BadInput, "no model.onnx in it or below");
        _folder.RunInside("verify", "missing").Failed(ExitCodes.BadInput, "missing: no such folder");
        _folder.RunInside("verify").Failed(ExitCodes.Usage, "folder");
        _folder.RunInside("verify", "empty", "--rtol", "-1").Failed(ExitCodes.Usage, "--rtol is '-1', expected 0 or more");
    }

    private void Expect(string folder, string problem)
    {
        RunnerResult result = _folder.RunInside("verify", folder);
        Assert.Equal(ExitCodes.BadInput, result.ExitCode);
        string[] lines = result.Output.TrimEnd().Split('\n');
        Assert.Contains(problem, lines[0], StringComparison.Ordinal);
        Assert.Equal("0 passed, 1 failed", lines[^1].TrimEnd());
    }

    private Sequential Save(string name, params Layer[] layers)
    {
        var model = new Sequential(_backend, 4, layers);
        ModelFile.Save(model, new ModelInfo(), _folder.At(name));
        return model;
    }

    /// <summary>y = a + b, a [rows, 3] and b [3].</summary>
    private void WriteSum(string name) => File.WriteAllBytes(_folder.At(name), new OnnxBuilder()
        .Input("a", OnnxValue.Float, "rows", 3).Input("b", OnnxValue.Float, 3).Output("y", OnnxValue.Float, "rows", 3).Node("Add", ["a", "b"], ["y"]).Build());

    private void Test(string folder, int set, float[] a, float[] b, float[] y)
    {
        string data = _folder.At($"{folder}/test_data_set_{set}");
        Directory.CreateDirectory(data);
        WriteSum(folder + "/model.onnx");
        TensorFile.Write(Path.Combine(data, "input_0.pb"), new("a", GraphTensor.Of<float>(a, 1, 3)));
        TensorFile.Write(Path.Combine(data, "input_1.pb"), new("b", GraphTensor.Of<float>(b, 3)));
        TensorFile.Write(Path.Combine(data, "output_0.pb"), new("y", GraphTensor.Of<float>(y, 1, 3)));
    }
}
