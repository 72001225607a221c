using System.Buffers.Binary;

namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>
/// The bytes of an HDF5 file, which may lie inside another file. Every read is checked against the length before anything is allocated; every error names its byte.
/// </summary>
/// <param name="stream">Knows its length and can seek.</param>
/// <param name="start">Where in the stream the HDF5 file begins.</param>
/// <param name="length">Of the HDF5 file.</param>
/// <param name="path">Of the outer file, for messages.</param>
/// <param name="entry">Name inside the outer file, for messages; null for a file of its own.</param>
/// <param name="unpackedFrom">Where in the outer file the packed bytes lie from which these were unpacked; negative when they lie there as they are.</param>
internal sealed class HdfBytes(Stream stream, long start, long length, string? path, string? entry = null, long unpackedFrom = -1)
{
    /// <summary>Headers and heaps are read again for each name or attribute that is looked up: of the tests' files 1.5 times the length at most.</summary>
    private const int MostReadings = 8;

    private long _stored;
    private UInt128 _metadata;

    /// <summary>Of the HDF5 file.</summary>
    public long Length => length;

    /// <summary>Metadata. Blocks may be read again, but not so often that all of them together are many times the file: they would lie over each other.</summary>
    public byte[] Read(long offset, long count, string what)
    {
        Check(offset, count, what);
        _metadata += (UInt128)count;
        if (_metadata > (UInt128)MostReadings * (UInt128)length)
            throw Error($"{what} and the metadata before it are together more than {MostReadings} times the file's {length} bytes", offset);
        return Filled(offset, count);
    }

    /// <summary>Values, which lie apart from each other: all of them together cannot be longer than the file.</summary>
    public byte[] ReadValues(long offset, long count, string what)
    {
        Claim(offset, count, what);
        return Filled(offset, count);
    }

    /// <summary>The same into room that is there.</summary>
    public void ReadValues(long offset, Span<byte> bytes, string what)
    {
        Claim(offset, bytes.Length, what);
        Fill(offset, bytes);
    }

    /// <summary>A cursor over so many bytes.</summary>
    public HdfCursor Cursor(long offset, long count, string what) => new(this, Read(offset, count, what), offset, what);

    /// <summary>The place of a byte in the file that the user has named.</summary>
    public long Outer(long offset) => entry == null ? offset : unpackedFrom < 0 ? start + offset : unpackedFrom;

    public ModelFormatException Error(string problem, long offset, Exception? inner = null) =>
        entry == null ? new(problem, offset, path, inner)
        : unpackedFrom < 0 ? new($"{entry}: {problem}", start + offset, path, inner)
        : new($"{entry}, unpacked, byte {offset}: {problem}", unpackedFrom, path, inner);

    private void Claim(long offset, long count, string what)
    {
        Check(offset, count, what);
        _stored += count;
        if (_stored > length)
            throw Error($"{what} overlaps other values: together they would be longer than the file", offset);
    }

    private void Check(long offset, long count, string what)
    {
        if (offset < 0 || count < 0 || offset > length)
            throw Error($"{what} would lie outside the {length} bytes of the file", Math.Clamp(offset, 0, length));
        if (count > length - offset)
            throw Error($"{what} of {count} bytes would end behind the file, which has {length} bytes", offset);
        if (count > Array.MaxLength)
            throw Error($"{what} of {count} bytes is longer than memory can hold in one piece", offset);
    }

    private byte[] Filled(long offset, long count)
    {
        var bytes = new byte[count];
        Fill(offset, bytes);
        return bytes;
    }

    private void Fill(long offset, Span<byte> bytes)
    {
        stream.Position = start + offset;
        stream.ReadExactly(bytes);
    }
}

/// <summary>Reads little-endian fields one after another; running past the end is an error of the file.</summary>
internal ref struct HdfCursor(HdfBytes file, ReadOnlySpan<byte> bytes, long offset, string what)
{
    /// <summary>An address that points nowhere.</summary>
    public const long Nowhere = -1;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    public readonly int Left => _bytes.Length - Position;

    /// <summary>In the file.</summary>
    public readonly long Offset => offset + Position;

    public byte Byte() => Take(1)[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>A number of so many bytes, 1 to 8.</summary>
    public ulong Number(int size)
    {
        ulong value = 0;
        ReadOnlySpan<byte> taken = Take(size);
        for (int i = size - 1; i >= 0; i--)
            value = (value << 8) | taken[i];
        return value;
    }

    /// <summary>A length that cannot be longer than the file.</summary>
    public long Length(string name)
    {
        long at = Offset;
        ulong value = UInt64();
        return value <= (ulong)file.Length ? (long)value : throw file.Error($"{name} is {value} bytes, the file has {file.Length}", at);
    }

    /// <summary>A place in the file, or <see cref="Nowhere"/>.</summary>
    public long Address(string name)
    {
        long at = Offset;
        ulong value = UInt64();
        if (value == ulong.MaxValue)
            return Nowhere;
        return value < (ulong)file.Length ? (long)value : throw file.Error($"{name} lies at {value}, behind the {file.Length} bytes of the file", at);
    }

    public ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > Left)
            throw Error($"{what} ends within a field of {count} bytes");
        ReadOnlySpan<byte> taken = _bytes.Slice(Position, count);
        Position += count;
        return taken;
    }

    public void Skip(int count) => Take(count);

    /// <summary>Four letters that a block begins with.</summary>
    public void Signature(ReadOnlySpan<byte> letters, string name)
    {
        long at = Offset;
        if (!Take(letters.Length).SequenceEqual(letters))
            throw file.Error($"{name} does not begin with {(letters[0] < 0x80 ? System.Text.Encoding.ASCII.GetString(letters) : "the signature of HDF5")}", at);
    }

    /// <summary>A field that has one value here.</summary>
    public void Expect(byte value, string name)
    {
        long at = Offset;
        byte found = Byte();
        if (found != value)
            throw file.Error($"{name} is {found}, only {value} is read", at);
    }

    /// <summary>An error at the first byte.</summary>
    public readonly ModelFormatException ErrorAtStart(string problem) => file.Error(problem, offset);

    /// <summary>An error at the next field.</summary>
    public readonly ModelFormatException Error(string problem) => file.Error(problem, Offset);
}
