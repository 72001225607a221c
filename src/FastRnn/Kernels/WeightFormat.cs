using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// How a panel that is read for one row at a time stores its weights: <see cref="Share"/> neighbouring k's share a 32-bit lane, so that one row of
/// the panel holds that many k's. A format only says what the weights of a k are; the chain stays float32, and the order of k as it is.
/// </summary>
internal unsafe interface IWeightFormat
{
    /// <summary>Neighbouring k's in one lane: 1, 2 or 4. A constant for the compiler.</summary>
    static abstract int Share { get; }

    /// <summary>One link of a chain, acc + x·w rounded once, with the register of weights of <paramref name="k"/>.</summary>
    /// <param name="b">The register's weights of k = 0; k = 4 in the next group of four.</param>
    /// <param name="step">Floats from row to row.</param>
    /// <param name="k">0, 1, 2 or 3: a constant in the loop over groups of four.</param>
    /// <param name="x">The row's number k in every lane.</param>
    /// <param name="acc">The chain so far.</param>
    static abstract V MultiplyAdd<L, V>(float* b, nint step, int k, V x, V acc)
        where L : struct, ILanes<V>
        where V : unmanaged;
}

/// <summary>Weights as they are trained.</summary>
internal readonly unsafe struct Float32Weights : IWeightFormat
{
    public static int Share => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V MultiplyAdd<L, V>(float* b, nint step, int k, V x, V acc)
        where L : struct, ILanes<V>
        where V : unmanaged => L.MultiplyAdd(x, L.Load(b + (k * step)), acc);
}
