using FastRnn.Formats;
using FastRnn.Memory;
using FastRnn.Mutations.Formats;

namespace FastRnn.Mutations.Runs;

/// <summary>What became of one file.</summary>
/// <param name="Accepted">It was read.</param>
/// <param name="Refusal">Why not, where it was not.</param>
/// <param name="Harm">What it did that no file may; null for nothing.</param>
/// <param name="Time">That reading and using it computed.</param>
/// <param name="Bytes">Managed and native bytes that reading it asked for in all, more than it ever held at once.</param>
internal readonly record struct Verdict(bool Accepted, Exception? Refusal, string? Harm, TimeSpan Time, long Bytes)
{
    /// <summary>Of a refused file.</summary>
    public const long MostBytes = 64L << 20;

    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    private const int LongestMessage = 1_000;

    /// <summary>Reads a file and uses what it holds.</summary>
    public static Verdict Of(FileFormat format, byte[] file)
    {
        long bytes = GC.GetAllocatedBytesForCurrentThread() + BlockBytes.Asked;
        TimeSpan start = ThreadClock.Now;
        object? content = null;
        Exception? refusal = null;
        try
        {
            content = format.Read(file);
        }
        catch (Exception e)
        {
            refusal = e;
        }
        bytes = GC.GetAllocatedBytesForCurrentThread() + BlockBytes.Asked - bytes;
        string? harm = refusal != null ? Wrong(refusal, bytes) : Use(format, content!);
        TimeSpan time = ThreadClock.Now - start;
        (content as IDisposable)?.Dispose();
        return new(refusal == null, refusal, harm ?? (time > Longest ? $"took {time.TotalSeconds:0.0} s" : null), time, bytes);
    }

    /// <summary>The one exception that loaders may throw here: nobody cancels, and a file in memory can always be read.</summary>
    private static string? Wrong(Exception refusal, long bytes)
    {
        if (refusal is not ModelFormatException)
            return $"threw {refusal}";
        if (refusal.Message.Length > LongestMessage || refusal.Message.AsSpan().IndexOfAnyInRange('\0', '\u001f') >= 0)
            return $"a message of {refusal.Message.Length} characters, or of several lines: {refusal.Message[..Math.Min(300, refusal.Message.Length)]}";
        return bytes > MostBytes ? $"asked for {bytes >> 20} MB before it was refused: {refusal.Message}" : null;
    }

    private static string? Use(FileFormat format, object content)
    {
        try
        {
            format.Use(content);
            return null;
        }
        catch (Exception e)
        {
            return $"was accepted, then threw {e}";
        }
    }
}
