using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>Comparison of bits, not of values: −0 differs from +0, and a NaN equals itself.</summary>
internal static class Bits
{
    public static void Same(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.True(expected.Length == actual.Length, $"{what}: {expected.Length} values expected, {actual.Length} found");
        int differing = 0, first = -1;
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]))
                continue;
            first = first < 0 ? i : first;
            differing++;
        }
        if (differing > 0)
            Assert.Fail($"{what}: {differing} of {expected.Length} differ, first at {first}: expected {expected[first]:R}, actual {actual[first]:R}");
    }
}
