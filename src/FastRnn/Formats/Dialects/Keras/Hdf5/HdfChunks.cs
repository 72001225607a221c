namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>
/// A data set in chunks of one size, the last of a row being cut where they stick out. Their places are in a version 1 B-tree, or with layout version 4 in the layout
/// itself (one chunk) or in a fixed array.
/// </summary>
internal sealed class HdfChunks
{
    private const int MostLevels = 8;

    /// <summary>The flag of a layout whose only chunk went through filters.</summary>
    private const int SingleWithFilter = 2;

    private readonly HdfFile _file;
    private readonly HdfType _type;
    private readonly HdfFilters _filters;
    private readonly int[] _shape, _chunk, _grid;
    private readonly long _layoutAt;
    private readonly int _chunkBytes;
    private readonly HashSet<long> _nodes = [];
    private readonly HashSet<long> _seen = [];
    private readonly int _index;
    private readonly long _address;
    private readonly (long Bytes, uint Mask) _single;
    private byte[] _values = [];

    /// <param name="from">The data set.</param>
    /// <param name="type">Of its elements.</param>
    /// <param name="shape">Its sizes.</param>
    /// <param name="version">Of the layout.</param>
    /// <param name="cursor">Behind the layout's version and class.</param>
    public HdfChunks(HdfObject from, HdfType type, int[] shape, int version, HdfCursor cursor)
    {
        (_file, _type, _shape, _filters, _layoutAt) = (from.File, type, shape, new HdfFilters(from, type.Bytes), cursor.Offset);
        int flags = version == 4 ? cursor.Byte() : 0, rank = cursor.Byte();
        if ((flags & ~SingleWithFilter) != 0)
            throw _file.Bytes.Error($"flags {flags:x2} of chunks are not read{((flags & 1) != 0 ? ": the chunks at the edges pass over the filters" : "")}", _layoutAt);
        _address = version == 3 ? cursor.Address("a tree of chunks") : HdfCursor.Nowhere;
        int bytes = version == 4 ? cursor.Byte() : 4;
        if (rank != shape.Length + 1 || rank == 1 || bytes is < 1 or > 8)
            throw _file.Bytes.Error($"chunks of {rank - 1} dimensions for values of {shape.Length}", _layoutAt);
        (_chunk, _grid) = (new int[shape.Length], new int[shape.Length]);
        for (int i = 0; i < shape.Length; i++)
        {
            ulong size = cursor.Number(bytes);
            if (size is 0 or > int.MaxValue)
                throw _file.Bytes.Error($"chunks of {size} in dimension {i}", cursor.Offset - bytes);
            (_chunk[i], _grid[i]) = ((int)size, (int)(((long)shape[i] + (long)size - 1) / (long)size));
        }
        if (cursor.Number(bytes) is var element && element != (ulong)type.Bytes)
            throw _file.Bytes.Error($"chunks of elements of {element} bytes, they have {type.Bytes}", cursor.Offset - bytes);
        UInt128 chunkBytes = HdfShape.Count(_chunk) * (uint)type.Bytes, chunks = HdfShape.Count(_grid);
        if (chunkBytes > (UInt128)_file.Limits.TensorBytes || chunkBytes > (UInt128)Array.MaxLength || chunks > (UInt128)_file.Limits.Nodes)
            throw _file.Bytes.Error($"{chunks} chunks of {chunkBytes} bytes are more than the limits of {_file.Limits.Nodes} and {_file.Limits.TensorBytes}", _layoutAt);
        (_chunkBytes, Expected) = ((int)chunkBytes, (int)chunks);
        if (version == 4)
            (_index, _address, _single) = Index(flags, cursor);
    }

    private int Expected { get; }

