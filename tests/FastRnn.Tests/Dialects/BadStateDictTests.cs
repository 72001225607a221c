using System.Globalization;
using System.Text;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Tests.Formats;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Dialects;

/// <summary>State_dicts that are none, or whose layers are not to be told: refused for the stated reason at the array it lies in.</summary>
public sealed class BadStateDictTests() : FileTest("model.safetensors")
{
    private const string Lstm = "r.weight_ih_l0:8x3 r.weight_hh_l0:8x2 r.bias_ih_l0:8 r.bias_hh_l0:8 ";

    private static readonly SampleArchive _samples = new("pytorch_models.zip");

    /// <summary>Arrays as name:rows×columns, where ¦ stands before the one whose bytes the error names, if it names any; part of the message.</summary>
    public static TheoryData<string, string> Files() => new()
    {
        { "¦a:2x2", "'a' is no parameter of a recurrent, linear or embedding layer" },
        { "¦a.running_mean:2", "'a.running_mean' is no parameter" },
        { "¦a.num_batches_tracked:", "'a.num_batches_tracked' is no parameter" },
        { "¦a.weight_ih_l:8x3", "'a.weight_ih_l' is no parameter" },
        { "¦a.weight_ih_l00:8x3", "'a.weight_ih_l00' is no parameter" },
        { "¦a.weight_ih_l-1:8x3", "'a.weight_ih_l-1' is no parameter" },
        { "¦a.weight_ih_l256:8x3", "'a.weight_ih_l256' is no parameter" },
        { "¦a.weight_ih_l99999999999:8x3", "is no parameter" },
        { "¦a.weight_ih_l0_back:8x3", "'a.weight_ih_l0_back' is no parameter" },
        { "¦a.weight_xh_l0:8x3", "'a.weight_xh_l0' is no parameter" },
        { "¦a.Weight:8x3", "'a.Weight' is no parameter" },
        { "¦a.in_proj_weight:8x3", "'a.in_proj_weight' is no parameter" },
        { "¦a\u001b.w:8x3", "'a\\u001b.w' is no parameter" },
        { "¦a.weight:", "'a.weight' has the shape []" },
        { "¦a.weight:0x3", "'a.weight' has the shape [0, 3]" },
        { "¦a.weight:3x0", "'a.weight' has the shape [3, 0]" },
        { "¦a.weight:1x2x3", "'a.weight' has the shape [1, 2, 3]" },
        { "¦a.weight:1x2x3x1", "'a.weight' has the shape [1, 2, 3, 1]" },
        { "¦a.weight:3", "module 'a' is no recurrent, linear or embedding layer and no layer normalisation" },
        { "¦a.weight:3 a.bias:4", "no layer normalisation" },
        { "¦a.bias:3", "module 'a' is no recurrent, linear or embedding layer" },
        { "¦bias:3", "module '' is no recurrent, linear or embedding layer" },
        { "¦a.weight:3x2 a.bias:3 a.weight_hh_l0:3x3", "module 'a' has 3 arrays for linear(input 2, output 3), which has 2 of them" },
        { "¦r.weight_hh_l0:8x2", "module 'r' is no recurrent, linear or embedding layer" },
        { "¦r.bias_ih_l0:8", "module 'r' is no recurrent, linear or embedding layer" },
        { "¦r.weight_ih_l1:8x3 r.weight_hh_l1:8x2", "module 'r' is no recurrent, linear or embedding layer" },
        { "¦r.weight_ih_l0:8x3", "module 'r' lacks weight_hh_l0" },
        { "¦r.weight_ih_l0:8 r.weight_hh_l0:8x2", "'r.weight_ih_l0' must be a matrix" },
        { "r.weight_ih_l0:8x3 ¦r.weight_hh_l0:8", "'r.weight_hh_l0' must be a matrix" },
        { "¦r.bias_hh_l0:8 r.bias_ih_l0:8 r.weight_hh_l0:8x2 r.weight_ih_l0:8x3 r.weight_ih_l1:8x2", "module 'r' lacks weight_hh_l1" },
        { "¦r.bias_hh_l0:8 r.bias_ih_l0:8 r.weight_hh_l0:8x2 r.weight_ih_l0:8x3 r.weight_ih_l2:8x2 r.weight_hh_l2:8x2", "module 'r' lacks weight_ih_l1" },
        { "¦r.bias_hh_l0:8 r.weight_hh_l0:8x2 r.weight_ih_l0:8x3 r.weight_ih_l0_reverse:8x3", "module 'r' lacks weight_hh_l0_reverse" },
        { "¦r.weight_hh_l0:8x2 r.weight_hh_l0_reverse:8x2 r.weight_hh_l1:8x2 r.weight_ih_l0:8x3 r.weight_ih_l0_reverse:8x3 r.weight_ih_l1:8x4", "module 'r' lacks weight_ih_l1_reverse" },
        { "¦r.weight_hh_l0:8x1 r.weight_hr_l0:1x2 r.weight_ih_l0:8x3 r.weight_ih_l1:8x1 r.weight_hh_l1:8x1", "module 'r' lacks weight_hr_l1" },
        { "r.weight_hh_l0:8x1 ¦r.weight_hr_l0:3x2 r.weight_ih_l0:8x3", "'r.weight_hr_l0' [3, 2] does not project onto the 1 columns" },
        { "r.weight_hh_l0:8x2 ¦r.weight_hr_l0:2x2 r.weight_ih_l0:8x3", "'r.weight_hr_l0' [2, 2] does not project onto the 2 columns" },
        { "r.weight_hh_l0:6x1 r.weight_hr_l0:1x2 ¦r.weight_ih_l0:6x3", "has 6 rows for 2 units: an LSTM has 4 times as many" },
        { "r.weight_hh_l0:8x2 r.weight_ih_l0:8x3 ¦r.weight_peephole_l0:3x2", "'r.weight_peephole_l0' is no parameter of PyTorch's" },
        { "r.weight_hh_l0:8x2 r.weight_ih_l0:8x3 ¦r.weight_ln_ih_l0:8", "'r.weight_ln_ih_l0' is no parameter of PyTorch's" },
        { "¦r.weight_hh_l0:8x2 r.weight_ih_l0:6x3", "'r.weight_hh_l0' has 8 rows, 'r.weight_ih_l0' 6" },
        { "r.weight_hh_l0:10x2 ¦r.weight_ih_l0:10x3", "has 10 rows for 2 units: an LSTM has 4 times as many, a GRU 3 times" },
        { "r.weight_hh_l0:4x2 ¦r.weight_ih_l0:4x3", "has 4 rows for 2 units" },
        { "r.weight_hh_l0:7x2 ¦r.weight_ih_l0:7x3", "has 7 rows for 2 units" },
        { "r.weight_hh_l0:2x2 ¦r.weight_ih_l0:2x3", "simple recurrent cell, whose function no shape tells: say it by --activation tanh or --activation relu" },
        { "r.weight_hh_l0:8x2 r.weight_ih_l0:8x3 ¦r.bias_ih_l0:7", "'r.bias_ih_l0' is [7], the layer needs [8]" },
        { "r.weight_hh_l0:8x2 r.weight_ih_l0:8x3 ¦r.bias_hh_l0:1x8", "'r.bias_hh_l0' is [1, 8], the layer needs [8]" },
        { "r.weight_hh_l0:8x2 ¦r.weight_hh_l0_reverse:8x3 r.weight_ih_l0:8x3 r.weight_ih_l0_reverse:8x3", "'r.weight_hh_l0_reverse' is [8, 3], the layer needs [8, 2]" },
        { "¦r.bias_ih_l0_reverse:8 r.weight_hh_l0:8x2 r.weight_ih_l0:8x3", "module 'r' has 3 arrays for lstm(input 3, hidden 2), which has 2 of them" },
        { Lstm + "¦r.weight:2x2", "'r.weight' stands beside the weights of a recurrent layer" },
        { Lstm + "¦r.bias:2", "'r.bias' stands beside the weights of a recurrent layer" },
        { "r.weight_ih:8x3 r.weight_hh:8x2 ¦r.weight_ih_l0:8x3", "'r.weight_ih_l0' comes twice" },
        { "r.weight_ih_l0:8x3 r.weight_hh_l0:8x2 r.weight_ih_l1:8x3 r.weight_hh_l1:8x2", "layer 1 expects 3 inputs, layer 0 gives 2" },
        { "¦fc.weight:4x5 fc.bias:4 " + Lstm, "the modules 'fc', 'r' do not fit together in any order" },
        { "¦0.weight_ih_l0:8x3 0.weight_hh_l0:8x2 1.weight:4x5 1.bias:4", "do not fit together in the order of their numbers" },
        { "¦0.weight_ih_l0:8x3 0.weight_hh_l0:8x2 2.weight:4x2 2.bias:4", "module 1 before '2' has no weights, so it may be any function" },
        { "¦3.weight_ih_l0:8x3 3.weight_hh_l0:8x2", "module 1 before '3' has no weights" },
        { "¦a.weight:2x2 a.bias:2 b.weight:2x2 b.bias:2", "fit together in another order" },
        { "¦a.weight:3x3 a.bias:3 r.weight_ih_l0:12x3 r.weight_hh_l0:12x3", "fit together in another order" },
        { "¦a.weight:3x3 " + Lstm, "or as other layers" },
        { "¦0.weight:3x3 1.weight_ih_l0:8x3 1.weight_hh_l0:8x2", "'0.weight' may be an embedding or a linear layer" },
        { "r.weight_hh_l0:8x2 ¦r.weight_ih_l0:8x3:NaN", "'r.weight_ih_l0' is not finite at element 5" },
        { "¦a.weight:2x2:I64 a.bias:2", "'a.weight' holds I64, weights are F16, BF16, F32 or F64" },
        { "¦a.weight:2x2:U8 a.bias:2", "'a.weight' holds U8, weights are F16, BF16, F32 or F64" },
        { "a.bias:2 ¦a.weight:2x2:I32", "'a.weight' holds I32, weights are F16, BF16, F32 or F64" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Bad_file_is_refused_where_it_is_bad(string arrays, string reason)
    {
        byte[] file = Build(arrays, out long offset);
        var error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(file, "m.safetensors", _backend).Dispose());
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.True(error.Offset == offset, $"{error.Message} at {error.Offset}, expected at {offset}");
    }

    public static TheoryData<string, string> Sidecars() => new()
    {
        { "", "not valid" },
        { "{}", "missing required properties including: 'layers'" },
        { "[]", "could not be converted to an object" },
        { "{\"layers\":1}", "could not be converted to a list" },
        { "{\"layers\":[]}", "0 layers; a model has 1 to 256" },
        { "{\"layers\":[{}]}", "missing required properties including: 'type'" },
        { "{\"layers\":[{\"type\":\"conv\"}]}", "'conv', which this version does not know" },
        { "{\"layers\":[{\"type\":\"lstm\",\"input\":3}]}", "lacks hidden" },
        { "{\"layers\":[{\"type\":\"lstm\",\"input\":3,\"hidden\":2}],\"more\":1}", "'more' is not one of those" },
        { "{\"layers\":[{\"type\":\"lstm\",\"input\":3,\"hidden\":3}]}", "are not the named layers" },
        { "{\"layers\":[{\"type\":\"gru\",\"input\":3,\"hidden\":2}]}", "are not the named layers" },
        { "{\"layers\":[{\"type\":\"lstm\",\"input\":3,\"hidden\":2},{\"type\":\"linear\",\"input\":2,\"output\":1}]}", "are not the named layers" },
        { "{\"layers\":[{\"type\":\"lstm\",\"input\":3,\"hidden\":2}],\"modules\":[\"q\"]}", "the file has no module 'q'" },
        { "{\"layers\":[{\"type\":\"lstm\",\"input\":3,\"hidden\":2}],\"modules\":[]}", "0 modules are named, the file has 1" },
        { "{\"layers\":[{\"type\":\"lstm\",\"input\":3,\"hidden\":3}],\"modules\":[\"r\"]}", "the layer needs [12, 3]" },
    };

    [Theory]
    [MemberData(nameof(Sidecars))]
    public void Bad_sidecar_is_refused(string text, string reason)
    {
        File.WriteAllBytes(Target, Build(Lstm, out _));
        File.WriteAllText(Target + ".json", text);
        var error = Assert.Throws<ModelFormatException>(() => ModelImport.Load(Target, _backend).Dispose());
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_that_is_cut_off_is_refused()
    {
        foreach (string name in StateDictTests.Names().Cast<object[]>().Select(row => (string)row[0]))
        {
            byte[] file = _samples[name + ".safetensors"];
            for (int length = 0; length < file.Length; length++)
            {
                byte[] cut = file[..length];
                Assert.Throws<ModelFormatException>(() => SampleArchive.Load(cut, name, _backend).Dispose());
            }
        }
    }

    public static TheoryData<string> Bombs() => new("2^31 x 2^31", "many tensors", "deep", "long header", "20,000 modules", "10 modules alike");

    [Theory]
    [MemberData(nameof(Bombs))]
    public void Bomb_is_refused_at_once(string kind)
    {
        string json = kind switch
        {
            "2^31 x 2^31" => "{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647],\"data_offsets\":[0,18446744056529682436]}}",
            "many tensors" => "{" + string.Join(",", Enumerable.Range(0, 100_000).Select(i => $"\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}")) + "}",
            "deep" => "{\"a\":" + new string('[', 100_000),
            "long header" => "{" + new string(' ', 4_000_000),
            "20,000 modules" => "{" + string.Join(",", Enumerable.Range(0, 20_000).Select(i => $"\"{i}.weight\":{{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[{4 * i},{(4 * i) + 4}]}}")) + "}",
            _ => "{" + string.Join(",", Enumerable.Range(0, 10).Select(i => $"\"{(char)('a' + i)}.weight\":{{\"dtype\":\"F32\",\"shape\":[{i % 2 + 1},{2 - (i % 2)}],\"data_offsets\":[{8 * i},{(8 * i) + 8}]}}")) + "}",
        };
        byte[] file = SafetensorsSamples.Build(json, kind == "20,000 modules" ? 80_000 : kind == "10 modules alike" ? 80 : 0);
        Refusal.AtOnce(() => SampleArchive.Load(file, "m.safetensors", _backend).Dispose());
    }

    /// <summary>Arrays name:sizes[:type or NaN] with blanks between them; all of zeros, but for the NaN.</summary>
    private static byte[] Build(string arrays, out long offset)
    {
        var header = new StringBuilder("{");
        int position = 0, marked = -1, bad = -1;
        foreach (string word in arrays.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = word.TrimStart('¦').Split(':');
            string type = parts.Length > 2 && parts[2] != "NaN" ? parts[2] : "F32";
            int[] sizes = [.. parts[1].Split('x', StringSplitOptions.RemoveEmptyEntries).Select(size => int.Parse(size, CultureInfo.InvariantCulture))];
            int length = sizes.Aggregate(1, (product, size) => product * size) * (type == "I64" ? 8 : type == "U8" ? 1 : 4);
            if (word[0] == '¦')
                marked = position;
            if (parts[^1] == "NaN")
                bad = position + 20;
            string name = parts[0].Replace("\u001b", "\\u001b", StringComparison.Ordinal);
            header.Append(CultureInfo.InvariantCulture, $"{(position == 0 && header.Length == 1 ? "" : ",")}\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{string.Join(",", sizes)}],\"data_offsets\":[{position},{position += length}]}}");
        }
        byte[] file = SafetensorsSamples.Build(header.Append('}').ToString(), position);
        if (bad >= 0)
            BitConverter.TryWriteBytes(file.AsSpan(file.Length - position + bad), float.NaN);
        offset = marked < 0 ? -1 : file.Length - position + marked;
        return file;
    }
}
