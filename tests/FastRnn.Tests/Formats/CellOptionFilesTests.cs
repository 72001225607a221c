using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Model files of recurrent layers with options.</summary>
public sealed class CellOptionFilesTests() : FileTest("model.safetensors")
{
    private const string Lstm = "\"type\":\"lstm\",\"input\":3,\"hidden\":4", Gru = "\"type\":\"gru\",\"input\":3,\"hidden\":4";
    private const string Rnn = "\"type\":\"rnn\",\"input\":3,\"hidden\":4,\"activation\":\"tanh\"";

    public static TheoryData<string> Options => new(CellRun.Options.Select(option => option.Name));

    public static TheoryData<string, string> Lies() => new()
    {
        { $"{Gru},\"peepholes\":true", "layer 0 (gru) cannot have peepholes" },
        { $"{Gru},\"output_activation\":\"tanh\"", "layer 0 (gru) cannot have output_activation" },
        { $"{Gru},\"cell_zoneout\":0.5", "layer 0 (gru) cannot have cell_zoneout" },
        { $"{Gru},\"projection\":2", "layer 0 (gru) cannot have projection" },
        { $"{Lstm},\"reset_before\":true", "layer 0 (lstm) cannot have reset_before" },
        { $"{Rnn},\"gate_activation\":\"sigmoid\"", "layer 0 (rnn) cannot have gate_activation" },
        { $"{Rnn},\"candidate_activation\":\"tanh\"", "layer 0 (rnn) cannot have candidate_activation" },
        { "\"type\":\"linear\",\"input\":3,\"output\":4,\"layer_norm\":true", "layer 0 (linear) cannot have layer_norm" },
        { "\"type\":\"embedding\",\"vocabulary\":3,\"size\":4,\"zoneout\":0.1", "layer 0 (embedding) cannot have zoneout" },
        { $"{Lstm},\"projection\":0", "projection 0; expected a width from 1 to below the 4 units" },
        { $"{Lstm},\"projection\":-1", "projection -1; expected a width" },
        { $"{Lstm},\"projection\":4", "projection 4; expected a width" },
        { $"{Lstm},\"projection\":2147483647", "projection 2147483647; expected a width" },
        { $"{Lstm},\"projection\":2.5", "fastrnn.architecture is not valid" },
        { $"{Lstm},\"projection\":\"2\"", "fastrnn.architecture is not valid" },
        { $"{Lstm},\"gate_clip\":0", "gate_clip 0; expected a finite limit above 0" },
        { $"{Lstm},\"gate_clip\":-1", "gate_clip -1; expected a finite limit" },
        { $"{Lstm},\"gate_clip\":1e999", "gate_clip Infinity; expected a finite limit" },
        { $"{Lstm},\"cell_clip\":-0.5", "cell_clip -0.5; expected a finite limit" },
        { $"{Lstm},\"cell_clip\":\"NaN\"", "fastrnn.architecture is not valid" },
        { $"{Lstm},\"zoneout\":1", "zoneout 1; expected a share from 0 to below 1" },
        { $"{Lstm},\"cell_zoneout\":-0.1", "cell_zoneout -0.1; expected a share" },
        { $"{Lstm},\"recurrent_dropout\":1.5", "recurrent_dropout 1.5; expected a share" },
        { $"{Lstm},\"recurrent_dropout\":1e999", "recurrent_dropout Infinity; expected a share" },
        { $"{Lstm},\"gate_activation\":\"\"", "gate_activation ''; expected a function" },
        { $"{Lstm},\"gate_activation\":\"Sigmoid\"", "gate_activation 'Sigmoid'; expected a function" },
        { $"{Lstm},\"candidate_activation\":\"silu\"", "candidate_activation 'silu'; expected a function" },
        { $"{Lstm},\"output_activation\":\"hard_sigmoid\"", "expected a function" },
        { $"{Lstm},\"output_activation\":\"hard_sigmoid(0.2,0.5\"", "expected a function" },
        { $"{Lstm},\"output_activation\":\"hard_sigmoid(0.2,0.5,1)\"", "expected a function" },
        { $"{Lstm},\"output_activation\":\"hard_sigmoid(-0.2,0.5)\"", "expected a function" },
        { $"{Lstm},\"output_activation\":\"hard_sigmoid(NaN,0.5)\"", "expected a function" },
        { $"{Lstm},\"output_activation\":\"hard_sigmoid(1E+39,0.5)\"", "expected a function" },
        { $"{Lstm},\"output_activation\":\"scaled_tanh(1,-1)\"", "expected a function" },
        { $"{Lstm},\"output_activation\":\"elu( 1)\"", "expected a function" },
        { $"{Lstm},\"output_activation\":\"tanh()\"", "expected a function" },
        { $"{Lstm},\"output_activation\":\"affine(\"", "expected a function" },
        { $"{Lstm},\"layer_norm\":1", "fastrnn.architecture is not valid" },
        { $"{Lstm},\"peepholes\":true,\"peepholes\":true", "appears twice" },
        { $"{Lstm},\"projection\":2}},{{\"type\":\"linear\",\"input\":4,\"output\":1", "layer 1 expects 4 inputs, layer 0 gives 2" },
        { $"\"type\":\"bidirectional\",\"merge\":\"concat\",\"last_step\":false,\"inner\":{{{Lstm},\"projection\":9}}", "projection 9; expected a width" },
        { $"\"type\":\"residual\",\"inner\":{{{Lstm},\"projection\":2}}", "layer 0 (residual) adds 2 values to 3" },
    };

