using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>An entry of an archive.</summary>
/// <param name="Name">Exactly one of the names that an archive may have.</param>
/// <param name="At">Of its data.</param>
/// <param name="Stored">Bytes of its data.</param>
/// <param name="Length">Bytes of what they become.</param>
/// <param name="Deflated">Or as they are.</param>
/// <param name="Crc">Of what they become.</param>
internal sealed record KerasEntry(string Name, long At, long Stored, long Length, bool Deflated, uint Crc);

/// <summary>
/// The zip archive that Keras writes, read strictly by its central directory (PKWARE APPNOTE 6.3): three names, each once, stored or deflated, no overlap, no comment,
/// no encryption, sizes below 4 GiB, contents as their checksums say.
/// </summary>
internal sealed class KerasArchive
{
    public const string Config = "config.json", Metadata = "metadata.json", Weights = "model.weights.h5";

    private const int EndBytes = 22, CentralBytes = 46, LocalBytes = 30, Block = 64 << 10;

    /// <summary>An entry of so few bytes may be packed as tightly as it will.</summary>
    private const int Harmless = 64 << 10;

    private const int AllowedFlags = 0x080e; // how hard deflate tried, sizes behind the data, names in UTF-8

    private static readonly string[] _names = [Config, Metadata, Weights];

    private readonly Stream _stream;
    private readonly string? _path;
    private readonly ImportLimits _limits;
    private readonly CancellationToken _cancellation;
    private readonly List<KerasEntry> _entries = [];

    private KerasArchive(Stream stream, string? path, ImportLimits limits, CancellationToken cancellation) =>
        (_stream, _path, _limits, _cancellation) = (stream, path, limits, cancellation);

    /// <summary>Reads the directory.</summary>
    public static KerasArchive Open(Stream stream, string? path, ImportLimits limits, CancellationToken cancellation)
    {
        var archive = new KerasArchive(stream, path, limits, cancellation);
        archive.ReadDirectory();
        foreach (string name in _names)
        {
            if (!archive._entries.Exists(entry => entry.Name == name))
                throw archive.Error($"the archive has no {name}", stream.Length - EndBytes);
        }
        return archive;
    }

    public KerasEntry Entry(string name) => _entries.Find(entry => entry.Name == name)!;

    /// <summary>The bytes of a text.</summary>
    public byte[] Text(string name)
    {
        KerasEntry entry = Entry(name);
        if (entry.Length > _limits.TextBytes)
            throw Error($"{name} has {entry.Length} bytes, more than the limit of {_limits.TextBytes} for text", entry.At);
        return Unpack(entry).ToArray();
    }

    /// <summary>The HDF5 file inside: in its place where it is stored as it is, in memory otherwise.</summary>
    public Hdf5.HdfBytes OpenWeights()
    {
        KerasEntry entry = Entry(Weights);
        if (entry.Length > _limits.TensorBytes)
            throw Error($"{entry.Name} has {entry.Length} bytes, more than the limit of {_limits.TensorBytes}", entry.At);
        if (entry.Deflated)
            return new(Unpack(entry), 0, entry.Length, _path, entry.Name, unpackedFrom: entry.At);
        uint crc = 0;
        byte[] block = new byte[Block];
        _stream.Position = entry.At;
        for (long left = entry.Length; left > 0;)
        {
            _cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(left, Block);
            _stream.ReadExactly(block, 0, count);
            crc = ZipCrc.Add(crc, block.AsSpan(0, count));
            left -= count;
        }
        CheckCrc(entry, crc);
        return new(_stream, entry.At, entry.Length, _path, entry.Name);
    }

    /// <summary>Grows with what comes, so that a false size asks for no memory.</summary>
    private MemoryStream Unpack(KerasEntry entry)
    {
        if (entry.Length > Harmless && entry.Length > entry.Stored * _limits.CompressionRatio)
            throw Error($"{entry.Name}: {entry.Stored} bytes would become {entry.Length}, more than {_limits.CompressionRatio} for one", entry.At);
        var packed = new byte[entry.Stored];
        _stream.Position = entry.At;
        _stream.ReadExactly(packed);
        var unpacked = new MemoryStream();
        uint crc = 0;
        try
        {
            using Stream source = entry.Deflated ? new DeflateStream(new MemoryStream(packed), CompressionMode.Decompress) : new MemoryStream(packed);
            var block = new byte[Block];
            for (int read; (read = source.Read(block)) > 0;)
            {
                _cancellation.ThrowIfCancellationRequested();
                if (unpacked.Length + read > entry.Length)
                    throw Error($"{entry.Name} unpacks to more than the {entry.Length} bytes that it says", entry.At);
                crc = ZipCrc.Add(crc, block.AsSpan(0, read));
                unpacked.Write(block, 0, read);
            }
        }
        catch (InvalidDataException e)
        {
            throw Error($"{entry.Name} is not a deflated stream", entry.At, e);
        }
        if (unpacked.Length != entry.Length)
            throw Error($"{entry.Name} unpacks to {unpacked.Length} bytes, it says {entry.Length}", entry.At);
        CheckCrc(entry, crc);
        return unpacked;
    }

    private void CheckCrc(KerasEntry entry, uint crc)
    {
        if (crc != entry.Crc)
            throw Error($"{entry.Name} is damaged: its checksum is {crc:x8}, not {entry.Crc:x8}", entry.At);
    }

