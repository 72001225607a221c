using System.Buffers;
using System.Collections;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace FastRnn.Formats;

/// <summary>
/// A machine-readable result, which names its own fields. Generated serialisers would do the same in more machine code; see <see cref="JsonValue"/>.
/// </summary>
internal interface IJsonResult
{
    void Write(JsonFields fields);
}

/// <summary>An object of a type that does not know of JSON.</summary>
internal sealed class JsonObject(Action<JsonFields> write) : IJsonResult
{
    public void Write(JsonFields fields) => write(fields);
}

/// <summary>Writes the fields of an object; keys are snake_case, numbers that are not finite are null or have names.</summary>
internal readonly struct JsonFields(Utf8JsonWriter json, bool named)
{
    /// <param name="result">What to write.</param>
    /// <param name="options">How.</param>
    /// <param name="named">Whether numbers that are not finite are NaN, Infinity and -Infinity, in quotes; otherwise null.</param>
    public static string Text(IJsonResult result, JsonWriterOptions options = default, bool named = false)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, options))
            new JsonFields(json, named).WriteValue(result);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>A field, called as the expression is, after its last point, unless it is given a name.</summary>
    public JsonFields Add(object? value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        json.WritePropertyName(JsonNamingPolicy.SnakeCaseLower.ConvertName(name[(name.LastIndexOf('.') + 1)..]));
        WriteValue(value);
        return this;
    }

    /// <summary>The same, and nothing at all where there is no value.</summary>
    public JsonFields AddKnown(object? value, [CallerArgumentExpression(nameof(value))] string name = "") => value == null ? this : Add(value, name);

    private void WriteValue(object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case string text:
                json.WriteStringValue(text);
                break;
            case bool truth:
                json.WriteBooleanValue(truth);
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case long number:
                json.WriteNumberValue(number);
                break;
            case ulong number:
                json.WriteNumberValue(number);
                break;
            case float number:
                json.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case double number when named:
                json.WriteStringValue(double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
                break;
            case double:
                json.WriteNullValue(); // JSON has no NaN and no infinity.
                break;
            case IJsonResult result:
                json.WriteStartObject();
                result.Write(this);
                json.WriteEndObject();
                break;
            case IReadOnlyDictionary<string, double> items:
                WriteObject(items.Select(item => KeyValuePair.Create(item.Key, (object?)item.Value)));
                break;
            case IReadOnlyDictionary<string, string> items:
                WriteObject(items.Select(item => KeyValuePair.Create(item.Key, (object?)item.Value)));
                break;
            case IReadOnlyDictionary<string, IReadOnlyDictionary<string, double>> items:
                WriteObject(items.Select(item => KeyValuePair.Create(item.Key, (object?)item.Value)));
                break;
            case IEnumerable items:
                json.WriteStartArray();
                foreach (object? item in items)
                    WriteValue(item);
                json.WriteEndArray();
                break;
            default:
                throw new ArgumentException($"a result has a field of {value.GetType()}, which has no JSON", nameof(value));
        }
    }

    private void WriteObject(IEnumerable<KeyValuePair<string, object?>> items)
    {
        json.WriteStartObject();
        foreach ((string key, object? value) in items)
        {
            json.WritePropertyName(key);
            WriteValue(value);
        }
        json.WriteEndObject();
    }
}
