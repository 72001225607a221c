using System.Runtime.CompilerServices;

namespace FastRnn.Numerics;

/// <summary>
/// bfloat16: sign, 8 bits of exponent and 7 of fraction, the upper half of a float32. Rounding has a relative error of at most 2⁻⁸ wherever the result
/// is normal.
/// </summary>
internal static class BFloat16
{
    /// <summary>To nearest, ties to even; beyond the greatest number ±∞; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Round(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        if (float.IsNaN(x))
            return (ushort)((bits >> 16) | 0x40); // its payload may lie in the lower half only: kept quiet, it cannot become an infinity
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>The same number as a float32, exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Widen(ushort x) => BitConverter.UInt32BitsToSingle((uint)x << 16);

    /// <summary>The nearest float32 that is a bfloat16.</summary>
    public static float Nearest(float x) => Widen(Round(x));
}
