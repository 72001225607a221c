using FastRnn.Numerics;
using Xunit;

namespace FastRnn.Tests.Reduced;

public class BFloat16Tests
{
    /// <summary>Every bfloat16 widens and comes back; between two neighbours the nearer one is taken, in the middle the even one.</summary>
    [Fact]
    public void RoundsToTheNearestAndTiesToEven()
    {
        for (int upper = 0; upper < 0x7F80; upper++)
        {
            ushort low = (ushort)upper, high = (ushort)(upper + 1);
            double below = BFloat16.Widen(low), above = upper == 0x7F7F ? Math.Pow(2, 128) : BFloat16.Widen(high);
            foreach (uint lower in (uint[])[0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
            {
                float x = BitConverter.UInt32BitsToSingle(((uint)upper << 16) | lower);
                double down = x - below, up = above - x;
                ushort expected = down < up || (down == up && upper % 2 == 0) ? low : high;
                Assert.Equal(expected, BFloat16.Round(x));
                Assert.Equal(expected | 0x8000, BFloat16.Round(-x));
            }
        }
    }

    [Fact]
    public void SpecialValuesStayWhatTheyAre()
    {
        Assert.Equal(float.PositiveInfinity, BFloat16.Nearest(float.MaxValue));
        Assert.Equal(float.PositiveInfinity, BFloat16.Nearest(float.PositiveInfinity));
        Assert.Equal(float.NegativeInfinity, BFloat16.Nearest(float.NegativeInfinity));
        Assert.Equal(BitConverter.SingleToInt32Bits(-0f), BitConverter.SingleToInt32Bits(BFloat16.Nearest(-0f)));
        foreach (uint nan in (uint[])[0x7F800001, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF, 0x7FC00000])
            Assert.True(float.IsNaN(BFloat16.Nearest(BitConverter.UInt32BitsToSingle(nan))), $"{nan:X8}");
    }
}
