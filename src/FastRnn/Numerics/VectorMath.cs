using System.Runtime.CompilerServices;

namespace FastRnn.Numerics;

/// <summary>
/// exp, sigmoid, tanh and log over lanes. Each is one sequence of IEEE operations and choices by lane, so the bits are the same at every width.
/// A bound in ulps holds wherever the result is normal; results below 2⁻¹²⁶ become zero. The constants here are the bounds the tests assert.
/// Method, but for tanh: reduction by multiples of ln 2 (Cody, Waite 1980) and a polynomial interpolated at Chebyshev nodes of the reduced interval.
/// </summary>
internal static partial class VectorMath
{
    /// <summary>Bound of <see cref="Exp{L,V}"/>.</summary>
    public const double ExpUlps = 2;

    /// <summary>Bound of <see cref="ExpMinus1{L,V}"/>.</summary>
    public const double ExpMinus1Ulps = 2;

    /// <summary>Bound of <see cref="Sigmoid{L,V}"/>.</summary>
    public const double SigmoidUlps = 2;

    /// <summary>Bound of <see cref="Tanh{L,V}"/>.</summary>
    public const double TanhUlps = 3;

    /// <summary>Bound of <see cref="Log{L,V}"/>.</summary>
    public const double LogUlps = 2;

    private const float SmallestNormal = 1.17549435e-38f;

    /// <summary>
    /// 1.5·2²³ + 127: a number is rounded to an integer n by adding it, and then the low bits, shifted to the exponent's place, are 2ⁿ; n = 128 gives +∞.
    /// </summary>
    private const float ShiftedRounding = 12582912f + 127f;

    /// <summary>ln 2⁻¹²⁶: below it the sigmoid is 0.</summary>
    private const float SigmoidLimit = -87.3365447f;

    /// <summary>Coefficients of r³ … r⁶ in eʳ.</summary>
    private const float Exp3 = 0.16666576666119928f, Exp4 = 0.04166655421298415f, Exp5 = 0.008363232883682618f, Exp6 = 0.0013926250831497611f;
    private const float LogOf2High = 0.693145752f, LogOf2Low = 1.42860677e-6f, Log2OfE = 1.44269502f;

