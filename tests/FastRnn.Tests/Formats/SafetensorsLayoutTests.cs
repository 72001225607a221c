using System.Text;
using FastRnn.Formats;
using FastRnn.Numerics;
using Xunit;
using static FastRnn.Tests.Formats.SafetensorsSamples;

namespace FastRnn.Tests.Formats;

/// <summary>The exact bytes that other programs will read, and foreign files that FastRnn must read.</summary>
public sealed class SafetensorsLayoutTests
{
    [Fact]
    public void Checksum_is_the_standard_crc32c()
    {
        var crc = new Crc32C();
        Assert.Equal(0u, crc.Value);
        crc.Append("12345"u8);
        crc.Append("6789"u8);
        Assert.Equal(0xE3069283u, crc.Value); // the check value of CRC-32/ISCSI
    }

    /// <summary>Against division by the polynomial, bit by bit; from 12,288 bytes on three sums are taken side by side.</summary>
    [Fact]
    public void Checksum_of_any_length_in_any_pieces_is_that_of_long_division()
    {
        byte[] bytes = new byte[40_000];
        new Random(3).NextBytes(bytes);
        foreach (int length in new[] { 1, 7, 8, 9, 4096, 12_287, 12_288, 12_289, 24_575, 24_576, 36_869, 40_000 })
        {
            foreach (int cut in new[] { 0, length / 3, length - 1 })
            {
                var crc = new Crc32C();
                crc.Append(bytes.AsSpan(0, cut));
                crc.Append(bytes.AsSpan(cut, length - cut));
                Assert.Equal(LongDivision(bytes.AsSpan(0, length)), crc.Value);
            }
        }
    }

    private static uint LongDivision(ReadOnlySpan<byte> bytes)
    {
        uint rest = uint.MaxValue;
        foreach (byte value in bytes)
        {
            rest ^= value;
            for (int bit = 0; bit < 8; bit++)
                rest = (rest & 1) != 0 ? (rest >> 1) ^ 0x82F63B78 : rest >> 1;
        }
        return ~rest;
    }

    [Fact]
    public void Layout_is_that_of_the_reference_writer()
    {
        var file = new SafetensorsFile();
        file.Metadata["format"] = "pt";
        file.Tensors.Add(new SafetensorsTensor("b", TensorType.F32, 1));
        file.Tensors.Add(new SafetensorsTensor("a", TensorType.I64));
        file.Tensors[0].Floats[0] = 1;
        file.Tensors[1].Longs[0] = -1;

        byte[] bytes = Bytes(file);
        int length = (int)BitConverter.ToInt64(bytes);
        string header = Encoding.ASCII.GetString(bytes, 8, length);
        string digits = header.Substring(header.IndexOf("crc32c\":\"", StringComparison.Ordinal) + 9, 8);
        Assert.Equal(0, length % 8);
        Assert.Equal(
            "{\"__metadata__\":{\"fastrnn.crc32c\":\"" + digits + "\",\"fastrnn.format\":\"1\",\"format\":\"pt\"},"
            + "\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", header.TrimEnd(' '));
        Assert.Equal([255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0x80, 0x3f], bytes[(8 + length)..]);
    }

    [Fact]
    public void Foreign_file_without_checksum_is_read_in_data_order()
    {
        var file = Read(Build(
            "{\"z\":{\"data_offsets\":[4,8],\"shape\":[1,1],\"dtype\":\"F32\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
            + "\"__metadata__\":{\"format\":\"pt\"},\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}\t\n  ", 8));
        Assert.Equal(["a", "e", "z"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal([1, 1], file.Find("z")!.Shape);
        Assert.Null(file.Find("missing"));
    }

    [Fact]
    public void Empty_tensor_may_have_any_other_sizes()
    {
        var file = Read(Build("{\"a\":{\"dtype\":\"U8\",\"shape\":[2147483647,2147483647,0],\"data_offsets\":[0,0]}}"));
        Assert.Empty(file.Find("a")!.Bytes);
        Assert.Equal(Bytes(file), Bytes(Read(Bytes(file))));
    }

    [Fact]
    public void Empty_file_is_a_valid_file() => Assert.Empty(Read(Bytes(new SafetensorsFile())).Tensors);

    [Fact]
    public void Writer_refuses_what_the_reader_would()
    {
        Refused("named a", new("a", TensorType.U8), new("a", TensorType.F32));
        Refused("reserved", new SafetensorsTensor("__metadata__", TensorType.U8));
        Refused("longer than", new SafetensorsTensor(new string('a', 1025), TensorType.U8));
        Refused("dimensions", new SafetensorsTensor("a", TensorType.U8, 1, 1, 1, 1, 1, 1, 1, 1, 1));

        var file = new SafetensorsFile();
        file.Metadata["k"] = new string('x', 1_000_001);
        Assert.Contains("bytes of metadata", Assert.Throws<ArgumentException>(() => Bytes(file)).Message, StringComparison.Ordinal);
        file.Metadata["k"] = "";
        file.Metadata["fastrnn.crc32c"] = "none";
        Assert.Contains("by the writer", Assert.Throws<ArgumentException>(() => Bytes(file)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new SafetensorsTensor("a", TensorType.F32, [2], new byte[4]));
        Assert.Throws<InvalidOperationException>(() => { _ = new SafetensorsTensor("a", TensorType.F32, 2).Longs; });
    }

    private static void Refused(string reason, params SafetensorsTensor[] tensors)
    {
        var file = new SafetensorsFile();
        file.Tensors.AddRange(tensors);
        Assert.Contains(reason, Assert.Throws<ArgumentException>(() => Bytes(file)).Message, StringComparison.Ordinal);
    }
}
