using FastRnn.Formats;
using FastRnn.Memory;
using FastRnn.Mutations.Formats;
using FastRnn.Mutations.Runs;
using Xunit;

namespace FastRnn.Tests.Mutations;

/// <summary>Small files that ask for much: refused before anything of the size is allocated.</summary>
public sealed class BombTests
{
    private const int Tries = 7;

    /// <summary>The best of some tries: the first ones run code that is not compiled well yet, and what a reader needs it needs every time. It is 100 ms on a
    /// machine that does nothing else; neighbours in caches and memory cost up to three times that.</summary>
    private static readonly TimeSpan _longest = TimeSpan.FromMilliseconds(300);

    public static TheoryData<string, string> Bombs()
    {
        var bombs = new TheoryData<string, string>();
        foreach (FileFormat format in FileFormats.All())
        {
            foreach ((string name, _) in format.Bombs())
                bombs.Add(format.Name, name);
        }
        return bombs;
    }

    [Theory]
    [MemberData(nameof(Bombs))]
    public void Bomb_is_refused_quickly_and_modestly(string format, string bomb)
    {
        FileFormat reader = FileFormats.Find(format);
        reader.HasDefaultLimits = true;
        byte[] file = reader.Bombs().First(other => other.Name == bomb).File;
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < Tries && best > _longest; i++)
        {
            long bytes = GC.GetAllocatedBytesForCurrentThread() + BlockBytes.Asked;
            TimeSpan start = ThreadClock.Now;
            Exception? error = Record.Exception(() => reader.Read(file));
            TimeSpan time = ThreadClock.Now - start;
            bytes = GC.GetAllocatedBytesForCurrentThread() + BlockBytes.Asked - bytes;
            Assert.True(error is ModelFormatException, $"{error?.ToString() ?? "accepted"}");
            Assert.True(bytes <= Verdict.MostBytes, $"{bytes} bytes");
            best = time < best ? time : best;
        }
        Assert.True(best <= _longest, $"{best.TotalMilliseconds} ms");
    }

    /// <summary>Every format names its own, so that none is forgotten.</summary>
    [Fact]
    public void Every_format_has_bombs() => Assert.All(FileFormats.All(), format => Assert.True(format.Bombs().Count() >= 5, format.Name));
}