    /// <summary>eˣ; ≤ <see cref="ExpUlps"/> ulp (worst of all floats: 1.08). +∞ above 88.72, 0 below −87.34; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        x = L.Max(L.Broadcast(-104f), L.Min(L.Broadcast(89f), x)); // in this order of operands a NaN passes through both
        V n = L.Round(L.Multiply(x, L.Broadcast(Log2OfE)));
        V p = L.Add(L.Broadcast(1f), ReducedExpMinus1<L, V>(Reduce<L, V>(x, n)));
        // 2ⁿ in two factors: n reaches 128, where the result overflows, and −150, where it vanishes.
        V bits = L.ToInt32Bits(n), half = L.ShiftRightArithmetic(bits, 1);
        V result = L.Multiply(L.Multiply(p, PowerOf2<L, V>(half)), PowerOf2<L, V>(L.SubtractInt32(bits, half)));
        return L.SelectLess(result, L.Broadcast(SmallestNormal), L.Broadcast(0f), result);
    }

    /// <summary>eˣ − 1 for x ≤ 0 without cancellation; ≤ <see cref="ExpMinus1Ulps"/> ulp, and a subnormal x is its own result; NaN stays NaN. A positive x counts as 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ExpMinus1<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V y = L.Max(L.Broadcast(-30f), L.Min(L.Broadcast(0f), x)); // below −17.4 the result rounds to −1
        V n = L.Round(L.Multiply(y, L.Broadcast(Log2OfE)));
        V scale = PowerOf2<L, V>(L.ToInt32Bits(n));
        return L.MultiplyAdd(ReducedExpMinus1<L, V>(Reduce<L, V>(y, n)), scale, L.Subtract(scale, L.Broadcast(1f)));
    }

    /// <summary>
    /// 1/(1 + e⁻ˣ); ≤ <see cref="SigmoidUlps"/> ulp (worst of all floats: 1.9991). σ(+∞) = 1, σ(−∞) = 0; NaN stays NaN.
    /// A step of a small cell waits for this chain, so it is short: n and 2ⁿ come from the bits of one fused multiply-add, the polynomial is
    /// evaluated by pairs, and underflow is decided before the sum, not after the division.
    /// Rejected: 2ⁿ⁄⁸ from a table of eight and a cubic, four clocks shorter, but 2.5 ulp, because 1 + 2ⁿ⁄⁸ is not exact; an integer minimum of x and a zero
    /// put in after the division, 1.04 times the clocks of a batch and no shorter step.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        SigmoidReduce<L, V>(x, out V scale, out V r);
        return SigmoidResult<L, V>(scale, SigmoidPolynomial<L, V>(r));
    }

    /// <summary>
    /// −x = n·ln 2 − r and 2ⁿ: the first third of <see cref="Sigmoid{L,V}"/>, in three so that a kernel can let several of them go side by side. A CPU looks
    /// a hundred operations ahead, which is less than the chains that a cell has ready.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SigmoidReduce<L, V>(V x, out V scale, out V r)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        // Above 80 the result is 1. Below ln 2⁻¹²⁶ it is 0: at −88.75, n = 128, whose bits as a power of two are those of +∞.
        V y = L.SelectLess(x, L.Broadcast(SigmoidLimit), L.Broadcast(-88.75f), L.Min(L.Broadcast(80f), x));
        V t = L.NegatedMultiplyAdd(y, L.Broadcast(Log2OfE), L.Broadcast(ShiftedRounding));
        V n = L.Subtract(t, L.Broadcast(ShiftedRounding));
        scale = L.ShiftLeft(t, 23);
        r = L.MultiplyAdd(n, L.Broadcast(LogOf2Low), L.MultiplyAdd(n, L.Broadcast(LogOf2High), y));
    }

    /// <summary>1 − e⁻ʳ = (r − r²·(½ − c₁r)) − r⁴·(c₂ − c₃r + c₄r²)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V SigmoidPolynomial<L, V>(V r)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V square = L.Multiply(r, r);
        V p = L.NegatedMultiplyAdd(L.Broadcast(Exp3), r, L.Broadcast(0.5f));
        V q = L.MultiplyAdd(L.Broadcast(Exp6), square, L.NegatedMultiplyAdd(L.Broadcast(Exp5), r, L.Broadcast(Exp4)));
        return L.NegatedMultiplyAdd(L.Multiply(square, square), q, L.NegatedMultiplyAdd(square, p, r));
    }

    /// <summary>
    /// 1/(1 + 2ⁿ(1 − p)) with the sum as (1 − 2ⁿ·p) + 2ⁿ: rounding the smaller part first keeps the bound, which 2ⁿ·(1 − p) + 1 misses (2.3 ulp near −16.6).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V SigmoidResult<L, V>(V scale, V p)
        where L : struct, ILanes<V>
        where V : unmanaged =>
        L.Divide(L.Broadcast(1f), L.Add(scale, L.NegatedMultiplyAdd(scale, p, L.Broadcast(1f))));

    /// <summary>ln x; ≤ <see cref="LogUlps"/> ulp. ln 0 = −∞, ln +∞ = +∞, NaN for x &lt; 0 and NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V one = L.Broadcast(1f), smallest = L.Broadcast(SmallestNormal);
        V scaled = L.SelectLess(x, smallest, L.Multiply(x, L.Broadcast(1 << 24)), x); // subnormal numbers get a full mantissa
        V shift = L.SelectLess(x, smallest, L.Broadcast(-24f), L.Broadcast(0f));
        // x = 2ᵉ·m with m in [√½, √2): the exponent is counted from √½, whose bits are 0x3F3504F3.
        V root = L.Broadcast(BitConverter.Int32BitsToSingle(0x3F3504F3));
        V exponentBits = L.ShiftRightArithmetic(L.SubtractInt32(scaled, root), 23);
        V exponent = L.Add(L.FromInt32Bits(exponentBits), shift);
        V f = L.Subtract(L.SubtractInt32(scaled, L.ShiftLeft(exponentBits, 23)), one);
        V p = L.Broadcast(0.06971611471451172f);
        p = L.MultiplyAdd(p, f, L.Broadcast(-0.11479733846637633f));
        p = L.MultiplyAdd(p, f, L.Broadcast(0.1168541992348674f));
        p = L.MultiplyAdd(p, f, L.Broadcast(-0.12425687331451106f));
        p = L.MultiplyAdd(p, f, L.Broadcast(0.1424905764569748f));
        p = L.MultiplyAdd(p, f, L.Broadcast(-0.16667802319501254f));
        p = L.MultiplyAdd(p, f, L.Broadcast(0.200007157488921f));
        p = L.MultiplyAdd(p, f, L.Broadcast(-0.24999996957950882f));
        p = L.MultiplyAdd(p, f, L.Broadcast(0.33333331180030046f));
        V square = L.Multiply(f, f);
        V tail = L.MultiplyAdd(L.Multiply(square, f), p, L.Multiply(exponent, L.Broadcast(LogOf2Low)));
        tail = L.NegatedMultiplyAdd(L.Broadcast(0.5f), square, tail);
        V result = L.MultiplyAdd(exponent, L.Broadcast(LogOf2High), L.Add(f, tail));
        result = L.SelectLess(L.Broadcast(float.MaxValue), x, x, result);
        result = L.SelectLess(x, L.Broadcast(float.Epsilon), L.Broadcast(float.NegativeInfinity), result);
        result = L.SelectLess(x, L.Broadcast(0f), L.Broadcast(float.NaN), result);
        // The comparisons above are false for NaN: add x, which is finite or positive infinite in every other lane that matters.
        return L.SelectLess(L.Broadcast(float.NegativeInfinity), x, result, L.Add(x, L.Broadcast(float.NaN)));
    }

    /// <summary>x − n·ln 2 in two steps; the first is exact, because the high part of ln 2 has 15 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Reduce<L, V>(V x, V n)
        where L : struct, ILanes<V>
        where V : unmanaged =>
        L.NegatedMultiplyAdd(n, L.Broadcast(LogOf2Low), L.NegatedMultiplyAdd(n, L.Broadcast(LogOf2High), x));

    /// <summary>eʳ − 1 = r + r²·q(r) for |r| ≤ ½ ln 2; the polynomial's own error is below 2⁻²⁷ of eʳ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ReducedExpMinus1<L, V>(V r)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V q = L.Broadcast(Exp6);
        q = L.MultiplyAdd(q, r, L.Broadcast(Exp5));
        q = L.MultiplyAdd(q, r, L.Broadcast(Exp4));
        q = L.MultiplyAdd(q, r, L.Broadcast(Exp3));
        q = L.MultiplyAdd(q, r, L.Broadcast(0.5f));
        return L.MultiplyAdd(L.Multiply(r, r), q, r);
    }

    /// <summary>2ⁿ from int32 bits n in [−126, 127].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V PowerOf2<L, V>(V n)
        where L : struct, ILanes<V>
        where V : unmanaged =>
        L.ShiftLeft(L.AddInt32(n, L.Broadcast(BitConverter.Int32BitsToSingle(127))), 23);
}
