using System.Buffers.Binary;
using System.Globalization;
using FastRnn.Formats;
using FastRnn.Formats.Dialects.Keras.Hdf5;
using FastRnn.Tests.Dialects;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>
/// Handcrafted broken HDF5 files: each must be refused for the stated reason at the stated byte. A patch is <c>AT=HEX</c>; <c>AT&lt;FROM+N</c> copies; <c>AT#N</c> gives N bytes
/// from AT their checksum again. Places are those of the samples' own structures.
/// </summary>
public sealed class MalformedHdf5Tests() : FileTest("model.h5")
{
    private const string Nowhere = "ffffffffffffffff", Far = "ffffff7f00000000";

    /// <summary>Superblock version 0, old groups, values in one piece: k22_lstm.</summary>
    public static TheoryData<string, long, string> Old() => new()
    {
        // The superblock.
        { "0=00", 0, "of no known kind" },
        { "8=04", 8, "superblock version 4" },
        { "8=ff", 8, "superblock version 255" },
        { "9=01", 9, "version of the free space is 1" },
        { "10=01", 10, "version of the root group's entry is 1" },
        { "12=01", 12, "version of shared messages is 1" },
        { "13=04", 13, "size of addresses is 4" },
        { "14=04", 14, "size of lengths is 4" },
        { "24=01", 24, "the base address is not 0" },
        { "24=" + Nowhere, 24, "the base address is not 0" },
        { "32=0000000000000000", 32, "managed free space is not read" },
        { "40=31", 40, "the file says it ends at byte 13105, it has 13104" },
        { "40=" + Nowhere, 40, "the file says it ends at byte 18446744073709551615" },
        { "48=0000000000000000", 48, "files of several parts" },
        { "64=" + Nowhere, 64, "there is no root group" },
        { "64=" + Far, 64, "the root group lies at 2147483647, behind the 13104 bytes" },
        { "64=0800000000000000", 8, "does not begin with OHDR" },

        // Headers of objects.
        { "96=02", 96, "does not begin with OHDR" },
        { "98=07", 98, "the header has 6 messages, it says 7" },
        { "104=ffffffff", 112, "a header's block of 4294967295 bytes would end behind the file" },
        { "104=10", 120, "a header's block ends within a field of 16 bytes" },
        { "112=07", 112, "values in external files are never read" },
        { "112=0f", 112, "messages of kind 0xf are not read" },
        { "112=1700", 112, "messages of kind 0x17 are not read" },
        { "112=ffff", 112, "messages of kind 0xffff are not read" },
        { "116=02", 112, "a shared message (kind 0x10) is not read" },
        { "120=" + Nowhere, 120, "a header goes on nowhere" },
        { "120=6000000000000000", 120, "a header goes on at byte 96 twice" },
        { "128=0000", 120, "a header goes on nowhere" },
        { "128=" + Far, 128, "a header's continuation is 2147483647 bytes" },
        { "808=2003000000000000", 808, "a header goes on at byte 800 twice" },

        // Groups.
        { "6040=" + Nowhere, 6040, "an address is missing" },
        { "6040=a802000000000000", 680, "does not begin with TREE" },
        { "6048=8800000000000000", 136, "does not begin with HEAP" },
        { "140=01", 140, "kind of a group's tree is 1" },
        { "141=09", 141, "a node of level 9 stands where 8 is the most" },
        { "141=01", 5704, "does not begin with TREE" },
        { "142=ffff", 160, "a node of a group's tree of 1048568 bytes would end behind the file" },
        { "168=" + Nowhere, 168, "an address is missing" },
        { "168=8800000000000000", 136, "a group's tree comes back to this node" },
        { "684=01", 684, "version of a heap of names is 1" },
        { "688=" + Far, 688, "a heap of names is 2147483647 bytes" },
        { "704=" + Nowhere, 704, "an address is missing" },
        { "5708=02", 5708, "version of a node of symbols is 2" },
        { "5710=ffff", 5712, "a node of symbols of 2621400 bytes would end behind the file" },
        { "5712=ffff", 5712, "a name at 65535 lies outside the heap of 88 bytes" },
        { "5720=" + Nowhere, 5720, "an address is missing" },
        { "5728=02", 5712, "'model_weights' is a symbolic link; none is followed" },
        { "5728=03", 5712, "an entry of kind 3 is not known" },
        { "8936<8896+8", 8936, "'bias:0' comes twice in its group" },
        { "8936=00", 8936, "a name of 0 bytes" },
        { "720=ff", 5712, "is not valid UTF-8" },
        { "6040=8813", 5000, "does not begin with TREE" },

        // Data sets.
        { "8640=03", 8640, "version 3 of sizes" },
        { "8641=09", 8640, "9 dimensions; 8 are the most" },
        { "8648=" + Nowhere, 8640, "dimension 0 is 18446744073709551615" },
        { "8648=ffffff7f 8656=ffffff7f", 8640, "[2147483647, 2147483647] values are more than the limit" },
        { "8688=17", 8616, "the data set holds references" },
        { "8688=10", 8616, "the data set holds integers" },
        { "8688=18", 8616, "the data set holds enumerations" },
        { "8688=16", 8616, "the data set holds compounds" },
        { "8689=21", 8616, "the data set holds big-endian floating point" },
        { "8688=41", 8688, "a data type of class 1, version 4" },
        { "8692=00", 8688, "and 0 bytes is not read" },
        { "8704=7e", 8616, "a kind that is not IEEE" },
        { "8680=00", 8616, "a data set without a type" },
        { "8632=00", 8616, "a data set without sizes" },
        { "8728=00", 6400, "has no data set 'lstm/kernel:0'" },
        { "8736=02", 8736, "layout version 2" },
        { "8737=03", 8736, "a virtual data set" },
        { "8737=04", 8736, "layout 4 is not known" },
        { "8738=" + Nowhere, 8738, "the data set has sizes and no values" },
        { "8738=" + Far, 8738, "a data set lies at 2147483647" },
        { "8746=d1", 8738, "[7, 44] float32 need 1232 bytes, 1233 are stored" },
        { "8746=" + Far, 8746, "a data set is 2147483647 bytes" },
        { "8760=08", 8768, "two messages of kind 0x8" },
        { "8760=0b", 8768, "filters on values that are not in chunks" },
        { "8984<8944+8", 8616, "the data set here is linked twice" },
        { "8948=00000020", 8944, "a group's object lies at" },

        // Attributes and their texts.
        { "832=04", 832, "version 4 of an attribute" },
        { "836=ffff", 856, "an attribute ends within a field" },
        { "6104=39", 6104, "keras_version is '9.2.4'" },
        { "6104=ff", 6104, "attribute 'keras_version' is not valid UTF-8" },
        { "6088=10", 6104, "attribute 'keras_version' holds integers, not text" },
        { "904=00", 904, "does not begin with GCOL" },
        { "908=02", 908, "version of a heap of texts is 2" },
        { "912=" + Far, 912, "a heap of texts is 2147483647 bytes" },
        { "920=05", 888, "text 1 is not in its heap" },
        { "928=" + Far, 928, "a heap's object is 2147483647 bytes" },
        { "928=0020", 920, "a heap's object is longer than its heap" },
        { "888=ffffffff", 888, "a text of 4294967295 bytes is nowhere or too long" },
        { "888=0203", 888, "a text of 770 bytes has 514 in its heap" },
        { "892=" + Nowhere, 888, "is nowhere or too long" },
        { "936=5b", 888, "the model's configuration is not valid" },
        { "937=00", 888, "the model's configuration is not valid" },
    };

