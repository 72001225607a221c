using FastRnn.Kernels;
using FastRnn.Numerics;
using Xunit;

namespace FastRnn.Tests.Ground;

public class IsaTests
{
    [Fact]
    public void EveryLevelUpToTheWidestCanBeForced()
    {
        Assert.Equal(Isa.Widest, Isa.Parse(null));
        Assert.Equal(Isa.Widest, Isa.Parse(""));
        foreach (IsaLevel level in Enum.GetValues<IsaLevel>())
        {
            if (level <= Isa.Widest)
            {
                Assert.Equal(level, Isa.Parse(Isa.Name(level)));
                Assert.Equal(level, Isa.Parse(Isa.Name(level).ToUpperInvariant()));
                Assert.Equal(level, KernelTable.For(level).Isa);
                continue;
            }
            Assert.Contains(Isa.Name(Isa.Widest), Assert.Throws<PlatformNotSupportedException>(() => Isa.Parse(Isa.Name(level))).Message, StringComparison.Ordinal);
            Assert.Throws<PlatformNotSupportedException>(() => KernelTable.For(level));
        }
    }

    [Theory]
    [InlineData("sse")]
    [InlineData("avx2 ")]
    public void UnknownLevelIsAnErrorThatListsTheKnown(string forced)
    {
        var error = Assert.Throws<PlatformNotSupportedException>(() => Isa.Parse(forced));
        Assert.Contains($"{Isa.EnvironmentVariable}={forced}: expected scalar, avx2 or avx512", error.Message, StringComparison.Ordinal);
    }
}
