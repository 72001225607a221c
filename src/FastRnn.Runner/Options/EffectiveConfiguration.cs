using System.Buffers;
using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using FastRnn.Formats;

namespace FastRnn.Runner;

/// <summary>
/// The configuration that a run really had, as a file that <c>--config</c> reads: what was given, then under <c>defaults</c> what was not, and
/// under <c>run</c> where it comes from. The two stay apart because some options do more by being given than their value says: a momentum of
/// 0 is refused beside an optimiser without momentum, for example.
/// </summary>
internal static class EffectiveConfiguration
{
    private static readonly JsonWriterOptions _format = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the configuration of a training.</summary>
    /// <param name="path">The file.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="foreign">Options that this run does not have: those of other tasks.</param>
    /// <param name="chosen">What fixes the bits of the run, by name: values that a default stood for, and facts like the data's checksum.</param>
    /// <param name="facts">What else the record should tell.</param>
    public static void Write(
        string path, ParseResult parsed, IEnumerable<Option> foreign, IReadOnlyDictionary<string, string> chosen, params IEnumerable<(string Key, string Value)> facts)
    {
        Option[] options = [.. parsed.CommandResult.Command.Options.Where(OptionText.IsSetting).Except(foreign)];
        Write(path, json =>
        {
            WriteGiven(json, parsed, options);
            var told = new List<(string Key, string Value)>(facts);
            var settings = options.ToDictionary(option => option.Name[2..]);
            told.AddRange(chosen.Where(item => !settings.ContainsKey(item.Key)).Select(item => (item.Key, item.Value)));
            json.WriteStartObject(Configuration.Defaults);
            foreach ((string name, Option option) in settings.Where(item => OptionText.Given(parsed, item.Value) == null))
            {
                string? value = OptionText.Default(option), known = chosen.GetValueOrDefault(name);
                bool number = option.ValueType != typeof(string) && option.ValueType != typeof(bool);
                if (known != null && known != value && !number)
                    told.Add((name, known)); // what auto came to, say: in words that the option need not take
                if ((number ? known ?? value : value) is { } text)
                    OptionText.Write(json, option, [text]);
            }
            json.WriteEndObject();
            json.WriteStartObject(Configuration.Run);
            foreach ((string key, string value) in told)
                json.WriteString(key, value);
            json.WriteEndObject();
        });
    }

    /// <summary>Writes only what was given.</summary>
    public static void WriteGiven(string path, ParseResult parsed, params IEnumerable<string> without) =>
        Write(path, json => WriteGiven(json, parsed, parsed.CommandResult.Command.Options.Where(option => OptionText.IsSetting(option) && !without.Contains(option.Name))));

    private static void WriteGiven(Utf8JsonWriter json, ParseResult parsed, IEnumerable<Option> options)
    {
        foreach (Option option in options)
        {
            if (OptionText.Given(parsed, option) is { } values)
                OptionText.Write(json, option, values);
        }
    }

    private static void Write(string path, Action<Utf8JsonWriter> content)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, _format))
        {
            json.WriteStartObject();
            content(json);
            json.WriteEndObject();
        }
        bytes.Write("\n"u8);
        AtomicFile.Write(path, [bytes.WrittenMemory]);
    }
}
