using System.Diagnostics.CodeAnalysis;

namespace FastRnn.Numerics;

/// <summary>
/// The register operations a kernel may use. <typeparamref name="V"/> is the runtime's own register type
/// (<see cref="float"/>, <c>Vector256&lt;float&gt;</c>, <c>Vector512&lt;float&gt;</c>): wrapping it in a struct of ours costs 4–6 %.
/// Every operation is IEEE 754 and rounds once, so a kernel gives the same bits at every width as long as vectors run across
/// outputs and never across a sum. Reciprocal approximations are left out on purpose.
/// </summary>
internal unsafe interface ILanes<V>
    where V : unmanaged
{
    /// <summary>Floats in a register: 1, 8 or 16. A constant for the compiler.</summary>
    static abstract int Width { get; }

    /// <summary>Rows of a register tile that is four registers wide: 6 with 32 registers, 3 with 16.</summary>
    static abstract int TileRows { get; }

    static abstract V Load(float* p);

    static abstract void Store(float* p, V v);

    static abstract V Broadcast(float x);

    /// <summary>Four neighbours at p, each in all lanes of a register of its own: one load for the four.</summary>
    static abstract void BroadcastFour(float* p, out V x0, out V x1, out V x2, out V x3);

    static abstract V Add(V a, V b);

    static abstract V Subtract(V a, V b);

    static abstract V Multiply(V a, V b);

    static abstract V Divide(V a, V b);

    static abstract V Sqrt(V a);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>c − a·b, rounded once.</summary>
    static abstract V NegatedMultiplyAdd(V a, V b, V c);

    /// <summary>a &lt; b ? a : b – the second operand when either is NaN.</summary>
    static abstract V Min(V a, V b);

    /// <summary>a &gt; b ? a : b – the second operand when either is NaN.</summary>
    static abstract V Max(V a, V b);

    /// <summary>a &lt; b ? x : y, lane by lane; false when either is NaN.</summary>
    static abstract V SelectLess(V a, V b, V x, V y);

    /// <summary>Round to the nearest integer, ties to even.</summary>
    static abstract V Round(V a);

    static abstract V And(V a, V b);

    static abstract V Or(V a, V b);

    static abstract V Xor(V a, V b);

    /// <summary>Nearest integer (ties to even) as int32 bits; defined here only for |a| &lt; 2³¹.</summary>
    static abstract V ToInt32Bits(V a);

    /// <summary>The int32 in each lane's bits as a float.</summary>
    static abstract V FromInt32Bits(V a);

    /// <summary>int32 addition of the lanes' bits.</summary>
    static abstract V AddInt32(V a, V b);

    /// <summary>int32 subtraction a − b of the lanes' bits.</summary>
    static abstract V SubtractInt32(V a, V b);

    /// <summary>The smaller of the lanes' bits as int32: for two floats that are not negative their minimum, sooner than <see cref="Min"/>, and b for NaN.</summary>
    static abstract V MinInt32(V a, V b);

    /// <summary>Of eight constants the one that the lowest three of a lane's bits number.</summary>
    static abstract V Lookup(V index, float x0, float x1, float x2, float x3, float x4, float x5, float x6, float x7);

    /// <summary>Whether all lanes have the same bits.</summary>
    static abstract bool SameBits(V a, V b);

    static abstract V ShiftLeft(V a, [ConstantExpected] byte count);

    static abstract V ShiftRightArithmetic(V a, [ConstantExpected] byte count);

    static abstract V ShiftRightLogical(V a, [ConstantExpected] byte count);

    /// <summary>The unsigned 64-bit products of the lanes' 32-bit words: their high and low words.</summary>
    static abstract void MultiplyWords(V a, V b, out V high, out V low);

    /// <summary>first + k in lane i's bits, where k is the place that <see cref="StoreQuads"/> gives to lane i.</summary>
    static abstract V QuadIndex(int first);

    /// <summary>Stores what stands in the same lane of four registers as neighbours: 4·<see cref="Width"/> floats, quads in the order of <see cref="QuadIndex"/>.</summary>
    static abstract void StoreQuads(float* p, V x0, V x1, V x2, V x3);

    /// <summary>
    /// acc[i] += (double)x[i]·x[i] for i = 0…15, each a fused multiply-add in double: the sixteen virtual accumulators of a sum of squares.
    /// </summary>
    static abstract void AccumulateSquares(float* x, double* acc);

    /// <summary>Asks for the cache line at p to be brought to L2. Any address is allowed.</summary>
    static abstract void Prefetch(float* p);

    /// <summary>The same, to L1.</summary>
    static abstract void PrefetchNear(float* p);
}
