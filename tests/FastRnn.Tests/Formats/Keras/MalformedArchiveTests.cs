using System.Globalization;
using System.Text;
using FastRnn.Formats;
using FastRnn.Tests.Dialects;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Handcrafted broken archives: each must be refused for the stated reason at the stated byte. Places are those of the sample k3_lstm.</summary>
public sealed class MalformedArchiveTests() : FileTest("model.keras")
{
    private const string Metadata = "{\"keras_version\":\"3.15.0\"}";

    public static TheoryData<string, long, string> Patches() => new()
    {
        // The end of the directory.
        { "16306=00", 16306, "does not end with an archive's directory" },
        { "16326=01", 16326, "a comment of the archive is not read" },
        { "16310=01", 16310, "an archive in several parts" },
        { "16312=01", 16310, "an archive in several parts" },
        { "16314=02", 16310, "an archive in several parts" },
        { "16314=0400 16316=0400", 16316, "the archive has 4 entries, 3 are known" },
        { "16314=ffff 16316=ffff", 16314, "an archive in the 64-bit form" },
        { "16318=ffffffff", 16314, "an archive in the 64-bit form" },
        { "16322=ffffffff", 16314, "an archive in the 64-bit form" },
        { "16314=0200 16316=0200", 16244, "the directory has 62 bytes behind its last entry" },
        { "16314=0000 16316=0000", 16128, "the directory has 178 bytes behind its last entry" },
        { "16318=ff", 16318, "does not end where its end begins" },
        { "16322=00000000", 16318, "does not end where its end begins" },

        // The directory.
        { "16128=00", 16128, "an entry of the directory does not begin as one" },
        { "16187=00", 16187, "an entry of the directory does not begin as one" },
        { "16156=ff", 16128, "an entry of the directory is longer than the directory" },
        { "16158=ffff", 16128, "an entry of the directory is longer than the directory" },
        { "16160=ffff", 16128, "an entry of the directory is longer than the directory" },
        { "16156=0c", 16174, "an entry 'metadata.jso'" },
        { "16174=4d", 16174, "an entry 'Metadata.json'" },
        { "16174=2e2e2f", 16174, "an entry '../adata.json'" },
        { "16174=2f", 16174, "an entry '/etadata.json'" },
        { "16174=00", 16174, "an entry '\\u0000etadata.json'" },
        { "16174=1b5b", 16174, "an entry '\\u001b[tadata.json'" },
        { "16136=01", 16136, "'metadata.json' is encrypted" },
        { "16136=20", 16136, "'metadata.json' has flags 0020" },
        { "16137=20", 16136, "'metadata.json' has flags 2000" },
        { "16138=01", 16138, "packed by method 1" },
        { "16138=0c", 16138, "packed by method 12" },
        { "16138=0e", 16138, "packed by method 14" },
        { "16138=63", 16138, "packed by method 99" },
        { "16148=ffffffff", 16148, "sizes in the 64-bit form" },
        { "16152=ffffffff", 16148, "sizes in the 64-bit form" },
        { "16170=ffffffff", 16148, "sizes in the 64-bit form" },
        { "16148=41", 16148, "stored as it is, in 65 bytes for 64" },
        { "16152=41", 16148, "stored as it is, in 64 bytes for 65" },
        { "16162=01", 16162, "an archive in several parts" },
        { "16170=01", 1, "'metadata.json' does not begin as an entry" },
        { "16170=0040", 16328, "an entry's head would lie outside" },
        { "16229=00", 30, "'config.json' is called 'metadata.json' where it lies" },
        { "16286=00000000", 30, "'model.weights.h5' is called 'metadata.json' where it lies" },

        // What stands before the data.
        { "26=0c", 30, "is called 'metadata.jso' where it lies" },
        { "26=ffff", 30, "an entry's name would lie outside" },
        { "30=4d", 30, "is called 'Metadata.json' where it lies" },
        { "6=02", 6, "has other flags or another method where it lies" },
        { "8=08", 6, "has other flags or another method where it lies" },
        { "14=00", 14, "has another size or checksum where it lies" },
        { "18=41", 14, "has another size or checksum where it lies" },
        { "22=41", 14, "has another size or checksum where it lies" },
        { "28=ff", 16229, "overlaps what lies before it or behind it" },
        { "998=ff00", 16286, "overlaps what lies before it or behind it" },

        // The data.
        { "50=58", 43, "metadata.json is damaged" },
        { "150=58", 148, "config.json is damaged" },
        { "1100=58", 1016, "model.weights.h5 is damaged" },
        { "16000=58", 1016, "model.weights.h5 is damaged" },
        { "14=00000000 16144=00000000", 43, "metadata.json is damaged: its checksum is" },
    };

    [Theory]
    [MemberData(nameof(Patches))]
    public void PatchedArchivesAreRefused(string patch, long offset, string text)
    {
        byte[] file = [.. KerasSamples.Entry("k3_lstm.keras")];
        foreach (string part in patch.Split(' '))
        {
            string[] sides = part.Split('=');
            Convert.FromHexString(sides[1]).CopyTo(file, int.Parse(sides[0], CultureInfo.InvariantCulture));
        }
        Refused(file, offset, text);
    }

