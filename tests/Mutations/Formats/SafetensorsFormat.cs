using System.Buffers.Binary;
using System.Text;
using FastRnn.Formats;
using FastRnn.Mutations.Changes;
using FastRnn.Numerics;

namespace FastRnn.Mutations.Formats;

/// <summary>FastRnn's own files: the header's values are changed inside the texts, too, and the checksum mostly made to fit.</summary>
internal class SafetensorsFormat : ModelFormat
{
    private static readonly byte[][] _fragments =
    [
        .. new[]
        {
            "{", "}", "[", "]", ",", ":", "\"", "0", "-1", "4.0", "1e9", "2147483647", "18446744073709551615", "null", "\"dtype\":", "\"shape\":[", "\"data_offsets\":[0,0]",
            "\"__metadata__\":{", "\"F32\"", "\"F16\"", "\"BF16\"", "\"U8\"", "//", "/**/", "\\u0000", "\\ud800", "\0", "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    public override string Name => "safetensors";

    public override string Extension => ".safetensors";

    public static byte[] Bytes(SafetensorsFile file) => [.. SafetensorsWriter.Serialize(file).SelectMany(part => part.ToArray())];

    protected override IReadOnlyList<byte[]> CreateSamples()
    {
        var samples = new List<byte[]>();
        foreach ((Layers.Sequential model, ModelInfo info) in SampleModels.All(Backend))
        {
            using (model)
                samples.Add(Bytes(ModelFile.Describe(model, info)));
        }
        return samples;
    }

    protected override byte[] Change(byte[] sample, byte[] other, Random random)
    {
        if (random.Next(20) == 0)
            return ByteChanges.Change(sample, other, _fragments, random); // The checksum answers.
        (byte[] header, byte[] data) = Split(sample);
        (byte[] otherHeader, byte[] otherData) = Split(other);
        for (int i = Math.Max(1, random.Next(-3, 4)); i > 0; i--)
        {
            switch (random.Next(8))
            {
                case 0:
                    data = ByteChanges.Change(data, otherData, [], random);
                    break;
                case 1:
                    header = ByteChanges.Change(header, otherHeader, _fragments, random);
                    break;
                default:
                    header = JsonChanges.Change(header, otherHeader, random);
                    break;
            }
        }
        long declared = random.Next(20) switch { 0 => header.Length + random.Next(-2, 3), 1 => random.NextInt64(long.MinValue, long.MaxValue), _ => header.Length };
        return Joined(header, data, declared, seal: random.Next(8) > 0);
    }

    private static (byte[] Header, byte[] Data) Split(byte[] file)
    {
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        return (file[8..(8 + length)], file[(8 + length)..]);
    }

    private static byte[] Joined(byte[] header, byte[] data, long declared, bool seal)
    {
        byte[] file = [.. new byte[8], .. header, .. data];
        BinaryPrimitives.WriteInt64LittleEndian(file, declared);
        ReadOnlySpan<byte> key = "\"fastrnn.crc32c\":\""u8;
        int at = file.AsSpan().IndexOf(key);
        if (!seal || at < 0 || at + key.Length + 8 > file.Length)
            return file;
        Span<byte> digits = file.AsSpan(at + key.Length, 8);
        digits.Fill((byte)'0');
        var crc = new Crc32C();
        crc.Append(file);
        Encoding.ASCII.GetBytes(SafetensorsEnvelope.Digits(crc.Value), digits);
        return file;
    }

    public override IEnumerable<(string Name, byte[] File)> Bombs()
    {
        static byte[] Build(string json) => Joined(Encoding.UTF8.GetBytes(json), [], Encoding.UTF8.GetByteCount(json), seal: false);

        yield return ("2^31 x 2^31", Build("{\"a\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647],\"data_offsets\":[0,18446744056529682436]}}"));
        yield return ("2^31 x 2^31 x 0", Build("{\"a\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647,2147483647,2147483647,0],\"data_offsets\":[0,0]}}"));
        yield return ("100,000 tensors", Build("{" + string.Join(
            ',', Enumerable.Range(0, 100_000).Select(i => $"\"{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}")) + "}"));
        yield return ("arrays 100,000 deep", Build("{\"a\":" + new string('[', 100_000)));
        yield return ("objects 100,000 deep", Build(string.Concat(Enumerable.Repeat("{\"a\":", 100_000))));
        yield return ("spaces", Build("{" + new string(' ', 10_000_000)));
        yield return ("long name", Build("{\"" + new string('n', 10_000_000) + "\":{}}"));
        yield return ("500,000 keys of metadata", Build("{\"__metadata__\":{" + string.Join(',', Enumerable.Range(0, 500_000).Select(i => $"\"{i}\":\"\"")) + "}}"));
        yield return ("long number", Build("{\"a\":{\"shape\":[" + new string('9', 10_000_000) + "]}}"));
        yield return ("header of 100 MB", Joined("{"u8.ToArray(), [], 100_000_000, seal: false));
        yield return ("header of 2^63", Joined("{}"u8.ToArray(), [], long.MaxValue, seal: false));
        foreach (var (name, layers) in ArchitectureBombs())
            yield return (name, Described(layers));
    }

    /// <summary>Layers that ask for more than the file holds.</summary>
    private static IEnumerable<(string Name, string Layers)> ArchitectureBombs()
    {
        yield return ("hidden of 2^31", """[{"type":"lstm","input":1,"hidden":2147483647}]""");
        yield return ("linear 65536 x 65536", """[{"type":"linear","input":65536,"output":65536}]""");
        yield return ("10,000 layers", $"[{string.Join(',', Enumerable.Repeat("""{"type":"dropout","rate":0}""", 10_000))}]");
        yield return ("layers in layers", string.Concat(Enumerable.Repeat("""[{"type":"residual","inner":""", 1_000)));
    }

    private byte[] Described(string layers)
    {
        using Layers.Sequential model = new(Backend, 1, new Layers.Linear(1, 1));
        SafetensorsFile file = ModelFile.Describe(model, new ModelInfo());
        file.Metadata[ArchitectureRecord.Key] = $"{{\"layers\":{layers}}}";
        return Bytes(file);
    }
}