    /// <summary>All values, so many bytes.</summary>
    public byte[] Read(int bytes)
    {
        if (bytes == 0)
            return [];
        if (_address == HdfCursor.Nowhere)
            throw _file.Bytes.Error("the data set has sizes and no values", _layoutAt);
        // Before room is made for the values, there must be enough bytes in the file to make them of.
        long most = _filters.None ? _file.Bytes.Length : _file.Bytes.Length * Math.Max(1L, _file.Limits.CompressionRatio);
        if (bytes > most || Expected > _file.Bytes.Length)
            throw _file.Bytes.Error($"{bytes} bytes of values cannot come from a file of {_file.Bytes.Length}", _layoutAt);
        _values = new byte[bytes];
        if (_index == 1)
            ReadChunk(new int[_shape.Length], _address, _filters.None ? _chunkBytes : _single.Bytes, _single.Mask);
        else if (_index == 3)
            ReadArray();
        else
            ReadNode(_address, level: -1);
        if (_seen.Count != Expected)
            throw _file.Bytes.Error($"{_seen.Count} chunks are stored, {Expected} are needed", _layoutAt);
        return _values;
    }

    private (int Kind, long Address, (long Bytes, uint Mask) Single) Index(int flags, HdfCursor cursor)
    {
        long at = cursor.Offset;
        int kind = cursor.Byte();
        if (kind is not (1 or 3))
        {
            string name = kind switch { 2 => "an implicit index", 4 => "an extensible array", 5 => "a version 2 B-tree", _ => "an index that is not known" };
            throw _file.Bytes.Error($"chunks in {name} (kind {kind}) are not read", at);
        }
        (long Bytes, uint Mask) single = default;
        if (kind == 3)
            cursor.Skip(1);
        else if ((flags & SingleWithFilter) != 0)
            single = (cursor.Length("a chunk"), cursor.UInt32());
        if (kind == 1 && ((flags & SingleWithFilter) != 0) == _filters.None)
            throw _file.Bytes.Error("a chunk has a packed size and no filter, or a filter and none", at);
        return (kind, cursor.Address("the chunks"), single);
    }

    /// <summary>A node of the version 1 tree; its level is one less than that of the node above.</summary>
    private void ReadNode(long address, int level)
    {
        _file.Count(address);
        if (!_nodes.Add(address))
            throw _file.Bytes.Error("a tree of chunks comes back to this node", address);
        HdfCursor head = _file.Bytes.Cursor(address, 24, "a node of a tree of chunks");
        head.Signature("TREE"u8, "a node of a tree of chunks");
        head.Expect(1, "kind of a tree of chunks");
        int found = head.Byte(), used = head.UInt16();
        if (level >= 0 ? found != level : found > MostLevels)
            throw _file.Bytes.Error($"a node of level {found} stands where {(level >= 0 ? level : MostLevels)} is the most", address + 5);
        int keyBytes = 16 + (8 * _shape.Length);
        HdfCursor cursor = _file.Bytes.Cursor(address + 24, (long)(keyBytes + 8) * used, "a node of a tree of chunks");
        var place = new int[_shape.Length];
        for (int i = 0; i < used; i++)
        {
            long at = cursor.Offset, bytes = cursor.UInt32();
            uint mask = cursor.UInt32();
            for (int d = 0; d < place.Length; d++)
                place[d] = Place(cursor.UInt64(), d, at, found);
            cursor.Skip(8);
            long child = cursor.Address("a chunk");
            if (child == HdfCursor.Nowhere)
                throw _file.Bytes.Error("a chunk is nowhere", at);
            if (found > 0)
                ReadNode(child, found - 1);
            else
                ReadChunk(place, child, bytes, mask);
        }
    }

    private int Place(ulong value, int dimension, long at, int level)
    {
        if (level > 0)
            return 0;
        if (value >= (ulong)_shape[dimension] || value % (ulong)_chunk[dimension] != 0)
            throw _file.Bytes.Error($"a chunk lies at {value} of {_shape[dimension]}, in steps of {_chunk[dimension]}", at);
        return (int)value;
    }

