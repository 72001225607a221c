using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Model files: what is saved comes back, and nothing that differs from it does.</summary>
public sealed class ModelFileTests() : FileTest("model.safetensors")
{
    [Fact]
    public void What_is_saved_comes_back()
    {
        using var model = LanguageModel(seed: 7);
        var vocabulary = Vocabulary.FromText("héllo\n\"😀");
        var info = new ModelInfo
        {
            Task = "char-lm",
            Vocabulary = vocabulary,
            Training = new TrainingSummary
            {
                Data = "é.txt",
                Epochs = 3,
                BestEpoch = 2,
                ValidationLoss = 1.25,
                Steps = 99,
                Options = new Dictionary<string, string> { ["batch"] = "5" },
            },
        };
        ModelFile.Save(model, info, Target);

        var (loaded, read) = ModelFile.Load(Target, _backend);
        using (loaded)
        {
            Assert.Equal("char-lm", read.Task);
            Assert.Equal(vocabulary.Symbols, read.Vocabulary!.Symbols);
            Assert.Equal(7ul, read.Seed);
            Assert.Equal("0.1.0", read.LibraryVersion);
            Assert.Equal(info.Training with { Options = null }, read.Training! with { Options = null });
            Assert.Equal("5", read.Training!.Options!["batch"]);
            Assert.Equal(
                ["embedding(vocabulary 7, size 5)", "lstm(input 5, hidden 6)", "dropout(rate 0.25)", "lstm(input 6, hidden 4)", "linear(input 4, output 7)"],
                read.Layers.Select(layer => layer.ToString()));
            Assert.Equal(AllWeights(model), AllWeights(loaded));
            string again = Path.Combine(_folder, "again");
            ModelFile.Save(loaded, read, again);
            Assert.Equal(File.ReadAllBytes(Target), File.ReadAllBytes(again));
        }
    }

    [Fact]
    public void Names_and_shapes_are_those_of_a_sequential_module_in_pytorch()
    {
        using var model = LanguageModel();
        model.Save(Target);
        Assert.Equal(
            [
                "0.weight F32 [7, 5]",
                "1.weight_ih_l0 F32 [24, 5]", "1.weight_hh_l0 F32 [24, 6]", "1.bias_ih_l0 F32 [24]", "1.bias_hh_l0 F32 [24]",
                "3.weight_ih_l0 F32 [16, 6]", "3.weight_hh_l0 F32 [16, 4]", "3.bias_ih_l0 F32 [16]", "3.bias_hh_l0 F32 [16]",
                "4.weight F32 [7, 4]", "4.bias F32 [7]",
            ],
            SafetensorsReader.Read(Target).Tensors.Select(tensor => tensor.ToString()));
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(3, 8)]
    [InlineData(5000, 2)] // the first step meets no recurrent weight
    [InlineData(32_768, 2)]
    [InlineData(100_000, 2)]
    [InlineData(120_000, 1)] // a second one would be more text than a file may have
    public void Model_over_numbers_has_a_probe_of_numbers(int width, int steps)
    {
        using var model = new Sequential(_backend, 3, new Linear(width, 4), new Lstm(4, 3), new Linear(3, 600));
        model.Save(Target);
        var (loaded, info) = ModelFile.Load(Target, _backend);
        using (loaded)
        {
            Assert.Null(info.Vocabulary);
            Assert.Equal(AllWeights(model), AllWeights(loaded));
            Assert.Equal(steps, StoredSteps(info.Layers));
        }
    }

    [Fact]
    public void Only_recurrent_layers_need_a_second_step()
    {
        foreach ((Layer layer, int outputs, int steps) in new (Layer, int, int)[]
        {
            (new Linear(5000, 4), 4, 1), (new Bidirectional(new Rnn(5000, 4)), 8, 2), (new Residual(new Rnn(5000, 5000)), 5000, 2), (new GoBackwards(new Rnn(5000, 4)), 4, 2),
        })
        {
            using var model = new Sequential(_backend, 3, layer, new Linear(outputs, 2));
            model.Save(Target);
            (Sequential loaded, ModelInfo info) = ModelFile.Load(Target, _backend);
            loaded.Dispose();
            Assert.Equal(steps, StoredSteps(info.Layers));
        }
    }

