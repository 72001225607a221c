using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;
using FastRnn.Mutations.Changes;

namespace FastRnn.Mutations.Formats;

/// <summary>Keras's HDF5 files.</summary>
internal class KerasHdf5Format : ModelFormat
{
    private const int Most = 12;

    private readonly ConditionalWeakTable<byte[], HdfChanges> _changes = [];

    public override string Name => "keras-h5";

    public override string Extension => ".h5";

    protected override IReadOnlyList<byte[]> CreateSamples() =>
    [
        .. SampleFiles.FromArchive("keras.zip", ".h5", Most, name => !name.Contains("unsaid", StringComparison.Ordinal) && !name.StartsWith("hdf_", StringComparison.Ordinal)),
        .. SampleFiles.FromArchive("keras.zip", ".h5", Most, name => name.StartsWith("hdf_", StringComparison.Ordinal)),
    ];

    public override IEnumerable<byte[]> Files => SampleFiles.All("keras.zip", Extension);

    protected override byte[] Change(byte[] sample, byte[] other, Random random) => ChangeHdf(sample, other, random);

    protected byte[] ChangeHdf(byte[] sample, byte[] other, Random random) => _changes.GetValue(sample, key => new HdfChanges(key)).Change(other, random);

    public override IEnumerable<(string Name, byte[] File)> Bombs()
    {
        byte[] sample = Samples[0];
        yield return ("2^31 x 2^31", Everywhere(sample, [7, 0, 0, 0, 0, 0, 0, 0], [255, 255, 255, 127, 0, 0, 0, 0]));
        yield return ("lengths of 2^63", Everywhere(sample, [7, 0, 0, 0, 0, 0, 0, 0], [255, 255, 255, 255, 255, 255, 255, 127]));
        yield return ("signature and 10 MB of zeros", [.. sample[..8], .. new byte[10_000_000]]);
        yield return ("signature and 10 MB of ones", [.. sample[..8], .. Enumerable.Repeat((byte)255, 10_000_000)]);
        yield return ("every address that of the root", Addresses(sample));
        yield return ("10 MB of trees", [.. sample[..96], .. Enumerable.Repeat("TREE\0\0\u0001\0"u8.ToArray(), 1_250_000).SelectMany(bytes => bytes)]);
    }

    private static byte[] Everywhere(byte[] sample, byte[] from, byte[] to)
    {
        byte[] file = [.. sample];
        for (int at = 96; at + 8 <= file.Length; at++)
        {
            if (file.AsSpan(at, 8).SequenceEqual(from))
                to.CopyTo(file, at);
        }
        return file;
    }

    /// <summary>Groups whose trees and heaps are their own parents'.</summary>
    private static byte[] Addresses(byte[] sample)
    {
        byte[] file = [.. sample];
        ulong root = BitConverter.ToUInt64(file, 64);
        for (int at = 96; at + 8 <= file.Length; at += 8)
        {
            ulong value = BitConverter.ToUInt64(file, at);
            if (value > 96 && value < (ulong)file.Length)
                BitConverter.TryWriteBytes(file.AsSpan(at), root);
        }
        return file;
    }
}

/// <summary>Keras's archives: changed inside, with lengths and checksums of the archive made to fit, and outside.</summary>
internal sealed class KerasArchiveFormat : KerasHdf5Format
{
    private const int Most = 10;

    private readonly ConditionalWeakTable<byte[], (string Name, byte[] Data)[]> _entries = [];

    public override string Name => "keras";

    public override string Extension => ".keras";

    protected override IReadOnlyList<byte[]> CreateSamples() => SampleFiles.FromArchive("keras.zip", ".keras", Most, name => !name.Contains("unsaid", StringComparison.Ordinal) && name != "zip_many.keras");

    protected override byte[] Change(byte[] sample, byte[] other, Random random)
    {
        if (random.Next(5) == 0)
            return ByteChanges.Change(sample, other, [], random);
        (string Name, byte[] Data)[] entries = [.. Entries(sample)], others = Entries(other);
        for (int i = Math.Max(1, random.Next(-2, 3)); i > 0; i--)
        {
            int at = random.Next(entries.Length);
            byte[] from = Array.Find(others, entry => entry.Name == entries[at].Name).Data ?? entries[at].Data;
            entries[at].Data = random.Next(12) == 0 ? from : entries[at].Name.EndsWith(".json", StringComparison.Ordinal)
                ? JsonChanges.Change(entries[at].Data, from, random)
                : ChangeHdf(Entries(sample)[at].Data, from, random);
        }
        if (random.Next(30) == 0)
            entries[random.Next(entries.Length)].Name = random.Next(3) switch { 0 => "../config.json", 1 => entries[0].Name, _ => "x" };
        return Write(entries, random.Next(3) == 0);
    }

    public override IEnumerable<(string Name, byte[] File)> Bombs()
    {
        (string Name, byte[] Data)[] entries = Entries(Samples[0]);
        byte[] With(string name, byte[] data) => Write([.. entries.Select(entry => entry.Name == name ? (name, data) : entry)], deflate: true);

        yield return ("weights 1,000 : 1", With("model.weights.h5", new byte[50_000_000]));
        yield return ("config 1,000 : 1", With("config.json", [.. Enumerable.Repeat((byte)' ', 50_000_000)]));
        yield return ("config 100,000 deep", With("config.json", Encoding.UTF8.GetBytes(new string('[', 100_000))));
        yield return ("60,000 entries", Write([.. entries, .. Enumerable.Range(0, 60_000).Select(i => ($"e{i}", Array.Empty<byte>()))], deflate: false));
        yield return ("100,000 layers", With("config.json", Encoding.UTF8.GetBytes(
            $$$"""{"class_name":"Sequential","config":{"layers":[{{{string.Join(',', Enumerable.Repeat("""{"class_name":"Dropout","config":{"rate":0.1}}""", 100_000))}}}]}}""")));
        yield return ("archive in itself", With("model.weights.h5", Samples[0]));
    }

    private (string Name, byte[] Data)[] Entries(byte[] archive) => _entries.GetValue(archive, key =>
    {
        using var zip = new ZipArchive(new MemoryStream(key, writable: false));
        return [.. zip.Entries.Select(entry =>
        {
            using Stream stream = entry.Open();
            var bytes = new byte[entry.Length];
            stream.ReadExactly(bytes);
            return (entry.FullName, bytes);
        })];
    });

    private static byte[] Write((string Name, byte[] Data)[] entries, bool deflate)
    {
        var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] data) in entries)
            {
                ZipArchiveEntry entry = zip.CreateEntry(name, deflate ? CompressionLevel.SmallestSize : CompressionLevel.NoCompression);
                entry.LastWriteTime = new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero); // equal bytes at every run
                using Stream to = entry.Open();
                to.Write(data);
            }
        }
        return stream.ToArray();
    }
}
