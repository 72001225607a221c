using System.Globalization;

namespace FastRnn.Formats;

/// <summary>
/// Replaces a file so that at every moment – crash, kill, full disk, power failure – its name shows either the whole old or the whole new
/// content: write NAME.tmp-PID beside it, flush to disk, rename over it, flush the folder.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Writes the parts one after the other as the new content of <paramref name="path"/>.</summary>
    /// <exception cref="IOException">
    /// The disk is full or failing, or the folder is missing. Only a failure of the last step, the folder's flush, leaves the new content in
    /// place; after every other the old file is untouched and no temporary file remains.
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public static void Write(string path, IEnumerable<ReadOnlyMemory<byte>> parts, FileLayer? layer = null)
    {
        layer ??= FileLayer.System;
        (string target, string temporary) = Beside(path, layer);
        FileStream stream = layer.Create(temporary);
        Finish(target, temporary, () => WriteDurably(stream, parts, layer), layer);
    }

    /// <summary>The same of what <paramref name="write"/> writes durably under the name that it is given, and may read back: where it throws, the old file stays.</summary>
    public static void Replace(string path, Action<string> write)
    {
        FileLayer layer = FileLayer.System;
        (string target, string temporary) = Beside(path, layer);
        layer.Create(temporary).Dispose();
        Finish(target, temporary, () => write(temporary), layer);
    }

    /// <summary>The file itself, and the name of what will replace it.</summary>
    private static (string Target, string Temporary) Beside(string path, FileLayer layer)
    {
        string target = Path.GetFullPath(path);
        if (new FileInfo(target).LinkTarget != null)
            target = File.ResolveLinkTarget(target, returnFinalTarget: true)!.FullName; // a link stays a link
        string directory = Path.GetDirectoryName(target)
            ?? throw new ArgumentException($"{path} names a root folder, not a file.", nameof(path));
        RemoveStale(target, directory, layer);
        return (target, TemporaryName(target, Environment.ProcessId));
    }

    private static void Finish(string target, string temporary, Action write, FileLayer layer)
    {
        try
        {
            write();
            layer.Replace(temporary, target);
        }
        catch (Exception error)
        {
            Discard(temporary, error, layer);
            throw;
        }

        layer.SyncDirectory(Path.GetDirectoryName(target)!);
    }

    private static void WriteDurably(FileStream stream, IEnumerable<ReadOnlyMemory<byte>> parts, FileLayer layer)
    {
        try
        {
            foreach (var part in parts)
                layer.Write(stream, part.Span);
            layer.Flush(stream);
        }
        catch
        {
            stream.Dispose(); // Not the layer's Close: the first error is the one to report.
            throw;
        }

        layer.Close(stream);
    }

    private static void Discard(string temporary, Exception error, FileLayer layer)
    {
        try
        {
            layer.Delete(temporary);
        }
        catch (Exception second) when (second is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"{error.Message} The unfinished {temporary} could not be removed either: {second.Message}",
                new AggregateException(error, second));
        }
    }

    /// <summary>
    /// Removes what killed processes left behind for this target, also beside the unfinished file of <see cref="Replace"/>. A file of this process id is
    /// ours to overwrite (containers give every run the same id), or locked by a <see cref="Write"/> that is running now.
    /// </summary>
    private static void RemoveStale(string target, string directory, FileLayer layer)
    {
        string prefix = TemporaryName(target, processId: null);
        foreach (string file in layer.Find(directory, "*.tmp-*").ToList())
        {
            if (!file.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            ReadOnlySpan<char> process = file.AsSpan(prefix.Length);
            int further = process.IndexOf(".tmp-");
            if (int.TryParse(further < 0 ? process : process[..further], NumberStyles.None, CultureInfo.InvariantCulture, out int processId)
                && processId != Environment.ProcessId
                && !layer.IsRunning(processId))
                layer.Delete(file);
        }
    }

    private static string TemporaryName(string target, int? processId) =>
        string.Create(CultureInfo.InvariantCulture, $"{target}.tmp-{processId}");
}
