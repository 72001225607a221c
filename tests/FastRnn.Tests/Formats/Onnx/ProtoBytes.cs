using System.Buffers.Binary;
using System.Text;

namespace FastRnn.Tests.Formats.Onnx;

/// <summary>Writes the fields of a protocol buffers' message, right or wrong, so that tests say byte by byte what a file holds.</summary>
internal sealed class ProtoBytes
{
    private readonly MemoryStream _bytes = new();

    public int Length => (int)_bytes.Length;

    public byte[] ToArray() => _bytes.ToArray();

    public ProtoBytes Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _bytes.WriteByte((byte)(value | 0x80));
        _bytes.WriteByte((byte)value);
        return this;
    }

    public ProtoBytes Raw(params ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public ProtoBytes Tag(int field, int wire) => Varint(((ulong)field << 3) | (uint)wire);

    public ProtoBytes Integer(int field, long value) => Tag(field, 0).Varint((ulong)value);

    public ProtoBytes Bytes(int field, ReadOnlySpan<byte> bytes) => Tag(field, 2).Varint((ulong)bytes.Length).Raw(bytes);

    public ProtoBytes Text(int field, string text) => Bytes(field, Encoding.UTF8.GetBytes(text));

    public ProtoBytes Message(int field, ProtoBytes message) => Bytes(field, message.ToArray());

    public ProtoBytes Message(int field, Action<ProtoBytes> fill)
    {
        var message = new ProtoBytes();
        fill(message);
        return Message(field, message);
    }

    public ProtoBytes Float(int field, float value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return Tag(field, 5).Raw(bytes);
    }

    public ProtoBytes Double(int field, double value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        return Tag(field, 1).Raw(bytes);
    }
}
