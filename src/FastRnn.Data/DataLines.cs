using System.Text;

namespace FastRnn.Data;

/// <summary>The lines of a UTF-8 text file, with their numbers.</summary>
internal static class DataLines
{
    private static readonly UTF8Encoding _utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>All lines, without their ends; a byte order mark is dropped, and so is the empty line after the last line end.</summary>
    /// <exception cref="DataFormatException">The file is empty, a line is not UTF-8, or a <c>.gz</c> cannot be unpacked.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static List<(long Line, string Text)> Read(string path)
    {
        byte[] bytes = ReadBytes(path);
        int at = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        if (at == bytes.Length)
            throw new DataFormatException(path, "the file is empty");
        var lines = new List<(long, string)>();
        while (at < bytes.Length)
        {
            int length = bytes.AsSpan(at).IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = length < 0 ? bytes.AsSpan(at) : bytes.AsSpan(at, length);
            lines.Add((lines.Count + 1, Decode(path, line.EndsWith("\r"u8) ? line[..^1] : line, lines.Count + 1)));
            at = length < 0 ? bytes.Length : at + length + 1;
        }
        return lines;
    }

    /// <summary>The whole file, unpacked.</summary>
    /// <exception cref="DataFormatException">A <c>.gz</c> cannot be unpacked.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static byte[] ReadBytes(string path)
    {
        using Stream file = DataFile.OpenRead(path);
        var bytes = new MemoryStream();
        try
        {
            file.CopyTo(bytes);
        }
        catch (InvalidDataException e)
        {
            throw new DataFormatException(path, "not a gzip file, or a damaged one", inner: e);
        }
        return bytes.ToArray();
    }

    private static string Decode(string path, ReadOnlySpan<byte> line, long number)
    {
        try
        {
            return _utf8.GetString(line);
        }
        catch (DecoderFallbackException e)
        {
            throw new DataFormatException(path, $"not UTF-8 text ({e.Message})", number, inner: e);
        }
    }
}
