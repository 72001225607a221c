using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;

namespace FastRnn.Runner;

/// <summary>Values of options as text and as JSON, whatever their type.</summary>
internal static class OptionText
{
    private static readonly HashSet<string> _howNotWhat = ["--config", "--resume", "--json"];

    /// <summary>Whether an option is part of what is done; the others say how results are shown and where a run starts from.</summary>
    public static bool IsSetting(Option option) => option.Action == null && !_howNotWhat.Contains(option.Name);

    /// <summary>The default as one would type it; null for none.</summary>
    public static string? Default(Option option) => !option.HasDefaultValue ? null : option.GetDefaultValue() switch
    {
        bool value => value ? "true" : "false",
        IFormattable value => value.ToString(null, CultureInfo.InvariantCulture),
        string value => value,
        _ => null,
    };

    /// <summary>What was given for an option, by a person or a configuration; null when nothing was.</summary>
    public static string[]? Given(ParseResult parsed, Option option)
    {
        if (parsed.GetResult(option) is not { Implicit: false } result)
            return null;
        return result.Tokens.Count == 0 ? ["true"] : [.. result.Tokens.Select(token => token.Value)];
    }

    /// <summary>Values as one would type them: joined, so that one may begin with a dash, but the parser takes nothing after the joint for no value.</summary>
    public static IEnumerable<string> Words(Option option, IEnumerable<string> values) =>
        values.SelectMany(value => value.Length == 0 ? (string[])[option.Name, ""] : [$"{option.Name}={value}"]);

    /// <summary>What the option's own parser says against values; null when it takes them.</summary>
    public static string? Problem(Command command, Option option, IEnumerable<string> values)
    {
        ParseResult parsed = command.Parse([.. Words(option, values)], Cli.Parsing);
        return parsed.Errors.FirstOrDefault(error => error.SymbolResult is OptionResult result && result.Option == option)?.Message;
    }

    /// <summary>Writes a value so that reading it gives the same option again.</summary>
    public static void Write(Utf8JsonWriter json, Option option, IReadOnlyList<string> values)
    {
        json.WritePropertyName(option.Name[2..]);
        if (values.Count != 1)
            json.WriteStartArray();
        foreach (string value in values)
            WriteValue(json, option.ValueType, value);
        if (values.Count != 1)
            json.WriteEndArray();
    }

    private static void WriteValue(Utf8JsonWriter json, Type type, string text)
    {
        const NumberStyles Whole = NumberStyles.AllowLeadingSign;
        if (type == typeof(bool) && bool.TryParse(text, out bool truth))
            json.WriteBooleanValue(truth);
        else if (type == typeof(double) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double real) && double.IsFinite(real))
            json.WriteNumberValue(real);
        else if (type == typeof(int) && int.TryParse(text, Whole, CultureInfo.InvariantCulture, out int small))
            json.WriteNumberValue(small);
        else if (type == typeof(long) && long.TryParse(text, Whole, CultureInfo.InvariantCulture, out long large))
            json.WriteNumberValue(large);
        else if (type == typeof(ulong) && ulong.TryParse(text, Whole, CultureInfo.InvariantCulture, out ulong unsigned))
            json.WriteNumberValue(unsigned);
        else
            json.WriteStringValue(text);
    }
}
