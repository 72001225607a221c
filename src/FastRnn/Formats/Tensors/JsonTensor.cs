using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;

namespace FastRnn.Formats.Tensors;

/// <summary>
/// A tensor as JSON: numbers in lists in lists, as deep as it has dimensions; or an object with <c>values</c>, such lists, and, as one likes, <c>name</c>,
/// <c>type</c> and <c>shape</c>. Numbers that are not finite stand in quotes. Read token by token: a number takes its own bytes and no more.
/// </summary>
internal static class JsonTensor
{
    private static readonly JsonWriterOptions _format = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="ModelFormatException">This is no JSON, or no tensor.</exception>
    public static NamedTensor Read(byte[] bytes, string? path, ElementType otherwise, ImportLimits limits)
    {
        int start = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        var reader = new Utf8JsonReader(bytes.AsSpan(start), new JsonReaderOptions { MaxDepth = limits.Rank + 2 });
        try
        {
            reader.Read();
            NamedTensor tensor = reader.TokenType == JsonTokenType.StartObject
                ? Object(ref reader, otherwise, limits)
                : new NamedTensor("", new JsonLists(otherwise, limits).Read(ref reader).Tensor());
            reader.Read(); // throws where anything follows
            return tensor;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            string problem = e is TensorTextException ? e.Message : ModelFormatException.Quote(StrictJson.Reason(e), longest: 200);
            throw new ModelFormatException(problem, start + (e is TensorTextException ? reader.TokenStartIndex : reader.BytesConsumed), path, e);
        }
    }

    public static byte[] Write(NamedTensor tensor)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, _format))
        {
            json.WriteStartObject();
            if (tensor.Name.Length > 0)
                json.WriteString("name", tensor.Name);
            json.WriteString("type", tensor.Value.Type.Name());
            json.WriteStartArray("shape");
            foreach (int size in tensor.Value.Shape)
                json.WriteNumberValue(size);
            json.WriteEndArray();
            json.WriteStartArray("values");
            for (int i = 0; i < tensor.Value.Length; i++)
            {
                string text = TensorText.Write(tensor.Value, i);
                if (char.IsAsciiLetter(text[^1]) && tensor.Value.Type != ElementType.Bool)
                    json.WriteStringValue(text);
                else
                    json.WriteRawValue(text);
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static NamedTensor Object(ref Utf8JsonReader reader, ElementType otherwise, ImportLimits limits)
    {
        (string? name, ElementType? type, int[]? shape, JsonLists? values) = (null, null, null, null);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = reader.GetString()!;
            bool again = field switch { "name" => name != null, "type" => type != null, "shape" => shape != null, "values" => values != null, _ => false };
            if (again)
                throw new TensorTextException($"{field} appears twice");
            if (field == "type" && values != null)
                throw new TensorTextException("type stands behind the values");
            reader.Read();
            if (field == "name")
                name = Text(ref reader, limits.NameBytes);
            else if (field == "type")
                type = TypeOf(Text(ref reader, limits.NameBytes));
            else if (field == "shape")
                shape = new JsonLists(ElementType.Int32, limits).Read(ref reader).Sizes(limits.Rank);
            else if (field == "values")
                values = new JsonLists(type ?? otherwise, limits).Read(ref reader);
            else
                throw new TensorTextException($"{ModelFormatException.Quote(field)} is none of name, type, shape and values");
        }
        return new NamedTensor(name ?? "", (values ?? throw new TensorTextException("there are no values")).Tensor(shape));
    }

    private static string Text(ref Utf8JsonReader reader, int longest)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new TensorTextException("a text is expected");
        return reader.ValueSpan.Length <= longest ? reader.GetString()! : throw new TensorTextException($"a text has more than the limit of {longest} bytes");
    }

    private static ElementType TypeOf(string name)
    {
        for (ElementType type = ElementType.Float32; type <= ElementType.Bool; type++)
        {
            if (type.Name() == name)
                return type;
        }
        throw new TensorTextException($"{ModelFormatException.Quote(name)} is no type of elements");
    }
}

/// <summary>What is wrong at the token that has just been read.</summary>
internal sealed class TensorTextException(string message) : JsonException(message);

/// <summary>Lists in lists, of one length at each depth.</summary>
internal sealed class JsonLists(ElementType type, ImportLimits limits)
{
    private readonly TensorText _elements = new(type, limits);
    private readonly int[] _sizes = new int[limits.Rank + 1], _counts = new int[limits.Rank + 1];
    private int _rank = -1, _deepest;

    /// <summary>From the token that begins them to the one that ends them; nothing calls itself.</summary>
    public JsonLists Read(ref Utf8JsonReader reader)
    {
        Array.Fill(_sizes, -1);
        int depth = 0;
        do
        {
            if (reader.TokenType == JsonTokenType.EndArray)
                Close(--depth);
            else if (reader.TokenType == JsonTokenType.StartArray)
                Open(depth++);
            else
                Element(ref reader, depth);
        }
        while (depth > 0 && reader.Read());
        _rank = _rank < 0 ? _deepest : _rank;
        return this;
    }

    /// <summary>In the shape of the lists, or in another of as many elements.</summary>
    public GraphTensor Tensor(int[]? shape = null)
    {
        shape ??= _sizes[.._rank];
        return ShapeMath.Length(shape) == _elements.Count
            ? _elements.Tensor(shape)
            : throw new TensorTextException($"{_elements.Count} values do not fill {SafeText.Shape(shape)}");
    }

    /// <summary>The elements as a shape.</summary>
    public int[] Sizes(int most)
    {
        if (_rank != 1 || _elements.Count > most)
            throw new TensorTextException($"a shape is a list of at most {most} sizes");
        int[] sizes = _elements.Tensor([_elements.Count]).Values<int>().ToArray();
        return Array.TrueForAll(sizes, size => size >= 0) ? sizes : throw new TensorTextException("a size is negative");
    }

    private void Open(int depth)
    {
        if (depth == _rank)
            throw new TensorTextException("a list stands where a number is expected");
        if (depth == limits.Rank)
            throw new TensorTextException($"more than the limit of {limits.Rank} dimensions");
        if (depth > 0)
            _counts[depth - 1]++;
        _counts[depth] = 0;
        _deepest = Math.Max(_deepest, depth + 1);
    }

    private void Close(int depth)
    {
        if (_sizes[depth] >= 0 && _sizes[depth] != _counts[depth])
            throw new TensorTextException($"a list has {_counts[depth]} items, one before it has {_sizes[depth]}");
        _sizes[depth] = _counts[depth];
    }

    private void Element(ref Utf8JsonReader reader, int depth)
    {
        if (_rank < 0 ? depth < _deepest : depth != _rank)
            throw new TensorTextException("a number stands where a list is expected");
        _rank = depth;
        if (depth > 0)
            _counts[depth - 1]++;
        if (_elements.IsFull)
            throw new TensorTextException("there are more values than the limit allows");
        bool known = reader.TokenType switch
        {
            JsonTokenType.String => type is ElementType.Float32 or ElementType.Float64 && !reader.ValueIsEscaped && reader.ValueSpan.IndexOfAnyInRange((byte)'0', (byte)'9') < 0,
            JsonTokenType.True or JsonTokenType.False => type == ElementType.Bool,
            _ => reader.TokenType == JsonTokenType.Number,
        };
        if (!known || !_elements.Add(reader.ValueSpan))
            throw new TensorTextException($"{ModelFormatException.Quote(Encoding.UTF8.GetString(reader.ValueSpan[..Math.Min(reader.ValueSpan.Length, 200)]))} is no {type.Name()}");
    }
}
