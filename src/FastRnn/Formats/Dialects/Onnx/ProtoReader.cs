using System.Buffers.Binary;
using System.Text;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>How a field of a protocol buffer is written.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// <summary>
/// Reads the fields of one message of the protocol buffers' wire format, inside the bytes that the message above has given it, and never past them. Source
/// of the format: protobuf.dev, "Encoding". Groups, which ONNX never had, are refused; unknown fields are skipped.
/// </summary>
internal struct ProtoReader
{
    private static readonly UTF8Encoding _utf8 = new(false, throwOnInvalidBytes: true);

    private readonly byte[] _bytes;
    private readonly string? _path;
    private ulong _once;

    public ProtoReader(byte[] bytes, int start, int end, string? path) => (_bytes, Start, Position, End, _path) = (bytes, start, start, end, path);

    /// <summary>Where the message begins.</summary>
    public int Start { get; }

    /// <summary>Behind its last byte.</summary>
    public int End { get; }

    /// <summary>Where reading goes on.</summary>
    public int Position { get; private set; }

    /// <summary>Where the current field begins.</summary>
    public int FieldStart { get; private set; }

    public int Field { get; private set; }

    public WireType Wire { get; private set; }

    public readonly ModelFormatException Error(string problem, long offset) => new(problem, offset, _path);

    public readonly ModelFormatException Error(string problem) => Error(problem, FieldStart);

    /// <summary>Goes to the next field; false at the message's end.</summary>
    public bool Next()
    {
        FieldStart = Position;
        if (Position == End)
            return false;
        ulong tag = Raw();
        if (tag >> 3 is 0 or > 0x1FFF_FFFF)
            throw Error("a field has a number that protocol buffers do not have");
        (Field, Wire) = ((int)(tag >> 3), (WireType)(tag & 7));
        return Wire is WireType.Varint or WireType.Fixed64 or WireType.Bytes or WireType.Fixed32 ? true : throw Error($"field {Field} has wire type {(int)Wire}, which is not known");
    }

    /// <summary>An error if the current field, of which there is one at most, has come before.</summary>
    public void Once(string what)
    {
        ulong bit = 1ul << (Field & 63);
        if ((_once & bit) != 0)
            throw Error($"{what} comes twice");
        _once |= bit;
    }

    /// <summary>The current field as an integer.</summary>
    public long Integer()
    {
        Expect(WireType.Varint);
        return (long)Raw();
    }

    /// <summary>The current field as an integer that must lie in a range.</summary>
    public long Integer(long least, long most, string what)
    {
        long value = Integer();
        return value >= least && value <= most ? value : throw Error($"{what} is {value}, not in {least} to {most}");
    }

    public float Float()
    {
        Expect(WireType.Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(4));
    }

    /// <summary>The current field's bytes.</summary>
    public (int Start, int Length) Range()
    {
        Expect(WireType.Bytes);
        ulong length = Raw();
        if (length > (ulong)(End - Position))
            throw Error($"field {Field} has {length} bytes, {End - Position} are left");
        int start = Position;
        Position += (int)length;
        return (start, (int)length);
    }

    /// <summary>The current field as a message of its own.</summary>
    public ProtoReader Message()
    {
        (int start, int length) = Range();
        return new ProtoReader(_bytes, start, start + length, _path);
    }

    /// <summary>The current field as text.</summary>
    public string Text(int longest, string what)
    {
        (int start, int length) = Range();
        if (length > longest)
            throw Error($"{what} has {length} bytes, more than the limit of {longest}");
        try
        {
            return _utf8.GetString(_bytes, start, length);
        }
        catch (DecoderFallbackException)
        {
            throw Error($"{what} is not UTF-8");
        }
    }

    /// <summary>Adds the integers of the current field, packed or single.</summary>
    public void Integers(List<long> to)
    {
        if (Wire == WireType.Varint)
        {
            to.Add((long)Raw());
            return;
        }
        ProtoReader packed = Message();
        while (packed.Position < packed.End)
        {
            packed.FieldStart = packed.Position;
            to.Add((long)packed.Raw());
        }
    }

    /// <summary>Adds the floats of the current field, packed or single.</summary>
    public void Floats(List<float> to)
    {
        if (Wire == WireType.Fixed32)
        {
            to.Add(Float());
            return;
        }
        (int start, int length) = Range();
        if (length % 4 != 0)
            throw Error($"{length} bytes are no list of floats");
        for (int i = 0; i < length; i += 4)
            to.Add(BinaryPrimitives.ReadSingleLittleEndian(_bytes.AsSpan(start + i)));
    }

    /// <summary>Leaves out the current field.</summary>
    public void Skip()
    {
        switch (Wire)
        {
            case WireType.Varint:
                Raw();
                break;
            case WireType.Fixed64:
                Take(8);
                break;
            case WireType.Fixed32:
                Take(4);
                break;
            default:
                Range();
                break;
        }
    }

    /// <summary>The bytes of a fixed-size field.</summary>
    public ReadOnlySpan<byte> Fixed(WireType wire)
    {
        Expect(wire);
        return Take(wire == WireType.Fixed64 ? 8 : 4);
    }

    /// <summary>A varint: at most ten bytes, none after the 64th bit.</summary>
    public ulong Raw()
    {
        ulong value = 0;
        for (int i = 0; i < 10; i++)
        {
            if (Position == End)
                throw Error("a number is cut off");
            byte b = _bytes[Position++];
            if (i == 9 && b > 1)
                throw Error("a number has more than 64 bits");
            value |= (ulong)(b & 0x7F) << (7 * i);
            if (b < 0x80)
                return value;
        }
        throw Error("a number has more than ten bytes");
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (End - Position < length)
            throw Error($"field {Field} is cut off");
        Position += length;
        return _bytes.AsSpan(Position - length, length);
    }

    private readonly void Expect(WireType wire)
    {
        if (Wire != wire)
            throw Error($"field {Field} is written as {Wire}, not as {wire}");
    }
}
