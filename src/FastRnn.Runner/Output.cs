using System.Text;
using FastRnn.Formats;
using Microsoft.Win32.SafeHandles;

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
        Results(), System.Console.Error,
        !System.Console.IsErrorRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));

    /// <summary>
    /// Standard output. The console's own stream ignores that a pipe's reader has gone, so <c>sample | head</c> would go on for nobody. In a file it is
    /// the right one: a stream of ours would write at an offset of its own, over what others write to the same redirection.
    /// </summary>
    private static TextWriter Results()
    {
        if (OperatingSystem.IsWindows())
            return System.Console.Out;
        var stream = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return stream.CanSeek ? System.Console.Out : new StreamWriter(stream, new UTF8Encoding(false)) { AutoFlush = true };
    }

    public void WriteJson(IJsonResult value) => Result.WriteLine(JsonFields.Text(value));
}