    private void ReadDirectory()
    {
        long end = _stream.Length - EndBytes;
        byte[] tail = Read(end, EndBytes, "the end of the directory");
        if (U32(tail, 0) != 0x06054b50)
            throw Error("the file does not end with an archive's directory", Math.Max(0, end));
        if (U16(tail, 20) != 0)
            throw Error("a comment of the archive is not read", end + 20);
        if (U16(tail, 4) != 0 || U16(tail, 6) != 0 || U16(tail, 8) != U16(tail, 10))
            throw Error("an archive in several parts is not read", end + 4);
        int count = U16(tail, 10);
        if (count == 0xffff || U32(tail, 12) == uint.MaxValue || U32(tail, 16) == uint.MaxValue)
            throw Error("an archive in the 64-bit form is not read", end + 8);
        if (count > _names.Length)
            throw Error($"the archive has {count} entries, {_names.Length} are known: {string.Join(", ", _names)}", end + 10);
        long size = U32(tail, 12), at = U32(tail, 16);
        if (at + size != end)
            throw Error($"a directory of {size} bytes at {at} does not end where its end begins, at {end}", end + 12);
        byte[] directory = Read(at, size, "the directory");
        int place = 0;
        long free = 0;
        for (int i = 0; i < count; i++)
            place += ReadEntry(directory.AsSpan(place), at + place, at, ref free);
        if (place != directory.Length)
            throw Error($"the directory has {directory.Length - place} bytes behind its last entry", at + place);
    }

    /// <summary>An entry of the directory, and what stands before its data. Data follow each other in the order of the directory.</summary>
    private int ReadEntry(ReadOnlySpan<byte> bytes, long at, long dataEnd, ref long free)
    {
        if (bytes.Length < CentralBytes || U32(bytes, 0) != 0x02014b50)
            throw Error("an entry of the directory does not begin as one", at);
        int flags = U16(bytes, 8), method = U16(bytes, 10), nameBytes = U16(bytes, 28), length = CentralBytes + nameBytes + U16(bytes, 30) + U16(bytes, 32);
        long stored = U32(bytes, 20), unpacked = U32(bytes, 24), local = U32(bytes, 42);
        if (length > bytes.Length)
            throw Error("an entry of the directory is longer than the directory", at);
        string name = Encoding.Latin1.GetString(bytes.Slice(CentralBytes, nameBytes));
        string shown = ModelFormatException.Quote(name);
        if (Array.IndexOf(_names, name) < 0)
            throw Error($"the archive has an entry {shown}; only {string.Join(", ", _names)} are read", at + CentralBytes);
        if (_entries.Exists(entry => entry.Name == name))
            throw Error($"the archive has {shown} twice", at + CentralBytes);
        if ((flags & ~AllowedFlags) != 0)
            throw Error((flags & 1) != 0 ? $"{shown} is encrypted" : $"{shown} has flags {flags:x4}, which are not known", at + 8);
        if (method is not (0 or 8))
            throw Error($"{shown} is packed by method {method}; 0 (stored) and 8 (deflated) are read", at + 10);
        if (stored == uint.MaxValue || unpacked == uint.MaxValue || local == uint.MaxValue)
            throw Error($"{shown} has sizes in the 64-bit form, which is not read", at + 20);
        if (method == 0 && stored != unpacked)
            throw Error($"{shown} is stored as it is, in {stored} bytes for {unpacked}", at + 20);
        if (U16(bytes, 34) != 0)
            throw Error("an archive in several parts is not read", at + 34);
        long data = ReadLocal(bytes, local, name);
        if (local < free || data + stored > dataEnd)
            throw Error($"{shown} overlaps what lies before it or behind it", at + 42);
        free = data + stored;
        _entries.Add(new(name, data, stored, unpacked, method == 8, U32(bytes, 16)));
        return length;
    }

    /// <summary>Where the data begin, behind a head that must tell the same.</summary>
    private long ReadLocal(ReadOnlySpan<byte> central, long at, string name)
    {
        byte[] head = Read(at, LocalBytes, "an entry's head");
        string shown = ModelFormatException.Quote(name);
        if (U32(head, 0) != 0x04034b50)
            throw Error($"{shown} does not begin as an entry", at);
        byte[] found = Read(at + LocalBytes, U16(head, 26), "an entry's name");
        if (!central.Slice(CentralBytes, U16(central, 28)).SequenceEqual(found))
            throw Error($"{shown} is called {ModelFormatException.Quote(Encoding.Latin1.GetString(found))} where it lies", at + LocalBytes);
        if (U16(head, 6) != U16(central, 8) || U16(head, 8) != U16(central, 10))
            throw Error($"{shown} has other flags or another method where it lies", at + 6);
        // Sizes may stand behind the data, or in an extra field of 64 bits; the directory's are those that count.
        bool elsewhere = (U16(head, 6) & 8) != 0 || U32(head, 18) == uint.MaxValue || U32(head, 22) == uint.MaxValue;
        if (!elsewhere && (U32(head, 18) != U32(central, 20) || U32(head, 22) != U32(central, 24) || U32(head, 14) != U32(central, 16)))
            throw Error($"{shown} has another size or checksum where it lies", at + 14);
        return at + LocalBytes + found.Length + U16(head, 28);
    }

    private byte[] Read(long at, long count, string what)
    {
        if (at < 0 || count > _stream.Length - at)
            throw Error($"{what} would lie outside the {_stream.Length} bytes of the file", Math.Clamp(at, 0, _stream.Length));
        var bytes = new byte[count];
        _stream.Position = at;
        _stream.ReadExactly(bytes);
        return bytes;
    }

    private ModelFormatException Error(string problem, long offset, Exception? inner = null) => new(problem, offset, _path, inner);

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
