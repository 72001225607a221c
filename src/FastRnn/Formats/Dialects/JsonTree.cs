using System.Globalization;
using System.Text;
using System.Text.Json;

namespace FastRnn.Formats.Dialects;

internal enum JsonTreeKind
{
    Null,
    Boolean,
    Number,
    Text,

    /// <summary>Numbers in lists of equal lengths, of any depth: kept as one array.</summary>
    Tensor,
    List,
    Object,
}

/// <summary>
/// A JSON file of weights. Unlike <see cref="JsonValue"/> it keeps a matrix as an array of floats – a value of its own for each number takes fifty times its text –
/// and knows the byte at which each value begins.
/// </summary>
internal sealed class JsonTree
{
    private static readonly List<(string Name, JsonTree Value)> _noFields = [];
    private static readonly List<JsonTree> _noItems = [];
    private readonly JsonTreeReader _file;
    private readonly string _text = "";

    public JsonTree(JsonTreeReader file, JsonTreeKind kind, long offset, string text = "") => (_file, Kind, Offset, _text) = (file, kind, offset, text);

    public JsonTreeKind Kind { get; }

    /// <summary>Where it begins in the file, and ends.</summary>
    public long Offset { get; }

    public long End { get; set; }

    /// <summary>Of an object, in order; no two are called alike.</summary>
    public List<(string Name, JsonTree Value)> Fields { get; init; } = _noFields;

    /// <summary>Of a list that is no tensor.</summary>
    public List<JsonTree> Items { get; init; } = _noItems;

    /// <summary>Of a tensor.</summary>
    public int[] Shape { get; init; } = [];

    /// <summary>Of a tensor, row-major.</summary>
    public float[] Values { get; init; } = [];

    public JsonTree? Field(string name) => Fields.Find(field => field.Name == name).Value;

    public JsonTree Required(string name) => Kind != JsonTreeKind.Object ? throw Fail("must be an object")
        : Field(name) ?? throw Fail($"lacks {ModelFormatException.Quote(name)}");

    /// <summary>A text as it was meant.</summary>
    public string Text() => Kind == JsonTreeKind.Text ? _text : throw Fail("must be a text");

    /// <summary>A whole number in a range.</summary>
    public int Integer(int least, int most) =>
        Kind == JsonTreeKind.Number && int.TryParse(_text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most
            ? value
            : throw Fail($"must be a whole number from {least} to {most}");

    /// <summary>True or false, or 1 or 0.</summary>
    public bool Flag() => Kind == JsonTreeKind.Boolean ? _text == "true" : Integer(0, 1) == 1;

    /// <summary>Anything for people: a text without its quotes, the rest as it stands.</summary>
    public string Raw() => Kind == JsonTreeKind.Text ? _text : _file.Text(Offset, End);

    /// <summary>The parts of a list that may, all being alike, have become one tensor.</summary>
    public IReadOnlyList<JsonTree> Parts()
    {
        if (Kind == JsonTreeKind.List)
            return Items;
        if (Kind != JsonTreeKind.Tensor)
            throw Fail("must be a list");
        var parts = new JsonTree[Shape.Length < 2 ? 0 : Shape[0]];
        int length = parts.Length == 0 ? 0 : Values.Length / parts.Length;
        if (parts.Length == 0 && Shape[0] > 0)
            throw Fail("must be a list of arrays");
        for (int i = 0; i < parts.Length; i++)
            parts[i] = new(_file, JsonTreeKind.Tensor, Offset) { Shape = Shape[1..], Values = Values.AsSpan(i * length, length).ToArray(), End = End };
        return parts;
    }

    /// <summary>The values of a tensor of that shape.</summary>
    public float[] Tensor(string what, params ReadOnlySpan<int> shape)
    {
        string wanted = $"[{string.Join(", ", shape.ToArray())}]";
        if (Kind != JsonTreeKind.Tensor)
            throw Fail($"{what} must be an array of numbers {wanted}");
        return Shape.AsSpan().SequenceEqual(shape) ? Values : throw Fail($"{what} is {SafetensorsTensor.ShapeText(Shape)}, expected {wanted}");
    }

    /// <summary>Keeps what there is for people: names joined by points.</summary>
    public void Describe(string name, IDictionary<string, string> metadata)
    {
        if (Kind != JsonTreeKind.Object)
        {
            metadata[name] = Raw();
            return;
        }
        foreach ((string field, JsonTree value) in Fields)
            value.Describe($"{name}.{field}", metadata);
    }

    public ModelFormatException Fail(string problem) => _file.Fail(problem, Offset);
}

/// <summary>Parses a file into a <see cref="JsonTree"/>.</summary>
internal sealed class JsonTreeReader(byte[] file, string? path, ImportLimits limits)
{
    private readonly long _start = file.AsSpan().StartsWith("\ufeff"u8) ? 3 : 0;
    private readonly NumberLists _numbers = new(limits.Rank, Math.Max(16, limits.TensorBytes / sizeof(float)));
    private long _nodes, _textBytes, _numberCount;

    /// <exception cref="ModelFormatException">This is no JSON, a field appears twice, or it is larger or deeper than it may be.</exception>
    public JsonTree Parse()
    {
        var reader = new Utf8JsonReader(file.AsSpan((int)_start), new JsonReaderOptions { MaxDepth = limits.JsonDepth });
        try
        {
            reader.Read();
            JsonTree root = Read(ref reader);
            reader.Read(); // throws where anything follows
            return root;
        }
        catch (JsonException e)
        {
            string reason = ModelFormatException.Quote(e.Message.Split(" LineNumber:")[0], longest: 200); // It may show all the rest of the text.
            throw new ModelFormatException($"not valid JSON: {reason}", Position(e), path, e);
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFormatException("a text is not valid Unicode", Place(ref reader), path, e);
        }
    }

