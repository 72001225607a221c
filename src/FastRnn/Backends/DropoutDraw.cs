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
    public static (float U0, float U1, float U2, float U3) Quad(in DropoutMask mask, int t, int b, int quad) =>
        At(mask, mask.PerSample ? mask.Time : mask.Time + t, b, quad);

    /// <summary>Draws for units 4·quad … 4·quad+3 of sample b that hold for all steps of the window.</summary>
    public static (float U0, float U1, float U2, float U3) SampleQuad(in DropoutMask mask, int b, int quad) => At(mask, mask.Time, b, quad);

    private static (float U0, float U1, float U2, float U3) At(in DropoutMask mask, long time, int b, int quad)
    {
        uint use = (uint)mask.Use | (mask.Reverse ? 0x80u : 0u);
        var (x0, x1, x2, x3) = Philox.Draw(
            (uint)quad | ((uint)mask.Layer << 24), (uint)b, (uint)time, ((uint)(time >> 32) & 0xFF_FFFFu) | (use << 24), mask.Seed);
        return (Philox.ToUnit(x0), Philox.ToUnit(x1), Philox.ToUnit(x2), Philox.ToUnit(x3));
    }
}
