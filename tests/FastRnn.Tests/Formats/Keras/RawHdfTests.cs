using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Keras.Hdf5;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Data sets and headers that ask for more than a file can have, or for what is not read.</summary>
public sealed class RawHdfTests
{
    /// <summary>Odd sizes whose product is 2¹⁵⁰ + 1: in 128 bits, and in any fewer, that is 1.</summary>
    private static readonly int[] _wrapping = [1586521, 517653801, 268501, 13334701, 1182468601, 4064125, 101];

    [Fact]
    public void One_chunk_is_read()
    {
        byte[] file = DataSet(256, RawHdf.Sizes(3), RawHdf.OneChunk(0, 240, 4));
        (int[] shape, float[] values) = Read(file);
        Assert.Equal([3], shape);
        Assert.Equal([0, 0, 0], values);
    }

    [Fact]
    public void Sizes_whose_product_wraps_are_refused()
    {
        byte[] file = DataSet(0, RawHdf.Sizes(_wrapping), RawHdf.Chunks(96, _wrapping));
        Refused(file, RawHdf.At + 24, "values are more than the limit of 2147483648 bytes leaves");
    }

    [Fact]
    public void Chunks_whose_product_wraps_are_refused()
    {
        byte[] file = DataSet(0, RawHdf.Sizes(2, 2, 2, 2, 2, 2, 2), RawHdf.Chunks(96, _wrapping));
        Refused(file, file.Length - RawHdf.Chunks(96, _wrapping).Length + 2, "are more than the limits of 65536 and 2147483648");
    }

    /// <summary>Below the limit of all tensors, and above the longest array that there can be.</summary>
    [Fact]
    public void Chunked_values_longer_than_an_array_are_refused()
    {
        byte[] file = DataSet(11 << 20, RawHdf.Sizes(536_870_900), RawHdf.Chunks(96, 16_384_000), (RawHdf.Filters, RawHdf.Deflate));
        Refused(file, RawHdf.At + 24, "a data set of 2147483600 bytes is longer than memory can hold in one piece");
    }

    /// <summary>With the flag, chunks at the edges are not filtered: as others they would be read wrong.</summary>
    [Theory]
    [InlineData(1, "flags 01 of chunks are not read: the chunks at the edges pass over the filters")]
    [InlineData(5, "flags 05 of chunks")]
    [InlineData(128, "flags 80 of chunks are not read")]
    public void Flags_of_chunks_that_are_not_known_are_refused(byte flags, string text)
    {
        byte[] layout = RawHdf.OneChunk(flags, 240, 4), file = DataSet(0, RawHdf.Sizes(3), layout);
        Refused(file, file.Length - layout.Length + 2, text);
    }

    /// <summary>A header that goes on in 200 blocks, each in the one before it: they are of 200 MB together.</summary>
    [Fact]
    public void Metadata_that_lie_over_each_other_are_refused()
    {
        const int Count = 200, Run = RawHdf.At + 16 + (Count * 24), Length = 1 << 20;
        byte[] file = RawHdf.File(Run + Length, [.. Enumerable.Range(0, Count).Select(i => (RawHdf.Continuation, (byte[])[.. BitConverter.GetBytes(Run + (8L * i)), .. BitConverter.GetBytes(Length - (8L * i))]))]);
        ModelFormatException error = Refusal.AtOnce(() => HdfFile.Open(new HdfBytes(new MemoryStream(file), 0, file.Length, null), ImportLimits.Default, default));
        Assert.Contains("together more than 8 times the file's", error.Message, StringComparison.Ordinal);
    }

    private static byte[] DataSet(int length, byte[] sizes, byte[] layout, params (int Kind, byte[] Body)[] more) =>
        RawHdf.File(length, [(RawHdf.Dataspace, sizes), (RawHdf.Datatype, RawHdf.Float32), .. more, (RawHdf.Layout, layout)]);

    private static (int[] Shape, float[] Values) Read(byte[] file) =>
        HdfDataSet.Read(HdfFile.Open(new HdfBytes(new MemoryStream(file), 0, file.Length, null), ImportLimits.Default, default).Root);

    private static void Refused(byte[] file, long offset, string text)
    {
        ModelFormatException error = Refusal.AtOnce(() => Read(file));
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
        Assert.Equal(offset, error.Offset);
    }
}
