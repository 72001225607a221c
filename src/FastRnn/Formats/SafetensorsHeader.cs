using System.Text;
using System.Text.Json;

namespace FastRnn.Formats;

/// <summary>One tensor as declared: its bytes are data[Begin..End]; <see cref="Offset"/> is where the declaration stands in the file.</summary>
internal sealed record SafetensorsEntry(string Name, TensorType Type, int[] Shape, ulong Begin, ulong End, long Offset);

/// <summary>What the header says; <see cref="ChecksumAt"/> is the place of the eight checksum digits in it, or −1.</summary>
internal sealed class SafetensorsHeader
{
    public SortedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    public List<SafetensorsEntry> Entries { get; } = [];

    public int ChecksumAt { get; set; } = -1;

    /// <summary>Where the metadata object stands in the file.</summary>
    public long MetadataOffset { get; set; }
}

/// <summary>
/// Reads the JSON header by hand, token by token: nothing is accepted that another parser could read differently (duplicates, comments,
/// trailing commas, fractions, unknown fields), and every error knows its byte. Layout rules across tensors are the reader's work.
/// </summary>
internal ref struct SafetensorsHeaderParser
{
    /// <summary>The header begins after its 8-byte length.</summary>
    public const int Start = 8;

    private readonly ReadOnlySpan<byte> _json;
    private readonly string? _path;
    private readonly SafetensorsHeader _header = new();
    private Utf8JsonReader _reader;

    private SafetensorsHeaderParser(ReadOnlySpan<byte> json, string? path)
    {
        _json = json;
        _path = path;
        _reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = SafetensorsLimits.JsonDepth });
    }

    /// <exception cref="ModelFormatException">The header breaks a rule.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, string? path)
    {
        var parser = new SafetensorsHeaderParser(json, path);
        try
        {
            parser.ReadAll();
        }
        catch (JsonException e)
        {
            string reason = ModelFormatException.Quote(e.Message.Split(" LineNumber:")[0], longest: 200); // It may show all the rest of the text.
            throw new ModelFormatException($"the header is not valid JSON: {reason}", Start + parser.Position(e), path, e);
        }

        return parser._header;
    }

    private void ReadAll()
    {
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.StartObject)
            throw Fail("the header must be a JSON object");
        var names = new HashSet<string>(StringComparer.Ordinal);
        bool metadata = false;
        while (NextProperty())
        {
            long offset = Start + _reader.TokenStartIndex;
            string name = Text("name");
            if (name == "__metadata__")
            {
                if (metadata)
                    throw Fail("__metadata__ appears twice", offset);
                metadata = true;
                ReadMetadata();
                continue;
            }

            if (!names.Add(name))
                throw Fail($"tensor {Quoted(name)} appears twice", offset);
            if (Encoding.UTF8.GetByteCount(name) > SafetensorsLimits.NameBytes)
                throw Fail($"a tensor's name is longer than {SafetensorsLimits.NameBytes} bytes", offset);
            if (names.Count > SafetensorsLimits.Tensors)
                throw Fail($"more than {SafetensorsLimits.Tensors} tensors", offset);
            _header.Entries.Add(ReadEntry(name, offset));
        }

        _reader.Read(); // Throws unless only white space follows.
    }

    private void ReadMetadata()
    {
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.StartObject)
            throw Fail("__metadata__ must be an object");
        long start = _reader.TokenStartIndex;
        _header.MetadataOffset = Start + start;
        while (NextProperty())
        {
            long offset = Start + _reader.TokenStartIndex;
            string key = Text("metadata key");
            _reader.Read();
            if (_reader.TokenType != JsonTokenType.String)
                throw Fail($"the metadata value of {Quoted(key)} must be a string");
            if (_reader.TokenStartIndex + _reader.ValueSpan.Length - start > SafetensorsLimits.MetadataBytes)
                throw Fail($"more than {SafetensorsLimits.MetadataBytes} bytes of metadata", offset);
            if (key == SafetensorsEnvelope.ChecksumKey)
                _header.ChecksumAt = (int)_reader.TokenStartIndex + 1;
            if (!_header.Metadata.TryAdd(key, Text("metadata value")))
                throw Fail($"metadata key {Quoted(key)} appears twice", offset);
        }
    }

    private SafetensorsEntry ReadEntry(string name, long offset)
    {
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.StartObject)
            throw Fail($"tensor {Quoted(name)} must be described by an object");
        TensorType? type = null;
        int[]? shape = null;
        (ulong Begin, ulong End)? range = null;
        while (NextProperty())
        {
            long field = Start + _reader.TokenStartIndex;
            string key = Text("field name");
            if ((key == "dtype" && type is not null) || (key == "shape" && shape is not null) || (key == "data_offsets" && range is not null))
                throw Fail($"field {key} of tensor {Quoted(name)} appears twice", field);
            _reader.Read();
            if (key == "dtype")
                type = ReadType(name);
            else if (key == "shape")
                shape = ReadShape(name);
            else if (key == "data_offsets")
                range = ReadRange(name);
            else
                throw Fail($"unknown field {Quoted(key)} of tensor {Quoted(name)}", field);
        }

        if (type is null || shape is null || range is null)
            throw Fail($"tensor {Quoted(name)} lacks {(type is null ? "dtype" : shape is null ? "shape" : "data_offsets")}", offset);
        CheckSize(name, type.Value, shape, range.Value, offset);
        return new SafetensorsEntry(name, type.Value, shape, range.Value.Begin, range.Value.End, offset);
    }

    private TensorType ReadType(string name)
    {
        if (_reader.TokenType != JsonTokenType.String)
            throw Fail($"dtype of tensor {Quoted(name)} must be a string");
        string type = Text("dtype");
        return TensorTypes.Parse(type) ?? throw Fail(
            TensorTypes.IsKnownButUnsupported(type)
                ? $"tensor {Quoted(name)} has dtype {type}, which is not supported (supported: F32, F64, I64, I32, U8)"
                : $"tensor {Quoted(name)} has the unknown dtype {Quoted(type)}");
    }

    private int[] ReadShape(string name)
    {
        if (_reader.TokenType != JsonTokenType.StartArray)
            throw Fail($"shape of tensor {Quoted(name)} must be an array");
        Span<int> sizes = stackalloc int[SafetensorsLimits.Rank];
        int rank = 0;
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            if (rank == sizes.Length)
                throw Fail($"tensor {Quoted(name)} has more than {SafetensorsLimits.Rank} dimensions");
            if (_reader.TokenType != JsonTokenType.Number || !_reader.TryGetInt32(out int size) || size < 0 || !IsPlainNumber())
                throw Fail($"dimension {rank} of tensor {Quoted(name)} is not an integer from 0 to {int.MaxValue}");
            sizes[rank++] = size;
        }

        return sizes[..rank].ToArray();
    }

    private (ulong Begin, ulong End) ReadRange(string name)
    {
        if (_reader.TokenType != JsonTokenType.StartArray)
            throw Fail($"data_offsets of tensor {Quoted(name)} must be an array");
        ulong begin = ReadOffset(name), end = ReadOffset(name);
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.EndArray)
            throw Fail($"data_offsets of tensor {Quoted(name)} must hold two numbers");
        return (begin, end);
    }

    private ulong ReadOffset(string name)
    {
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.Number || !_reader.TryGetUInt64(out ulong value) || !IsPlainNumber())
            throw Fail($"data_offsets of tensor {Quoted(name)} must hold two non-negative integers");
        return value;
    }

    /// <summary>The bytes that a shape needs, computed without overflow, must be the bytes that the offsets span.</summary>
    private readonly void CheckSize(string name, TensorType type, int[] shape, (ulong Begin, ulong End) range, long offset)
    {
        UInt128 bytes = (UInt128)type.Size();
        foreach (int size in shape)
        {
            bytes *= (UInt128)size;
            if (bytes > ulong.MaxValue)
                throw Fail($"tensor {Quoted(name)} of shape {SafetensorsTensor.ShapeText(shape)} is larger than any file", offset);
        }

        if (range.Begin > range.End)
            throw Fail($"tensor {Quoted(name)} ends at {range.End}, before its begin {range.Begin}", offset);
        if (bytes != range.End - range.Begin)
        {
            throw Fail(
                $"tensor {Quoted(name)} of shape {SafetensorsTensor.ShapeText(shape)} needs {bytes} bytes but spans {range.End - range.Begin}",
                offset);
        }
    }

    /// <summary>Moves to the next property name; false at the end of the object.</summary>
    private bool NextProperty()
    {
        _reader.Read();
        return _reader.TokenType == JsonTokenType.PropertyName;
    }

    /// <summary>The current string, refusing what cannot be Unicode text.</summary>
    private readonly string Text(string what)
    {
        try
        {
            return _reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFormatException($"a {what} is not valid Unicode text", Start + _reader.TokenStartIndex, _path, e);
        }
    }

    /// <summary>Only for errors: a valid file of 65,536 tensors should not pay for its messages.</summary>
    private static string Quoted(string text) => ModelFormatException.Quote(text);

    /// <summary>Digits only: no sign, fraction or exponent, whatever value they would give.</summary>
    private readonly bool IsPlainNumber() => !_reader.ValueSpan.ContainsAnyExceptInRange((byte)'0', (byte)'9');

    private readonly ModelFormatException Fail(string problem) => Fail(problem, Start + _reader.TokenStartIndex);

    private readonly ModelFormatException Fail(string problem, long offset) => new(problem, offset, _path);

    /// <summary>The parser reports line and column; a file offset is what a hex editor needs.</summary>
    private readonly int Position(JsonException e)
    {
        int start = 0;
        for (long line = 0; line < (e.LineNumber ?? 0); line++)
        {
            int next = _json[start..].IndexOf((byte)'\n');
            if (next < 0)
                break;
            start += next + 1;
        }

        return (int)Math.Min(_json.Length, start + (e.BytePositionInLine ?? 0));
    }
}
