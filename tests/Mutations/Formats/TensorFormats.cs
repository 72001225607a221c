using System.Globalization;
using System.Text;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Tensors;
using FastRnn.Graphs;
using FastRnn.Mutations.Changes;

namespace FastRnn.Mutations.Formats;

/// <summary>A kind of file with one tensor: what is accepted is written and read again with equal elements.</summary>
internal abstract class TensorFormat : FileFormat
{
    /// <summary>Lower than the defaults, so that what is accepted can be written in little memory.</summary>
    private static readonly ImportLimits _lower = ImportLimits.Default with { TensorBytes = 16 << 20 };

    private string Path => $"/nonexistent/tensor{Extension}";

    /// <summary>Of every type and of several ranks; all elements different.</summary>
    protected static IEnumerable<NamedTensor> Tensors()
    {
        yield return new("w", GraphTensor.Of<float>([1.5f, -2.25f, 3e-8f, 4e9f, 0, -7], 2, 3));
        yield return new("", GraphTensor.Of<double>([0.1, -1e-300, 7], 3, 1, 1));
        yield return new("places", GraphTensor.Of<long>([1, -2, long.MaxValue, 4], 4));
        yield return new("n", GraphTensor.Of<int>([-5]));
        yield return new("mask", GraphTensor.Of<bool>([true, false, true, true], 2, 2));
        yield return new("none", GraphTensor.Of<float>([], 0, 4));
    }

    protected override IReadOnlyList<byte[]> CreateSamples() => [.. Tensors().Select(Write)];

    protected override byte[] Change(byte[] sample, byte[] other, Random random)
    {
        for (int i = Math.Max(1, random.Next(-3, 4)); i > 0; i--)
            sample = random.Next(3) == 0 ? ByteChanges.Change(sample, other, Fragments, random) : Known(sample, other, random);
        return sample;
    }

    /// <summary>Pieces that mean something in the format.</summary>
    protected virtual IReadOnlyList<byte[]> Fragments => [];

    /// <summary>A change that knows the format.</summary>
    protected virtual byte[] Known(byte[] sample, byte[] other, Random random) => ByteChanges.Change(sample, other, Fragments, random);

    public override object Read(byte[] file) => TensorFile.Read(file, Path, wanted: null, HasDefaultLimits ? ImportLimits.Default : _lower);

    public override void Use(object content)
    {
        var again = (NamedTensor)Read(Write((NamedTensor)content));
        if (!Fingerprint(again).AsSpan().SequenceEqual(Fingerprint(content)))
            throw new InvalidDataException("written and read again, the tensor is another");
    }

    public override byte[] Fingerprint(object content)
    {
        var tensor = (NamedTensor)content;
        return [.. Encoding.UTF8.GetBytes($"{tensor.Value.Type} {string.Join(',', tensor.Value.Shape.ToArray())} "), .. tensor.Value.Bytes];
    }

    private byte[] Write(NamedTensor tensor) => [.. TensorFile.Parts(Path, tensor).SelectMany(part => part.ToArray())];

    protected static byte[] Ascii(string text) => Encoding.Latin1.GetBytes(text);
}

/// <summary>NumPy's arrays.</summary>
internal sealed class NpyTensors : TensorFormat
{
    public override string Name => "npy";

    public override string Extension => ".npy";

    protected override IReadOnlyList<byte[]> Fragments { get; } =
    [
        .. ((string[])["'descr': '<f4'", "'>f8'", "'|O'", "'fortran_order': True", "'shape': (2147483647, 2147483647)", "(", ")", "'", ",", "{", "}", "9999999999999999999", "\n", "-1"]).Select(Ascii),
    ];

    public override IEnumerable<(string Name, byte[] File)> Bombs()
    {
        static byte[] Said(string shape, string type = "<f4") => Header($"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}\n");

        yield return ("2^31 x 2^31", Said("(2147483647, 2147483647)"));
        yield return ("2^63", Said("(9223372036854775807,)"));
        yield return ("2^31 x 2^31 x 4", Said("(2147483648, 2147483648, 4)"));
        yield return ("500,000,000 without bytes", Said("(500000000,)"));
        yield return ("20,000 dimensions", Said($"({string.Concat(Enumerable.Repeat("1,", 20_000))})"));
        yield return ("20,000 parentheses", Said(new string('(', 20_000)));
        yield return ("number of 20,000 digits", Said($"({new string('9', 20_000)},)"));
        yield return ("objects of Python", Said("(1,)", "|O"));
        yield return ("header of 2^32", [.. Ascii("\u0093NUMPY\u0002\0"), 0xff, 0xff, 0xff, 0xff, .. Ascii("{'descr'")]);
    }

