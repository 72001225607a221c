using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FastRnn.Series;

namespace FastRnn.Formats;

/// <summary>
/// The JSON texts inside the metadata, by generated code only. Reading refuses duplicates, unknown and missing fields, comments and
/// deep nesting: a text has one meaning or none.
/// </summary>
internal static class StrictJson
{
    private static readonly FormatsJson _context = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        MaxDepth = SafetensorsLimits.JsonDepth,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters =
        {
            new JsonStringEnumConverter<SeriesScale>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false),
            new JsonStringEnumConverter<ForecastMode>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false),
            new JsonStringEnumConverter<CalendarFeatures>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false),
            new JsonStringEnumConverter<MissingPolicy>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false),
        },
    });

    public static string Write<T>(T value) => JsonSerializer.Serialize(value, Contract<T>());

    /// <summary>Parses the metadata value of that key.</summary>
    /// <exception cref="ModelFormatException">The key is missing or its value breaks a rule.</exception>
    public static T Read<T>(SafetensorsFile file, string key, string? path)
    {
        if (!file.Metadata.TryGetValue(key, out string? json))
            throw new ModelFormatException($"metadata lacks {key}: not a FastRnn file of this kind", SafetensorsHeaderParser.Start, path);
        try
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(json);
            RefuseDuplicates(utf8);
            return JsonSerializer.Deserialize(utf8, Contract<T>()) ?? throw new JsonException("null is not a value here.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            string reason = e.Message.Split(" Path:")[0].Split(" LineNumber:")[0];
            if (e is JsonException { Path: { } place })
                reason = $"{place}: {reason}";
            throw new ModelFormatException(
                $"metadata {key} is not valid: {ModelFormatException.Quote(reason, longest: 200)}", SafetensorsHeaderParser.Start, path, e);
        }
    }

    private static JsonTypeInfo<T> Contract<T>() => (JsonTypeInfo<T>)_context.GetTypeInfo(typeof(T))!;

    /// <summary>JsonSerializerOptions.AllowDuplicateProperties exists from .NET 10 on only.</summary>
    /// <exception cref="JsonException">A field appears twice, or this is no JSON.</exception>
    /// <exception cref="InvalidOperationException">A text holds half a surrogate pair.</exception>
    internal static void RefuseDuplicates(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = SafetensorsLimits.JsonDepth });
        var open = new Stack<HashSet<string>>();
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    open.Push(new HashSet<string>(StringComparer.Ordinal));
                    break;
                case JsonTokenType.EndObject:
                    open.Pop();
                    break;
                case JsonTokenType.PropertyName when !open.Peek().Add(reader.GetString()!):
                    throw new JsonException($"field {reader.GetString()} appears twice.");
                case JsonTokenType.String:
                    _ = reader.GetString(); // Throws InvalidOperationException for half a surrogate pair.
                    break;
            }
        }
    }
}

/// <summary>Generated serialisers, so that trimming and ahead-of-time compilation lose nothing.</summary>
[JsonSerializable(typeof(ArchitectureRecord))]
[JsonSerializable(typeof(PreprocessingRecord))]
[JsonSerializable(typeof(ProvenanceRecord))]
[JsonSerializable(typeof(ProbeRecord))]
[JsonSerializable(typeof(CheckpointRecord))]
internal sealed partial class FormatsJson : JsonSerializerContext;
