using System.Text;

namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>An attribute of a group or data set; only texts are ever asked for.</summary>
internal sealed class HdfAttribute
{
    private static readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly HdfFile _file;
    private readonly string _name;
    private readonly HdfType _type;
    private readonly int _count;
    private readonly byte[] _data;

    private HdfAttribute(HdfFile file, string name, HdfType type, int[] shape, ReadOnlySpan<byte> data, long offset)
    {
        (_file, _name, _type, Offset) = (file, name, type, offset);
        UInt128 bytes = HdfShape.Count(shape) * (uint)type.Bytes;
        if (bytes > (ulong)data.Length)
            throw file.Bytes.Error($"attribute {ModelFormatException.Quote(name)} needs {bytes} bytes, it has {data.Length}", offset);
        (_count, _data) = ((int)HdfShape.Count(shape), data[..(int)bytes].ToArray());
    }

    /// <summary>Of the values.</summary>
    public long Offset { get; }

    /// <summary>The attribute of that name, or null.</summary>
    public static HdfAttribute? Find(HdfObject of, string name)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(name);
        HdfAttribute? found = null;
        void Take(ReadOnlySpan<byte> body, long offset)
        {
            if (Read(of.File, body, offset, wanted, name) is not { } attribute)
                return;
            if (found != null)
                throw of.File.Bytes.Error($"attribute {ModelFormatException.Quote(name)} comes twice", offset);
            found = attribute;
        }

        foreach (HdfMessage message in of.Messages)
        {
            if (message.Kind == HdfMessageKind.Attribute)
                Take(message.Body.Span, message.Offset);
        }
        if (of.Message(HdfMessageKind.AttributeInfo) is { } info)
        {
            HdfCursor cursor = info.Cursor(of.File.Bytes, "attribute info");
            cursor.Expect(0, "version of attribute info");
            cursor.Skip((cursor.Byte() & 1) != 0 ? 2 : 0);
            long at = cursor.Offset, heap = cursor.Address("attributes' heap"), tree = cursor.Address("attributes' tree");
            if (heap != HdfCursor.Nowhere && tree == HdfCursor.Nowhere)
                throw of.File.Bytes.Error("attributes are in a heap without a tree", at);
            if (heap != HdfCursor.Nowhere)
                new HdfDense(of.File).Read(heap, tree, HdfDense.AttributeNames, Take);
        }
        return found;
    }

    /// <summary>One text for each element; an attribute without elements has none, whatever its type.</summary>
    public string[] Texts()
    {
        if (_count == 0)
            return [];
        if (!_type.IsText)
            throw Error($"holds {_type.Name}, not text");
        if (_count > _file.Limits.Tensors)
            throw Error($"has {_count} texts; {_file.Limits.Tensors} are the most");
        var texts = new string[_count];
        long left = _file.Limits.TextBytes;
        for (int i = 0; i < texts.Length; i++)
        {
            ReadOnlySpan<byte> bytes = Element(i);
            if ((left -= bytes.Length) < 0)
                throw Error($"is longer than {_file.Limits.TextBytes} bytes of text");
            try
            {
                texts[i] = _utf8.GetString(bytes);
            }
            catch (DecoderFallbackException e)
            {
                throw _file.Bytes.Error($"attribute {ModelFormatException.Quote(_name)} is not valid UTF-8", Offset + ((long)i * _type.Bytes), e);
            }
        }
        return texts;
    }

    /// <summary>The attribute in a message, if it is the wanted one.</summary>
    private static HdfAttribute? Read(HdfFile file, ReadOnlySpan<byte> body, long offset, ReadOnlySpan<byte> wanted, string text)
    {
        var cursor = new HdfCursor(file.Bytes, body, offset, "an attribute");
        int version = cursor.Byte(), flags = cursor.Byte();
        if (version is < 1 or > 3)
            throw file.Bytes.Error($"version {version} of an attribute; 1 to 3 are read", offset);
        int nameBytes = cursor.UInt16(), typeBytes = cursor.UInt16(), shapeBytes = cursor.UInt16();
        cursor.Skip(version == 3 ? 1 : 0);
        int Padded(int bytes) => version == 1 ? (bytes + 7) & ~7 : bytes;

        ReadOnlySpan<byte> name = cursor.Take(Padded(nameBytes))[..nameBytes];
        int end = name.IndexOf((byte)0);
        if (!(end < 0 ? name : name[..end]).SequenceEqual(wanted))
            return null;
        if (version > 1 && flags != 0)
            throw file.Bytes.Error($"attribute {ModelFormatException.Quote(text)} has a shared type, which is not read", offset);
        long typeAt = cursor.Offset;
        HdfType type = HdfType.Read(new HdfCursor(file.Bytes, cursor.Take(Padded(typeBytes)), typeAt, "an attribute's type"));
        long shapeAt = cursor.Offset;
        int[] shape = HdfShape.Read(new HdfCursor(file.Bytes, cursor.Take(Padded(shapeBytes)), shapeAt, "an attribute's sizes"), file.Limits);
        long data = cursor.Offset;
        return new HdfAttribute(file, text, type, shape, cursor.Take(cursor.Left), data);
    }

    private ReadOnlySpan<byte> Element(int index)
    {
        ReadOnlySpan<byte> element = _data.AsSpan(index * _type.Bytes, _type.Bytes);
        if (_type.Kind == HdfKind.Text)
            return InHeap(new HdfCursor(_file.Bytes, element, Offset + ((long)index * _type.Bytes), "a text"));
        // Padding 0 ends at the first zero, 1 has zeros behind, 2 spaces.
        int end = _type.Padding == 0 ? element.IndexOf((byte)0) : element.LastIndexOfAnyExcept(_type.Padding == 2 ? (byte)' ' : (byte)0) + 1;
        return end < 0 ? element : element[..end];
    }

    /// <summary>A text among the objects of a collection in the global heap.</summary>
    private ReadOnlySpan<byte> InHeap(HdfCursor cursor)
    {
        long at = cursor.Offset;
        uint length = cursor.UInt32();
        long address = cursor.Address("a heap of texts");
        uint wanted = cursor.UInt32();
        if (length == 0)
            return [];
        if (address is HdfCursor.Nowhere or 0 || length > _file.Limits.TextBytes)
            throw _file.Bytes.Error($"a text of {length} bytes is nowhere or too long", at);
        _file.Count(address);
        HdfCursor head = _file.Bytes.Cursor(address, 16, "a heap of texts");
        head.Signature("GCOL"u8, "a heap of texts");
        head.Expect(1, "version of a heap of texts");
        head.Skip(3);
        long size = head.Length("a heap of texts"), place = address + 16;
        while (place + 16 <= address + size)
        {
            _file.Count(place);
            HdfCursor item = _file.Bytes.Cursor(place, 16, "a heap's object");
            uint index = item.UInt16();
            item.Skip(6);
            long bytes = item.Length("a heap's object");
            if (index == 0)
                break;
            if (bytes > address + size - place - 16)
                throw _file.Bytes.Error("a heap's object is longer than its heap", place);
            if (index == wanted)
                return length <= bytes ? _file.Bytes.Read(place + 16, length, "a text") : throw _file.Bytes.Error($"a text of {length} bytes has {bytes} in its heap", at);
            place += 16 + ((bytes + 7) & ~7L);
        }
        throw _file.Bytes.Error($"text {wanted} is not in its heap", at);
    }

    private ModelFormatException Error(string problem) => _file.Bytes.Error($"attribute {ModelFormatException.Quote(_name)} {problem}", Offset);
}
