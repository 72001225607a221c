using System.Buffers.Binary;
using System.Numerics;

namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>Links or attributes that are too many for a header: bodies in a fractal heap, found by a version 2 B-tree of their names.</summary>
internal sealed class HdfDense(HdfFile file)
{
    /// <summary>Where in a record of the tree of a group's names the heap's identifier lies: behind a hash.</summary>
    public static readonly (byte Type, int RecordBytes, int IdAt) LinkNames = (5, 11, 4);

    /// <summary>The same for attributes' names.</summary>
    public static readonly (byte Type, int RecordBytes, int IdAt) AttributeNames = (8, 17, 0);

    private const int NodeHead = 6, Checksum = 4;

    private readonly HashSet<long> _visited = [];
    private HdfHeap _heap = null!;
    private Use _use = null!;
    private (byte Type, int RecordBytes, int IdAt) _records;
    private long _nodeBytes;
    private long _count;

    /// <summary>What is done with a body at its offset in the file.</summary>
    public delegate void Use(ReadOnlySpan<byte> body, long offset);

    /// <summary>Hands over every body that the tree names.</summary>
    public void Read(long heap, long tree, (byte Type, int RecordBytes, int IdAt) records, Use use)
    {
        (_records, _use, _heap) = (records, use, new HdfHeap(file, heap));
        byte[] block = file.Bytes.Read(tree, 38, "the head of a tree");
        HdfChecksum.Check(file.Bytes, block, tree, "the head of a tree");
        var cursor = new HdfCursor(file.Bytes, block, tree, "the head of a tree");
        cursor.Signature("BTHD"u8, "the head of a tree");
        cursor.Expect(0, "version of a tree");
        cursor.Expect(records.Type, "kind of a tree");
        _nodeBytes = cursor.UInt32();
        long at = cursor.Offset;
        int recordBytes = cursor.UInt16(), depth = cursor.UInt16();
        if (recordBytes != records.RecordBytes || depth > 8 || _nodeBytes < NodeHead + Checksum + recordBytes || _nodeBytes > file.Bytes.Length)
            throw file.Bytes.Error($"a tree of depth {depth} with records of {recordBytes} and nodes of {_nodeBytes} bytes is not read", at);
        cursor.Skip(2);
        long root = cursor.Address("a tree's root");
        int used = cursor.UInt16();
        ulong total = cursor.UInt64();
        if (root != HdfCursor.Nowhere)
            ReadNode(root, used, depth);
        if (total != (ulong)_count)
            throw file.Bytes.Error($"the tree has {_count} records, it says {total}", tree + 26);
    }

    private void ReadNode(long address, int used, int level)
    {
        file.Count(address);
        if (!_visited.Add(address))
            throw file.Bytes.Error("a tree comes back to this node", address);
        (int countBytes, int totalBytes) = level == 0 ? (0, 0) : PointerBytes(level);
        long pointers = level == 0 ? 0 : (used + 1L) * (8 + countBytes + totalBytes);
        long length = NodeHead + ((long)used * _records.RecordBytes) + pointers + Checksum;
        if (length > _nodeBytes)
            throw file.Bytes.Error($"a node of {used} records does not fit into {_nodeBytes} bytes", address);
        byte[] block = file.Bytes.Read(address, length, "a node of a tree");
        HdfChecksum.Check(file.Bytes, block, address, "a node of a tree");
        var cursor = new HdfCursor(file.Bytes, block, address, "a node of a tree");
        cursor.Signature(level == 0 ? "BTLF"u8 : "BTIN"u8, "a node of a tree");
        cursor.Expect(0, "version of a node");
        cursor.Expect(_records.Type, "kind of a node");
        for (int i = 0; i < used; i++)
        {
            _count++;
            long at = cursor.Offset;
            file.Count(at);
            _heap.Read(cursor.Take(_records.RecordBytes)[_records.IdAt..], at, _use);
        }
        for (int i = 0; level > 0 && i <= used; i++)
        {
            long at = cursor.Offset, child = cursor.Address("a node of a tree");
            int below = (int)Math.Min(cursor.Number(countBytes), int.MaxValue);
            cursor.Skip(totalBytes);
            if (child == HdfCursor.Nowhere)
                throw file.Bytes.Error("a node of a tree is missing", at);
            ReadNode(child, below, level - 1);
        }
    }

    /// <summary>Bytes of the number of records in a child of a node of that level, and of those in all below it.</summary>
    private (int Count, int Total) PointerBytes(int level)
    {
        UInt128 most = (UInt128)((_nodeBytes - NodeHead - Checksum) / _records.RecordBytes), total = most;
        int countBytes = BytesFor(most), totalBytes = 0;
        for (int i = 1; i < level; i++)
        {
            int pointer = 8 + countBytes + totalBytes;
            most = (UInt128)((_nodeBytes - NodeHead - Checksum - pointer) / (_records.RecordBytes + pointer));
            total = ((most + 1) * total) + most;
            totalBytes = BytesFor(total);
        }
        return (countBytes, totalBytes);
    }

    private static int BytesFor(UInt128 most) => Math.Clamp((127 - (int)UInt128.LeadingZeroCount(most)) / 8, 0, 7) + 1;
}

/// <summary>A fractal heap: bodies in direct blocks, found through a table of blocks of doubling size.</summary>
internal sealed class HdfHeap
{
    private const int HeadBytes = 146;

    private readonly HdfFile _file;
    private readonly long _head;
    private readonly int _idBytes, _offsetBytes, _width;
    private readonly long _firstBlock, _mostDirect, _mostManaged;
    private readonly bool _checked;
    private readonly List<(ulong Start, byte[] Block, long Offset)> _blocks = [];
    private readonly HashSet<long> _visited = [];

