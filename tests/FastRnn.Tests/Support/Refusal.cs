using FastRnn.Formats;
using FastRnn.Memory;
using FastRnn.Mutations.Runs;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>Files that are refused, and how much that may take.</summary>
internal static class Refusal
{
    private const int Tries = 7;

    /// <summary>100 ms on a machine that does nothing else; neighbours in caches and memory cost up to three times that.</summary>
    private static readonly TimeSpan _longest = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// A small file that asks for much: refused before anything of the size is allocated. The best of some tries counts: the first ones run code that is not compiled well yet, and
    /// what a reader needs it needs every time.
    /// </summary>
    public static ModelFormatException AtOnce(Action read, long mostBytes = Verdict.MostBytes)
    {
        ModelFormatException refusal = null!;
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < Tries && best > _longest; i++)
        {
            long bytes = GC.GetAllocatedBytesForCurrentThread() + BlockBytes.Asked;
            TimeSpan start = ThreadClock.Now;
            Exception? error = Record.Exception(read);
            TimeSpan time = ThreadClock.Now - start;
            bytes = GC.GetAllocatedBytesForCurrentThread() + BlockBytes.Asked - bytes;
            refusal = error as ModelFormatException ?? throw new InvalidOperationException($"not refused: {error?.ToString() ?? "accepted"}");
            Assert.True(bytes <= mostBytes, $"{bytes} bytes");
            best = time < best ? time : best;
        }
        Assert.True(best <= _longest, $"{best.TotalMilliseconds} ms");
        return refusal;
    }
}