    [Theory]
    [MemberData(nameof(Options))]
    public void Every_option_comes_back(string option)
    {
        CellType cell = CellRun.Options.Single(known => known.Name == option).Cell;
        RecurrentLayer alone = CellLayers.Create(cell, 5, 6);
        int width = cell.StateSize(6);
        using var model = new Sequential(
            _backend, 4, alone, new Bidirectional(CellLayers.Create(cell, width, 7)), new GoBackwards(CellLayers.Create(cell, 2 * cell.StateSize(7), 6)),
            new Residual(CellLayers.Create(cell, width, cell.Projection > 0 ? width + 1 : width)), new Linear(width, 2));
        model.Save(Target);
        var (loaded, info) = ModelFile.Load(Target, _backend);
        using (loaded)
        {
            Assert.Equal(alone.Cell, ((RecurrentLayer)loaded.Layers[0]).Cell);
            Assert.Equal(alone.Cell, ((Bidirectional)loaded.Layers[1]).Inner.Cell);
            Assert.Equal(model.Parameters.Select(parameter => parameter.ToString()), loaded.Parameters.Select(parameter => parameter.ToString()));
            Assert.Equal(ModelFileTests.AllWeights(model), ModelFileTests.AllWeights(loaded));
            string again = Path.Combine(_folder, "again");
            ModelFile.Save(loaded, info, again);
            Assert.Equal(File.ReadAllBytes(Target), File.ReadAllBytes(again));
        }
    }

    /// <summary>Files from before there were options say the same, to the byte.</summary>
    [Fact]
    public void Plain_layers_are_stored_as_they_were()
    {
        using var model = new Sequential(_backend, 1, new Lstm(3, 4), new Gru(4, 4), new Rnn(4, 4), new Bidirectional(new Lstm(4, 2)));
        Assert.Equal(
            $"{{\"layers\":[{{{Lstm}}},{{{Gru.Replace("3", "4", StringComparison.Ordinal)}}},{{{Rnn.Replace("3", "4", StringComparison.Ordinal)}}},"
            + "{\"type\":\"bidirectional\",\"merge\":\"concat\",\"last_step\":false,\"inner\":{\"type\":\"lstm\",\"input\":4,\"hidden\":2}}]}",
            ModelFile.Describe(model, new ModelInfo()).Metadata[ArchitectureRecord.Key]);
    }

