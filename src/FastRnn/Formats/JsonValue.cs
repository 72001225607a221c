using System.Globalization;
using System.Text;
using System.Text.Json;

namespace FastRnn.Formats;

/// <summary>
/// A JSON text in memory, read by hand: each value knows its place, for messages. Generated serialisers do the same in 0.6 MB more of a program compiled
/// ahead of time, generic types for every type of a field most of all.
/// </summary>
internal sealed class JsonValue
{
    private readonly JsonValue? _parent;
    private readonly string? _name;
    private readonly int _index;
    private readonly List<JsonValue> _inner = [];
    private bool _asked;

    private JsonValue(JsonValue? parent, string? name, ref Utf8JsonReader reader)
    {
        (_parent, _name, _index, Kind) = (parent, name, parent?._inner.Count ?? 0, reader.TokenType);
        Text = Kind == JsonTokenType.String ? reader.GetString()! : Encoding.UTF8.GetString(reader.ValueSpan);
    }

    /// <summary>What it is: the token that it starts with.</summary>
    public JsonTokenType Kind { get; }

    /// <summary>A text without its quotes, anything else as it stands.</summary>
    public string Text { get; }

    /// <summary>Of a field of an object.</summary>
    public string Name => _name ?? "";

    /// <summary>Items of a list or fields of an object, in order.</summary>
    public IReadOnlyList<JsonValue> Inner => _inner;

    private string Place => _parent == null ? "$"
        : _name != null ? $"{_parent.Place}.{_name}"
        : string.Create(CultureInfo.InvariantCulture, $"{_parent.Place}[{_index}]");

    /// <param name="utf8">The text.</param>
    /// <param name="options">What it may have beside plain JSON.</param>
    /// <param name="unique">Whether a field that appears twice is refused.</param>
    /// <exception cref="JsonException">This is no JSON, or a field appears twice.</exception>
    /// <exception cref="InvalidOperationException">A text holds half a surrogate pair.</exception>
    public static JsonValue Parse(ReadOnlySpan<byte> utf8, JsonReaderOptions options, bool unique)
    {
        var reader = new Utf8JsonReader(utf8, options);
        reader.Read();
        JsonValue root = Read(ref reader, null, null, unique);
        reader.Read(); // throws where anything follows
        return root;
    }

    private static JsonValue Read(ref Utf8JsonReader reader, JsonValue? parent, string? name, bool unique)
    {
        var value = new JsonValue(parent, name, ref reader);
        HashSet<string>? seen = unique && value.Kind == JsonTokenType.StartObject ? new(StringComparer.Ordinal) : null;
        if (value.Kind is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
            return value;
        while (reader.Read() && reader.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray))
        {
            string? field = null;
            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                field = reader.GetString()!;
                if (seen?.Add(field) == false)
                    throw new JsonException($"field {field} appears twice.");
                reader.Read();
            }
            value._inner.Add(Read(ref reader, value, field, unique));
        }
        return value;
    }

    /// <summary>Makes something of an object's fields.</summary>
    /// <param name="make">Asks for all fields that there can be.</param>
    /// <param name="others">Whether there may be other fields, too.</param>
    public T Record<T>(Func<JsonValue, T> make, bool others = false)
        where T : class
    {
        Require(JsonTokenType.StartObject, "an object");
        T made = make(this);
        if (others || _inner.FirstOrDefault(field => !field._asked) is not { } unknown)
            return made;
        throw unknown.Fail($"The JSON property '{unknown._name}' is not one of those that can stand here.");
    }

    /// <summary>A field that must be there.</summary>
    public JsonValue Required(string name) =>
        Known(name) ?? throw Fail($"The JSON object was missing required properties including: '{name}'.");

    /// <summary>A field that must be there; null where it is null.</summary>
    public JsonValue? RequiredOrNull(string name) => Required(name) is { Kind: not JsonTokenType.Null } value ? value : null;

    /// <summary>A field; null where it is missing or null.</summary>
    public JsonValue? Optional(string name) => Known(name) is { Kind: not JsonTokenType.Null } value ? value : null;

    /// <summary>A field that cannot be null; null where it is missing.</summary>
    public JsonValue? Known(string name)
    {
        foreach (JsonValue field in _inner)
        {
            if (field._name == name)
            {
                field._asked = true;
                return field;
            }
        }
        return null;
    }

    public string String() => Require(JsonTokenType.String, "a text").Text;

    public bool Boolean() => Kind == JsonTokenType.True || (Kind == JsonTokenType.False ? false : throw Wrong("true or false"));

    public int Int32() => Number && int.TryParse(Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
        ? value : throw Wrong("a whole number of 32 bits");

    public long Int64() => Number && long.TryParse(Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
        ? value : throw Wrong("a whole number of 64 bits");

    public ulong UInt64() => Number && ulong.TryParse(Text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
        ? value : throw Wrong("a whole number of 64 bits without a sign");

    public float Single() => Number && float.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value)
        ? value : throw Wrong("a number");

    public double Double() => Number && double.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
        ? value : throw Wrong("a number");

    /// <summary>A number that need not be finite.</summary>
    public double AnyDouble() => Kind != JsonTokenType.String ? Double() : Text switch
    {
        "NaN" => double.NaN,
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        _ => throw Wrong("a number"),
    };

    /// <summary>The index of a name.</summary>
    public int Choice(string[] names) => Index(names, Text);

    /// <summary>The indices of names with commas between them.</summary>
    public int[] Choices(string[] names)
    {
        string[] chosen = Text.Split(',');
        var indices = new int[chosen.Length];
        for (int i = 0; i < indices.Length; i++)
            indices[i] = Index(names, chosen[i].Trim());
        return indices;
    }

    private int Index(string[] names, string name) =>
        Kind == JsonTokenType.String && Array.IndexOf(names, name) is >= 0 and var index ? index : throw Wrong($"one of {string.Join(", ", names)}");

    /// <summary>Items that are no objects, or objects that must be there.</summary>
    public T[] List<T>(Func<JsonValue, T> read)
    {
        Require(JsonTokenType.StartArray, "a list");
        var items = new T[_inner.Count];
        for (int i = 0; i < items.Length; i++)
            items[i] = read(_inner[i]);
        return items;
    }

    /// <summary>Items that may be null: whoever gets them refuses them with better reasons.</summary>
    public T[] ListOrNull<T>(Func<JsonValue, T> read)
        where T : class => List(item => item.Kind == JsonTokenType.Null ? null! : read(item));

    /// <summary>Fields of any name.</summary>
    public Dictionary<string, T> Map<T>(Func<JsonValue, T> read)
    {
        Require(JsonTokenType.StartObject, "an object");
        var fields = new Dictionary<string, T>();
        foreach (JsonValue field in _inner)
            fields[field.Name] = read(field);
        return fields;
    }

    /// <summary>The same of texts, which may be null.</summary>
    public Dictionary<string, string> Texts() => Map(field => field.Kind == JsonTokenType.Null ? null! : field.String());

    private bool Number => Kind == JsonTokenType.Number;

    private JsonValue Require(JsonTokenType kind, string what) => Kind == kind ? this : throw Wrong(what);

    private JsonException Wrong(string what) =>
        Fail(Kind == JsonTokenType.Null ? $"null is not a value here, it must be {what}." : $"The JSON value could not be converted to {what}.");

    private JsonException Fail(string reason) => new(reason, Place, null, null);
}