    /// <summary>A part of the file as it stands there; what is copied counts as text.</summary>
    public string Text(long from, long to)
    {
        CountText(to - from, from);
        return Encoding.UTF8.GetString(file.AsSpan((int)from, (int)(to - from)));
    }

    public ModelFormatException Fail(string problem, long offset) => new(problem, offset, path);

    private JsonTree Read(ref Utf8JsonReader reader)
    {
        long offset = Place(ref reader);
        if (++_nodes > limits.Nodes)
            throw Fail($"more than {limits.Nodes} values beside arrays of numbers", offset);
        JsonTree value = reader.TokenType switch
        {
            JsonTokenType.StartObject => ReadObject(ref reader, offset),
            JsonTokenType.StartArray => ReadTensor(ref reader, offset) ?? ReadList(ref reader, offset),
            JsonTokenType.String => new(this, JsonTreeKind.Text, offset, TextOf(ref reader)),
            JsonTokenType.Number => new(this, JsonTreeKind.Number, offset, TextOf(ref reader)),
            JsonTokenType.True => new(this, JsonTreeKind.Boolean, offset, "true"),
            JsonTokenType.False => new(this, JsonTreeKind.Boolean, offset, "false"),
            _ => new(this, JsonTreeKind.Null, offset),
        };
        value.End = _start + reader.BytesConsumed;
        return value;
    }

    private JsonTree ReadObject(ref Utf8JsonReader reader, long offset)
    {
        var value = new JsonTree(this, JsonTreeKind.Object, offset) { Fields = [] };
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            long place = Place(ref reader);
            string name = TextOf(ref reader);
            if (Encoding.UTF8.GetByteCount(name) > limits.NameBytes)
                throw Fail($"a name is longer than {limits.NameBytes} bytes", place);
            if (!names.Add(name))
                throw Fail($"field {ModelFormatException.Quote(name)} appears twice", place);
            reader.Read();
            value.Fields.Add((name, Read(ref reader)));
        }
        return value;
    }

    private JsonTree ReadList(ref Utf8JsonReader reader, long offset)
    {
        var value = new JsonTree(this, JsonTreeKind.List, offset) { Items = [] };
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            value.Items.Add(Read(ref reader));
        return value;
    }

    /// <summary>Numbers in lists of equal lengths; null, with the reader where it was, for any other list.</summary>
    private JsonTree? ReadTensor(ref Utf8JsonReader reader, long offset)
    {
        Utf8JsonReader ahead = reader;
        _numbers.Clear();
        ListShape lists = _numbers.Lists;
        do
        {
            if (ahead.TokenType is not (JsonTokenType.StartArray or JsonTokenType.EndArray or JsonTokenType.Number))
                return null;
            string? misfit = ahead.TokenType == JsonTokenType.StartArray ? lists.Open() : ahead.TokenType == JsonTokenType.EndArray ? lists.Close() : lists.Number();
            if (misfit != null)
                return null;
            if (ahead.TokenType != JsonTokenType.Number)
                continue;
            if ((_numberCount + _numbers.Count + 1) * sizeof(float) > limits.TensorBytes)
                throw Fail($"more numbers than the limit of {limits.TensorBytes} bytes", Place(ref ahead));
            _numbers.Add(ahead.TryGetSingle(out float value) ? value : float.NaN);
        }
        while (!lists.IsWhole && ahead.Read());
        reader = ahead;
        _numberCount += _numbers.Count;
        return new JsonTree(this, JsonTreeKind.Tensor, offset) { Shape = lists.Shape, Values = _numbers.Values };
    }

    private string TextOf(ref Utf8JsonReader reader)
    {
        CountText(reader.ValueSpan.Length, Place(ref reader));
        return reader.TokenType == JsonTokenType.Number ? Encoding.ASCII.GetString(reader.ValueSpan) : reader.GetString()!;
    }

    private void CountText(long bytes, long offset)
    {
        _textBytes += bytes;
        if (_textBytes > limits.TextBytes)
            throw Fail($"more than {limits.TextBytes} bytes of text", offset);
    }

    private long Place(ref Utf8JsonReader reader) => _start + reader.TokenStartIndex;

    /// <summary>The parser reports line and column; a file offset is what a hex editor needs.</summary>
    private long Position(JsonException e)
    {
        long start = _start;
        for (long line = 0; line < (e.LineNumber ?? 0); line++)
        {
            int next = file.AsSpan((int)start).IndexOf((byte)'\n');
            if (next < 0)
                break;
            start += next + 1;
        }
        return Math.Min(file.Length, start + (e.BytePositionInLine ?? 0));
    }
}

/// <summary>Numbers of lists in lists, as many as may be.</summary>
internal sealed class NumberLists(int rank, long most)
{
    private float[] _values = new float[16];

    public ListShape Lists { get; } = new(rank);

    public int Count { get; private set; }

    public float[] Values => _values[..Count];

    public void Clear()
    {
        Lists.Clear();
        Count = 0;
    }

    public void Add(float value)
    {
        if (Count == _values.Length)
            Array.Resize(ref _values, (int)Math.Min(2L * Count, Math.Min(most, Array.MaxLength)));
        _values[Count++] = value;
    }
}