    private static byte[] Header(string text) => [.. Ascii("\u0093NUMPY\u0001\0"), (byte)text.Length, (byte)(text.Length >> 8), .. Ascii(text)];
}

/// <summary>ONNX's TensorProto.</summary>
internal sealed class ProtoTensors : TensorFormat
{
    public override string Name => "tensorproto";

    public override string Extension => ".pb";

    protected override byte[] Known(byte[] sample, byte[] other, Random random) => WireChanges.Change(sample, other, random);

    public override IEnumerable<(string Name, byte[] File)> Bombs()
    {
        static byte[] Said(params IEnumerable<long> shape) => [.. OnnxSamples.Raw("w", OnnxSamples.Float, [.. shape], []).Parts().SelectMany(part => part.ToArray())];

        yield return ("2^31 x 2^31", Said(int.MaxValue, int.MaxValue));
        yield return ("2^63", Said(long.MaxValue));
        yield return ("2^31 x 2^31 x 4", Said(1L << 31, 1L << 31, 4));
        yield return ("500,000,000 without bytes", Said(500_000_000));
        yield return ("100,000 dimensions", Said(Enumerable.Repeat(1L, 100_000)));
        yield return ("number of 11 bytes", [0x08, .. Enumerable.Repeat((byte)0xff, 10), 1]);
        yield return ("length of 2^64", [0x4a, .. Enumerable.Repeat((byte)0xff, 9), 1]);
    }
}

/// <summary>Lists in lists, or an object around them.</summary>
internal sealed class JsonTensors : TensorFormat
{
    public override string Name => "json-tensor";

    public override string Extension => ".json";

    protected override IReadOnlyList<byte[]> CreateSamples() => [.. base.CreateSamples(), Ascii("[[1,2.5],[-3e2,\"NaN\"]]"), Ascii("7"), Ascii("{\"type\":\"bool\",\"values\":[[true],[false]]}")];

    protected override byte[] Known(byte[] sample, byte[] other, Random random) => JsonChanges.Change(sample, other, random);

    public override IEnumerable<(string Name, byte[] File)> Bombs()
    {
        yield return ("arrays 100,000 deep", Ascii(new string('[', 100_000)));
        yield return ("objects 100,000 deep", Ascii(string.Concat(Enumerable.Repeat("{\"values\":", 100_000))));
        yield return ("2^31 x 2^31", Ascii("{\"shape\":[2147483647,2147483647],\"values\":[1]}"));
        yield return ("100,000 dimensions", Ascii($"{{\"shape\":[{string.Join(',', Enumerable.Repeat("1", 100_000))}],\"values\":[1]}}"));
        yield return ("name of 5 MB", Ascii($"{{\"name\":\"{new string('n', 5_000_000)}\",\"values\":[1]}}"));
        yield return ("number of 5 MB", Ascii($"[{new string('9', 5_000_000)}"));
        yield return ("5 MB of spaces", Ascii("[" + new string(' ', 5_000_000)));
    }
}

/// <summary>Rows of numbers. A file that was cut within its last line may be a good one, with other numbers: nothing in it tells its end.</summary>
internal sealed class CsvTensors : TensorFormat
{
    public override string Name => "csv-tensor";

    public override string Extension => ".csv";

    public override bool TellsItsEnd => false;

    protected override IReadOnlyList<byte[]> CreateSamples() =>
        [Ascii("1.5,-2.25\n3e-8,4e9\n"), Ascii("7"), Ascii("0.1, 0.2 ,NaN\r\n-Infinity,5,6\r\n\r\n"), .. Enumerable.Range(1, 3).Select(rows => Ascii(Rows(rows)))];

    private static string Rows(int rows) => string.Concat(Enumerable.Range(1, rows).Select(row => string.Join(',', Enumerable.Range(row, 5).Select(i => MathF.Sin(i).ToString(CultureInfo.InvariantCulture))) + "\n"));

    protected override IReadOnlyList<byte[]> Fragments { get; } = [.. ((string[])[",", "\n", "\r\n", "-", "e", "1e39", "NaN", "\"1\"", " ", "\ufeff"]).Select(Ascii)];

    public override IEnumerable<(string Name, byte[] File)> Bombs()
    {
        yield return ("1,000,000 commas", Ascii(new string(',', 1_000_000)));
        yield return ("5 MB of spaces", Ascii(new string(' ', 5_000_000)));
        yield return ("5 MB of empty lines", Ascii(new string('\n', 5_000_000) + "x"));
        yield return ("field of 5 MB", Ascii(new string('9', 5_000_000) + "x"));
        yield return ("rows of growing length", Ascii("1\n" + string.Concat(Enumerable.Repeat("1,", 100_000)) + "1"));
    }
}
