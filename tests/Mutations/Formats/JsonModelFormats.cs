using System.Globalization;
using System.Text;
using FastRnn.Mutations.Changes;

namespace FastRnn.Mutations.Formats;

/// <summary>Model files that are JSON throughout.</summary>
internal abstract class JsonModelFormat : ModelFormat
{
    public override string Extension => ".json";

    protected abstract IEnumerable<string> Texts();

    protected override IReadOnlyList<byte[]> CreateSamples() => [.. Texts().Select(Encoding.UTF8.GetBytes)];

    protected override byte[] Change(byte[] sample, byte[] other, Random random)
    {
        for (int i = Math.Max(1, random.Next(-2, 4)); i > 0; i--)
            sample = random.Next(8) == 0 ? ByteChanges.Change(sample, other, [], random) : JsonChanges.Change(sample, other, random);
        return sample;
    }

    public override IEnumerable<(string Name, byte[] File)> Bombs()
    {
        byte[] Said(string field, string value)
        {
            string text = Texts().First();
            int begin = text.IndexOf($"\"{field}\":", StringComparison.Ordinal) + field.Length + 3, end = text.IndexOfAny([',', '}'], begin);
            return Encoding.UTF8.GetBytes(text[..begin] + value + text[end..]);
        }

        yield return ("arrays 100,000 deep", Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 100_000)));
        yield return ("objects 100,000 deep", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 100_000))));
        yield return ("100,000 fields", Encoding.UTF8.GetBytes("{" + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"{i}\":[]")) + "}"));
        yield return ("5 MB of spaces", Encoding.UTF8.GetBytes("{" + new string(' ', 5_000_000)));
        yield return ("name of 5 MB", Encoding.UTF8.GetBytes("{\"" + new string('n', 5_000_000) + "\":1}"));
        yield return ("wrong word of 5 MB", Encoding.UTF8.GetBytes("{\"a\":t" + new string('x', 5_000_000) + "}"));
        foreach (string field in Sizes)
            yield return ($"{field} of 2^31", Said(field, "2147483647"));
    }

    /// <summary>Fields of the first sample that are sizes.</summary>
    protected abstract IReadOnlyList<string> Sizes { get; }

    /// <summary>Numbers, all different, as nested lists of that shape.</summary>
    protected static string Numbers(params int[] shape)
    {
        int next = shape.Length;
        string List(int depth) => depth == shape.Length
            ? MathF.Sin(next++).ToString("0.####", CultureInfo.InvariantCulture)
            : $"[{string.Join(',', Enumerable.Range(0, shape[depth]).Select(_ => List(depth + 1)))}]";

        return List(0);
    }
}

/// <summary>RTNeural: layers with weights as Keras lays them out.</summary>
internal sealed class RtNeuralFormat : JsonModelFormat
{
    public override string Name => "rtneural";

    public override IEnumerable<byte[]> Files => SampleFiles.All("audio_models.zip", Extension);

    protected override IReadOnlyList<string> Sizes => [];

    protected override IEnumerable<string> Texts()
    {
        string lstm = $$"""{"type":"lstm","activation":"","shape":[null,null,3],"weights":[{{Numbers(1, 12)}},{{Numbers(3, 12)}},{{Numbers(12)}}]}""";
        string gru = $$"""{"type":"gru","activation":"","shape":[null,null,2],"weights":[{{Numbers(3, 6)}},{{Numbers(2, 6)}},{{Numbers(2, 6)}}]}""";
        string dense = $$"""{"type":"dense","activation":"tanh","shape":[null,null,3],"weights":[{{Numbers(1, 3)}},{{Numbers(3)}}]}""";
        string last = $$"""{"type":"time-distributed-dense","activation":"","shape":[null,null,1],"weights":[{{Numbers(3, 1)}},{{Numbers(1)}}]}""";
        string lastOfGru = $$"""{"type":"dense","activation":"","shape":[null,null,1],"weights":[{{Numbers(2, 1)}},{{Numbers(1)}}]}""";
        yield return $$"""{"in_shape":[null,null,1],"layers":[{{lstm}},{{last}}]}""";
        yield return $$"""{"in_shape":[null,null,1],"in_skip":1,"in_gain":3.5,"sample_rate":44100,"layers":[{{lstm}},{{last}}]}""";
        yield return $$"""{"in_shape":[null,null,1],"layers":[{{dense}},{{gru}},{{lastOfGru}}]}""";
    }
}

/// <summary>PyTorch's state_dict as JSON, with what trainers of guitar amplifiers say beside it, and without.</summary>
internal sealed class GuitarMlFormat : JsonModelFormat
{
    public override string Name => "guitarml";

    protected override IReadOnlyList<string> Sizes => ["hidden_size", "input_size", "num_layers"];

    protected override IEnumerable<string> Texts()
    {
        string Said(string type, int gates, int skip) =>
            $$$"""{"model_data":{"model":"SimpleRNN","input_size":1,"skip":{{{skip}}},"output_size":1,"unit_type":"{{{type}}}","num_layers":1,"hidden_size":3,"bias_fl":true},"state_dict":{{{Recurrent(gates)}}}}""";

        yield return Said("LSTM", 4, 1);
        yield return Said("GRU", 3, 0);
        yield return Recurrent(3);
    }

    private static string Recurrent(int gates) => $$$"""
        {"rec.weight_ih_l0":{{{Numbers(gates * 3, 1)}}},"rec.weight_hh_l0":{{{Numbers(gates * 3, 3)}}},"rec.bias_ih_l0":{{{Numbers(gates * 3)}}},"rec.bias_hh_l0":{{{Numbers(gates * 3)}}},"lin.weight":{{{Numbers(1, 3)}}},"lin.bias":{{{Numbers(1)}}}}
        """;
}

/// <summary>Neural Amp Modeler's LSTM.</summary>
internal sealed class NamFormat : JsonModelFormat
{
    public override string Name => "nam";

    public override string Extension => ".nam";

    public override IEnumerable<byte[]> Files => SampleFiles.All("audio_models.zip", Extension);

    protected override IReadOnlyList<string> Sizes => ["hidden_size", "input_size", "num_layers"];

    protected override IEnumerable<string> Texts()
    {
        string File(int layers, string more) => $$$"""
            {"version":"0.5.4","metadata":{"loudness":-18.5,"gain":0.7,"date":{"year":2024}},"architecture":"LSTM","config":{"input_size":1,"hidden_size":3,"num_layers":{{{layers}}}{{{more}}} },"weights":{{{Numbers(Length(layers))}}},"sample_rate":48000}
            """;

        yield return File(1, "");
        yield return File(2, ",\"in_channels\":1,\"out_channels\":1");
    }

    private static int Length(int layers) => Enumerable.Range(0, layers).Sum(layer => (12 * ((layer == 0 ? 1 : 3) + 3 + 1)) + 6) + 4;
}
