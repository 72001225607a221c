using FastRnn.Mutations.Formats;

namespace FastRnn.Mutations.Runs;

/// <summary>Files that were not written to their end: refused, or whole although bytes are missing, which then is the very same content.</summary>
internal static class Prefix
{
    /// <summary>Longer files are not cut: those of a format take time that grows by the square of their length.</summary>
    public const int Longest = 64 << 10;

    /// <summary>Reads every prefix of a file; says which one is neither, or null. Of a file that needs more than itself, as names of layers, every prefix must be refused.</summary>
    public static string? Problem(FileFormat format, byte[] sample)
    {
        byte[]? whole = Fingerprint(format, sample);
        for (int length = 0; length < sample.Length; length++)
        {
            byte[] prefix = sample[..length];
            Verdict verdict = Verdict.Of(format, prefix);
            if (verdict.Harm != null)
                return $"the first {length} of {sample.Length} bytes: {verdict.Harm}";
            if (!verdict.Accepted)
                continue;
            if (whole == null || !Fingerprint(format, prefix).AsSpan().SequenceEqual(whole))
                return $"the first {length} of {sample.Length} bytes are another model";
        }
        return null;
    }

    /// <summary>Of what is in a file; null where it is refused.</summary>
    private static byte[]? Fingerprint(FileFormat format, byte[] file)
    {
        if (!Verdict.Of(format, file).Accepted)
            return null;
        object content = format.Read(file);
        byte[] fingerprint = format.Fingerprint(content);
        (content as IDisposable)?.Dispose();
        return fingerprint;
    }
}
