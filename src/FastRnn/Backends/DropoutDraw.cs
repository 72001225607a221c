using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>What a mask is drawn for: uses of one layer at one time never share a draw.</summary>
internal enum DropoutUse : byte
{
    /// <summary>The values that a dropout layer passes on.</summary>
    Values = 0,

    /// <summary>The recurrent weights of a layer; rows of the matrix stand for samples.</summary>
    RecurrentWeights = 1,

    /// <summary>h_{t−1} on its way to R.</summary>
    RecurrentInput = 2,

    /// <summary>h that stays what it was.</summary>
    Zoneout = 3,

    /// <summary>c that stays what it was.</summary>
    CellZoneout = 4,
}

/// <summary>
/// Names one dropout mask: element (t, b, f) is kept when its draw, see <see cref="DropoutDraw"/>, lies at or above the rate. The mask
/// depends on nothing else: not on threads, back ends or instruction sets.
/// </summary>
/// <param name="Rate">Probability of a zero.</param>
/// <param name="Seed">The model's.</param>
/// <param name="Layer">Place of the layer in the model.</param>
/// <param name="Time">Of the window's first step.</param>
/// <param name="Use">What it is drawn for.</param>
/// <param name="PerSample">
/// One mask a sample for all steps of the window: drawn at the time of its first. Otherwise a step's mask is the same in whichever window
/// the step stands.
/// </param>
/// <param name="Reverse">Of the layer that reads backwards, in a pair.</param>
internal readonly record struct DropoutMask(
    float Rate, ulong Seed, int Layer, long Time, DropoutUse Use = DropoutUse.Values, bool PerSample = false, bool Reverse = false);

/// <summary>
/// The one place that says which Philox words make a mask. The key is the seed; of the counter's four words
/// <code>
/// 0   unit/4 | layer·2²⁴
/// 1   sample
/// 2   time, low 32 bits
/// 3   time, next 24 bits | use·2²⁴ | reverse·2³¹
/// </code>
/// and the four words of the answer belong to four neighbouring units. First weights are drawn under the same key with words 1 and 3 zero
/// and a plain count in word 0: they could meet the values' masks, whose word 0 starts at layer·2²⁴, only past 2²⁶ weights of one parameter.
/// </summary>
internal static class DropoutDraw
{
    /// <summary>Draws for units 4·quad … 4·quad+3 of sample b at window step t; keep an element whose draw is ≥ the rate.</summary>
    public static (float U0, float U1, float U2, float U3) Quad(in DropoutMask mask, int t, int b, int quad)
    {
        long time = Time(mask, t);
        var (x0, x1, x2, x3) = Philox.Draw((uint)quad | Word0(mask), (uint)b, (uint)time, Word3(mask, time), mask.Seed);
        return (Philox.ToUnit(x0), Philox.ToUnit(x1), Philox.ToUnit(x2), Philox.ToUnit(x3));
    }

    /// <summary>The same draws for <see cref="Masks.Draw"/>, which writes <paramref name="kept"/> or 0; <see cref="Enter"/> chooses the row.</summary>
    public static MaskArgs Args(in DropoutMask mask, float kept) => new(mask.Seed, mask.Rate, kept) { Word0 = Word0(mask) };

    /// <summary>From here on the draws are those of sample b at window step t.</summary>
    public static void Enter(in DropoutMask mask, int t, int b, ref MaskArgs args)
    {
        long time = Time(mask, t);
        (args.Word1, args.Word2, args.Word3) = ((uint)b, (uint)time, Word3(mask, time));
    }

    private static long Time(in DropoutMask mask, int t) => mask.PerSample ? mask.Time : mask.Time + t;

    private static uint Word0(in DropoutMask mask) => (uint)mask.Layer << 24;

    private static uint Word3(in DropoutMask mask, long time) => ((uint)(time >> 32) & 0xFF_FFFFu) | TopByte(mask);

    /// <summary>What word 3 says beside the time.</summary>
    public static uint TopByte(in DropoutMask mask) => ((uint)mask.Use | (mask.Reverse ? 0x80u : 0u)) << 24;
}
