using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// Weights in bfloat16, two k's in a lane: the even one in the lower half, the odd one, whose own place the upper half is, there. One shift or one mask
/// makes a float32 of either, exactly. Where 512-bit operations have two ports, a line of 32 weights takes two clocks for two products and as many
/// shifts and masks: a step reads bfloat16 from L2 at 87–97 GB/s, float32 at 150–178, so that half the bytes pay where they fit a cache that
/// float32 does not (LSTM 256: 10.8 µs, float32 13.5 µs) or come from beyond L2 (LSTM 512: 99 µs, float32 236 µs).
/// </summary>
internal readonly unsafe struct BFloat16Weights : IWeightFormat
{
    public static int Share => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V MultiplyAdd<L, V>(float* b, nint step, int k, V x, V acc)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V pair = L.Load(b + ((k >> 1) * step));
        V weight = (k & 1) == 0 ? L.ShiftLeft(pair, 16) : L.And(pair, L.Broadcast(BitConverter.UInt32BitsToSingle(0xFFFF0000)));
        return L.MultiplyAdd(x, weight, acc);
    }

    /// <summary>Rows of a panel that hold so many k's.</summary>
    public static nint Rows(nint depth) => (depth + 1) / 2;

    /// <summary>Rounds a packed panel's rows and lays each two of them together; the last odd row stands alone. Returns the end of what was written.</summary>
    public static float* Pack(float* rows, nint depth, nint width, float* to)
    {
        for (nint k = 0; k < depth; k += 2, rows += 2 * width, to += width)
        {
            for (nint column = 0; column < width; column++)
            {
                uint even = BFloat16.Round(rows[column]), odd = k + 1 < depth ? BFloat16.Round(rows[width + column]) : 0u;
                ((uint*)to)[column] = (odd << 16) | even;
            }
        }
        return to;
    }
}
