namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>Kinds of messages in an object's header that are known; any other is refused.</summary>
internal enum HdfMessageKind
{
    Nil = 0x0,
    Dataspace = 0x1,
    LinkInfo = 0x2,
    Datatype = 0x3,
    OldFillValue = 0x4,
    FillValue = 0x5,
    Link = 0x6,
    ExternalFiles = 0x7,
    Layout = 0x8,
    GroupInfo = 0xa,
    Filters = 0xb,
    Attribute = 0xc,
    Comment = 0xd,
    OldModificationTime = 0xe,
    Continuation = 0x10,
    SymbolTable = 0x11,
    ModificationTime = 0x12,
    AttributeInfo = 0x15,
    ReferenceCount = 0x16,
}

/// <summary>A message of an object's header.</summary>
/// <param name="Kind">What it tells.</param>
/// <param name="Offset">Of its body in the file.</param>
/// <param name="Body">Without its own head.</param>
internal readonly record struct HdfMessage(HdfMessageKind Kind, long Offset, ReadOnlyMemory<byte> Body)
{
    public HdfCursor Cursor(HdfBytes file, string what) => new(file, Body.Span, Offset, what);
}

/// <summary>Reads the header of a group or data set: version 1 or 2, with the blocks that go on elsewhere.</summary>
internal sealed class HdfHeader
{
    private const int SharedFlag = 2;

    private readonly HdfFile _file;
    private readonly List<HdfMessage> _messages = [];
    private readonly Queue<(long Offset, long Length)> _blocks = new();
    private readonly HashSet<long> _visited = [];
    private bool _tracksOrder;

    private HdfHeader(HdfFile file) => _file = file;

    /// <summary>All messages that mean something, in order.</summary>
    public static List<HdfMessage> Read(HdfFile file, long address)
    {
        var header = new HdfHeader(file);
        header._visited.Add(address);
        byte first = file.Bytes.Read(address, 1, "an object's header")[0];
        if (first == 1)
            header.ReadOld(address);
        else
            header.ReadNew(address);
        return header._messages;
    }

    private void ReadOld(long address)
    {
        HdfCursor head = _file.Bytes.Cursor(address, 16, "an object's header");
        head.Skip(2);
        int count = head.UInt16(), seen = 0;
        head.Skip(4);
        _blocks.Enqueue((address + 16, head.UInt32()));
        while (_blocks.TryDequeue(out (long Offset, long Length) block))
        {
            _file.Count(block.Offset);
            HdfCursor cursor = _file.Bytes.Cursor(block.Offset, block.Length, "a header's block");
            while (cursor.Left > 0)
            {
                long at = cursor.Offset;
                int kind = cursor.UInt16(), size = cursor.UInt16(), flags = cursor.Byte();
                cursor.Skip(3);
                seen++;
                Add(kind, flags, at, cursor.Offset, cursor.Take(size));
            }
        }
        if (seen != count)
            throw _file.Bytes.Error($"the header has {seen} messages, it says {count}", address + 2);
    }

    private void ReadNew(long address)
    {
        HdfCursor head = _file.Bytes.Cursor(address, Math.Min(34, _file.Bytes.Length - address), "an object's header");
        head.Signature("OHDR"u8, "an object's header");
        head.Expect(2, "version of an object's header");
        int flags = head.Byte();
        if ((flags & 0xc0) != 0)
            throw _file.Bytes.Error($"flags {flags:x2} of an object's header are not known", head.Offset - 1);
        _tracksOrder = (flags & 4) != 0;
        head.Skip(((flags & 32) != 0 ? 16 : 0) + ((flags & 16) != 0 ? 4 : 0));
        ulong size = head.Number(1 << (flags & 3));
        if (size > (ulong)_file.Bytes.Length)
            throw _file.Bytes.Error($"a header of {size} bytes would end behind the file", head.Offset);
        ReadBlock(address, head.Position, (long)size + 4 + head.Position);
        while (_blocks.TryDequeue(out (long Offset, long Length) block))
        {
            _file.Bytes.Cursor(block.Offset, 4, "a header's block").Signature("OCHK"u8, "a header's block");
            ReadBlock(block.Offset, 4, block.Length);
        }
    }

    /// <summary>Messages between a head and a checksum; fewer bytes than a message's head takes at the end are a gap.</summary>
    private void ReadBlock(long address, int head, long length)
    {
        _file.Count(address);
        byte[] block = _file.Bytes.Read(address, length, "a header's block");
        HdfChecksum.Check(_file.Bytes, block, address, "a header's block");
        if (block.Length < head + 4)
            throw _file.Bytes.Error($"a header's block of {length} bytes has no room for its own fields", address);
        var cursor = new HdfCursor(_file.Bytes, block.AsSpan(head..^4), address + head, "a header's block");
        int least = _tracksOrder ? 6 : 4;
        while (cursor.Left >= least)
        {
            long at = cursor.Offset;
            int kind = cursor.Byte(), size = cursor.UInt16(), flags = cursor.Byte();
            cursor.Skip(least - 4);
            Add(kind, flags, at, cursor.Offset, cursor.Take(size));
        }
    }

    private void Add(int kind, int flags, long at, long offset, ReadOnlySpan<byte> body)
    {
        if (kind == (int)HdfMessageKind.Nil)
            return;
        _file.Count(at);
        if (kind == (int)HdfMessageKind.ExternalFiles)
            throw _file.Bytes.Error("values in external files are never read", at);
        if (!Enum.IsDefined((HdfMessageKind)kind))
            throw _file.Bytes.Error($"messages of kind 0x{kind:x} are not read", at);
        if ((flags & SharedFlag) != 0)
            throw _file.Bytes.Error($"a shared message (kind 0x{kind:x}) is not read", at);
        if (kind == (int)HdfMessageKind.Continuation)
            Continue(new HdfCursor(_file.Bytes, body, offset, "a continuation"));
        else
            _messages.Add(new((HdfMessageKind)kind, offset, body.ToArray()));
    }

    private void Continue(HdfCursor cursor)
    {
        long at = cursor.Offset, address = cursor.Address("a header's continuation"), length = cursor.Length("a header's continuation");
        if (address == HdfCursor.Nowhere || length == 0)
            throw _file.Bytes.Error("a header goes on nowhere", at);
        if (!_visited.Add(address))
            throw _file.Bytes.Error($"a header goes on at byte {address} twice", at);
        _blocks.Enqueue((address, length));
    }
}
