using System.IO.Compression;

namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>What was done with a chunk's bytes before they were stored; undone from the last to the first.</summary>
internal sealed class HdfFilters
{
    /// <summary>A chunk of so few bytes may be packed as tightly as it will: it cannot fill a memory.</summary>
    private const int Harmless = 64 << 10;

    private const int Deflate = 1, Shuffle = 2;

    private readonly List<int> _filters = [];
    private readonly HdfFile _file;

    /// <summary>The filters of a data set with elements of so many bytes.</summary>
    public HdfFilters(HdfObject from, int elementBytes)
    {
        _file = from.File;
        if (from.Message(HdfMessageKind.Filters) is not { } message)
            return;
        HdfCursor cursor = message.Cursor(_file.Bytes, "filters");
        int version = cursor.Byte(), count = cursor.Byte();
        if (version is not (1 or 2))
            throw _file.Bytes.Error($"version {version} of filters; 1 and 2 are read", message.Offset);
        cursor.Skip(version == 1 ? 6 : 0);
        for (int i = 0; i < count; i++)
            Add(ref cursor, version, elementBytes);
    }

    public bool None => _filters.Count == 0;

    /// <summary>The bytes of a chunk.</summary>
    /// <param name="stored">As they are in the file.</param>
    /// <param name="mask">A bit for each filter that was passed over.</param>
    /// <param name="bytes">So many they must be.</param>
    /// <param name="elementBytes">Of an element.</param>
    /// <param name="offset">Of the stored bytes.</param>
    public byte[] Undo(byte[] stored, uint mask, int bytes, int elementBytes, long offset)
    {
        if (mask >> _filters.Count != 0)
            throw _file.Bytes.Error($"the chunk here passes over filters that there are not (mask {mask:x})", offset);
        for (int i = _filters.Count - 1; i >= 0; i--)
        {
            if ((mask >> i & 1) == 0)
                stored = _filters[i] == Deflate ? Inflate(stored, bytes, offset) : Unshuffle(stored, elementBytes);
        }
        return stored.Length == bytes ? stored : throw _file.Bytes.Error($"the chunk here has {stored.Length} bytes, it needs {bytes}", offset);
    }

    private void Add(ref HdfCursor cursor, int version, int elementBytes)
    {
        long at = cursor.Offset;
        int id = cursor.UInt16(), name = version == 1 || id >= 256 ? cursor.UInt16() : 0;
        cursor.Skip(2);
        int values = cursor.UInt16();
        cursor.Skip(version == 1 ? (name + 7) & ~7 : name);
        uint first = values > 0 ? cursor.UInt32() : 0;
        cursor.Skip(4 * (Math.Max(0, values - 1) + (version == 1 ? values & 1 : 0)));
        if (id is not (Deflate or Shuffle))
            throw _file.Bytes.Error($"filter {id}{(id switch { 3 => " (fletcher32)", 4 => " (szip)", 5 => " (n-bit)", 6 => " (scale-offset)", 32000 => " (lzf)", _ => "" })}; 1 (deflate) and 2 (shuffle) are read", at);
        if (id == Shuffle && first != elementBytes)
            throw _file.Bytes.Error($"elements of {elementBytes} bytes are shuffled as {first}", at);
        if (_filters.Contains(id))
            throw _file.Bytes.Error($"filter {id} comes twice", at);
        _filters.Add(id);
    }

    /// <summary>Exactly so many bytes, and not more than the limits let a stored byte become.</summary>
    private byte[] Inflate(byte[] stored, int bytes, long offset)
    {
        if (bytes > Harmless && bytes > (long)stored.Length * _file.Limits.CompressionRatio)
            throw _file.Bytes.Error($"{stored.Length} bytes would become {bytes}, more than {_file.Limits.CompressionRatio} for one", offset);
        var result = new byte[bytes];
        try
        {
            using var inflater = new ZLibStream(new MemoryStream(stored), CompressionMode.Decompress);
            int read = inflater.ReadAtLeast(result, bytes, throwOnEndOfStream: false);
            if (read < bytes || inflater.ReadByte() >= 0)
                throw _file.Bytes.Error($"the chunk here inflates to {(read < bytes ? $"{read}" : "more")}, not {bytes} bytes", offset);
        }
        catch (InvalidDataException e)
        {
            throw _file.Bytes.Error("the chunk here is not a deflated stream", offset, e);
        }
        return result;
    }

    /// <summary>First bytes of all elements, then all second bytes, and so on; bytes that make no whole element stay behind.</summary>
    private static byte[] Unshuffle(byte[] bytes, int elementBytes)
    {
        int count = bytes.Length / elementBytes;
        var result = new byte[bytes.Length];
        for (int i = 0; i < count; i++)
        {
            for (int part = 0; part < elementBytes; part++)
                result[(i * elementBytes) + part] = bytes[(part * count) + i];
        }
        bytes.AsSpan(count * elementBytes).CopyTo(result.AsSpan(count * elementBytes));
        return result;
    }
}