    /// <summary>Values in chunks, deflated: hdf_gzip.</summary>
    public static TheoryData<string, long, string> Chunks() => new()
    {
        { "35514=04", 35514, "chunks of 3 dimensions for values of 2" },
        { "35523=00000000", 35523, "chunks of 0 in dimension 0" },
        { "35523=ffffffff", 35523, "chunks of 4294967295 in dimension 0" },
        { "35531=08", 35531, "chunks of elements of 8 bytes, they have 4" },
        { "35515=" + Nowhere, 35514, "the data set has sizes and no values" },
        { "35523=ffffff7f", 35514, "are more than the limits" },
        { "35523=ffff0000", 38568, "more than 200 for one" },
        { "35952=00", 35952, "does not begin with TREE" },
        { "35956=00", 35956, "kind of a tree of chunks is 0" },
        { "35957=09", 35957, "a node of level 9" },
        { "35957=01", 38568, "does not begin with TREE" },
        { "35958=00", 35514, "0 chunks are stored, 3 are needed" },
        { "35958=ffff", 35976, "would end behind the file" },
        { "35976=ffffffff", 38568, "a chunk of 4294967295 bytes would end behind the file" },
        { "35976=04", 38568, "the chunk here" },
        { "35980=02", 38568, "passes over filters that there are not" },
        { "35980=01", 38568, "the chunk here has 62 bytes, it needs 64" },
        { "35984=01", 35976, "a chunk lies at 1 of 11, in steps of 4" },
        { "35984=0c", 35976, "a chunk lies at 12 of 11" },
        { "36008=" + Nowhere, 35976, "a chunk is nowhere" },
        { "36024=00", 38630, "a chunk is stored twice" },
        { "38568=00", 38568, "the chunk here is not a deflated stream" },
        { "38600=ffffffffffffffff", 38568, "the chunk here" },
        { "35472=03", 35472, "version 3 of filters" },
        { "35473=02", 35504, "filters ends within a field" },
        { "35480=03", 35480, "filter 3 (fletcher32)" },
        { "35480=04", 35480, "filter 4 (szip)" },
        { "35480=007d", 35480, "filter 32000 (lzf)" },
        { "35480=02", 35480, "elements of 4 bytes are shuffled as 9" },
    };

