using System.Buffers.Binary;
using System.Numerics;

namespace FastRnn.Numerics;

/// <summary>
/// CRC-32C (Castagnoli) of a stream of bytes; one hardware instruction per eight bytes. It finds every single flipped bit, every odd number
/// of them and every burst up to 32 bits. A cryptographic hash would find no more of what disks and networks do to files, and would make
/// an embedded engine depend on the system's OpenSSL.
/// </summary>
internal struct Crc32C
{
    private uint _state;

    public Crc32C() => _state = uint.MaxValue;

    public readonly uint Value => ~_state;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        uint state = _state;
        for (; bytes.Length >= 8; bytes = bytes[8..])
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte value in bytes)
            state = BitOperations.Crc32C(state, value);
        _state = state;
    }
}
