using System.Text;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Dialects;

/// <summary>Broken files of audio programs: refused for the stated reason at the stated byte, and in no more time and memory than a good file takes.</summary>
public sealed class BadAudioTests() : FileTest("model.json")
{
    private const string Nam = "{\"version\":\"0.5.4\",\"architecture\":\"LSTM\",\"config\":{\"input_size\":1,\"hidden_size\":1,\"num_layers\":1},\"weights\":";

    private static readonly SampleArchive _samples = new("audio_models.zip");

    [Theory]
    [MemberData(nameof(BadRtNeuralFiles.All), MemberType = typeof(BadRtNeuralFiles))]
    [MemberData(nameof(BadGuitarMlFiles.All), MemberType = typeof(BadGuitarMlFiles))]
    [MemberData(nameof(BadNamFiles.All), MemberType = typeof(BadNamFiles))]
    public void Bad_file_is_refused_where_it_is_bad(string text, string reason)
    {
        string[] parts = text.Split('¦');
        byte[] file = Encoding.UTF8.GetBytes(string.Concat(parts));
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(file, "m.json", _backend).Dispose());
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Equal(parts.Length == 1 ? -1 : Encoding.UTF8.GetByteCount(parts[0]), error.Offset);
    }

    /// <summary>All arrays of a file are in memory at once.</summary>
    [Fact]
    public void Arrays_are_limited_together()
    {
        const string Begin = "{\"a.weight\":[[1,2,3,4,5,6,7,8]],\"b.weight\":[[1,";
        var options = new ImportOptions { Limits = ImportLimits.Default with { TensorBytes = 9 * sizeof(float) } };
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(Encoding.UTF8.GetBytes(Begin + "2]]}"), "m.json", _backend, options).Dispose());
        Assert.Contains("more numbers than the limit of 36 bytes", error.Message, StringComparison.Ordinal);
        Assert.Equal(Begin.Length, error.Offset);
    }

    /// <summary>What a file says beside its model is kept as text, arrays as well.</summary>
    [Fact]
    public void Kept_text_is_limited()
    {
        string begin = BadRtNeuralFiles.Good[..^1] + ",\"curve\":";
        byte[] file = Encoding.UTF8.GetBytes($"{begin}[{string.Join(',', Enumerable.Repeat("0", 500))}]}}");
        var options = new ImportOptions { Limits = ImportLimits.Default with { TextBytes = 900 } };
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(file, "m.json", _backend, options).Dispose());
        Assert.Contains("more than 900 bytes of text", error.Message, StringComparison.Ordinal);
        Assert.Equal(begin.Length, error.Offset);
        using ImportedModel whole = SampleArchive.Load(file, "m.json", _backend);
        Assert.Equal(1001, whole.Metadata["curve"].Length);
    }

    [Fact]
    public void Weights_that_are_not_finite_are_taken_where_the_options_allow_them()
    {
        byte[] file = Encoding.UTF8.GetBytes(Nam + "[1,2,3,4,5,6,7,8,9,10,11,12,1e999,14,15,1e999]}");
        using ImportedModel model = SampleArchive.Load(file, "m.nam", _backend, new ImportOptions { AllowNonFinite = true });
        Assert.False(float.IsFinite(model.Sequential!.InitialState![0]));
    }

    /// <summary>JSON says where it ends: nothing that is cut off can be a whole file. Files beyond 8 KB are cut at every 61st byte; <c>--prefixes</c> of tests/Mutations cuts them at all.</summary>
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

    public static TheoryData<string> Bombs() => new("skip round wide layers", "probe of 4 MB", "deep", "deep objects", "many layers", "many tensors", "wide", "spaces", "many empty arrays", "long name", "weights that are not there");

    [Theory]
    [MemberData(nameof(Bombs))]
    public void Bomb_is_refused_at_once(string kind)
    {
        string text = kind switch
        {
            "skip round wide layers" => Wide(60_000),
            "probe of 4 MB" => $"{BadRtNeuralFiles.Good[..^1]},\"fastrnn\":{{\"probe\":{{\"values\":[{string.Join(',', Enumerable.Repeat("1", 2_000_000))}]}}}}}}",
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
        Refusal.AtOnce(() => SampleArchive.Load(file, "m.json", _backend).Dispose());
    }

    /// <summary>With the input beside them, the layers have 3.6 thousand million weights.</summary>
    private static string Wide(int width)
    {
        string row = $"[{string.Join(',', Enumerable.Repeat("0", width))}]", column = $"[{string.Join(',', Enumerable.Repeat("[0]", width))}]";
        string Dense(int output, string kernel) => $"{{\"type\":\"dense\",\"shape\":[null,{output}],\"weights\":[{kernel}]}}";

        return $"{{\"in_shape\":[null,1],\"in_skip\":1,\"layers\":[{Dense(width, $"[{row}]")},{Dense(1, column)},{Dense(width, $"[{row}]")},{Dense(1, column)}]}}";
    }
}
