using System.Text;

namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>The names in a group: in a symbol table (a tree of nodes over a heap of names), in the header itself, or in a fractal heap.</summary>
internal sealed class HdfLinks
{
    private const int EntryBytes = 40;
    private const int MostLevels = 8;

    private static readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly HdfFile _file;
    private readonly Dictionary<string, long> _links = new(StringComparer.Ordinal);
    private readonly HashSet<long> _visited = [];

    private HdfLinks(HdfFile file) => _file = file;

    public static Dictionary<string, long> Read(HdfObject group)
    {
        var links = new HdfLinks(group.File);
        if (group.Message(HdfMessageKind.SymbolTable) is { } table)
            links.ReadTable(table.Cursor(group.File.Bytes, "a symbol table"));
        foreach (HdfMessage message in group.Messages)
        {
            if (message.Kind == HdfMessageKind.Link)
                links.ReadLink(message.Cursor(group.File.Bytes, "a link"));
        }
        if (group.Message(HdfMessageKind.LinkInfo) is { } info)
            links.ReadInfo(info.Cursor(group.File.Bytes, "link info"));
        return links._links;
    }

    private void ReadTable(HdfCursor cursor)
    {
        long tree = Known(cursor.Address("a group's tree"), cursor), heapAt = Known(cursor.Address("a group's heap"), cursor);
        HdfCursor head = _file.Bytes.Cursor(heapAt, 32, "a heap of names");
        head.Signature("HEAP"u8, "a heap of names");
        head.Expect(0, "version of a heap of names");
        head.Skip(3);
        long size = head.Length("a heap of names");
        head.Skip(8);
        byte[] names = _file.Bytes.Read(Known(head.Address("a heap's names"), head), size, "a heap of names");
        ReadNode(tree, names, level: -1);
    }

    /// <summary>A node of the tree; its level is one less than that of the node above.</summary>
    private void ReadNode(long address, byte[] names, int level)
    {
        Visit(address);
        HdfCursor head = _file.Bytes.Cursor(address, 24, "a node of a group's tree");
        head.Signature("TREE"u8, "a node of a group's tree");
        head.Expect(0, "kind of a group's tree");
        int found = head.Byte();
        if (level >= 0 ? found != level : found > MostLevels)
            throw _file.Bytes.Error($"a node of level {found} stands where {(level >= 0 ? level : MostLevels)} is the most", head.Offset - 1);
        int used = head.UInt16();
        HdfCursor cursor = _file.Bytes.Cursor(address + 24, (16L * used) + 8, "a node of a group's tree");
        for (int i = 0; i < used; i++)
        {
            cursor.Skip(8);
            long child = Known(cursor.Address("a node of a group's tree"), cursor);
            if (found > 0)
                ReadNode(child, names, found - 1);
            else
                ReadSymbols(child, names);
        }
    }

    private void ReadSymbols(long address, byte[] names)
    {
        Visit(address);
        HdfCursor head = _file.Bytes.Cursor(address, 8, "a node of symbols");
        head.Signature("SNOD"u8, "a node of symbols");
        head.Expect(1, "version of a node of symbols");
        head.Skip(1);
        int count = head.UInt16();
        HdfCursor cursor = _file.Bytes.Cursor(address + 8, (long)EntryBytes * count, "a node of symbols");
        for (int i = 0; i < count; i++)
        {
            long at = cursor.Offset;
            ulong nameAt = cursor.UInt64();
            if (nameAt >= (ulong)names.Length)
                throw _file.Bytes.Error($"a name at {nameAt} lies outside the heap of {names.Length} bytes", at);
            ReadOnlySpan<byte> name = names.AsSpan((int)nameAt);
            int end = name.IndexOf((byte)0);
            if (end < 0)
                throw _file.Bytes.Error("a name has no end in the heap", at);
            long target = Known(cursor.Address("a group's object"), cursor);
            uint cache = cursor.UInt32();
            if (cache > 1)
                throw _file.Bytes.Error(cache == 2 ? $"{Shown(name[..end])} is a symbolic link; none is followed" : $"an entry of kind {cache} is not known", at);
            Add(name[..end], target, at);
            cursor.Skip(20);
        }
    }

    private void ReadInfo(HdfCursor cursor)
    {
        cursor.Expect(0, "version of link info");
        int flags = cursor.Byte();
        cursor.Skip((flags & 1) != 0 ? 8 : 0);
        long at = cursor.Offset, heap = cursor.Address("a group's heap"), tree = cursor.Address("a group's tree");
        if (heap == HdfCursor.Nowhere)
            return;
        if (tree == HdfCursor.Nowhere)
            throw _file.Bytes.Error("a group's links are in a heap without a tree", at);
        new HdfDense(_file).Read(heap, tree, HdfDense.LinkNames, (body, offset) => ReadLink(new HdfCursor(_file.Bytes, body, offset, "a link")));
    }

    private void ReadLink(HdfCursor cursor)
    {
        long at = cursor.Offset;
        cursor.Expect(1, "version of a link");
        int flags = cursor.Byte();
        int kind = (flags & 8) != 0 ? cursor.Byte() : 0;
        cursor.Skip(((flags & 4) != 0 ? 8 : 0) + ((flags & 16) != 0 ? 1 : 0));
        ulong length = cursor.Number(1 << (flags & 3));
        if (length > (ulong)cursor.Left)
            throw cursor.Error($"a name of {length} bytes does not fit into its link");
        ReadOnlySpan<byte> name = cursor.Take((int)length);
        if (kind != 0)
            throw _file.Bytes.Error($"{Shown(name)} is {(kind == 1 ? "a soft link" : kind == 64 ? "an external link" : $"a link of kind {kind}")}; none is followed", at);
        Add(name, Known(cursor.Address("a group's object"), cursor), at);
    }

    private void Add(ReadOnlySpan<byte> name, long target, long at)
    {
        if (name.IsEmpty || name.Length > _file.Limits.NameBytes)
            throw _file.Bytes.Error($"a name of {name.Length} bytes; 1 to {_file.Limits.NameBytes} are read", at);
        string text;
        try
        {
            text = _utf8.GetString(name);
        }
        catch (DecoderFallbackException e)
        {
            throw _file.Bytes.Error($"the name {Shown(name)} is not valid UTF-8", at, e);
        }
        if (!_links.TryAdd(text, target))
            throw _file.Bytes.Error($"{ModelFormatException.Quote(text)} comes twice in its group", at);
        if (_links.Count > _file.Limits.Tensors)
            throw _file.Bytes.Error($"a group of more than {_file.Limits.Tensors} objects", at);
    }

    private void Visit(long address)
    {
        _file.Count(address);
        if (!_visited.Add(address))
            throw _file.Bytes.Error("a group's tree comes back to this node", address);
    }

    private long Known(long address, in HdfCursor cursor) =>
        address != HdfCursor.Nowhere ? address : throw _file.Bytes.Error("an address is missing", cursor.Offset - 8);

    private static string Shown(ReadOnlySpan<byte> name) => ModelFormatException.Quote(Encoding.Latin1.GetString(name[..Math.Min(100, name.Length)]));
}
