using System.Text;
using FastRnn.Formats;
using Xunit;
using static FastRnn.Tests.Formats.SafetensorsSamples;

namespace FastRnn.Tests.Formats;

/// <summary>Handcrafted broken files: each must be refused for the stated reason at the stated byte.</summary>
public sealed class MalformedSafetensorsTests
{
    private const string T = "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";

    /// <summary>Header text, where ¦ marks the byte at which the error is expected; data bytes; part of the message.</summary>
    public static TheoryData<string, int, string> Headers() => new()
    {
        // The object itself.
        { "¦[]", 0, "does not begin with '{'" },
        { "¦ {}", 0, "does not begin with '{'" },
        { "¦\"a\"", 0, "does not begin with '{'" },
        { "¦\ufeff{}", 0, "does not begin with '{'" },
        { "¦null", 0, "does not begin with '{'" },
        { "{ ¦", 0, "not valid JSON" },
        { "{}¦}", 0, "not valid JSON" },
        { "{}¦{}", 0, "not valid JSON" },
        { "{}  ¦\0", 0, "not valid JSON" },
        { "{¦,}", 0, "not valid JSON" },
        { "{¦a:1}", 0, "not valid JSON" },
        { "{¦'a':1}", 0, "not valid JSON" },
        { "{" + T + ",¦}", 4, "not valid JSON" },
        { "{" + T + " ¦\"b\":{}}", 4, "not valid JSON" },
        { "{¦// c\n" + T + "}", 4, "not valid JSON" },
        { "{¦/* c */" + T + "}", 4, "not valid JSON" },
        { "{\n\n" + T + ",\n  ¦oops}", 4, "not valid JSON" },
        { "{\"a¦\n\":{}}", 0, "not valid JSON" },
        { "{¦\"\\ud800\":{}}", 0, "not valid Unicode" },
        { "{\"\\¦q\":{}}", 0, "not valid JSON" },

        // Tensor entries.
        { "{\"a\":¦1}", 0, "must be described by an object" },
        { "{\"a\":¦null}", 0, "must be described by an object" },
        { "{\"a\":¦[]}", 0, "must be described by an object" },
        { "{¦\"a\":{}}", 0, "lacks dtype" },
        { "{¦\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "lacks shape" },
        { "{¦\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "lacks data_offsets" },
        { "{¦\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "lacks dtype" },
        { "{\"a\":{¦\"stride\":[1]}}", 0, "unknown field 'stride'" },
        { "{\"a\":{¦\"DTYPE\":\"F32\"}}", 0, "unknown field 'DTYPE'" },
        { "{" + T + ",¦" + T + "}", 4, "'a' appears twice" },
        { "{" + T + ",¦\"\\u0061\":{}}", 4, "'a' appears twice" },
        { "{\"a\":{\"dtype\":\"F32\",¦\"dtype\":\"F32\"}}", 0, "field dtype of tensor 'a' appears twice" },
        { "{\"a\":{\"shape\":[],¦\"shape\":[]}}", 0, "field shape of tensor 'a' appears twice" },
        { "{\"a\":{\"data_offsets\":[0,0],¦\"data_offsets\":[0,0]}}", 0, "field data_offsets of tensor 'a' appears twice" },

        // Types.
        { "{\"a\":{\"dtype\":¦4}}", 0, "dtype of tensor 'a' must be a string" },
        { "{\"a\":{\"dtype\":¦\"I16\"}}", 0, "I16, which is not supported" },
        { "{\"a\":{\"dtype\":¦\"F8_E4M3\"}}", 0, "F8_E4M3, which is not supported" },
        { "{\"a\":{\"dtype\":¦\"f32\"}}", 0, "unknown dtype 'f32'" },
        { "{\"a\":{\"dtype\":¦\"\"}}", 0, "unknown dtype ''" },
        { "{\"a\":{\"dtype\":¦\"F\\u001b[31m\"}}", 0, "unknown dtype 'F\\u001b[31m'" },

        // Shapes.
        { "{\"a\":{\"shape\":¦4}}", 0, "shape of tensor 'a' must be an array" },
        { "{\"a\":{\"shape\":[¦-1]}}", 0, "dimension 0 of tensor 'a' is not an integer" },
        { "{\"a\":{\"shape\":[¦-0]}}", 0, "dimension 0 of tensor 'a' is not an integer" },
        { "{\"a\":{\"shape\":[1,¦2.0]}}", 0, "dimension 1 of tensor 'a' is not an integer" },
        { "{\"a\":{\"shape\":[1,¦1e1]}}", 0, "dimension 1 of tensor 'a' is not an integer" },
        { "{\"a\":{\"shape\":[¦\"1\"]}}", 0, "dimension 0 of tensor 'a' is not an integer" },
        { "{\"a\":{\"shape\":[¦null]}}", 0, "dimension 0 of tensor 'a' is not an integer" },
        { "{\"a\":{\"shape\":[¦[1]]}}", 0, "dimension 0 of tensor 'a' is not an integer" },
        { "{\"a\":{\"shape\":[¦2147483648]}}", 0, "dimension 0 of tensor 'a' is not an integer" },
        { "{\"a\":{\"shape\":[¦18446744073709551616]}}", 0, "dimension 0 of tensor 'a' is not an integer" },
        { "{\"a\":{\"shape\":[1,1,1,1,1,1,1,1,¦1]}}", 0, "more than 8 dimensions" },
        { "{\"a\":{\"shape\":[0¦1]}}", 0, "not valid JSON" },
        { "{\"a\":{\"shape\":[1,¦]}}", 0, "not valid JSON" },
        { "{¦\"a\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647,4],\"data_offsets\":[0,4]}}", 4, "larger than any file" },
        { "{¦\"a\":{\"dtype\":\"F32\",\"shape\":[1073741824,1073741824,4],\"data_offsets\":[0,0]}}", 0, "larger than any file" }, // 2^64

        // Offsets of one tensor.
        { "{\"a\":{\"data_offsets\":¦7}}", 0, "data_offsets of tensor 'a' must be an array" },
        { "{\"a\":{\"data_offsets\":[¦]}}", 0, "two non-negative integers" },
        { "{\"a\":{\"data_offsets\":[0¦]}}", 0, "two non-negative integers" },
        { "{\"a\":{\"data_offsets\":[0,4,¦8]}}", 0, "must hold two numbers" },
        { "{\"a\":{\"data_offsets\":[¦-4,0]}}", 0, "two non-negative integers" },
        { "{\"a\":{\"data_offsets\":[0,¦4.0]}}", 0, "two non-negative integers" },
        { "{\"a\":{\"data_offsets\":[0,¦4e0]}}", 0, "two non-negative integers" },
        { "{\"a\":{\"data_offsets\":[0,¦\"4\"]}}", 0, "two non-negative integers" },
        { "{\"a\":{\"data_offsets\":[0,¦18446744073709551616]}}", 0, "two non-negative integers" },
        { "{¦\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "ends at 0, before its begin 4" },
        { "{¦\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "needs 8 bytes but spans 4" },
        { "{¦\"a\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "needs 8 bytes but spans 4" },
        { "{¦\"a\":{\"dtype\":\"U8\",\"shape\":[3,0],\"data_offsets\":[0,3]}}", 3, "needs 0 bytes but spans 3" },

        // Layout of all tensors.
        { "{¦" + T + "}", 3, "ends at 4, the data at 3" },
        { "{¦" + T + "}", 0, "ends at 4, the data at 0" },
        { "{" + T + "}¦", 5, "1 bytes after the last tensor belong to nothing" }, // offset moved below
        { "{}¦", 1, "1 bytes after the last tensor belong to nothing" },
        { "{" + T + ",¦\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[5,9]}}", 9, "leaves a hole" },
        { "{" + T + ",¦\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[3,7]}}", 7, "overlaps" },
        { "{" + T + ",¦\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "overlaps" },
        { "{" + T + ",¦\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]}}", 4, "overlaps" },
        { "{¦\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}," + T + "}", 12, "leaves a hole" },
        { "{¦\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[18446744073709551612,18446744073709551616]}}", 4, "integers" },
        { "{¦\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[18446744073709551611,18446744073709551615]}}", 4, "leaves a hole" },

        // Metadata.
        { "{\"__metadata__\":¦[]}", 0, "must be an object" },
        { "{\"__metadata__\":¦null}", 0, "must be an object" },
        { "{\"__metadata__\":{\"k\":¦1}}", 0, "metadata value of 'k' must be a string" },
        { "{\"__metadata__\":{\"k\":¦null}}", 0, "metadata value of 'k' must be a string" },
        { "{\"__metadata__\":{\"k\":¦{\"dtype\":\"F32\"}}}", 0, "metadata value of 'k' must be a string" },
        { "{\"__metadata__\":{\"k\":\"\",¦\"k\":\"\"}}", 0, "metadata key 'k' appears twice" },
        { "{\"__metadata__\":{\"k\":\"\",¦\"\\u006b\":\"\"}}", 0, "metadata key 'k' appears twice" },
        { "{\"__metadata__\":{},¦\"__metadata__\":{}}", 0, "__metadata__ appears twice" },
        { "{\"__metadata__\":{\"k\":¦\"\\udfff\"}}", 0, "not valid Unicode" },
        { "{\"__metadata__\":{¦\"\\ud83d\":\"\"}}", 0, "not valid Unicode" },
        { "{\"__metadata__\":¦{\"fastrnn.format\":\"1\"}}", 0, "but no fastrnn.crc32c" },
        { "{\"__metadata__\":¦{\"fastrnn.model\":\"{}\"}}", 0, "but no fastrnn.crc32c" },
        { "{\"__metadata__\":¦{\"fastrnn.crc32c\":\"none\",\"fastrnn.format\":\"2\"}}", 0, "reads format 1" },
        { "{\"__metadata__\":¦{\"fastrnn.crc32c\":\"00000000\"}}", 0, "the file is damaged" },
        { "{\"__metadata__\":{\"fastrnn.crc32c\":\"¦0000000\"}}", 0, "neither eight digits nor none" },
        { "{\"__metadata__\":{\"fastrnn.crc32c\":\"¦0000000G\"}}", 0, "neither eight digits nor none" },
        { "{\"__metadata__\":{\"fastrnn.crc32c\":\"¦ABCDEF01\"}}", 0, "neither eight digits nor none" },
        { "{\"__metadata__\":{\"fastrnn.crc32c\":\"¦\"}}", 0, "neither eight digits nor none" },
        { "{\"__metadata__\":{\"fastrnn.crc32c\":\"¦None\"}}", 0, "neither eight digits nor none" },
        { "{\"__metadata__\":{\"fastrnn.crc32c\":\"¦\\u0030000000\"}}", 0, "neither eight digits nor none" },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public void Broken_header_is_refused_for_the_stated_reason_at_the_stated_byte(string marked, int dataLength, string reason)
    {
        int marker = marked.IndexOf('¦', StringComparison.Ordinal);
        long offset = 8 + Encoding.UTF8.GetByteCount(marked.AsSpan(0, marker));
        if (reason.StartsWith("1 bytes after", StringComparison.Ordinal))
            offset += dataLength - 1; // the first byte that belongs to nothing
        if (reason == "integers")
            offset = 8 + marked.IndexOf("18446744073709551616", StringComparison.Ordinal) - 1;
        AssertRefused(Build(marked.Remove(marker, 1), dataLength), reason, offset);
    }

    [Theory]
    [InlineData(0, "too few for a header length")]
    [InlineData(1, "too few for a header length")]
    [InlineData(7, "too few for a header length")]
    public void File_shorter_than_the_length_field(int length, string reason) => AssertRefused(new byte[length], reason, length);

    [Theory]
    [InlineData(0L, "cannot hold an object")]
    [InlineData(1L, "cannot hold an object")]
    [InlineData(3L, "longer than the rest of the file")]
    [InlineData(99_999_999L, "longer than the rest of the file")]
    [InlineData(100_000_001L, "the limit is 100000000")]
    [InlineData(long.MaxValue, "the limit is 100000000")]
    [InlineData(-1L, "the limit is 100000000")]
    [InlineData(0x2020202020202020L, "the limit is 100000000")]
    [InlineData(0x04034b50L, "longer than the rest of the file")] // a zip file's magic is below the limit as a number
    public void Header_length_field(long headerLength, string reason) =>
        AssertRefused(Build("{}", 0, headerLength), reason, 0);

    [Fact]
    public void Text_that_is_not_utf8_is_refused()
    {
        byte[] json = Encoding.Latin1.GetBytes("{\"__metadata__\":{\"k\":\"\u00ff\"}}");
        AssertRefused(Build(json), "not valid", 8 + 21);
        json = Encoding.Latin1.GetBytes("{\"\u00c0\u0080\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
        AssertRefused(Build(json), "not valid", 8 + 1);
    }

    [Fact]
    public void Limits_of_names_metadata_and_file_size()
    {
        string entry = ":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}";
        Assert.Single(Read(Build("{\"" + new string('é', 512) + "\"" + entry)).Tensors);
        AssertRefused(Build("{\"" + new string('é', 512) + "a\"" + entry), "longer than 1024 bytes", 9);

        string value = new('x', SafetensorsLimits.MetadataBytes - 8);
        Assert.Single(Read(Build("{\"__metadata__\":{\"k\":\"" + value[4..] + "\"}}")).Metadata);
        AssertRefused(Build("{\"__metadata__\":{\"k\":\"" + value + "xxxx\"}}"), "bytes of metadata", 8 + 17);

        byte[] file = Bytes(Small());
        Assert.Equal(5, Read(file, new SafetensorsLimits { FileBytes = file.Length }).Tensors.Count);
        AssertRefused(file, "more than the limit of", 0, new SafetensorsLimits { FileBytes = file.Length - 1 });
    }

    [Fact]
    public void Every_prefix_of_a_valid_file_is_refused()
    {
        byte[] file = Bytes(Small());
        for (int length = 0; length < file.Length; length++)
            Assert.Throws<ModelFormatException>(() => Read(file[..length]));
    }

    [Fact]
    public void Every_flipped_bit_is_found()
    {
        byte[] file = Bytes(Small());
        Assert.Equal(5, Read(file).Tensors.Count);
        for (int bit = 0; bit < file.Length * 8; bit++)
        {
            byte[] damaged = (byte[])file.Clone();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            var error = Record.Exception(() => Read(damaged));
            Assert.True(error is ModelFormatException, $"bit {bit % 8} of byte {bit / 8}: {error?.ToString() ?? "accepted"}");
        }
    }

    [Fact]
    public void The_stream_is_read_from_a_real_file_and_errors_name_it()
    {
        string path = Path.Combine(Path.GetTempPath(), $"fastrnn-malformed-{Guid.NewGuid():n}.safetensors");
        File.WriteAllBytes(path, Build("[]"));
        try
        {
            var error = Assert.Throws<ModelFormatException>(() => SafetensorsReader.Read(path));
            Assert.Equal(path, error.Path);
            Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }

        Assert.ThrowsAny<IOException>(() => SafetensorsReader.Read(path));
        Assert.Contains("is a folder", Assert.Throws<IOException>(() => SafetensorsReader.Read(Path.GetTempPath())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cancellation_leaves_as_such() =>
        Assert.Throws<OperationCanceledException>(
            () => SafetensorsReader.Read(new MemoryStream(Bytes(Small())), cancellation: new CancellationToken(canceled: true)));

    private static void AssertRefused(byte[] file, string reason, long offset, SafetensorsLimits? limits = null)
    {
        var error = Assert.Throws<ModelFormatException>(() => Read(file, limits));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.True(offset == error.Offset, $"expected offset {offset}: {error.Message}");
        Assert.DoesNotContain('\n', error.Message);
        Assert.True(error.Message.Length < 400, error.Message);
    }
}
