using System.Text;
using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Audio;
using FastRnn.Formats.Dialects.PyTorch;
using FastRnn.Layers;
using FastRnn.Tests.Formats;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Dialects;

/// <summary>Files that are written for others: they are read back as the same model, and PyTorch takes them as they are.</summary>
public sealed class ExportTests() : FileTest("model.out")
{
    [Fact]
    public void RTNeural_file_is_read_back_with_the_same_bits()
    {
        Func<Sequential>[] models =
        [
            () => Model(new Lstm(3, 9), new Linear(9, 2)),
            () => Model(new Gru(1, 5), new Gru(5, 6), new Dropout(0.5f), new Linear(6, 1), Activation.Sigmoid()),
            () => Model(new Linear(4, 7), Activation.Tanh(), new Lstm(7, 1), new Linear(1, 3), Activation.Relu(), new Softmax()),
        ];
        foreach (Func<Sequential> make in models)
        {
            using Sequential model = make();
            RtNeuralExport.Save(model, Target, new Dictionary<string, string> { ["samplerate"] = "48000", ["author"] = "me", ["version"] = "1.10", ["peak"] = "1E400", ["gain"] = "-0.5" });
            using ImportedModel again = ModelImport.Load(Target, _backend);
            Assert.Equal("RTNeural JSON", again.Format);
            Assert.Equal(("48000", "me", "1.10", "1E400", "-0.5"), (again.Metadata["samplerate"], again.Metadata["author"], again.Metadata["version"], again.Metadata["peak"], again.Metadata["gain"]));
            Assert.Contains("\"samplerate\":48000,\"author\":\"me\",\"version\":1.10,\"peak\":\"1E400\",\"gain\":-0.5,", File.ReadAllText(Target), StringComparison.Ordinal);
            Assert.Equal(Outputs(model), Outputs(again.Sequential!));
        }
    }