    private void ReadArray()
    {
        byte[] block = _file.Bytes.Read(_address, 28, "an array of chunks");
        HdfChecksum.Check(_file.Bytes, block, _address, "an array of chunks");
        var cursor = new HdfCursor(_file.Bytes, block, _address, "an array of chunks");
        cursor.Signature("FAHD"u8, "an array of chunks");
        cursor.Expect(0, "version of an array of chunks");
        byte client = (byte)(_filters.None ? 0 : 1);
        cursor.Expect(client, "kind of an array of chunks");
        int entry = cursor.Byte(), pageBits = cursor.Byte();
        ulong count = cursor.UInt64();
        long data = cursor.Address("an array of chunks");
        int sizeBytes = _filters.None ? 0 : entry - 12;
        if (count != (ulong)Expected || (_filters.None ? entry != 8 : sizeBytes is < 1 or > 8) || data == HdfCursor.Nowhere)
            throw _file.Bytes.Error($"an array of {count} entries of {entry} bytes, {Expected} chunks are needed", _address);
        if (pageBits < 31 && Expected > 1 << pageBits)
            throw _file.Bytes.Error($"an array of chunks in pages ({Expected} chunks) is not read", _address);
        ReadEntries(data, entry, sizeBytes, client);
    }

    private void ReadEntries(long data, int entry, int sizeBytes, byte client)
    {
        byte[] block = _file.Bytes.Read(data, 14 + ((long)entry * Expected) + 4, "an array's entries");
        HdfChecksum.Check(_file.Bytes, block, data, "an array's entries");
        var cursor = new HdfCursor(_file.Bytes, block, data, "an array's entries");
        cursor.Signature("FADB"u8, "an array's entries");
        cursor.Expect(0, "version of an array's entries");
        cursor.Expect(client, "kind of an array's entries");
        if (cursor.Address("an array's head") != _address)
            throw _file.Bytes.Error("entries belong to another array", data + 6);
        var place = new int[_shape.Length];
        for (int i = 0; i < Expected; i++)
        {
            long at = cursor.Offset, child = cursor.Address("a chunk");
            if (child == HdfCursor.Nowhere)
                throw _file.Bytes.Error("a chunk is nowhere", at);
            ulong bytes = _filters.None ? (ulong)_chunkBytes : cursor.Number(sizeBytes);
            ReadChunk(place, child, (long)Math.Min(bytes, long.MaxValue), _filters.None ? 0 : cursor.UInt32());
            for (int d = place.Length - 1; d >= 0 && (place[d] += _chunk[d]) >= _shape[d]; d--)
                place[d] = 0;
        }
    }

    /// <summary>Unpacks a chunk and copies what lies inside the values, row by row.</summary>
    private void ReadChunk(int[] place, long address, long bytes, uint mask)
    {
        _file.Count(address);
        long number = 0;
        for (int d = 0; d < place.Length; d++)
            number = (number * _grid[d]) + (place[d] / _chunk[d]);
        if (!_seen.Add(number))
            throw _file.Bytes.Error("a chunk is stored twice", address);
        if (_filters.None && bytes != _chunkBytes)
            throw _file.Bytes.Error($"a chunk of {_chunkBytes} bytes has {bytes}", address);
        byte[] chunk = _filters.Undo(_file.Bytes.ReadValues(address, bytes, "a chunk"), mask, _chunkBytes, _type.Bytes, address);
        int last = place.Length - 1, run = Math.Min(_chunk[last], _shape[last] - place[last]) * _type.Bytes;
        var at = new int[place.Length];
        do
        {
            long from = 0, to = 0;
            for (int d = 0; d < place.Length; d++)
            {
                from = (from * _chunk[d]) + at[d];
                to = (to * _shape[d]) + place[d] + at[d];
            }
            chunk.AsSpan((int)(from * _type.Bytes), run).CopyTo(_values.AsSpan((int)(to * _type.Bytes)));
        }
        while (Advance(at, place, last - 1));
    }

    /// <summary>The next row of a chunk that lies inside the values.</summary>
    private bool Advance(int[] at, int[] place, int dimension)
    {
        for (int d = dimension; d >= 0; d--)
        {
            if (++at[d] < Math.Min(_chunk[d], _shape[d] - place[d]))
                return true;
            at[d] = 0;
        }
        return false;
    }
}
