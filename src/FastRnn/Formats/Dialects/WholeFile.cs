namespace FastRnn.Formats.Dialects;

/// <summary>Files that are read from memory.</summary>
internal static class WholeFile
{
    private const int Block = 8 << 20;

    /// <summary>All bytes of a stream that knows its length.</summary>
    /// <exception cref="ModelFormatException">They are more than the limits allow, or than one array holds.</exception>
    public static byte[] Read(Stream stream, string? path, ImportLimits limits, CancellationToken cancellation)
    {
        long most = Math.Min(limits.FileBytes, Array.MaxLength);
        if (stream.Length > most)
            throw new ModelFormatException($"the file has {stream.Length} bytes, more than the limit of {most}", 0, path);
        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)stream.Length);
        for (int read = 0; read < bytes.Length; read += Block)
        {
            cancellation.ThrowIfCancellationRequested();
            stream.ReadExactly(bytes, read, Math.Min(Block, bytes.Length - read));
        }
        return bytes;
    }
}
