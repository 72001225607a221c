using System.Text;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Keras.Hdf5;
using FastRnn.Tests.Dialects;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Configurations that ask for what is not read, or do not fit the weights: refused by name.</summary>
public sealed class KerasConfigTests() : FileTest("model.keras")
{
    /// <summary>A text of the sample's configuration, what stands there instead, part of the message.</summary>
    public static TheoryData<string, string, string> Changes() => new()
    {
        { "\"Sequential\"", "\"Reformer\"", "the model is of the class 'Reformer'" },
        { "\"class_name\": \"Sequential\"", "\"class_name\": 1", "the model's configuration is not valid" },
        { "\"config\": {\"name\": \"sequential\"", "\"other\": {\"name\": \"sequential\"", "'config'" },
        { "\"layers\"", "\"layer\"", "'layers'" },
        { "\"class_name\": \"LSTM\"", "\"class_name\": \"Lambda\"", "of the class 'Lambda', which is not read" },
        { "\"class_name\": \"LSTM\"", "\"class_name\": \"ConvLSTM2D\"", "of the class 'ConvLSTM2D', which is not read" },
        { "\"class_name\": \"LSTM\"", "\"class_name\": \"Custom>LSTM\"", "is a custom class" },
        { "\"module\": \"keras.layers\", \"registered_name\": null}]", "\"module\": \"os\", \"registered_name\": \"system\"}]", "'system' of 'os' is a custom class" },
        { "\"module\": \"keras.layers\", \"registered_name\": null}]", "\"module\": \"keras.layers\", \"registered_name\": \"my>LSTM\"}]", "'my>LSTM' of 'keras.layers' is a custom class" },
        { "\"class_name\": \"LSTM\"", "\"class_name\": \"GRU\"", "needs 3 arrays, the file has 0" },
        { "\"units\": 11", "\"units\": 12", "is [7, 44], expected [7, 48]" },
        { "\"units\": 11", "\"units\": 0", "has 0 units" },
        { "\"units\": 11", "\"units\": -11", "has -11 units" },
        { "\"units\": 11", "\"units\": 65537", "has 65537 units" },
        { "\"units\": 11", "\"units\": 1e9", "32 bits" },
        { "\"units\": 11", "\"units\": \"11\"", "32 bits" },
        { "\"units\": 11, ", "", "'output_dim'" },
        { "\"return_sequences\": true", "\"return_sequences\": 1", "true or false" },
        { "\"return_sequences\": true", "\"return_sequences\": true, \"return_state\": true", "returns its state" },
        { "\"return_sequences\": true", "\"return_sequences\": true, \"go_backwards\": true", "sequences run backwards in the end" },
        { "\"return_sequences\": true", "\"return_sequences\": true, \"use_bias\": false", "needs 2 arrays, the file has 3" },
        { "\"activation\": \"tanh\"", "\"activation\": \"softmax\"", "has the activation 'softmax', which is not a function of cells" },
        { "\"activation\": \"tanh\"", "\"activation\": \"__import__('os')\"", "which is not a function of cells" },
        { "\"activation\": \"tanh\"", "\"activation\": {\"module\": \"builtins\", \"class_name\": \"function\", \"config\": \"mine\", \"registered_name\": \"mine\"}", "has the function 'mine', which is not one of Keras's" },
        { "\"activation\": \"tanh\"", "\"activation\": {\"class_name\": \"__lambda__\", \"config\": {\"value\": \"4wEAAAA=\"}}", "which is not one of Keras's" },
        { "\"activation\": \"tanh\"", "\"activation\": [1]", "which is not one of Keras's" },
        { "\"recurrent_activation\": \"sigmoid\"", "\"recurrent_activation\": \"gelu\"", "has the recurrent_activation 'gelu'" },
        { "\"class_name\": \"DTypePolicy\"", "\"class_name\": \"QuantizedDTypePolicy\"", "quantized weights" },
        { "\"name\": \"lstm\"", "\"name\": \"input_layer\"", "two layers are called 'input_layer'" },
        { "\"name\": \"lstm\"", "\"name\": 4", "the model's configuration is not valid" },
        { "{\"class_name\": \"LSTM\"", "{\"class_name\": \"Masking\", \"config\": {\"mask_value\": 0.0, \"name\": \"lstm\"}}, {\"class_name\": \"LSTM\"", "two layers are called 'lstm'" },
        { "{\"class_name\": \"LSTM\"", "{\"class_name\": \"Activation\", \"config\": {\"activation\": \"tanh\", \"name\": \"a\"}}, {\"class_name\": \"LSTM\"", "layer 0 is activation" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"Dense\", \"config\": {\"units\": 2, \"name\": \"d\"}}]", "layer 'd' (Dense) needs two arrays" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"Masking\", \"config\": {\"name\": \"m\"}}]", "a mask without a layer behind it" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"Flatten\", \"config\": {\"name\": \"f\"}}]", "'Flatten', which is not read" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"TimeDistributed\", \"config\": {\"name\": \"t\", \"layer\": {\"class_name\": \"Conv2D\", \"config\": {}}}}]", "distributes 'Conv2D' over time" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"Activation\", \"config\": {\"name\": \"a\", \"activation\": \"mish\"}}]", "has the function 'mish', which is not read" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"Dropout\", \"config\": {\"name\": \"a\", \"rate\": 1.5}}]", "rate 1.5" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"LeakyReLU\", \"config\": {\"name\": \"a\", \"alpha\": -1}}]", "has the slope -1" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"ReLU\", \"config\": {\"name\": \"a\", \"threshold\": 1}}]", "has a threshold" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"Softmax\", \"config\": {\"name\": \"a\", \"axis\": 1}}]", "over another axis than the last" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"LayerNormalization\", \"config\": {\"name\": \"a\", \"axis\": [1]}}]", "normalises other axes than the last" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"Bidirectional\", \"config\": {\"name\": \"a\", \"merge_mode\": null}}]", "merges by 'None'" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"Bidirectional\", \"config\": {\"name\": \"a\", \"layer\": {\"class_name\": \"RNN\", \"config\": {}}}}]", "is made of 'RNN'" },
        { "\"registered_name\": null}]", "\"registered_name\": null}, {\"class_name\": \"Embedding\", \"config\": {\"name\": \"a\"}}]", "needs one array [vocabulary, size]" },
        { "\"return_sequences\": true", "\"return_sequences\": false", "" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void WhatIsNotReadIsRefusedByName(string part, string instead, string text)
    {
        (byte[] file, long[] at) = Archive(config => Replace(config, part, instead));
        if (text.Length == 0)
        {
            using ImportedModel imported = SampleArchive.Load(file, Target, _backend);
            Assert.Contains(imported.Notes, note => note.Contains("gives its last step in Keras", StringComparison.Ordinal));
            return;
        }
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(file, Target, _backend).Dispose());
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
        Assert.Equal(text switch
        {
            "is [7, 44], expected [7, 48]" or "needs 2 arrays, the file has 3" => at[2] + Kernel(),
            "needs 3 arrays, the file has 0" or "layer 0 is activation" or "rate 1.5" => -1, // layers, which lie nowhere
            _ => at[1],
        }, error.Offset);
    }

    [Fact]
    public void LayersAfterTheLastStepCannotBeRecurrent()
    {
        const string Layer = "{\"class_name\": \"LSTM\", \"config\": {\"units\": 11, \"name\": \"second\"}}";
        (byte[] file, _) = Archive(config => Replace(Replace(config, "\"return_sequences\": true", "\"return_sequences\": false"), "\"registered_name\": null}]", $"\"registered_name\": null}}, {Layer}]"));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(file, Target, _backend).Dispose());
        Assert.Contains("layer 'second' (LSTM) needs sequences, the layer before it gives one step", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsLeftOutIsTold()
    {
        (byte[] file, _) = Archive(config => Replace(config, "\"dropout\": 0.0", "\"dropout\": 0.25"));
        using ImportedModel imported = SampleArchive.Load(file, Target, _backend);
        Assert.Equal(["LSTM 'lstm' has dropout of its own, which is left out: it acts in training only"], imported.Notes);
        Assert.Equal("Keras 3.15.0", imported.Metadata["producer"]);
        Assert.Equal("Keras archive", imported.Format);
    }

    /// <summary>Where in the sample's weights the header of the kernel lies.</summary>
    private static long Kernel()
    {
        byte[] weights = KerasSamples.Entry("k3_lstm.keras")[1016..(1016 + 15112)];
        return HdfFile.Open(new HdfBytes(new MemoryStream(weights), 0, weights.Length, null), ImportLimits.Default, default).Root.Find("layers/lstm/cell/vars/0")!.Address;
    }

    /// <summary>The sample k3_lstm with another configuration, and where the archive's entries lie.</summary>
    private static (byte[] File, long[] At) Archive(Func<string, string> change)
    {
        byte[] sample = KerasSamples.Entry("k3_lstm.keras");
        string config = change(Encoding.UTF8.GetString(sample, 148, 822));
        (byte[] file, long[] at) = RawZip.Write(
            new("metadata.json", sample[43..107]), new("config.json", Encoding.UTF8.GetBytes(config)), new("model.weights.h5", sample[1016..(1016 + 15112)]));
        return (file, at);
    }

    private static string Replace(string text, string part, string instead)
    {
        Assert.Contains(part, text, StringComparison.Ordinal);
        int at = text.LastIndexOf(part, StringComparison.Ordinal);
        return text[..at] + instead + text[(at + part.Length)..];
    }
}
