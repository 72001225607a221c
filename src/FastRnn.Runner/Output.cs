using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace FastRnn.Runner;

/// <summary>Results go to standard output, everything else to standard error. ANSI codes only on a terminal without NO_COLOR.</summary>
internal sealed class Output(TextWriter result, TextWriter log, bool terminal)
{
    public TextWriter Result { get; } = result;

    public TextWriter Log { get; } = log;

    /// <summary>Whether <see cref="Log"/> is a terminal whose line may be overwritten.</summary>
    public bool Terminal { get; } = terminal;

    /// <summary>Print one JSON object instead of text.</summary>
    public bool Json { get; set; }

    public static Output Console() => new(
        System.Console.Out, System.Console.Error,
        !System.Console.IsErrorRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));

    public void WriteJson<T>(T value, JsonTypeInfo<T> type) => Result.WriteLine(JsonSerializer.Serialize(value, type));
}
