using System.Runtime.CompilerServices;

namespace FastRnn.Numerics;

internal static partial class VectorMath
{
    /// <summary>The least float whose tanh rounds to 1.</summary>
    private const float TanhLimit = 9.01091385f;

    /// <summary>|x|·0.775 + ½ passes from one of ¾, 1, 1½, 2, 3, 4, 6 to the next where |x| passes from one span to the next.</summary>
    private const float SpanScale = 0.774999976f, SpanStart = 0.5f;

    /// <summary>
    /// tanh |x| = c₀ + r·(c₁ + r·(c₂ + … + r·c₆)), r = |x| − m, with m and c of the span that |x| lies in: eight spans up to where the result is 1, each
    /// with its minimax polynomial (Remez 1934), m such that c₀ is nearly tanh m itself. In the first span m = c₀ = 0, so that small results are as exact
    /// as large ones. The sign is put back as a bit: odd to the bit, ±0 and ±1 exact; ≤ <see cref="TanhUlps"/> ulp (worst of all floats: 2.09); NaN
    /// stays NaN. Neighbours fall by 1 ulp at most.
    /// No division: a step of a small cell waits for tanh c alone. Clocks for 16 floats: 14.7 where one with a division took 16.0; steps 0.92 to 0.97 times as
    /// long. Rejected: E/(E + 1) with E = (e^{2|x|} − 1)/2, whose chain is longer by the division: 2.83 ulp; one rational function x·P(x²)/Q(x²): 4.5 ulp;
    /// the constant added last to c₁·r, not to r·(c₁ + …): 2.40 ulp; degree 5, which wants sixteen spans: two lookups and a choice where a register has eight lanes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V magnitude = Magnitude<L, V>(x);
        return TanhOfMagnitude<L, V>(x, magnitude, NormalOrZero<L, V>(magnitude));
    }

    /// <summary><see cref="Tanh{L,V}"/>, but that a subnormal x is its own result: for what is flushed later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V TanhOfAny<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V magnitude = Magnitude<L, V>(x);
        return TanhOfMagnitude<L, V>(x, magnitude, magnitude);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Magnitude<L, V>(V x)
        where L : struct, ILanes<V>
        where V : unmanaged => L.And(x, L.Broadcast(BitConverter.Int32BitsToSingle(0x7FFFFFFF)));

    /// <summary>|x|, or 0 where it is subnormal: what <see cref="TanhReduce{L,V}"/> takes for a tanh of 0 there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V NormalOrZero<L, V>(V magnitude)
        where L : struct, ILanes<V>
        where V : unmanaged => L.SelectLess(magnitude, L.Broadcast(SmallestNormal), L.Broadcast(0f), magnitude);

    /// <summary>
    /// The span of |x| and r: the first part of <see cref="Tanh{L,V}"/>, apart so that a kernel can let several of them go side by side.
    /// <paramref name="small"/> is |x|, or 0 for a result of 0 where |x| is tiny.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TanhReduce<L, V>(V magnitude, V small, out V span, out V r)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V limit = L.Broadcast(TanhLimit);
        // The half octave of a number between ½ and 8 by its bits. A NaN goes on in r, which is needed later and so can wait for the slower minimum.
        V t = L.MultiplyAdd(L.MinInt32(magnitude, limit), L.Broadcast(SpanScale), L.Broadcast(SpanStart));
        span = L.ShiftRightLogical(t, 22);
        V middle = L.Lookup(span, 2.58018851f, 3.87113905f, 5.80700684f, 8.05670357f, 0f, 0.48390308f, 0.967811167f, 1.61254537f);
        r = L.Subtract(L.Min(limit, small), middle);
    }

    /// <summary>tanh |x|, the sum by pairs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V TanhPolynomial<L, V>(V span, V r)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V c0 = L.Lookup(span, 0.988586426f, 0.999132216f, 0.99998194f, 0.999999821f, 0f, 0.449364007f, 0.747740865f, 0.923535287f);
        V c1 = L.Lookup(span, 0.022697458f, 0.00173499016f, 3.64291336e-05f, 4.02352441e-07f, 1f, 0.79807204f, 0.440884203f, 0.147082195f);
        V c2 = L.Lookup(span, -0.0224370435f, -0.00173345907f, -3.64004045e-05f, -4.02338571e-07f, -4.92970548e-06f, -0.358624995f, -0.329671115f, -0.135835364f);
        V c3 = L.Lookup(span, 0.0146040125f, 0.00115027581f, 2.2800059e-05f, 2.63833329e-07f, -0.333150178f, -0.104886763f, 0.0994992629f, 0.0764504224f);
        V c4 = L.Lookup(span, -0.00697759632f, -0.000573329977f, -1.14438171e-05f, -1.31930349e-07f, -0.00250305398f, 0.166680604f, 0.0356180184f, -0.0253207199f);
        V c5 = L.Lookup(span, 0.00258441106f, 0.00024385225f, 6.32433648e-06f, 6.23190033e-08f, 0.148977086f, -0.0209746901f, -0.0490438379f, 0.000609542534f);
        V c6 = L.Lookup(span, -0.000645383378f, -7.97508183e-05f, -2.08971346e-06f, -2.07821778e-08f, -0.0461473987f, -0.0535981618f, 0.0161829721f, 0.00460431818f);
        V square = L.Multiply(r, r);
        V p = L.MultiplyAdd(L.MultiplyAdd(c6, r, c5), square, L.MultiplyAdd(c4, r, c3));
        return L.MultiplyAdd(L.MultiplyAdd(p, square, L.MultiplyAdd(c2, r, c1)), r, c0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V TanhOfMagnitude<L, V>(V x, V magnitude, V small)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        TanhReduce<L, V>(magnitude, small, out V span, out V r);
        return L.Or(TanhPolynomial<L, V>(span, r), L.Xor(x, magnitude));
    }
}
