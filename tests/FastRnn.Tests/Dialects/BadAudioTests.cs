using System.Diagnostics;
using System.Text;
using FastRnn.Formats;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Dialects;

/// <summary>Broken files of audio programs: refused for the stated reason at the stated byte, and in no more time and memory than a good file takes.</summary>
public sealed class BadAudioTests() : FileTest("model.json")
{
    private const string Dense = "{\"type\":\"dense\",\"activation\":\"\",\"shape\":[null,null,1],\"weights\":[[[0.5]],[0.25]]}";
    private const string Nam = "{\"version\":\"0.5.4\",\"architecture\":\"LSTM\",\"config\":{\"input_size\":1,\"hidden_size\":1,\"num_layers\":1},\"weights\":";
    private const string Rnn = "\"rec.weight_ih_l0\":[[1],[2],[3],[4]],\"rec.weight_hh_l0\":[[1],[2],[3],[4]],\"rec.bias_ih_l0\":[1,2,3,4],\"rec.bias_hh_l0\":[1,2,3,4]";
    private const string Said = "\"model\":\"SimpleRNN\",\"input_size\":1,\"output_size\":1,\"unit_type\":\"LSTM\",\"num_layers\":1,\"hidden_size\":1";

    private static readonly SampleArchive _samples = new("audio_models.zip");

