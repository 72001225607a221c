using System.Buffers.Binary;
using System.Numerics;

namespace FastRnn.Runner;

/// <summary>
/// SHA-256 (FIPS 180-4), for the checksums of data. The framework's own asks for OpenSSL when it runs and takes 0.1 MB of the native program; it is six to seven
/// times as fast (measured in one run), but this one, too, is far above what training reads.
/// </summary>
internal sealed class Sha256
{
    private const int Block = 64, Rounds = 64;

    private static readonly uint[] _constants = Roots(Rounds, Math.Cbrt);
    private readonly uint[] _state = Roots(8, Math.Sqrt);
    private readonly byte[] _rest = new byte[Block];
    private long _length;

    /// <summary>The checksum of bytes in small hexadecimal digits.</summary>
    public static string Hex(ReadOnlySpan<byte> bytes)
    {
        var hash = new Sha256();
        hash.Add(bytes);
        return hash.Finish();
    }

    public void Add(ReadOnlySpan<byte> bytes)
    {
        int held = (int)(_length % Block);
        _length += bytes.Length;
        if (held > 0)
        {
            int taken = Math.Min(Block - held, bytes.Length);
            bytes[..taken].CopyTo(_rest.AsSpan(held));
            bytes = bytes[taken..];
            if (held + taken < Block)
                return;
            Mix(_rest);
        }
        for (; bytes.Length >= Block; bytes = bytes[Block..])
            Mix(bytes);
        bytes.CopyTo(_rest);
    }

    /// <summary>The checksum of all that was added; nothing can be added after.</summary>
    public string Finish()
    {
        long bits = _length * 8;
        Span<byte> end = stackalloc byte[Block + sizeof(long)];
        end.Clear();
        end[0] = 0x80;
        int zeros = (int)((Block + Block - sizeof(long) - 1 - (_length % Block)) % Block);
        BinaryPrimitives.WriteInt64BigEndian(end[(1 + zeros)..], bits);
        Add(end[..(1 + zeros + sizeof(long))]);
        var bytes = new byte[_state.Length * sizeof(uint)];
        for (int i = 0; i < _state.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(i * sizeof(uint)), _state[i]);
        return Convert.ToHexStringLower(bytes);
    }

    private void Mix(ReadOnlySpan<byte> block)
    {
        Span<uint> words = stackalloc uint[Rounds];
        for (int i = 0; i < 16; i++)
            words[i] = BinaryPrimitives.ReadUInt32BigEndian(block[(i * sizeof(uint))..]);
        for (int i = 16; i < Rounds; i++)
        {
            uint near = words[i - 2], far = words[i - 15];
            words[i] = words[i - 16] + words[i - 7]
                + (BitOperations.RotateRight(far, 7) ^ BitOperations.RotateRight(far, 18) ^ (far >> 3))
                + (BitOperations.RotateRight(near, 17) ^ BitOperations.RotateRight(near, 19) ^ (near >> 10));
        }
        uint a = _state[0], b = _state[1], c = _state[2], d = _state[3], e = _state[4], f = _state[5], g = _state[6], h = _state[7];
        for (int i = 0; i < Rounds; i++)
        {
            uint first = h + (BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25))
                + ((e & f) ^ (~e & g)) + _constants[i] + words[i];
            uint second = (BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + first, c, b, a, first + second);
        }
        ReadOnlySpan<uint> mixed = [a, b, c, d, e, f, g, h];
        for (int i = 0; i < mixed.Length; i++)
            _state[i] += mixed[i];
    }

    /// <summary>The first 32 bits behind the point of the roots of the first primes.</summary>
    private static uint[] Roots(int count, Func<double, double> root)
    {
        var roots = new uint[count];
        for (int found = 0, number = 2; found < count; number++)
        {
            bool prime = true;
            for (int divisor = 2; divisor * divisor <= number; divisor++)
                prime &= number % divisor != 0;
            if (prime)
                roots[found++] = (uint)(ulong)((root(number) - Math.Floor(root(number))) * 4294967296.0);
        }
        return roots;
    }
}
