using System.Buffers.Binary;

namespace FastRnn.Mutations.Changes;

/// <summary>A field of a protocol buffer's message: https://protobuf.dev/programming-guides/encoding. Messages inside are found by trying.</summary>
internal sealed class WireField
{
    private const int Deepest = 12;

    public int Number { get; set; }

    /// <summary>0 a variable-length number, 1 eight bytes, 2 bytes with their length, 5 four bytes.</summary>
    public int Type { get; set; }

    public ulong Value { get; set; }

    public byte[] Bytes { get; set; } = [];

    /// <summary>The fields where the bytes are a message; then they count and not the bytes.</summary>
    public List<WireField>? Inner { get; set; }

    /// <summary>Null where the bytes are no message.</summary>
    public static List<WireField>? Parse(ReadOnlySpan<byte> bytes, int depth = 0)
    {
        var fields = new List<WireField>();
        while (bytes.Length > 0)
        {
            int size = LengthChanges.DecodeVarint(bytes, out ulong tag);
            if (size == 0 || tag is < 8 or > 0xffff)
                return null;
            bytes = bytes[size..];
            var field = new WireField { Number = (int)(tag >> 3), Type = (int)(tag & 7) };
            size = field.Take(bytes, depth);
            if (size < 0)
                return null;
            bytes = bytes[size..];
            fields.Add(field);
        }
        return fields;
    }

    public static byte[] Write(List<WireField> fields)
    {
        var stream = new MemoryStream();
        foreach (WireField field in fields)
            field.Write(stream);
        return stream.ToArray();
    }

    public WireField Copy() => new() { Number = Number, Type = Type, Value = Value, Bytes = Bytes, Inner = Inner?.ConvertAll(field => field.Copy()) };

    /// <summary>The lists of fields, from the outermost in.</summary>
    public static void Collect(List<WireField> fields, List<List<WireField>> into)
    {
        if (fields.Count > 0)
            into.Add(fields);
        foreach (WireField field in fields)
        {
            if (field.Inner != null)
                Collect(field.Inner, into);
        }
    }

    private int Take(ReadOnlySpan<byte> bytes, int depth)
    {
        switch (Type)
        {
            case 0:
                int size = LengthChanges.DecodeVarint(bytes, out ulong value);
                Value = value;
                return size == 0 ? -1 : size;
            case 1 when bytes.Length >= 8:
                Value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
                return 8;
            case 5 when bytes.Length >= 4:
                Value = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
                return 4;
            case 2:
                int head = LengthChanges.DecodeVarint(bytes, out ulong length);
                if (head == 0 || length > (ulong)(bytes.Length - head))
                    return -1;
                ReadOnlySpan<byte> content = bytes.Slice(head, (int)length);
                Bytes = content.ToArray();
                Inner = length > 1 && depth < Deepest ? Parse(content, depth + 1) : null;
                return head + (int)length;
            default:
                return -1;
        }
    }

    private void Write(MemoryStream stream)
    {
        stream.Write(LengthChanges.EncodeVarint(((ulong)Number << 3) | (uint)Type));
        Span<byte> wide = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(wide, Value);
        switch (Type)
        {
            case 0:
                stream.Write(LengthChanges.EncodeVarint(Value));
                break;
            case 1:
                stream.Write(wide);
                break;
            case 5:
                stream.Write(wide[..4]);
                break;
            case 2:
                byte[] content = Inner == null ? Bytes : Write(Inner);
                stream.Write(LengthChanges.EncodeVarint((ulong)content.Length));
                stream.Write(content);
                break;
            default:
                break; // a type that there is not: the tag alone
        }
    }
}
