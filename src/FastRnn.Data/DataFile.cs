using System.IO.Compression;

namespace FastRnn.Data;

/// <summary>Opens the files that data comes in.</summary>
public static class DataFile
{
    /// <summary>The file's content, unpacked when its name ends in <c>.gz</c>.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Stream OpenRead(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Unpack(File.OpenRead(path), path);
    }

    /// <summary>What was read of a file already, unpacked when the file's name ends in <c>.gz</c>.</summary>
    public static Stream Unpack(Stream file, string path)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentException.ThrowIfNullOrEmpty(path);
        return path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionMode.Decompress) : file;
    }
}

/// <summary>A data file holds something that cannot be used. The message names the file and, where there is one, row and column.</summary>
public sealed class DataFormatException : Exception
{
    /// <summary>A problem somewhere in a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problem">What is wrong, with what was expected.</param>
    /// <param name="line">Line of the file, from 1; 0: the file as a whole.</param>
    /// <param name="column">Name of the column, or null.</param>
    /// <param name="inner">What it came from, or null.</param>
    public DataFormatException(string path, string problem, long line = 0, string? column = null, Exception? inner = null)
        : base($"{path}{(line > 0 ? $", line {line}" : "")}{(column == null ? "" : $", column '{column}'")}: {problem}", inner) =>
        (Path, Line, Column) = (path, line, column);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Line of the file, from 1; 0: the file as a whole.</summary>
    public long Line { get; }

    /// <summary>Name of the column, or null.</summary>
    public string? Column { get; }
}