    public HdfHeap(HdfFile file, long address)
    {
        (_file, _head) = (file, address);
        byte[] block = file.Bytes.Read(address, HeadBytes, "a fractal heap");
        HdfChecksum.Check(file.Bytes, block, address, "a fractal heap");
        var cursor = new HdfCursor(file.Bytes, block, address, "a fractal heap");
        cursor.Signature("FRHP"u8, "a fractal heap");
        cursor.Expect(0, "version of a fractal heap");
        _idBytes = cursor.UInt16();
        if (cursor.UInt16() != 0)
            throw file.Bytes.Error("a fractal heap with filters is not read", cursor.Offset - 2);
        _checked = (cursor.Byte() & 2) != 0;
        _mostManaged = cursor.UInt32();
        cursor.Skip(96);
        long at = cursor.Offset;
        _width = cursor.UInt16();
        (ulong first, ulong direct) = (cursor.UInt64(), cursor.UInt64());
        int bits = cursor.UInt16();
        cursor.Skip(2);
        if (_width is 0 or > 1024 || !BitOperations.IsPow2(first) || !BitOperations.IsPow2(direct) || first > direct || direct > 1 << 30 || bits is 0 or > 64)
            throw file.Bytes.Error($"a fractal heap of {_width} blocks of {first} to {direct} bytes and {bits} bits is not read", at);
        (_firstBlock, _mostDirect, _offsetBytes) = ((long)first, (long)direct, (bits + 7) / 8);
        if (_idBytes < _offsetBytes + 2 || _idBytes > _offsetBytes + 9)
            throw file.Bytes.Error($"identifiers of {_idBytes} bytes are not read", address + 5);
        long root = cursor.Address("a heap's root");
        int rows = cursor.UInt16();
        if (root == HdfCursor.Nowhere)
            return;
        if (rows == 0)
            ReadDirect(root, 0, _firstBlock);
        else
            ReadIndirect(root, 0, rows, 0);
    }

    /// <summary>Hands over the body of an identifier.</summary>
    public void Read(ReadOnlySpan<byte> id, long at, HdfDense.Use use)
    {
        if (id.Length < _idBytes)
            throw _file.Bytes.Error($"a record has no room for an identifier of {_idBytes} bytes", at);
        if (id[0] != 0)
            throw _file.Bytes.Error("objects of their own beside a heap are not read", at);
        var cursor = new HdfCursor(_file.Bytes, id[1.._idBytes], at, "an identifier");
        ulong offset = cursor.Number(_offsetBytes), length = cursor.Number(_idBytes - 1 - _offsetBytes);
        foreach ((ulong start, byte[] block, long place) in _blocks)
        {
            if (offset < start || offset - start >= (ulong)block.Length)
                continue;
            int from = (int)(offset - start);
            if (length > (ulong)Math.Min(block.Length - from, _mostManaged))
                break;
            use(block.AsSpan(from, (int)length), place + from);
            return;
        }
        throw _file.Bytes.Error($"an object of {length} bytes at {offset} lies outside its heap", at);
    }

    private void ReadDirect(long address, ulong start, long size)
    {
        Visit(address);
        byte[] block = _file.Bytes.Read(address, size, "a heap's block");
        var cursor = new HdfCursor(_file.Bytes, block, address, "a heap's block");
        cursor.Signature("FHDB"u8, "a heap's block");
        Head(ref cursor, start);
        if (_checked)
        {
            Span<byte> sum = block.AsSpan(cursor.Position, 4);
            uint stored = BinaryPrimitives.ReadUInt32LittleEndian(sum);
            sum.Clear();
            if (HdfChecksum.Compute(block) != stored)
                throw _file.Bytes.Error("a heap's block does not have the sum that its checksum tells", cursor.Offset);
        }
        _blocks.Add((start, block, address));
    }

    private void ReadIndirect(long address, ulong start, int rows, int depth)
    {
        Visit(address);
        int directRows = BitOperations.Log2((ulong)_mostDirect) - BitOperations.Log2((ulong)_firstBlock) + 2;
        if (rows > 64 || depth > 8)
            throw _file.Bytes.Error($"a heap's table of {rows} rows, {depth} deep, is not read", address);
        byte[] block = _file.Bytes.Read(address, 13L + _offsetBytes + (8L * rows * _width) + 4, "a heap's table");
        HdfChecksum.Check(_file.Bytes, block, address, "a heap's table");
        var cursor = new HdfCursor(_file.Bytes, block, address, "a heap's table");
        cursor.Signature("FHIB"u8, "a heap's table");
        Head(ref cursor, start);
        ulong next = start;
        for (int row = 0; row < rows; row++)
        {
            ulong size = (ulong)_firstBlock << Math.Max(0, row - 1);
            for (int i = 0; i < _width; i++)
            {
                long child = cursor.Address("a heap's block");
                if (child != HdfCursor.Nowhere && row < directRows)
                    ReadDirect(child, next, (long)size);
                else if (child != HdfCursor.Nowhere)
                    ReadIndirect(child, next, BitOperations.Log2(size) - BitOperations.Log2((ulong)_firstBlock * (ulong)_width) + 1, depth + 1);
                next += size;
            }
        }
    }

    private void Head(ref HdfCursor cursor, ulong start)
    {
        cursor.Expect(0, "version of a heap's block");
        long at = cursor.Offset;
        if (cursor.Address("a block's heap") != _head || cursor.Number(_offsetBytes) != start)
            throw _file.Bytes.Error("a block belongs to another heap or place", at);
    }

    private void Visit(long address)
    {
        _file.Count(address);
        if (!_visited.Add(address))
            throw _file.Bytes.Error("a heap comes back to this block", address);
    }
}
