using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>The one place that says which Philox words make a dropout mask; see <see cref="DropoutMask"/>.</summary>
internal static class DropoutDraw
{
    /// <summary>Draws for elements 4·quad … 4·quad+3 of sample b at window step t; keep an element whose draw is ≥ the rate.</summary>
    public static (float U0, float U1, float U2, float U3) Quad(in DropoutMask mask, int t, int b, int quad)
    {
        ulong time = (ulong)(mask.Time + t);
        var (x0, x1, x2, x3) = Philox.Draw(
            (uint)quad | ((uint)mask.Layer << 24), (uint)b, (uint)time, (uint)(time >> 32), mask.Seed);
        return (Philox.ToUnit(x0), Philox.ToUnit(x1), Philox.ToUnit(x2), Philox.ToUnit(x3));
    }
}
