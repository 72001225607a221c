namespace FastRnn.Numerics;

/// <summary>
/// How vectors of float32 – a row of weights, or x and h at a step – become 8-bit integers with one scale: symmetric, so that 0 stays 0, and by the
/// vector's own greatest magnitude m:
/// <code>
/// scale s = m / 127      q_k = round(v_k · (127 / m)) in [−127, 127], ties to even; both quotients and the product rounded to float32
/// </code>
/// A vector with m &lt; 2⁻¹⁰⁰, below which states are zero too, has s = 0 and q = 0; one that holds an infinity or a NaN has s = NaN and q = 0, so
/// that whatever is computed from it is NaN. The error of an element is at most s/2, up to rounding. A product row is then
/// <code>
/// a = fma(fl(s_h · s_R), A_h, fma(fl(s_x · s_W), A_x, b))      A = Σ q_k · q'_k, exact in 32 bits, converted to float32 once
/// </code>
/// which no order of the sum changes: every instruction set gives the same bits. h has a scale of its own at every step, like x, also where it lies in
/// [−1, 1]: with a fixed 1/127 instead the largest difference of an output from float32 weights' was 7, 18 and 41 % larger (a character model of
/// two LSTM 256, names by an LSTM 128, speakers by a simple cell of 50 units), the losses the same to four digits.
/// </summary>
internal static class Int8Rounding
{
    /// <summary>Greatest |q|.</summary>
    public const int Limit = 127;

    /// <summary>Greatest K of a product: 127²·K stays below 2³¹, and so does 255·127·K, what unsigned bytes sum up to.</summary>
    public const int MostTerms = 65_536;

    /// <summary>m below it counts as 0: 2⁻¹⁰⁰.</summary>
    public const float Least = 7.888609e-31f;

    /// <summary>s for a greatest magnitude.</summary>
    public static float Scale(float magnitude) => magnitude < Least ? 0f : float.IsFinite(magnitude) ? magnitude / Limit : float.NaN;

    /// <summary>What v is multiplied with before it is rounded.</summary>
    public static float Inverse(float magnitude) => magnitude < Least || !float.IsFinite(magnitude) ? 0f : Limit / magnitude;

    /// <summary>q for one value: with an inverse of 0 it is 0, whatever the value.</summary>
    public static int Round(float value, float inverse) => inverse == 0f ? 0 : (int)MathF.Round(value * inverse, MidpointRounding.ToEven);
}