    /// <summary>Names, contents, which entry's data the error lies at (−1: near the end), the message.</summary>
    public static TheoryData<string, string, string, int, string> Contents() => new()
    {
        { "", "{}", Metadata, -1, "the archive has no config.json" },
        { "config.json", "{}", "", -1, "the archive has no metadata.json" },
        { "config.json", "{}", "{}", 0, "'keras_version'" },
        { "config.json", "{}", "[]", 0, "metadata.json is not valid" },
        { "config.json", "{}", "nothing", 0, "metadata.json is not valid" },
        { "config.json", "{}", "{\"keras_version\":3}", 0, "metadata.json is not valid" },
        { "config.json", "{}", "{\"keras_version\":\"4.0.0\"}", 0, "keras_version is '4.0.0'" },
        { "config.json", "{}", "{\"keras_version\":\"x\"}", 0, "keras_version is 'x'" },
        { "config.json", "{}", "{\"keras_version\":\"3.0.0\",\"keras_version\":\"2.0.0\"}", 0, "appears twice" },
        { "config.json", "[1", Metadata, 1, "the model's configuration is not valid" },
        { "config.json", "", Metadata, 1, "the model's configuration is not valid" },
        { "config.json", "{}{}", Metadata, 1, "the model's configuration is not valid" },
        { "config.json", "{\"class_name\":NaN}", Metadata, 1, "the model's configuration is not valid" },
        { "config.json", "{\"class_name\":\"\\ud800\"}", Metadata, 1, "the model's configuration is not valid" },
        { "inner.keras", "{}", Metadata, -2, "an entry 'inner.keras'" },
        { "assets/words.txt", "{}", Metadata, -2, "an entry 'assets/words.txt'" },
    };

    [Theory]
    [MemberData(nameof(Contents))]
    public void WrongContentsAreRefused(string name, string config, string metadata, int at, string text)
    {
        var entries = new List<RawZip.Entry>();
        if (metadata.Length > 0)
            entries.Add(new("metadata.json", Encoding.UTF8.GetBytes(metadata)));
        if (name.Length > 0)
            entries.Add(new(name, Encoding.UTF8.GetBytes(config)));
        entries.Add(new("model.weights.h5", Weights()));
        (byte[] file, long[] places) = RawZip.Write([.. entries]);
        long directory = places[^1] + Weights().Length;
        Refused(file, at >= 0 ? places[at] : at == -1 ? file.Length - 22 : directory + 46 + 59, text);
    }

    [Fact]
    public void DuplicatesAreRefused()
    {
        byte[] config = "{}"u8.ToArray();
        (byte[] file, long[] at) = RawZip.Write(new("config.json", config), new("config.json", config), new("model.weights.h5", Weights()));
        Refused(file, at[^1] + Weights().Length + 46 + 57, "the archive has 'config.json' twice");
    }

    [Fact]
    public void DamagedDeflateIsRefused()
    {
        byte[] weights = Weights(), metadata = Encoding.UTF8.GetBytes(Metadata), config = "{}"u8.ToArray();
        (byte[] file, long[] at) = RawZip.Write(new("metadata.json", metadata), new("config.json", config), new("model.weights.h5", weights, Deflate: true));
        file[at[2]] = 0xff;
        Refused(file, at[2], "model.weights.h5 is not a deflated stream");
        (file, at) = RawZip.Write(new("metadata.json", metadata), new("config.json", config), new("model.weights.h5", weights, Deflate: true, Length: (uint)weights.Length + 1));
        Refused(file, at[2], "it says 15113");
        (file, at) = RawZip.Write(new("metadata.json", metadata), new("config.json", config), new("model.weights.h5", weights, Deflate: true, Length: (uint)weights.Length - 1));
        Refused(file, at[2], "unpacks to more than the 15111 bytes");
    }

    [Fact]
    public void ErrorsOfPackedWeightsNameTheirPlace()
    {
        byte[] weights = [.. Weights()], metadata = Encoding.UTF8.GetBytes(Metadata), config = "{}"u8.ToArray();
        weights[8] = 7;
        (byte[] file, long[] at) = RawZip.Write(new("metadata.json", metadata), new("config.json", config), new("model.weights.h5", weights, Deflate: true));
        Refused(file, at[2], "model.weights.h5, unpacked, byte 8: superblock version 7");
        (file, at) = RawZip.Write(new("metadata.json", metadata), new("config.json", config), new("model.weights.h5", weights));
        Refused(file, at[2] + 8, "model.weights.h5: superblock version 7");
    }

    private static byte[] Weights()
    {
        byte[] file = KerasSamples.Entry("k3_lstm.keras");
        return file[1016..(1016 + 15112)];
    }

    private void Refused(byte[] file, long offset, string text)
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(file, Target, _backend).Dispose());
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
        Assert.Equal(offset, error.Offset);
    }
}
