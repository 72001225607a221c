using System.Buffers.Binary;
using System.Text;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Tests.Dialects;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Small files that ask for much time or memory, and files that end too early.</summary>
public sealed class KerasBombTests() : FileTest("model.keras")
{
    [Fact]
    public void HugeShapesAreRefused()
    {
        byte[] file = [.. KerasSamples.Entry("k22_lstm.h5")];
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(8648), int.MaxValue);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(8656), int.MaxValue);
        Refused(file, "m.h5", "[2147483647, 2147483647] values are more than the limit");
    }

    [Fact]
    public void PackedZerosAreRefused()
    {
        (byte[] file, _) = RawZip.Write(
            new("metadata.json", "{\"keras_version\":\"3.0.0\"}"u8.ToArray()), new("config.json", "{}"u8.ToArray()), new("model.weights.h5", new byte[100 << 20], Deflate: true));
        Refused(file, Target, "would become 104857600, more than 200 for one");
        (file, _) = RawZip.Write(
            new("metadata.json", "{\"keras_version\":\"3.0.0\"}"u8.ToArray()), new("config.json", new byte[8 << 20], Deflate: true), new("model.weights.h5", [0]));
        Refused(file, Target, "would become 8388608, more than 200 for one");
    }

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{\"a\":", "}")]
    public void DeepJsonIsRefused(string open, string close)
    {
        string config = string.Concat(Enumerable.Repeat(open, 100_000)) + "1" + string.Concat(Enumerable.Repeat(close, 100_000));
        Refused(Archive(config), Target, "the model's configuration is not valid");
    }

    [Fact]
    public void WideJsonIsRefused() => Refused(Archive("[" + string.Join(',', Enumerable.Repeat("[]", 1_000_000)) + "]"), Target, "More than 262144 values");

    [Fact]
    public void LongTextIsRefused() => Refused(Archive(new string(' ', (16 << 20) + 1)), Target, "more than the limit of 16777216 for text");

    [Fact]
    public void ManyDataSetsAreRefused() => Refused(ManyLinks(100_000), "m.h5", "a group of more than 65536 objects");

    [Fact]
    public void NamesOfOneObjectAreRead()
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => SampleArchive.Load(ManyLinks(1000), "m.h5", _backend).Dispose());
        Assert.Contains("the file holds weights alone", error.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Every prefix is refused: the file itself tells where it ends. All other samples are cut at one place in 251, another one in each: <c>--prefixes</c> of tests/Mutations cuts
    /// them at all.
    /// </summary>
    [Fact]
    public void EveryPrefixIsRefused()
    {
        string[] everywhere = ["k22_lstm.h5", "k3_lstm.keras", "hdf_latest_array_gzip.h5", "hdf_many.h5", "zip_deflated.keras", "zip_latest_order.keras", "weights_paths.h5"];
        for (int i = 0; i < KerasSamples.Cases.Count; i++)
        {
            string sample = KerasSamples.Cases[i].File;
            byte[] file = KerasSamples.Entry(sample);
            bool whole = everywhere.Contains(sample);
            for (int length = whole ? 0 : i % 251; length < file.Length; length += whole ? 1 : 251)
            {
                using var stream = new MemoryStream(file, 0, length, writable: false);
                Assert.Throws<ModelFormatException>(() => ModelImport.Load(stream, sample, _backend, new ImportOptions()));
            }
        }
    }

    private static byte[] Archive(string config) => RawZip.Write(
        new("metadata.json", "{\"keras_version\":\"3.0.0\"}"u8.ToArray()), new("config.json", Encoding.UTF8.GetBytes(config)),
        new("model.weights.h5", KerasSamples.Entry("k3_lstm.keras")[1016..(1016 + 15112)])).File;

    /// <summary>A root group whose names all lead to itself.</summary>
    private static byte[] ManyLinks(int count)
    {
        const int Each = 50_000, Header = 96, Tree = 136, Heap = 200, Names = 240;
        int nodes = (count + Each - 1) / Each, symbols = Names + (8 * (count + 1));
        var file = new byte[symbols + (nodes * 8) + (40 * count)];
        KerasSamples.Entry("k22_lstm.h5").AsSpan(0, 96).CopyTo(file);
        void Put(int at, long value) => BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(at), value);

        Put(40, file.Length);
        Put(64, Header);
        Put(Header, 1 | (1 << 16) | (1L << 32));
        Put(Header + 8, 24);
        Put(Header + 16, 0x11 | (16 << 16));
        Put(Header + 24, Tree);
        Put(Header + 32, Heap);
        "TREE"u8.CopyTo(file.AsSpan(Tree));
        file[Tree + 6] = (byte)nodes;
        "HEAP"u8.CopyTo(file.AsSpan(Heap));
        Put(Heap + 8, 8 * (count + 1));
        Put(Heap + 24, Names);
        for (int node = 0, left = count, at = symbols; node < nodes; node++, left -= Each)
        {
            Put(Tree + 32 + (16 * node), at);
            "SNOD"u8.CopyTo(file.AsSpan(at));
            file[at + 4] = 1;
            int here = Math.Min(Each, left);
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at + 6), (ushort)here);
            at += 8;
            for (int i = 0; i < here; i++, at += 40)
            {
                int number = (node * Each) + i + 1;
                Encoding.ASCII.GetBytes(number.ToString("x7", System.Globalization.CultureInfo.InvariantCulture)).CopyTo(file, Names + (8 * number));
                Put(at, 8 * number);
                Put(at + 8, Header);
            }
        }
        return file;
    }

    private void Refused(byte[] file, string name, string text)
    {
        ModelFormatException error = Refusal.AtOnce(() => SampleArchive.Load(file, name, _backend).Dispose());
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
    }
}