    private int StoredSteps(IReadOnlyList<LayerInfo> layers) => Probe.StepsOf(layers, StrictJson.Read<ProbeRecord>(SafetensorsReader.Read(Target), ProbeRecord.Key, Target));

    public static TheoryData<string, string> Edits() => new()
    {
        { "drop 4.bias", "tensor '4.bias' is missing" },
        { "add extra", "tensor 'extra' belongs to no layer" },
        { "add optimizer.m.4.bias", "'optimizer.m.4.bias' belongs to no layer" },
        { "rename 4.bias", "tensor '4.bias' is missing" },
        { "transpose 0.weight", "tensor '0.weight' is F32 [5, 7]; the architecture needs F32 [7, 5]" },
        { "integer 4.bias", "tensor '4.bias' is I32 [7]; the architecture needs F32 [7]" },
        { "nan 1.weight_hh_l0", "tensor '1.weight_hh_l0' is not finite at element 3" },
        { "infinite 4.bias", "tensor '4.bias' is not finite at element 3" },
        { "swap gates", "does not compute what it did" },
        { "transpose recurrent block", "does not compute what it did" },
        { "one weight", "does not compute what it did" },
        { "architecture ", "lacks fastrnn.architecture" },
        { "preprocessing ", "lacks fastrnn.preprocessing" },
        { "provenance ", "lacks fastrnn.provenance" },
        { "probe ", "lacks fastrnn.probe" },
        { "architecture []", "fastrnn.architecture is not valid" },
        { "architecture null", "fastrnn.architecture is not valid" },
        { "architecture {\"layers\":null}", "fastrnn.architecture is not valid" },
        { "architecture {\"layers\":[null]}", "layer 0 is null" },
        { "architecture {\"layers\":[]}", "0 layers; a model has 1 to 256" },
        { "architecture {\"layers\":[{\"type\":\"dropout\",\"rate\":0.5}]}", "layer 0 is dropout" },
        { "architecture {\"layers\":[{\"type\":\"activation\",\"activation\":\"relu\"}]}", "layer 0 is activation" },
        { "architecture {\"layers\":[{\"type\":\"activation\"}]}", "layer 0 (activation) lacks activation" },
        { "architecture {\"layers\":[{\"type\":\"activation\",\"activation\":\"swosh\"}]}", "layer 0 has the activation 'swosh', which this version" },
        { "architecture {\"layers\":[{\"type\":\"log_softmax\",\"activation\":\"relu\"}]}", "layer 0 (log_softmax) cannot have activation" },
        { "architecture {\"layers\":[],\"layers\":[]}", "appears twice" },
        { "architecture {\"layers\":[],\"more\":1}", "fastrnn.architecture is not valid" },
        { "architecture {\"layers\":[{\"type\":\"elephant\",\"input\":1,\"hidden\":1}]}", "type 'elephant', which this version does not know" },
        { "architecture {\"layers\":[{\"type\":\"rnn\",\"input\":1,\"hidden\":1}]}", "layer 0 (rnn) lacks activation" },
        { "architecture {\"layers\":[{\"type\":\"rnn\",\"input\":1,\"hidden\":1,\"activation\":\"step\"}]}", "has the activation 'step', which this version" },
        { "architecture {\"layers\":[{\"type\":\"gru\",\"input\":1,\"hidden\":1,\"activation\":\"tanh\"}]}", "layer 0 (gru) cannot have activation" },
        { "architecture {\"layers\":[{\"type\":\"lstm\",\"input\":1}]}", "layer 0 (lstm) lacks hidden" },
        { "architecture {\"layers\":[{\"type\":\"lstm\",\"input\":1,\"hidden\":1,\"output\":1}]}", "layer 0 (lstm) cannot have output" },
        { "architecture {\"layers\":[{\"type\":\"lstm\",\"input\":1,\"hidden\":65537}]}", "hidden 65537; it must lie from 1 to 65536" },
        { "architecture {\"layers\":[{\"type\":\"lstm\",\"input\":0,\"hidden\":1}]}", "input 0; it must lie from 1" },
        { "architecture {\"layers\":[{\"type\":\"lstm\",\"input\":2147483648,\"hidden\":1}]}", "fastrnn.architecture is not valid" },
        { "architecture {\"layers\":[{\"type\":\"lstm\",\"input\":1.5,\"hidden\":1}]}", "fastrnn.architecture is not valid" },
        { "architecture {\"layers\":[{\"input\":1,\"hidden\":1}]}", "fastrnn.architecture is not valid" },
        { "architecture {\"layers\":[{\"type\":\"dropout\"}]}", "layer 0 (dropout) lacks rate" },
        { "architecture {\"layers\":[{\"type\":\"dropout\",\"rate\":1}]}", "rate 1; it must lie from 0 to below 1" },
        { "architecture {\"layers\":[{\"type\":\"linear\",\"input\":3,\"output\":4},{\"type\":\"linear\",\"input\":5,\"output\":4}]}", "layer 1 expects 5 inputs, layer 0 gives 4" },
        { "architecture {\"layers\":[{\"type\":\"linear\",\"input\":3,\"output\":4},{\"type\":\"embedding\",\"vocabulary\":5,\"size\":4}]}", "layer 1 is an embedding" },
        { "architecture {\"layers\":[{\"type\":\"embedding\",\"vocabulary\":2147483647,\"size\":2147483647}]}", "[2147483647, 2147483647]" },
        { "architecture {\"layers\":[{\"type\":\"bidirectional\",\"merge\":\"concat\",\"last_step\":false}]}", "layer 0 (bidirectional) lacks inner" },
        { "architecture {\"layers\":[{\"type\":\"bidirectional\",\"merge\":\"concat\",\"inner\":{\"type\":\"lstm\",\"input\":3,\"hidden\":3}}]}", "layer 0 (bidirectional) lacks last_step" },
        { "architecture {\"layers\":[{\"type\":\"bidirectional\",\"merge\":\"zip\",\"last_step\":false,\"inner\":{\"type\":\"lstm\",\"input\":3,\"hidden\":3}}]}", "layer 0 has the merge 'zip', expected concat, sum" },
        { "architecture {\"layers\":[{\"type\":\"bidirectional\",\"merge\":\"concat\",\"last_step\":false,\"inner\":{\"type\":\"linear\",\"input\":3,\"output\":3}}]}", "layer 0 is bidirectional around linear" },
        { "architecture {\"layers\":[{\"type\":\"bidirectional\",\"merge\":\"concat\",\"last_step\":false,\"inner\":{\"type\":\"lstm\",\"input\":3}}]}", "layer 0 (lstm) lacks hidden" },
        { "architecture {\"layers\":[{\"type\":\"bidirectional\",\"merge\":\"concat\",\"last_step\":false,\"inner\":{\"type\":\"lstm\",\"input\":3,\"hidden\":3}},{\"type\":\"linear\",\"input\":3,\"output\":4}]}", "layer 1 expects 3 inputs, layer 0 gives 6" },
        { "architecture {\"layers\":[{\"type\":\"go_backwards\",\"last_step\":true,\"merge\":\"sum\",\"inner\":{\"type\":\"lstm\",\"input\":3,\"hidden\":3}}]}", "layer 0 (go_backwards) cannot have merge" },
        { "architecture {\"layers\":[{\"type\":\"residual\",\"inner\":{\"type\":\"residual\",\"inner\":{\"type\":\"lstm\",\"input\":3,\"hidden\":3}}}]}", "layer 0 is residual around residual" },
        { "architecture {\"layers\":[{\"type\":\"residual\",\"inner\":{\"type\":\"bidirectional\",\"merge\":\"concat\",\"last_step\":false,\"inner\":{\"type\":\"lstm\",\"input\":3,\"hidden\":3}}}]}", "layer 0 (residual) adds 6 values to 3" },
        { "architecture {\"layers\":[{\"type\":\"residual\",\"inner\":{\"type\":\"dropout\",\"rate\":0.5}}]}", "layer 0 is residual, which has no width of its own" },
        { "architecture {\"layers\":[{\"type\":\"lstm\",\"input\":3,\"hidden\":3,\"inner\":{\"type\":\"lstm\",\"input\":3,\"hidden\":3}}]}", "layer 0 (lstm) cannot have inner" },
        { "many layers", "257 layers" },
        { "preprocessing {\"task\":\"char-lm\",\"vocabulary\":[\"a\",\"b\"]}", "the vocabulary has 2 symbols, the embedding 7" },
        { "preprocessing {\"task\":\"x\",\"vocabulary\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"a\"]}", "the vocabulary is not valid" },
        { "preprocessing {\"task\":\"x\",\"vocabulary\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",null]}", "the vocabulary is not valid" },
        { "preprocessing {}", "fastrnn.preprocessing is not valid" },
        { "preprocessing {\"task\":\"\\ud800\"}", "fastrnn.preprocessing is not valid" },
        { "provenance {\"library\":\"0.1.0\",\"seed\":-1}", "fastrnn.provenance is not valid" },
        { "probe {\"stride\":1,\"outputs\":[],\"tolerance\":1e-4}", "not of the kind" },
        { "probe {\"values\":[1,2],\"stride\":1,\"outputs\":[],\"tolerance\":1e-4}", "not of the kind" },
        { "probe {\"tokens\":[],\"stride\":1,\"outputs\":[],\"tolerance\":1e-4}", "0 outputs where 0 steps give 0" },
        { "probe {\"tokens\":[0],\"stride\":1,\"outputs\":[],\"tolerance\":1e-4}", "0 outputs where 1 steps give 7" },
        { "probe {\"tokens\":[7],\"stride\":7,\"outputs\":[0],\"tolerance\":1e-4}", "outside the vocabulary" },
        { "probe {\"tokens\":[-1],\"stride\":7,\"outputs\":[0],\"tolerance\":1e-4}", "outside the vocabulary" },
        { "probe {\"tokens\":[0],\"stride\":0,\"outputs\":[0],\"tolerance\":1e-4}", "stride is below 1" },
        { "probe {\"tokens\":[0],\"stride\":7,\"outputs\":[0],\"tolerance\":1}", "tolerance does not lie" },
        { "probe {\"tokens\":[0],\"stride\":7,\"outputs\":[1e999],\"tolerance\":1e-4}", "an output is not finite" },
    };

    [Theory]
    [MemberData(nameof(Edits))]
    public void Changed_file_is_refused_for_the_stated_reason(string edit, string reason)
    {
        using var model = LanguageModel();
        var file = ModelFile.Describe(model, new ModelInfo { Task = "char-lm" });
        Edit(file, edit);
        SafetensorsWriter.Write(Target, file);
        var error = Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, _backend));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(Target, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Non_finite_weight_is_named_with_its_byte()
    {
        using var model = LanguageModel();
        var file = ModelFile.Describe(model, new ModelInfo());
        Edit(file, "nan 4.bias");
        SafetensorsWriter.Write(Target, file);
        long offset = Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, _backend)).Offset;
        Assert.True(float.IsNaN(BitConverter.ToSingle(File.ReadAllBytes(Target), (int)offset)));
    }

    [Fact]
    public void Non_finite_model_is_not_saved_and_the_old_file_stays()
    {
        using var model = LanguageModel();
        model.Save(Target);
        byte[] before = File.ReadAllBytes(Target);
        model.Parameters[2].Write([.. Enumerable.Repeat(float.NaN, model.Parameters[2].Length)]);
        Assert.Equal("1.weight_hh_l0", Assert.Throws<NonFiniteException>(() => model.Save(Target)).TensorName);

        using var huge = LanguageModel();
        foreach (int last in new[] { 9, 10 })
            huge.Parameters[last].Write([.. Enumerable.Repeat(3e38f, huge.Parameters[last].Length)]);
        huge.Parameters[8].Write([.. Enumerable.Repeat(100f, huge.Parameters[8].Length)]);
        Assert.Equal("probe output", Assert.Throws<NonFiniteException>(() => huge.Save(Target)).TensorName);
        Assert.Equal(before, File.ReadAllBytes(Target));
        Assert.Equal([Target], Directory.GetFiles(_folder));
    }

    [Fact]
    public void Plain_safetensors_and_missing_files_are_told_apart()
    {
        SafetensorsWriter.Write(Target, new SafetensorsFile());
        Assert.Contains("not a FastRnn file", Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, _backend)).Message, StringComparison.Ordinal);
        Assert.ThrowsAny<IOException>(() => ModelFile.Load(Target + "-missing", _backend));
    }

    [Fact]
    public void Loaded_model_computes_the_same_bits()
    {
        using var model = LanguageModel();
        model.Save(Target);
        var (loaded, _) = ModelFile.Load(Target, _backend);
        using (loaded)
            Assert.Equal(Outputs(model), Outputs(loaded));
    }

    /// <summary>Whoever is handed a session alone can still turn data into its inputs.</summary>
    [Fact]
    public void Sessions_know_what_the_file_told()
    {
        using var model = LanguageModel();
        using var unread = model.OpenSession();
        Assert.Null(unread.Info());
        model.Save(Target);
        var (loaded, info) = ModelFile.Load(Target, _backend);
        using (loaded)
        {
            using var session = loaded.OpenSession();
            using var clone = session.Clone();
            Assert.Same(info, session.Info());
            Assert.Same(info, clone.Info());
            Assert.Same(loaded, session.Model);
        }
    }

    private static float[] Outputs(Sequential model)
    {
        var session = model.OpenSession();
        float[] y = new float[7];
        var all = new List<float>();
        foreach (int token in (int[])[3, 1, 4, 1, 5])
        {
            session.Step(token, y);
            all.AddRange(y);
        }

        return [.. all];
    }

    internal static float[][] AllWeights(Sequential model) =>
    [
        .. model.Parameters.Select(parameter =>
        {
            float[] values = new float[parameter.Length];
            parameter.Read(values);
            return values;
        }),
    ];

    private Sequential LanguageModel(ulong seed = 1) =>
        new(_backend, seed, new Embedding(7, 5), new Lstm(5, 6), new Dropout(0.25f), new Lstm(6, 4), new Linear(4, 7));

    private static void Edit(SafetensorsFile file, string edit)
    {
        string[] words = edit.Split(' ', 2);
        string name = words[1];
        int index = file.Tensors.FindIndex(tensor => tensor.Name == name);
        switch (words[0])
        {
            case "drop": file.Tensors.RemoveAt(index); break;
            case "add": file.Tensors.Add(new(name, TensorType.F32, 7)); break;
            case "rename": file.Tensors[index] = new(name + "x", TensorType.F32, file.Tensors[index].Shape, file.Tensors[index].Bytes); break;
            case "integer": file.Tensors[index] = new(name, TensorType.I32, file.Tensors[index].Shape, file.Tensors[index].Bytes); break;
            case "nan": file.Tensors[index].Floats[3] = float.NaN; break;
            case "infinite": file.Tensors[index].Floats[3] = float.NegativeInfinity; break;
            case "one": file.Find("3.bias_hh_l0")!.Floats[5] += 0.05f; break;
            case "swap": SwapForgetAndCellGate(file.Find("1.weight_hh_l0")!.Floats, rows: 6, columns: 6); break;
            case "transpose" when index >= 0:
                file.Tensors[index] = new(name, TensorType.F32, [.. file.Tensors[index].Shape.Reverse()], file.Tensors[index].Bytes);
                break;
            case "transpose": TransposeFirstBlock(file.Find("3.weight_hh_l0")!.Floats, 4); break;
            case "many":
                file.Metadata["fastrnn.architecture"] =
                    "{\"layers\":[" + string.Join(',', Enumerable.Repeat("{\"type\":\"lstm\",\"input\":1,\"hidden\":1}", 257)) + "]}";
                break;
            default:
                file.Metadata.Remove($"fastrnn.{words[0]}");
                if (name.Length > 0)
                    file.Metadata[$"fastrnn.{words[0]}"] = name;
                break;
        }
    }

    private static void SwapForgetAndCellGate(Span<float> weight, int rows, int columns)
    {
        int gate = rows * columns;
        float[] forget = weight.Slice(gate, gate).ToArray();
        weight.Slice(2 * gate, gate).CopyTo(weight[gate..]);
        forget.CopyTo(weight[(2 * gate)..]);
    }

    private static void TransposeFirstBlock(Span<float> weight, int size)
    {
        for (int r = 0; r < size; r++)
        {
            for (int c = 0; c < r; c++)
                (weight[(r * size) + c], weight[(c * size) + r]) = (weight[(c * size) + r], weight[(r * size) + c]);
        }
    }
}
