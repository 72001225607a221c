using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>
/// A message of protocol buffers that is being written, field after field (the encoding as Google documents it). Long fields are referred to, not copied: whoever
/// gives one leaves it as it is until the file is written.
/// </summary>
internal sealed class ProtoMessage
{
    private const int Short = 4096, VarintType = 0, LengthType = 2, FixedType = 5;

    private readonly List<ReadOnlyMemory<byte>> _parts = [];
    private ArrayBufferWriter<byte> _open = new(64);

    /// <summary>Bytes of all fields.</summary>
    public long Length { get; private set; }

    /// <summary>The message as consecutive parts.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Parts()
    {
        Close();
        return _parts;
    }

    /// <summary>A whole number; a negative one takes ten bytes.</summary>
    public ProtoMessage Int(int field, long value)
    {
        Tag(field, VarintType);
        Varint((ulong)value);
        return this;
    }

    /// <summary>A number of 32 bits.</summary>
    public ProtoMessage Float(int field, float value)
    {
        Tag(field, FixedType);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        Copy(bytes);
        return this;
    }

    /// <summary>A text.</summary>
    public ProtoMessage Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Bytes.</summary>
    public ProtoMessage Bytes(int field, ReadOnlyMemory<byte> value)
    {
        Tag(field, LengthType);
        Varint((ulong)value.Length);
        Append(value);
        return this;
    }

    /// <summary>A message within this one; it is complete.</summary>
    public ProtoMessage Message(int field, ProtoMessage inner)
    {
        Tag(field, LengthType);
        Varint((ulong)inner.Length);
        foreach (ReadOnlyMemory<byte> part in inner.Parts())
            Append(part);
        return this;
    }

    /// <summary>Messages, one field each.</summary>
    public ProtoMessage Messages(int field, IEnumerable<ProtoMessage> inner)
    {
        foreach (ProtoMessage message in inner)
            Message(field, message);
        return this;
    }

    private void Tag(int field, int type) => Varint(((ulong)field << 3) | (uint)type);

    private void Varint(ulong value)
    {
        Span<byte> bytes = stackalloc byte[10];
        int count = 0;
        for (; value >= 0x80; value >>= 7)
            bytes[count++] = (byte)(value | 0x80);
        bytes[count++] = (byte)value;
        Copy(bytes[..count]);
    }

    private void Append(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length <= Short)
        {
            Copy(bytes.Span);
            return;
        }
        Close();
        _parts.Add(bytes);
        Length += bytes.Length;
    }

    private void Copy(ReadOnlySpan<byte> bytes)
    {
        _open.Write(bytes);
        Length += bytes.Length;
    }

    private void Close()
    {
        if (_open.WrittenCount == 0)
            return;
        _parts.Add(_open.WrittenMemory);
        _open = new(64);
    }
}