    /// <summary>Two gates that changed places have the right shapes: the probe finds them.</summary>
    [Fact]
    public void RTNeural_file_with_gates_in_another_order_is_refused()
    {
        using Sequential model = Model(new Lstm(1, 1), new Linear(1, 1));
        string text = Encoding.UTF8.GetString(RtNeuralExport.Bytes(model));
        int from = text.IndexOf("[[[", StringComparison.Ordinal) + 3, to = text.IndexOf(']', from);
        string[] gates = text[from..to].Split(',');
        (gates[1], gates[2]) = (gates[2], gates[1]);
        byte[] other = Encoding.UTF8.GetBytes(text[..from] + string.Join(',', gates) + text[to..]);
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(other, "m.json", _backend));
        Assert.Contains("does not compute what it did", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_RTNeural_cannot_compute_is_refused_by_name()
    {
        Assert.Contains("layer 0, Rnn(", Refusal(new Rnn(2, 3)), StringComparison.Ordinal);
        Assert.Contains("layer 1, Gru(3, 3", Refusal(new Lstm(2, 3), new Gru(3, 3) { ResetBefore = true }), StringComparison.Ordinal);
        Assert.Contains("layer 0, Lstm(", Refusal(new Lstm(2, 3) { Peepholes = true }), StringComparison.Ordinal);
        Assert.Contains("layer 0, Bidirectional(", Refusal(new Bidirectional(new Lstm(2, 3))), StringComparison.Ordinal);
        Assert.Contains("tokens", Refusal(new Embedding(4, 3)), StringComparison.Ordinal);
        Assert.Contains("layer 1, Activation(softplus)", Refusal(new Linear(2, 3), Activation.Softplus()), StringComparison.Ordinal);
        using ImportedModel started = ModelImport.Load(Path.Combine(Repository.Root, "tests", "data", "models", "BossLSTM-1x16.nam"), _backend);
        Assert.Contains("initial state", Assert.Throws<NotSupportedException>(() => RtNeuralExport.Bytes(started.Sequential!)).Message, StringComparison.Ordinal);
        Assert.Contains("initial state", Assert.Throws<NotSupportedException>(() => PyTorchExport.Describe(started.Sequential!)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_dict_is_read_back_with_the_same_bits()
    {
        foreach ((Sequential model, _) in Stacks())
        {
            PyTorchExport.Save(model, Target);
            using ImportedModel again = ModelImport.Load(Target, _backend);
            Assert.Equal("PyTorch safetensors", again.Format);
            Assert.Equal(Outputs(model), Outputs(again.Sequential!));
            model.Dispose();
        }
    }

    /// <summary>One flipped bit of the weights is found by the checksum, two modules that changed names by the probe or their shapes.</summary>
    [Fact]
    public void Damaged_state_dict_is_refused()
    {
        using Sequential model = Model(new Lstm(2, 3), new Linear(3, 2));
        PyTorchExport.Save(model, Target);
        byte[] file = File.ReadAllBytes(Target);
        file[^5] ^= 4;
        File.WriteAllBytes(Target, file);
        Assert.Contains("damaged", Assert.Throws<ModelFormatException>(() => ModelImport.Load(Target, _backend)).Message, StringComparison.Ordinal);
        Assert.Contains("does not compute what it did", Exchanged(Model(new Linear(3, 3), new Linear(3, 3))), StringComparison.Ordinal);
        Assert.Contains("the layer needs", Exchanged(Model(new Linear(3, 4), new Linear(4, 3))), StringComparison.Ordinal);
    }

    /// <summary>What is said of a file whose two linear modules have each other's weights, under a checksum that is true.</summary>
    private string Exchanged(Sequential model)
    {
        using (model)
            PyTorchExport.Save(model, Target);
        SafetensorsFile file = SafetensorsReader.Read(Target);
        for (int i = 0; i < file.Tensors.Count; i++)
        {
            SafetensorsTensor tensor = file.Tensors[i];
            string[] name = tensor.Name.Split('.');
            file.Tensors[i] = new($"{(name[0] == "linear" ? "linear2" : "linear")}.{name[1]}", tensor.Type, tensor.Shape, tensor.Bytes);
        }
        File.WriteAllBytes(Target, SafetensorsSamples.Bytes(file));
        return Assert.Throws<ModelFormatException>(() => ModelImport.Load(Target, _backend).Dispose()).Message;
    }

    [PyTorchFact]
    public void PyTorch_takes_the_files_as_they_are()
    {
        var jobs = new List<string>();
        var expected = new List<float[]>();
        foreach ((Sequential model, string modules) in Stacks().Append((Model(new Gru(3, 5)), "[\"\",\"gru\",3,5,1,1,0]")))
        {
            string file = Path.Combine(_folder, $"{jobs.Count}.safetensors");
            if (modules.StartsWith("[\"\"", StringComparison.Ordinal))
                model.Save(file);
            else
                PyTorchExport.Save(model, file);
            SequenceChunk window = Window(model);
            IEnumerable<string> x = model.TakesTokens ? window.Inputs.ToArray().Select(token => $"{token}") : window.InputValues.ToArray().Select(value => FormattableString.Invariant($"{value:R}"));
            jobs.Add($"{{\"file\":{JsonSerializer.Serialize(file)},\"modules\":[{modules}],\"steps\":5,\"batch\":3,\"x\":[{string.Join(',', x)}]}}");
            expected.Add(Outputs(model));
            model.Dispose();
        }
        File.WriteAllText(Target, $"[{string.Join(',', jobs)}]");
        using JsonDocument results = JsonDocument.Parse(PyTorchFactAttribute.Run("run_state_dicts.py", Target));
        for (int i = 0; i < jobs.Count; i++)
            SampleArchive.Equal([.. results.RootElement[i].EnumerateArray().Select(value => value.GetDouble())], expected[i], 1e-6, jobs[i]);
    }

    /// <summary>Models, and as which modules Python makes them: name, kind, sizes.</summary>
    private IEnumerable<(Sequential Model, string Modules)> Stacks()
    {
        yield return (Model(new Lstm(7, 11), new Lstm(11, 11), new Lstm(11, 11), new Linear(11, 4)), "[\"rnn\",\"lstm\",7,11,3,1,0],[\"linear\",\"linear\",11,4]");
        yield return (Model(new Gru(7, 5), new Dropout(0.5f), new Gru(5, 5), new Gru(5, 6), new Linear(6, 4)), "[\"rnn\",\"gru\",7,5,2,1,0],[\"rnn2\",\"gru\",5,6,1,1,0],[\"linear\",\"linear\",6,4]");
        yield return (Model(new Bidirectional(new Lstm(3, 5)), new Bidirectional(new Lstm(10, 5)), new Linear(10, 2)), "[\"rnn\",\"lstm\",3,5,2,2,0],[\"linear\",\"linear\",10,2]");
        yield return (Model(new Rnn(3, 5, CellActivation.Relu), new Linear(5, 5), new Linear(5, 2)), "[\"rnn\",\"relu\",3,5,1,1,0],[\"linear\",\"linear\",5,5],[\"linear2\",\"linear\",5,2]");
        yield return (Model(new Embedding(9, 5), new Lstm(5, 6) { Projection = 4 }, new Lstm(4, 6) { Projection = 4 }, new Linear(4, 9)), "[\"embedding\",\"embedding\",9,5],[\"rnn\",\"lstm\",5,6,2,1,4],[\"linear\",\"linear\",4,9]");
    }

    private Sequential Model(params Layer[] layers) => new(_backend, 5, layers);

    private string Refusal(params Layer[] layers) => Assert.Throws<NotSupportedException>(() => RtNeuralExport.Bytes(Model(layers))).Message;

    private static SequenceChunk Window(Sequential model)
    {
        var window = new SequenceChunk(5, 3, model.TakesTokens ? 0 : model.InputSize, 0);
        for (int i = 0; i < window.Inputs.Length; i++)
            window.Inputs[i] = i * 7 % model.InputSize;
        for (int i = 0; i < window.InputValues.Length; i++)
            window.InputValues[i] = MathF.Sin(i + 1);
        return window;
    }

    private static float[] Outputs(Sequential model)
    {
        var outputs = new float[15 * model.OutputSize];
        model.Predict(Window(model), outputs);
        return outputs;
    }
}
