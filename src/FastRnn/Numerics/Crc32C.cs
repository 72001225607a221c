using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace FastRnn.Numerics;

/// <summary>
/// CRC-32C (Castagnoli) of a stream of bytes; one hardware instruction per eight bytes. It finds every single flipped bit, every odd number
/// of them and every burst up to 32 bits. A cryptographic hash would find no more of what disks and networks do to files, and would make
/// an embedded engine depend on the system's OpenSSL.
/// </summary>
internal struct Crc32C
{
    /// <summary>Bytes of each of the three stretches whose sums are taken side by side.</summary>
    private const int Stretch = 4096;

    private uint _state;

    public Crc32C() => _state = uint.MaxValue;

    public readonly uint Value => ~_state;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Append(ReadOnlySpan<byte> bytes)
    {
        uint state = _state;
        for (; bytes.Length >= 3 * Stretch; bytes = bytes[(3 * Stretch)..])
            state = AppendThree(state, bytes);
        for (; bytes.Length >= 8; bytes = bytes[8..])
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte value in bytes)
            state = BitOperations.Crc32C(state, value);
        _state = state;
    }

    /// <summary>
    /// The instruction gives its result after three clocks and starts every clock: three sums that do not wait for each other take a third of the time. The sum is
    /// linear over GF(2), so that those of stretches make that of all: behind so many more bytes a state is what <see cref="Behind"/> says (Gopal et al.,
    /// "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction", Intel 2011).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint AppendThree(uint first, ReadOnlySpan<byte> bytes)
    {
        uint second = 0, third = 0;
        ReadOnlySpan<byte> a = bytes[..Stretch], b = bytes.Slice(Stretch, Stretch), c = bytes.Slice(2 * Stretch, Stretch);
        for (int i = 0; i <= Stretch - 8; i += 8)
        {
            first = BitOperations.Crc32C(first, BinaryPrimitives.ReadUInt64LittleEndian(a[i..]));
            second = BitOperations.Crc32C(second, BinaryPrimitives.ReadUInt64LittleEndian(b[i..]));
            third = BitOperations.Crc32C(third, BinaryPrimitives.ReadUInt64LittleEndian(c[i..]));
        }
        return Behind(Behind(first) ^ second) ^ third;
    }

    /// <summary>What a state becomes by a stretch of zeros.</summary>
    private static uint Behind(uint state)
    {
        uint sum = 0;
        foreach (uint bit in Zeros.OfBit)
        {
            sum ^= bit & (0 - (state & 1));
            state >>= 1;
        }
        return sum;
    }

    private static class Zeros
    {
        /// <summary>What each bit of a state becomes.</summary>
        public static readonly uint[] OfBit = Find();

        private static uint[] Find()
        {
            var all = new uint[32];
            for (int bit = 0; bit < all.Length; bit++)
            {
                uint state = 1u << bit;
                for (int i = 0; i < Stretch; i += 8)
                    state = BitOperations.Crc32C(state, 0UL);
                all[bit] = state;
            }
            return all;
        }
    }
}
