namespace FastRnn.Formats;

/// <summary>
/// A model file breaks a rule of its format, or does not fit what is asked of it. The message is one line and safe to print: text taken
/// from the file is escaped and shortened.
/// </summary>
public sealed class ModelFormatException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="problem">What is wrong, without the file's name; one line.</param>
    /// <param name="offset">Byte in the file at which the problem lies.</param>
    /// <param name="path">The file, or null when the bytes did not come from a file.</param>
    /// <param name="inner">The parser's own error, if there was one.</param>
    public ModelFormatException(string problem, long offset, string? path, Exception? inner = null)
        : base($"{path ?? "model"}: {problem}" + (offset < 0 ? "" : $" (at byte {offset})"), inner)
    {
        Offset = offset;
        Path = path;
    }

    /// <summary>Byte in the file at which the problem lies, from 0; negative when it lies at no place, as options that differ.</summary>
    public long Offset { get; }

    /// <summary>The file, or null when the bytes did not come from a file.</summary>
    public string? Path { get; }

    /// <summary>Text of a hostile file between quotes, so that it can neither fill the terminal nor steer it.</summary>
    internal static string Quote(string text, int longest = 80) => Graphs.SafeText.Quote(text, longest);
}
