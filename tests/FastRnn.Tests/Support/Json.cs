using System.Text.Json;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>JSON as scripts rely on it: one object, one line, no key twice, nothing beside it.</summary>
internal static class Json
{
    private static readonly JsonDocumentOptions _strict = new() { AllowDuplicateProperties = false };

    /// <summary>The one object that standard output must be.</summary>
    public static JsonElement Object(string output)
    {
        Assert.EndsWith("\n", output, StringComparison.Ordinal);
        Assert.Single(output.TrimEnd('\r', '\n').Split('\n'));
        using var document = JsonDocument.Parse(output, _strict);
        Assert.Equal(JsonValueKind.Object, document.RootElement.ValueKind);
        return document.RootElement.Clone();
    }

    /// <summary>Keys with the kinds of their values, in order: <c>seed:Number, text:String</c>.</summary>
    public static string Shape(JsonElement element) =>
        string.Join(", ", element.EnumerateObject().Select(property => $"{property.Name}:{Kind(property.Value)}"));

    private static string Kind(JsonElement value) => value.ValueKind is JsonValueKind.True or JsonValueKind.False ? "Boolean" : value.ValueKind.ToString();
}
