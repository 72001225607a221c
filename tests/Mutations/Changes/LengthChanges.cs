using System.Buffers.Binary;

namespace FastRnn.Mutations.Changes;

/// <summary>
/// Finds numbers that could be lengths, counts or offsets – whole numbers of 2, 4 or 8 bytes in either order, and variable-length ones, that are not larger than the
/// file – and makes them one more, one less, nothing, as large as can be, or a little too much.
/// </summary>
internal static class LengthChanges
{
    private const int Tries = 48;

    public static byte[] Change(byte[] file, Random random)
    {
        for (int i = 0; i < Tries; i++)
        {
            int at = random.Next(file.Length);
            byte[]? changed = random.Next(4) == 0 ? Varint(file, at, random) : Fixed(file, at, 2 << random.Next(3), random.Next(4) == 0, random);
            if (changed != null)
                return changed;
        }
        return file[..^1];
    }

    /// <summary>A whole number of 1 to 10 bytes, seven bits a byte, the last without its high bit.</summary>
    public static byte[] EncodeVarint(ulong value)
    {
        var bytes = new List<byte>(10);
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }

    /// <summary>Reads one; the bytes that it takes, or 0 where there is none.</summary>
    public static int DecodeVarint(ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (int i = 0; i < Math.Min(10, bytes.Length); i++)
        {
            value |= (ulong)(bytes[i] & 0x7f) << (7 * i);
            if (bytes[i] < 0x80)
                return i + 1;
        }
        return 0;
    }

    /// <summary>What a length becomes.</summary>
    public static ulong Changed(ulong value, ulong most, int room, Random random) => random.Next(12) switch
    {
        0 or 1 => value + 1,
        2 or 3 => value - 1,
        4 => 0,
        5 => most,
        6 => most >> 1,
        7 => (most >> 1) + 1,
        8 => (ulong)room,
        9 => (ulong)room + 1,
        10 => value * 2,
        _ => 1UL << random.Next(64),
    };

    private static byte[]? Varint(byte[] file, int at, Random random)
    {
        int size = DecodeVarint(file.AsSpan(at), out ulong value);
        if (size == 0 || value < 2 || value > (ulong)(file.Length - at))
            return null;
        if (random.Next(10) == 0)
            return ByteChanges.Replace(file, at, size, [.. Enumerable.Repeat((byte)0xff, 9 + random.Next(3)), 1]); // up to 12 bytes
        return ByteChanges.Replace(file, at, size, EncodeVarint(Changed(value, ulong.MaxValue, file.Length - at - size, random)));
    }

    private static byte[]? Fixed(byte[] file, int at, int width, bool bigEndian, Random random)
    {
        if (at + width > file.Length)
            return null;
        Span<byte> wide = stackalloc byte[8];
        wide.Clear();
        file.AsSpan(at, width).CopyTo(wide);
        if (bigEndian)
            wide[..width].Reverse();
        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(wide);
        if (value == 0 || value > (ulong)file.Length)
            return null;
        ulong most = width == 8 ? ulong.MaxValue : (1UL << (8 * width)) - 1;
        BinaryPrimitives.WriteUInt64LittleEndian(wide, Changed(value, most, file.Length - at - width, random) & most);
        if (bigEndian)
            wide[..width].Reverse();
        byte[] result = [.. file];
        wide[..width].CopyTo(result.AsSpan(at));
        return result;
    }
}
