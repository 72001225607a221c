using System.Security.Cryptography;
using FastRnn.Runner;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>Checksums of data are those that others compute.</summary>
public sealed class Sha256Tests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(55)]
    [InlineData(56)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(119)]
    [InlineData(120)]
    [InlineData(100_003)]
    public void Equals_the_frameworks_in_one_piece_and_in_many(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        string expected = Convert.ToHexStringLower(SHA256.HashData(bytes));
        Assert.Equal(expected, Sha256.Hex(bytes));
        var pieces = new Sha256();
        for (int at = 0, size = 0; at < length; at += size)
        {
            size = Math.Min(length - at, (size * 3) + 1);
            pieces.Add(bytes.AsSpan(at, size));
        }
        Assert.Equal(expected, pieces.Finish());
    }
}
