using FastRnn.Mutations.Formats;

namespace FastRnn.Mutations.Runs;

/// <summary>Files that were not written to their end: refused, or whole although bytes are missing, which then is the very same content.</summary>
internal static class Prefix
{
    /// <summary>Reads every prefix of a good file; says which one is neither, or null.</summary>
    public static string? Problem(FileFormat format, byte[] sample)
    {
        object content = format.Read(sample);
        byte[] whole = format.Fingerprint(content);
        (content as IDisposable)?.Dispose();
        for (int length = 0; length < sample.Length; length++)
        {
            byte[] prefix = sample[..length];
            Verdict verdict = Verdict.Of(format, prefix);
            if (verdict.Harm != null)
                return $"the first {length} of {sample.Length} bytes: {verdict.Harm}";
            if (!verdict.Accepted)
                continue;
            object part = format.Read(prefix);
            if (!format.Fingerprint(part).AsSpan().SequenceEqual(whole))
                return $"the first {length} of {sample.Length} bytes are another model";
            (part as IDisposable)?.Dispose();
        }
        return null;
    }
}
