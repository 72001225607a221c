namespace FastRnn.Mutations.Changes;

/// <summary>Changes that know nothing of a format: bits, bytes, ranges, ends, and everything that looks like a length.</summary>
internal static class ByteChanges
{
    private const int LongestRange = 64;

    private static readonly byte[] _bytes = [0, 1, 0x7f, 0x80, 0xff, 0x20, 0x0a, 0x22, 0x2d, 0x30];

    /// <summary>One change.</summary>
    /// <param name="file">Stays as it is.</param>
    /// <param name="other">Another file of the format, from which parts are taken.</param>
    /// <param name="fragments">Pieces that mean something in the format.</param>
    /// <param name="random">Decides.</param>
    public static byte[] Change(byte[] file, byte[] other, IReadOnlyList<byte[]> fragments, Random random)
    {
        if (file.Length == 0)
            return [(byte)random.Next(256)];
        int at = random.Next(file.Length), length = 1 + random.Next(Math.Min(LongestRange, file.Length - at));
        switch (random.Next(14))
        {
            case 0:
            case 1:
                return Set(file, at, (byte)(file[at] ^ (1 << random.Next(8))));
            case 2:
                return Set(file, at, _bytes[random.Next(_bytes.Length)]);
            case 3:
                return Swapped(file, random);
            case 4:
                return Replace(file, at, length, []);
            case 5:
                return Replace(file, random.Next(file.Length + 1), 0, file.AsSpan(at, length));
            case 6:
                return Overwritten(file, at, length, random);
            case 7 when fragments.Count > 0:
                return Replace(file, at, 0, fragments[random.Next(fragments.Count)]);
            case 8:
                return file[..at];
            case 9:
                return Spliced(file, other, random);
            case 10:
                return [.. file, .. Noise(random, random.Next(1, 9))];
            default:
                return LengthChanges.Change(file, random);
        }
    }

    /// <summary>A range replaced by other bytes.</summary>
    public static byte[] Replace(byte[] file, int at, int length, ReadOnlySpan<byte> by)
    {
        var result = new byte[file.Length - length + by.Length];
        file.AsSpan(0, at).CopyTo(result);
        by.CopyTo(result.AsSpan(at));
        file.AsSpan(at + length).CopyTo(result.AsSpan(at + by.Length));
        return result;
    }

    private static byte[] Set(byte[] file, int at, byte value)
    {
        byte[] result = [.. file];
        result[at] = value;
        return result;
    }

    /// <summary>Two fields of the same width change their places, or one its byte order.</summary>
    private static byte[] Swapped(byte[] file, Random random)
    {
        byte[] result = [.. file];
        int width = Math.Min(1 << random.Next(4), file.Length);
        int a = random.Next(file.Length - width + 1), b = random.Next(file.Length - width + 1);
        if (random.Next(3) == 0)
        {
            result.AsSpan(a, width).Reverse();
            return result;
        }
        file.AsSpan(a, width).CopyTo(result.AsSpan(b));
        if (Math.Abs(a - b) >= width)
            file.AsSpan(b, width).CopyTo(result.AsSpan(a));
        return result;
    }

    private static byte[] Overwritten(byte[] file, int at, int length, Random random)
    {
        byte[] result = [.. file];
        if (random.Next(3) == 0)
            result.AsSpan(at, length).Fill(_bytes[random.Next(_bytes.Length)]);
        else
            file.AsSpan(random.Next(file.Length - length + 1), length).CopyTo(result.AsSpan(at));
        return result;
    }

    /// <summary>The begin of one file and the end of another, at the same place or anywhere.</summary>
    private static byte[] Spliced(byte[] file, byte[] other, Random random)
    {
        int at = random.Next(file.Length), from = random.Next(2) == 0 ? Math.Min(at, other.Length) : random.Next(other.Length + 1);
        return [.. file[..at], .. other[from..]];
    }

    private static byte[] Noise(Random random, int length)
    {
        var bytes = new byte[length];
        if (random.Next(2) == 0)
            random.NextBytes(bytes);
        return bytes;
    }
}
