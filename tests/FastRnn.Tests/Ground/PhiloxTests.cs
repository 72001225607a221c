using FastRnn.Numerics;
using Xunit;

namespace FastRnn.Tests.Ground;

/// <summary>The random numbers: known answers of Random123 (Salmon, Moraes, Dror, Shaw 2011), and what the streams promise.</summary>
public class PhiloxTests
{
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0ul, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(~0u, ~0u, ~0u, ~0u, ~0ul, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0x299f31d0a4093822ul, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void KnownAnswers(uint c0, uint c1, uint c2, uint c3, ulong key, uint x0, uint x1, uint x2, uint x3) =>
        Assert.Equal((x0, x1, x2, x3), Philox.Draw(c0, c1, c2, c3, key));

    [Fact]
    public void StreamGoesOnFromAnyPosition()
    {
        var whole = new PhiloxStream(5, 9);
        uint[] words = [.. Enumerable.Range(0, 40).Select(_ => whole.NextWord())];
        for (int start = 0; start < words.Length; start++)
        {
            var part = new PhiloxStream(5, 9, (ulong)start);
            Assert.Equal(words[start], part.NextWord());
            Assert.Equal((ulong)start + 1, part.Position);
        }
        Assert.NotEqual(words[0], new PhiloxStream(6, 9).NextWord());
        Assert.NotEqual(words[0], new PhiloxStream(5, 10).NextWord());
    }

    [Fact]
    public void UnitNumbersAreBelowOne()
    {
        Assert.Equal(0f, Philox.ToUnit(0));
        Assert.Equal(1 - MathF.ScaleB(1, -24), Philox.ToUnit(uint.MaxValue));
    }

    /// <summary>Moments of 100,000 draws within five standard errors; the seed is fixed, so this fails always or never.</summary>
    [Fact]
    public void UniformAndNormalNumbersHaveTheirMoments()
    {
        const int count = 100_000;
        var random = new PhiloxStream(1, 2);
        double[] uniform = [.. Enumerable.Range(0, count).Select(_ => random.NextDouble())];
        double[] normal = [.. Enumerable.Range(0, count).Select(_ => random.NextGaussian())];
        double error = 5 / Math.Sqrt(count);
        Assert.All(uniform, u => Assert.InRange(u, 0, 1 - double.Epsilon));
        Assert.InRange(uniform.Average(), 0.5 - (0.29 * error), 0.5 + (0.29 * error));
        Assert.InRange(normal.Average(), -error, error);
        Assert.InRange(normal.Average(x => x * x), 1 - (1.42 * error), 1 + (1.42 * error));
        Assert.InRange(normal.Average(x => x * x * x * x), 3 - (9.8 * error), 3 + (9.8 * error));
    }
}
