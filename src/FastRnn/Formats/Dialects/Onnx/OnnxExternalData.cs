using System.Globalization;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>
/// Elements that lie in a file of their own. The file must lie in the model's folder or below: a path that is absolute, climbs by <c>..</c>, or passes
/// through a link is refused, whatever it leads to.
/// </summary>
internal static class OnnxExternalData
{
    /// <exception cref="ModelFormatException">The place is not one in the model's folder, or has fewer bytes.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static byte[] Read(OnnxTensor tensor, long length, string? path, ImportLimits limits)
    {
        ModelFormatException Error(string problem) => new($"tensor {ModelFormatException.Quote(tensor.Name)} {problem}", tensor.Offset, path);

        if (path == null)
            throw Error("has its data in another file, and there is no folder to look for it");
        if (!tensor.External.TryGetValue("location", out string? location) || location.Length == 0)
            throw Error("has its data in another file, but names none");
        string file = Resolve(location, path) ?? throw Error($"has its data at {ModelFormatException.Quote(location)}, which does not lie in the model's folder");
        long offset = Number(tensor, "offset", 0) ?? throw Error("has an offset that is no number");
        long given = Number(tensor, "length", length) ?? throw Error("has a length that is no number");
        if (given != length)
            throw Error($"has {given} bytes of data elsewhere, its shape needs {length}");
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            if (!stream.CanSeek)
                throw Error($"has its data at {ModelFormatException.Quote(location)}, which is not a regular file");
            if (stream.Length > limits.FileBytes)
                throw Error($"has its data at {ModelFormatException.Quote(location)}, whose {stream.Length} bytes pass the limit of {limits.FileBytes}");
            if (offset > stream.Length || length > stream.Length - offset)
                throw Error($"has its data at {offset} of {ModelFormatException.Quote(location)}, which has {stream.Length} bytes and not {length} more");
            byte[] data = new byte[length];
            stream.Position = offset;
            stream.ReadExactly(data);
            return data;
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"{file}: access is denied.", e);
        }
    }

    /// <summary>The file's path, or null where it may not be opened.</summary>
    private static string? Resolve(string location, string path)
    {
        string[] parts = location.Split('/');
        if (Path.IsPathRooted(location) || location.AsSpan().IndexOfAny('\\', ':', '\0') >= 0 || parts.Any(part => part is "" or "." or ".."))
            return null;
        string current = Path.GetDirectoryName(Path.GetFullPath(path))!;
        foreach (string part in parts)
        {
            current = Path.Combine(current, part);
            if (new FileInfo(current).LinkTarget != null)
                return null;
        }
        return current;
    }

    private static long? Number(OnnxTensor tensor, string key, long otherwise) =>
        !tensor.External.TryGetValue(key, out string? text) ? otherwise
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number
        : null;
}
