using System.Text;
using FastRnn.Data;

namespace FastRnn.Runner;

/// <summary>A line to answer, and where it stands, for messages.</summary>
internal readonly record struct TextLine(string Source, int Number, string Text);

/// <summary>Lines of text to answer one by one.</summary>
internal static class TextLines
{
    /// <summary>The lines of a file, or of standard input as they come.</summary>
    /// <exception cref="DataFormatException">A line is not valid UTF-8, or a <c>.gz</c> cannot be unpacked.</exception>
    public static IEnumerable<TextLine> Read(string? path)
    {
        if (path != null)
            RunFiles.RequireFile(path);
        string source = path ?? "standard input";
        using Stream stream = path == null ? Console.OpenStandardInput() : DataFile.OpenRead(path);
        using var reader = new StreamReader(stream, new UTF8Encoding(false, throwOnInvalidBytes: true));
        for (int number = 1; Next(reader, source, number) is { } line; number++)
            yield return new TextLine(source, number, line);
    }

    private static string? Next(StreamReader reader, string source, int number)
    {
        try
        {
            return reader.ReadLine();
        }
        catch (DecoderFallbackException e)
        {
            throw new DataFormatException(source, $"near line {number}: not valid UTF-8: {e.Message}", inner: e);
        }
        catch (InvalidDataException e)
        {
            throw new DataFormatException(source, "not a gzip file, or a damaged one", inner: e);
        }
    }
}