    [Fact]
    public void Options_and_their_tensors_have_these_names()
    {
        CellType everything = CellRun.Options.Single(option => option.Name == "lstm everything but coupled").Cell;
        using var model = new Sequential(_backend, 1, CellLayers.Create(everything with { Coupled = true }, 3, 6), new Gru(4, 2) { ResetBefore = true });
        SafetensorsFile file = ModelFile.Describe(model, new ModelInfo());
        Assert.Equal(
            "{\"layers\":[{\"type\":\"lstm\",\"input\":3,\"hidden\":6,\"gate_activation\":\"hard_sigmoid(0.2,0.5)\",\"candidate_activation\":\"softsign\","
            + "\"output_activation\":\"leaky_relu(0.1)\",\"peepholes\":true,\"projection\":4,\"coupled_gates\":true,\"gate_clip\":0.8,\"cell_clip\":0.5,"
            + "\"layer_norm\":true,\"recurrent_dropout\":0.2,\"zoneout\":0.15,\"cell_zoneout\":0.25},"
            + "{\"type\":\"gru\",\"input\":4,\"hidden\":2,\"reset_before\":true}]}",
            file.Metadata[ArchitectureRecord.Key]);
        Assert.Equal(
            [
                "0.weight_ih_l0 F32 [24, 3]", "0.weight_hh_l0 F32 [24, 4]", "0.bias_ih_l0 F32 [24]", "0.bias_hh_l0 F32 [24]", "0.weight_hr_l0 F32 [4, 6]",
                "0.weight_peephole_l0 F32 [3, 6]", "0.weight_ln_ih_l0 F32 [24]", "0.weight_ln_hh_l0 F32 [24]",
                "1.weight_ih_l0 F32 [6, 4]", "1.weight_hh_l0 F32 [6, 2]", "1.bias_ih_l0 F32 [6]", "1.bias_hh_l0 F32 [6]",
            ],
            file.Tensors.Select(tensor => tensor.ToString()));
        SafetensorsWriter.Write(Target, file);
        var (loaded, info) = ModelFile.Load(Target, _backend);
        loaded.Dispose();
        Assert.Equal("gru(input 4, hidden 2, reset before)", info.Layers[1].ToString());
        Assert.Contains("peepholes, projection 4, coupled gates, gate clip 0.8", info.Layers[0].ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public void Options_that_cannot_be_are_refused_for_the_stated_reason(string layer, string reason)
    {
        using var model = new Sequential(_backend, 1, new Lstm(3, 4));
        SafetensorsFile file = ModelFile.Describe(model, new ModelInfo());
        file.Metadata[ArchitectureRecord.Key] = $"{{\"layers\":[{{{layer}}}]}}";
        string message = Assert.Throws<ModelFormatException>(() => ModelFile.Build(file, Target, _backend)).Message;
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    /// <summary>An option that changes no shape is only to be seen in what the model computes.</summary>
    [Theory]
    [InlineData(Gru, "\"reset_before\":true")]
    [InlineData(Gru, "\"gate_activation\":\"hard_sigmoid(0.2,0.5)\"")]
    [InlineData(Gru, "\"candidate_activation\":\"softsign\"")]
    [InlineData(Gru, "\"zoneout\":0.1")]
    [InlineData(Lstm, "\"output_activation\":\"identity\"")]
    [InlineData(Lstm, "\"coupled_gates\":true")]
    [InlineData(Lstm, "\"gate_clip\":0.05")]
    [InlineData(Lstm, "\"cell_clip\":0.05")]
    [InlineData(Lstm, "\"cell_zoneout\":0.1")]
    public void An_option_that_a_file_adds_is_found(string plain, string option)
    {
        using var model = new Sequential(_backend, 1, plain == Gru ? new Gru(3, 4) : new Lstm(3, 4));
        SafetensorsFile file = ModelFile.Describe(model, new ModelInfo());
        file.Metadata[ArchitectureRecord.Key] = $"{{\"layers\":[{{{plain},{option}}}]}}";
        string message = Assert.Throws<ModelFormatException>(() => ModelFile.Build(file, Target, _backend)).Message;
        Assert.Contains("does not compute what it did", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.weight_hr_l0", "is F32 [3, 2]; the architecture needs F32 [2, 3]")]
    [InlineData("0.weight_peephole_l0", "is F32 [4, 3]; the architecture needs F32 [3, 4]")]
    [InlineData("0.weight_ln_ih_l0", "is missing")]
    public void Tensors_of_options_have_their_shapes(string name, string reason)
    {
        Lstm layer = name.Contains("hr", StringComparison.Ordinal) ? new Lstm(5, 3) { Projection = 2 } : new Lstm(5, 4) { Peepholes = true, LayerNorm = true };
        using var model = new Sequential(_backend, 1, layer);
        SafetensorsFile file = ModelFile.Describe(model, new ModelInfo());
        SafetensorsTensor tensor = file.Find(name)!;
        file.Tensors.Remove(tensor);
        if (tensor.Shape.Length == 2)
            file.Tensors.Add(new SafetensorsTensor(name, TensorType.F32, tensor.Shape[1], tensor.Shape[0]));
        string message = Assert.Throws<ModelFormatException>(() => ModelFile.Build(file, Target, _backend)).Message;
        Assert.Contains($"tensor '{name}' {reason}", message, StringComparison.Ordinal);
    }

    /// <summary>The state has the projection's width, and masks go on where they were.</summary>
    [Fact]
    public void Resumed_training_gives_the_bits_of_training_that_never_stopped()
    {
        var data = TextDataset.FromText(string.Concat(Enumerable.Range(0, 200).Select(i => "abcdef"[i * i % 6])));
        SequenceChunk[] chunks = [.. data.Chunks(3, 7)];
        using var model = new Sequential(
            _backend, 5, new Embedding(data.Vocabulary.Count, 4),
            new Lstm(4, 6) { Projection = 3, Peepholes = true, Zoneout = 0.2f, CellZoneout = 0.1f, RecurrentDropout = 0.3f, LayerNorm = true },
            new Linear(3, data.Vocabulary.Count));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.01f));
        Train(trainer, chunks[..3]);
        CheckpointFile.Save(trainer, new ModelInfo(), new RunState(), Target);
        var checkpoint = CheckpointFile.Load(Target, _backend);
        using Sequential loaded = checkpoint.Model;
        var resumed = new Trainer(loaded, Loss.CrossEntropy, new Adam(0.01f));
        checkpoint.Restore(resumed);
        Assert.Equal(Train(trainer, chunks[3..]), Train(resumed, chunks[3..]));
        Assert.Equal(ModelFileTests.AllWeights(model), ModelFileTests.AllWeights(loaded));
    }

    private static List<double> Train(Trainer trainer, IEnumerable<SequenceChunk> chunks) => [.. chunks.Select(chunk => trainer.Step(chunk).Loss)];
}