    /// <summary>Superblock version 3, checksums, a fixed array: hdf_latest_array_gzip.</summary>
    public static TheoryData<string, long, string> Latest() => new()
    {
        { "9=09", 44, "the superblock does not have the sum" },
        { "9=04 0#48", 9, "size of addresses is 4" },
        { "20=0000000000000000 0#48", 20, "a superblock extension is not read" },
        { "28=ff 0#48", 28, "the file says it ends" },
        { "36=" + Nowhere + " 0#48", 36, "there is no root group" },
        { "52=03", 52, "version of an object's header is 3" },
        { "53=c2", 53, "flags c2 of an object's header" },
        { "55=99", 175, "a header's block does not have the sum" },
        { "4406=00", 4406, "does not begin with OCHK" },
        { "5417=00", 5441, "an array of chunks does not have the sum" },
        { "5421=01 5417#28", 5421, "version of an array of chunks is 1" },
        { "5422=00 5417#28", 5422, "kind of an array of chunks is 0" },
        { "5425=07 5417#28", 5417, "an array of 7 entries of 15 bytes, 6 chunks are needed" },
        { "5424=01 5417#28", 5417, "an array of chunks in pages (6 chunks)" },
        { "5433=" + Nowhere + " 5417#28", 5417, "an array of 6 entries" },
        { "5614=01 5610#108", 5614, "version of an array's entries is 1" },
        { "5616=00 5610#108", 5616, "entries belong to another array" },
        { "5624=" + Nowhere + " 5610#108", 5624, "a chunk is nowhere" },
        { "5650=fe", 5714, "an array's entries does not have the sum" },
    };

    /// <summary>Links in a fractal heap: hdf_many.</summary>
    public static TheoryData<string, long, string> Dense() => new()
    {
        { "13417=00", 13559, "a fractal heap does not have the sum" },
        { "13421=01 13417#146", 13421, "version of a fractal heap is 1" },
        { "13422=ff 13417#146", 13422, "identifiers of 255 bytes" },
        { "13424=01 13417#146", 13424, "a fractal heap with filters" },
        { "13527=0000 13417#146", 13527, "a fractal heap of 0 blocks" },
        { "13529=03 13417#146", 13527, "blocks of 515" },
        { "13563=00", 13597, "the head of a tree does not have the sum" },
        { "13568=06 13563#38", 13568, "kind of a tree is 6" },
        { "13573=0c 13563#38", 13573, "records of 12" },
        { "13587=16 13563#38", 13969, "a node of a tree does not have the sum" },
        { "13589=16 13563#38", 13589, "the tree has 21 records, it says 22" },
        { "13721=00", 13958, "a node of a tree does not have the sum" },
        { "13731=01 13721#241", 13727, "objects of their own beside a heap" },
        { "13732=ffff 13721#241", 13727, "lies outside its heap" },
        { "9643=00", 9692, "a heap's table does not have the sum" },
        { "26312=00", 26312, "does not begin with FHDB" },
        { "26316=01", 26316, "version of a heap's block is 1" },
        { "26317=00", 26317, "a block belongs to another heap or place" },
        { "26340=fe", 26329, "a heap's block does not have the sum" },
    };

    [Theory]
    [MemberData(nameof(Old))]
    public void OldFilesAreRefused(string patch, long offset, string text) => Refused("k22_lstm.h5", patch, offset, text);

    [Theory]
    [MemberData(nameof(Chunks))]
    public void ChunksAreRefused(string patch, long offset, string text) => Refused("hdf_gzip.h5", patch, offset, text);

    [Theory]
    [MemberData(nameof(Latest))]
    public void NewFilesAreRefused(string patch, long offset, string text) => Refused("hdf_latest_array_gzip.h5", patch, offset, text);

    [Theory]
    [MemberData(nameof(Dense))]
    public void HeapsAreRefused(string patch, long offset, string text) => Refused("hdf_many.h5", patch, offset, text);

    private void Refused(string sample, string patch, long offset, string text)
    {
        byte[] file = [.. KerasSamples.Entry(sample)];
        foreach (string part in patch.Split(' '))
            Apply(file, part);
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(file, Target, _backend).Dispose());
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
        Assert.Equal(offset, error.Offset);
    }

    private static void Apply(byte[] file, string patch)
    {
        int sign = patch.IndexOfAny(['=', '<', '#']), at = int.Parse(patch.AsSpan(0, sign), CultureInfo.InvariantCulture);
        string what = patch[(sign + 1)..];
        if (patch[sign] == '=')
        {
            Convert.FromHexString(what).CopyTo(file, at);
        }
        else if (patch[sign] == '<')
        {
            int[] from = [.. what.Split('+').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
            file.AsSpan(from[0], from[1]).CopyTo(file.AsSpan(at));
        }
        else
        {
            Span<byte> block = file.AsSpan(at, int.Parse(what, CultureInfo.InvariantCulture));
            BinaryPrimitives.WriteUInt32LittleEndian(block[^4..], HdfChecksum.Compute(block[..^4]));
        }
    }
}
