using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using FastRnn.Formats;
using Xunit;
using static FastRnn.Tests.Formats.SafetensorsSamples;

namespace FastRnn.Tests.Formats;

/// <summary>Mutated and oversized files: whatever the bytes, the reader answers quickly, modestly and with its own exception.</summary>
public sealed class SafetensorsFuzzTests
{
    private const int Mutations = 20_000;

    private static readonly string[] _fragments =
    [
        "{", "}", "[", "]", ",", ":", "\"", "0", "1", "-1", "4.0", "1e9", "2147483647", "2147483648", "18446744073709551615", "null", "true",
        "\"dtype\":", "\"shape\":[", "\"data_offsets\":[0,0]", "\"__metadata__\":{", "\"F32\"", "\"F16\"", "\"U8\"", "//", "/**/", "\\u0000",
        "\\ud800", "\n", " ", "\0", "\u00ff", "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
    ];

    /// <summary>Far above what a busy machine takes: what lasts longer does not end.</summary>
    private static readonly TimeSpan _hang = TimeSpan.FromSeconds(60);

    [Fact]
    public void Twenty_thousand_mutations_meet_only_the_allowed_exceptions()
    {
        int accepted = 0;
        for (int seed = 0; seed < Mutations; seed++)
        {
            byte[] file = Mutate(new Random(seed));
            long start = Stopwatch.GetTimestamp();
            var error = Record.Exception(() =>
            {
                var content = Read(file);
                accepted++;
                byte[] again = Bytes(content);
                Assert.Equal(again, Bytes(Read(again))); // What is accepted is whole: it survives another trip.
            });
            var time = Stopwatch.GetElapsedTime(start);
            Assert.True(error is null or ModelFormatException, $"seed={seed}: {error}");
            Assert.True(time < _hang, $"seed={seed}: {time}");
        }

        // Both sides of the reader must have been visited, or the mutator is useless.
        Assert.InRange(accepted, Mutations / 100, Mutations * 9 / 10);
    }

    [Fact]
    public void Five_hundred_random_files_survive_write_read_write()
    {
        for (int seed = 0; seed < 500; seed++)
        {
            var file = Random(new Random(seed));
            byte[] first = Bytes(file);
            var again = Read(first);
            Assert.True(first.AsSpan().SequenceEqual(Bytes(again)), $"seed={seed}");
            Assert.Equal(file.Metadata, again.Metadata);
            Assert.Equal(file.Tensors.Count, again.Tensors.Count);
            foreach (var tensor in file.Tensors)
            {
                var found = again.Find(tensor.Name);
                Assert.True(found is not null && found.Type == tensor.Type, $"seed={seed} {tensor}");
                Assert.Equal(tensor.Shape, found.Shape);
                Assert.Equal(tensor.Bytes, found.Bytes);
            }
        }
    }

    public static TheoryData<string> Bombs() =>
        ["shape", "zero in shape", "tensors", "depth in arrays", "depth in objects", "spaces", "spaces in front", "long name", "metadata", "digits"];

    [Theory]
    [MemberData(nameof(Bombs))]
    public void Resource_bombs_are_refused_cheaply(string bomb)
    {
        byte[] file = Bomb(bomb);
        _ = Record.Exception(() => Read(file)); // compile first
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        var error = Record.Exception(() => Read(file));
        var time = Stopwatch.GetElapsedTime(start);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Assert.IsType<ModelFormatException>(error);
        Assert.True(time < _hang, $"{bomb}: {time}");
        Assert.True(allocated < 64 << 20, $"{bomb}: {allocated} bytes");
    }

    private static byte[] Bomb(string name) => name switch
    {
        "shape" => Build("{\"a\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647],\"data_offsets\":[0,18446744056529682436]}}"),
        "zero in shape" => Build("{\"a\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647,2147483647,2147483647,0],\"data_offsets\":[0,0]}}"),
        "tensors" => Build("{" + string.Join(
            ',', Enumerable.Range(0, 100_000).Select(i => $"\"{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}")) + "}"),
        "depth in arrays" => Build("{\"a\":" + new string('[', 100_000)),
        "depth in objects" => Build(string.Concat(Enumerable.Repeat("{\"a\":", 100_000))),
        "spaces" => Build("{" + new string(' ', 10_000_000)),
        "spaces in front" => Build(new string(' ', 10_000_000) + "{}"),
        "long name" => Build("{\"" + new string('n', 10_000_000) + "\":{}}"),
        "metadata" => Build("{\"__metadata__\":{" + string.Join(',', Enumerable.Range(0, 500_000).Select(i => $"\"{i}\":\"\"")) + "}}"),
        _ => Build("{\"a\":{\"shape\":[" + new string('9', 10_000_000) + "]}}"),
    };

    /// <summary>
    /// A valid file – unchecked, or the checksum would answer every time – with one to three structural changes. Most keep the header length
    /// true, so that the parser behind it is reached.
    /// </summary>
    private static byte[] Mutate(Random random)
    {
        byte[] valid = Unchecked(random.Next(3) == 0 ? Small() : Random(random));
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(valid);
        var header = valid[8..(8 + headerLength)].ToList();
        var data = valid[(8 + headerLength)..].ToList();
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            var part = random.Next(6) == 0 ? data : header;
            int at = random.Next(part.Count + 1), length = random.Next(Math.Min(40, part.Count - at + 1));
            switch (random.Next(6))
            {
                case 0 when at < part.Count: part[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: part.RemoveRange(at, length); break;
                case 2: part.InsertRange(random.Next(part.Count + 1), part.GetRange(at, length)); break;
                case 3: part.InsertRange(at, Encoding.UTF8.GetBytes(_fragments[random.Next(_fragments.Length)])); break;
                case 4: ChangeNumber(header, random); break;
                default: data.AddRange(new byte[random.Next(3)]); break;
            }
        }

        long declared = random.Next(10) switch
        {
            0 => header.Count + random.Next(-2, 3),
            1 when random.Next(4) == 0 => random.NextInt64(long.MinValue, long.MaxValue),
            _ => header.Count,
        };
        byte[] length64 = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length64, declared);
        return [.. length64, .. header, .. data];
    }

    private static byte[] Unchecked(SafetensorsFile file)
    {
        byte[] bytes = Bytes(file);
        int at = bytes.AsSpan().IndexOf("\"fastrnn.crc32c\":\""u8) + 18;
        byte[] edited = [.. bytes[..at], .. "none"u8, .. bytes[(at + 8)..]];
        BinaryPrimitives.WriteInt64LittleEndian(edited, BinaryPrimitives.ReadInt64LittleEndian(bytes) - 4);
        return edited;
    }

    private static void ChangeNumber(List<byte> header, Random random)
    {
        int digit = header.FindIndex(random.Next(header.Count), value => value is >= (byte)'0' and <= (byte)'9');
        if (digit < 0)
            return;
        string number = random.Next(4) switch { 0 => "0", 1 => "2147483647", 2 => "-1", _ => random.Next(30).ToString(System.Globalization.CultureInfo.InvariantCulture) };
        header.RemoveAt(digit);
        header.InsertRange(digit, Encoding.ASCII.GetBytes(number));
    }
}
