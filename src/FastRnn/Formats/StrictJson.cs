using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FastRnn.Formats;

/// <summary>A value of the metadata.</summary>
internal interface IJsonRecord<out T> : IJsonResult
{
    static abstract T Read(JsonValue json);
}

/// <summary>
/// The JSON texts inside the metadata. Reading refuses duplicates, unknown and missing fields, comments and deep nesting: a text has one meaning or
/// none.
/// </summary>
internal static class StrictJson
{
    private static readonly JsonWriterOptions _format = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(IJsonResult value) => JsonFields.Text(value, _format, named: true);

    /// <summary>Parses the metadata value of that key.</summary>
    /// <exception cref="ModelFormatException">The key is missing or its value breaks a rule.</exception>
    public static T Read<T>(SafetensorsFile file, string key, string? path)
        where T : class, IJsonRecord<T>
    {
        if (!file.Metadata.TryGetValue(key, out string? json))
            throw new ModelFormatException($"metadata lacks {key}: not a FastRnn file of this kind", SafetensorsHeaderParser.Start, path);
        try
        {
            return T.Read(Parse(json));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException(
                $"metadata {key} is not valid: {ModelFormatException.Quote(Reason(e), longest: 200)}", SafetensorsHeaderParser.Start, path, e);
        }
    }

    /// <exception cref="JsonException">A field appears twice, or this is no JSON.</exception>
    /// <exception cref="InvalidOperationException">A text holds half a surrogate pair.</exception>
    internal static JsonValue Parse(string json) =>
        JsonValue.Parse(Encoding.UTF8.GetBytes(json), new JsonReaderOptions { MaxDepth = SafetensorsLimits.JsonDepth }, unique: true);

    /// <summary>What is wrong with a text, and where in it.</summary>
    internal static string Reason(Exception error)
    {
        string reason = error.Message.Split(" Path:")[0].Split(" LineNumber:")[0];
        return error is JsonException { Path: { } place } ? $"{place}: {reason}" : reason;
    }
}
