using System.Buffers.Binary;
using System.Numerics;

namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>HDF5's checksum of metadata: Bob Jenkins' lookup3, <c>hashlittle</c> from 0.</summary>
internal static class HdfChecksum
{
    /// <summary>Of all bytes but the last four, which hold it.</summary>
    public static void Check(HdfBytes file, ReadOnlySpan<byte> block, long offset, string what)
    {
        if (block.Length < 4 || Compute(block[..^4]) != BinaryPrimitives.ReadUInt32LittleEndian(block[^4..]))
            throw file.Error($"{what} does not have the sum that its checksum tells", offset + Math.Max(0, block.Length - 4));
    }

    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        uint a = 0xdeadbeef + (uint)bytes.Length, b = a, c = a;
        while (bytes.Length > 12)
        {
            a += BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            b += BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            c += BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
            Mix(ref a, ref b, ref c);
            bytes = bytes[12..];
        }
        if (bytes.IsEmpty)
            return c;
        Span<byte> last = stackalloc byte[12];
        last.Clear();
        bytes.CopyTo(last);
        a += BinaryPrimitives.ReadUInt32LittleEndian(last);
        b += BinaryPrimitives.ReadUInt32LittleEndian(last[4..]);
        c += BinaryPrimitives.ReadUInt32LittleEndian(last[8..]);
        return Finish(a, b, c);
    }

    private static void Mix(ref uint a, ref uint b, ref uint c)
    {
        (a, c) = ((a - c) ^ BitOperations.RotateLeft(c, 4), c + b);
        (b, a) = ((b - a) ^ BitOperations.RotateLeft(a, 6), a + c);
        (c, b) = ((c - b) ^ BitOperations.RotateLeft(b, 8), b + a);
        (a, c) = ((a - c) ^ BitOperations.RotateLeft(c, 16), c + b);
        (b, a) = ((b - a) ^ BitOperations.RotateLeft(a, 19), a + c);
        (c, b) = ((c - b) ^ BitOperations.RotateLeft(b, 4), b + a);
    }

    private static uint Finish(uint a, uint b, uint c)
    {
        c = (c ^ b) - BitOperations.RotateLeft(b, 14);
        a = (a ^ c) - BitOperations.RotateLeft(c, 11);
        b = (b ^ a) - BitOperations.RotateLeft(a, 25);
        c = (c ^ b) - BitOperations.RotateLeft(b, 16);
        a = (a ^ c) - BitOperations.RotateLeft(c, 4);
        b = (b ^ a) - BitOperations.RotateLeft(a, 14);
        return (c ^ b) - BitOperations.RotateLeft(b, 24);
    }
}