    /// <summary>The file, where ¦ marks the byte at which the error is expected; part of the message.</summary>
    public static TheoryData<string, string> Files() => new()
    {
        // JSON.
        { "{¦", "not valid JSON" },
        { "{}¦}", "not valid JSON" },
        { "{¦,}", "not valid JSON" },
        { "{¦'a':1}", "not valid JSON" },
        { "{\"a\":¦NaN}", "not valid JSON" },
        { "{\"a\":[1,¦]}", "not valid JSON" },
        { "{\"a\":1\n,\n ¦oops}", "not valid JSON" },
        { "{¦// c\n}", "not valid JSON" },
        { "{\"a\":[0¦1]}", "not valid JSON" },
        { "{\"a\":1,¦\"a\":2}", "field 'a' appears twice" },
        { "{\"a\":1,¦\"\\u0061\":2}", "field 'a' appears twice" },
        { "{\"a\":¦\"\\ud800\"}", "not valid Unicode" },
        { "{\"a\":{\"b\":1,¦\"b\":[]}}", "field 'b' appears twice" },

        // RTNeural's layers.
        { "¦{\"layers\":[]}", "lacks 'in_shape'" },
        { "¦{\"in_shape\":[null,null,1]}", "lacks 'layers'" },
        { "{\"in_shape\":¦[],\"layers\":[]}", "in_shape must be a list that ends with a width" },
        { "{\"in_shape\":¦[0],\"layers\":[]}", "in_shape must be a list that ends with a width" },
        { "{\"in_shape\":¦[1.5],\"layers\":[]}", "in_shape must be a list that ends with a width" },
        { "{\"in_shape\":¦1,\"layers\":[]}", "in_shape must be a list that ends with a width" },
        { "{\"in_shape\":[null,¦null],\"layers\":[]}", "must be a whole number from 1 to 65536" },
        { "{\"in_shape\":[null,¦-1],\"layers\":[]}", "must be a whole number from 1 to 65536" },
        { "{\"in_shape\":[null,¦2147483648],\"layers\":[]}", "must be a whole number from 1 to 65536" },
        { "{\"in_shape\":[null,1],\"layers\":¦[]}", "0 layers; a model has 1 to 256" },
        { "{\"in_shape\":[null,1],\"layers\":¦{}}", "must be a list" },
        { "{\"in_shape\":[null,1],\"layers\":¦[1]}", "must be a list of arrays" },
        { "{\"in_shape\":[null,1],\"layers\":[¦{}]}", "lacks 'type'" },
        { "{\"in_shape\":[null,1],\"layers\":[¦null]}", "must be an object" },
        { "{\"in_shape\":[null,1],\"layers\":[¦{\"type\":\"dense\"}]}", "lacks 'shape'" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":¦1}]}", "must be a text" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":¦\"conv1d\",\"shape\":[null,1]}]}", "layers of type 'conv1d' are not supported" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":¦\"conv2d\",\"shape\":[null,1]}]}", "layers of type 'conv2d' are not supported" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":¦\"batchnorm\",\"shape\":[null,1]}]}", "layers of type 'batchnorm' are not supported" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":¦\"prelu\",\"shape\":[null,1]}]}", "layers of type 'prelu' are not supported" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":¦\"\\u001b[31m\",\"shape\":[null,1]}]}", "layers of type '\\u001b[31m'" },
        { "{\"in_shape\":[null,1],\"layers\":[¦{\"type\":\"dense\",\"shape\":[null,1]}]}", "lacks 'weights'" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"dense\",\"shape\":[null,1],\"weights\":¦[]}]}", "dense has 0 arrays of weights, expected 1 or 2" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"dense\",\"shape\":[null,1],\"weights\":[¦[[1,2]],[1]]}]}", "weights of dense is [1, 2], expected [1, 1]" },
        { "{\"in_shape\":[null,2],\"layers\":[{\"type\":\"dense\",\"shape\":[null,1],\"weights\":[¦[[1,2]],[1]]}]}", "weights of dense is [1, 2], expected [2, 1]" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"dense\",\"shape\":[null,1],\"weights\":[[[1]],¦[1,2]]}]}", "bias of dense is [2], expected [1]" },
        { "{\"in_shape\":[null,2],\"layers\":[{\"type\":\"dense\",\"shape\":[null,1],\"weights\":[¦[[1],[2,3]],[1]]}]}", "weights of dense must be an array of numbers" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"dense\",\"shape\":[null,1],\"weights\":[¦[[null]],[1]]}]}", "weights of dense must be an array of numbers" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"dense\",\"shape\":[null,1],\"weights\":[¦[[1e999]],[1]]}]}", "'weights of dense' is not finite at element 0" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"dense\",\"activation\":¦\"gelu\",\"shape\":[null,1],\"weights\":[[[1]],[1]]}]}", "activation 'gelu' is not supported" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"dense\",\"activation\":¦\"hard_sigmoid\",\"shape\":[null,1],\"weights\":[[[1]],[1]]}]}", "activation 'hard_sigmoid' is not supported" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"lstm\",\"activation\":¦\"relu\",\"shape\":[null,1],\"weights\":[]}]}", "lstm with the activation 'relu'" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"lstm\",\"shape\":[null,1],\"weights\":¦[[[1,2,3,4]]]}]}", "lstm has 1 arrays of weights, expected 2 or 3" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"lstm\",\"shape\":[null,1],\"weights\":[[[1,2,3,4]],¦[[1,2,3]],[1,2,3,4]]}]}", "recurrent kernel of lstm is [1, 3], expected [1, 4]" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"lstm\",\"shape\":[null,1],\"weights\":[[[1,2,3,4]],[[1,2,3,4]],¦[1,2,3]]}]}", "bias of lstm is [3], expected [4]" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"gru\",\"shape\":[null,1],\"weights\":[[[1,2,3]],[[1,2,3]],¦[1,2,3]]}]}", "a gru with one bias resets before the product" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"gru\",\"shape\":[null,1],\"weights\":[¦[[1,2,3,4]],[[1,2,3]],[[1,2,3],[1,2,3]]]}]}", "kernel of gru is [1, 4], expected [1, 3]" },
        { "{\"in_shape\":[null,1],\"layers\":[¦{\"type\":\"activation\",\"shape\":[null,1]}]}", "an activation layer lacks 'activation'" },
        { "{\"in_shape\":[null,1],\"layers\":[{\"type\":\"activation\",\"activation\":¦\"tanh\",\"shape\":[null,1]}]}", "comes before any layer with a width" },
        { "{\"in_shape\":[null,1],\"layers\":[" + Dense + ",¦{\"type\":\"activation\",\"activation\":\"tanh\",\"shape\":[null,2]}]}", "an activation of width 2 after a layer of width 1" },
        { "{\"in_skip\":¦2,\"in_shape\":[null,1],\"layers\":[" + Dense + "]}", "must be a whole number from 0 to 1" },
        { "{\"in_skip\":¦1,\"in_shape\":[null,1],\"layers\":[" + Dense + ",{\"type\":\"activation\",\"activation\":\"tanh\",\"shape\":[null,1]}]}", "the input is added to the output round layer 1" },
        { "{\"in_skip\":¦1,\"in_shape\":[null,1],\"layers\":[{\"type\":\"lstm\",\"shape\":[null,1],\"weights\":[[[1,2,3,4]],[[1,2,3,4]],[1,2,3,4]]}]}", "the input is added to the output of lstm" },
        { "{\"in_shape\":[null,1],\"layers\":[" + Dense + "],\"fastrnn\":¦{}}", "lacks 'probe'" },
        { "{\"in_shape\":[null,1],\"layers\":[" + Dense + "],\"fastrnn\":¦{\"probe\":{}}}", "the probe is not valid" },
        { "¦{\"in_shape\":[null,1],\"layers\":[" + Dense + "],\"fastrnn\":{\"probe\":{\"values\":[1],\"stride\":1,\"outputs\":[9],\"tolerance\":0.001}}}", "does not compute what it did" },

        // Neural Amp Modeler.
        { "¦{\"architecture\":\"LSTM\"}", "lacks 'version'" },
        { "{\"version\":¦5,\"architecture\":\"LSTM\"}", "must be a text" },
        { "{\"version\":¦\"0.4.9\",\"architecture\":\"LSTM\"}", "version '0.4.9' is not known" },
        { "{\"version\":¦\"1.5.0\",\"architecture\":\"LSTM\"}", "version '1.5.0' is not known" },
        { "{\"version\":¦\"0.5\",\"architecture\":\"LSTM\"}", "version '0.5' is not known" },
        { "{\"version\":\"0.5.4\",\"architecture\":¦\"WaveNet\"}", "architecture 'WaveNet' is not supported" },
        { "{\"version\":\"0.5.4\",\"architecture\":¦\"ConvNet\"}", "architecture 'ConvNet' is not supported" },
        { "¦{\"version\":\"0.5.4\",\"architecture\":\"LSTM\"}", "lacks 'config'" },
        { "{\"version\":\"0.5.4\",\"architecture\":\"LSTM\",\"config\":¦{}}", "lacks 'input_size'" },
        { "{\"version\":\"0.5.4\",\"architecture\":\"LSTM\",\"config\":{\"input_size\":1,\"hidden_size\":¦0,\"num_layers\":1}}", "must be a whole number from 1 to 65536" },
        { "{\"version\":\"0.5.4\",\"architecture\":\"LSTM\",\"config\":{\"input_size\":1,\"hidden_size\":1,\"num_layers\":¦256}}", "must be a whole number from 1 to 255" },
        { "{\"version\":\"0.5.4\",\"architecture\":\"LSTM\",\"config\":{\"input_size\":1,\"hidden_size\":1,\"num_layers\":1,\"in_channels\":¦2},\"weights\":[]}", "2 channels into layers of input_size 1" },
        { Nam + "¦[]}", "0 weights, the layers need 16" },
        { Nam + "¦[1,2,3]}", "3 weights, the layers need 16" },
        { Nam + "¦[[1],[2]]}", "weights must be a list of numbers" },
        { Nam + "¦[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,null]}", "weights must be a list of numbers" },
        { Nam + "¦[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,1e999]}", "weights are not finite at element 15" },
        { "{\"version\":\"0.5.4\",\"architecture\":\"LSTM\",\"config\":{\"input_size\":65536,\"hidden_size\":65536,\"num_layers\":255},\"weights\":¦[1]}", "1 weights, the layers need" },

        // State_dicts.
        { "¦{}", "no layers, no architecture and no arrays of weights" },
        { "¦{\"model_data\":{}}", "lacks 'state_dict'" },
        { "{\"a.weight\":¦[[1],[2,3]]}", "'a.weight' must be an array of numbers" },
        { "{\"state_dict\":{\"a.weight\":¦\"x\"}}", "'a.weight' must be an array of numbers" },
        { "{\"a.running_mean\":¦[1]}", "'a.running_mean' is no parameter of a recurrent, linear or embedding layer" },
        { "{\"a.weight\":¦[[[1]]]}", "'a.weight' has the shape [1, 1, 1]" },
        { "{\"a.weight\":¦[]}", "'a.weight' has the shape [0]" },
        { "{\"a.weight\":¦[1],\"a.bias\":[1,2]}", "no layer normalisation" },
        { "{\"a.weight_ih_l0\":¦[[1]]}", "module 'a' lacks weight_hh_l0" },
        { "{\"a.weight_ih_l0\":¦[[1]],\"a.weight_hh_l0\":[[1]]}", "by --activation tanh or --activation relu" },
        { "{\"model_data\":{" + Said + "},\"state_dict\":{" + Rnn.Replace("rec.bias_hh_l0\":[1,2,3,4]", "rec.bias_hh_l0\":¦[1,2,3]", StringComparison.Ordinal) + ",\"lin.weight\":[[1]]}}", "'rec.bias_hh_l0' is [3], the layer needs [4]" },
        { "{\"model_data\":¦{" + Said + "},\"state_dict\":{" + Rnn + "}}", "the arrays have no linear layer at the end" },
        { "{\"model_data\":{\"model\":¦\"RecNet\"},\"state_dict\":{" + Rnn + ",\"lin.weight\":[[1]]}}", "the model 'RecNet' is not supported" },
        { "{\"model_data\":{" + Said.Replace("\"LSTM\"", "¦\"GRU\"", StringComparison.Ordinal) + "},\"state_dict\":{" + Rnn + ",\"lin.weight\":[[1]]}}", "unit_type is 'GRU', the arrays are those of lstm" },
        { "{\"model_data\":{" + Said.Replace("\"hidden_size\":1", "\"hidden_size\":¦2", StringComparison.Ordinal) + "},\"state_dict\":{" + Rnn + ",\"lin.weight\":[[1]]}}", "hidden_size is 2, the arrays have 1" },
        { "{\"model_data\":{" + Said.Replace("\"num_layers\":1", "\"num_layers\":¦2", StringComparison.Ordinal) + "},\"state_dict\":{" + Rnn + ",\"lin.weight\":[[1]]}}", "num_layers is 2, the arrays have 1" },
        { "{\"model_data\":{" + Said + ",\"skip\":¦2},\"state_dict\":{" + Rnn + ",\"lin.weight\":[[1]]}}", "2 of 1 inputs are added to 1 outputs" },
        { "{\"state_dict\":{\"lin.weight\":¦[[1,2],[3,4]]," + Rnn + "}}", "do not fit together in the order of the file" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Bad_file_is_refused_where_it_is_bad(string text, string reason)
    {
        string[] parts = text.Split('¦');
        byte[] file = Encoding.UTF8.GetBytes(parts[0] + parts[1]);
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(file, "m.json", _backend).Dispose());
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        if (error.Offset >= 0)
            Assert.Equal(Encoding.UTF8.GetByteCount(parts[0]), error.Offset);
        else
            Assert.Contains("does not compute", error.Message, StringComparison.Ordinal); // a probe differs at no place
    }

    [Fact]
    public void There_are_enough() => Assert.True(Files().Count >= 60);

    /// <summary>JSON says where it ends: nothing that is cut off can be a whole file. Files beyond 8 KB are cut at every 61st byte.</summary>
    [Fact]
    public void File_that_is_cut_off_is_refused()
    {
        foreach (string name in AudioModelTests.Names().Cast<object[]>().Select(row => (string)row[0]))
        {
            byte[] file = _samples[name];
            for (int length = 0; length < file.Length; length += file.Length > 8192 ? 61 : 1)
            {
                byte[] cut = file[..length];
                Assert.Throws<ModelFormatException>(() => SampleArchive.Load(cut, name, _backend).Dispose());
            }
        }
    }

    public static TheoryData<string> Bombs() => new("deep", "deep objects", "many layers", "many tensors", "wide", "spaces", "many empty arrays", "long name", "weights that are not there");

    [Theory]
    [MemberData(nameof(Bombs))]
    public void Bomb_is_refused_at_once(string kind)
    {
        string text = kind switch
        {
            "deep" => "{\"layers\":" + new string('[', 100_000),
            "deep objects" => string.Concat(Enumerable.Repeat("{\"a\":", 100_000)),
            "many layers" => "{\"in_shape\":[1],\"layers\":[" + string.Join(",", Enumerable.Repeat("{}", 100_000)) + "]}",
            "many tensors" => "{" + string.Join(",", Enumerable.Range(0, 100_000).Select(i => $"\"{i}.weight\":[[1]]")) + "}",
            "wide" => "{\"in_shape\":[null,2147483647],\"layers\":[{\"type\":\"lstm\",\"shape\":[null,2147483647],\"weights\":[]}]}",
            "spaces" => "{" + new string(' ', 4_000_000),
            "many empty arrays" => "{\"a\":[" + string.Join(",", Enumerable.Repeat("[]", 200_000)) + ",1]}",
            "long name" => "{\"" + new string('a', 1_000_000) + "\":1}",
            _ => Nam.Replace("\"hidden_size\":1", "\"hidden_size\":65536", StringComparison.Ordinal) + "[1]}",
        };
        byte[] file = Encoding.UTF8.GetBytes(text);
        double best = double.MaxValue;
        for (int i = 0; i < 4; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
            Assert.Throws<ModelFormatException>(() => SampleArchive.Load(file, "m.json", _backend).Dispose());
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
        }
        Assert.InRange(best, 0, 300); // 100 on a machine that does nothing else; neighbours in caches and memory cost up to three times that
    }
}
