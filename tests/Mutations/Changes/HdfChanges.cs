using System.Buffers.Binary;
using System.Numerics;

namespace FastRnn.Mutations.Changes;

/// <summary>
/// Changes of HDF5 files: addresses become others' – blocks inside themselves, groups inside their children –, lengths and bytes near the structures' signatures change, JSON texts
/// change in place; checksums are made to fit, or they would answer every time. Format: the HDF5 File Format Specification.
/// </summary>
internal sealed class HdfChanges(byte[] sample)
{
    private const int Near = 64, LongestBlock = 4_096;

    private static readonly byte[][] _signatures = [.. new[] { "TREE", "HEAP", "SNOD", "GCOL", "OHDR", "OCHK", "FRHP", "FHDB", "FHIB", "BTHD", "BTIN", "BTLF", "FSHD", "FSSE", "FADB", "FAHD", "EAHD", "EAIB", "EASB", "EADB" }.Select(System.Text.Encoding.ASCII.GetBytes)];

    private readonly List<int> _places = Places(sample);
    private readonly List<int> _addresses = Addresses(sample);
    private readonly (int Begin, int End)[] _sealed = Sealed(sample);

    public byte[] Change(byte[] other, Random random)
    {
        byte[] file = [.. sample];
        for (int i = Math.Max(1, random.Next(-2, 4)); i > 0; i--)
        {
            int kind = random.Next(10);
            if (kind < 3 && _addresses.Count > 0)
                ChangeAddress(file, random);
            else if (kind < 7 && _places.Count > 0)
                ChangeNear(file, random);
            else if (kind == 7)
                ChangeText(file, random);
            else if (kind == 8)
                ChangeLength(file, random);
            else
                return ByteChanges.Change(file, other, [], random);
        }
        if (random.Next(10) > 0)
            Seal(file);
        return file;
    }

    private static void ChangeLength(byte[] file, Random random)
    {
        byte[] changed = LengthChanges.Change(file, random);
        changed.AsSpan(0, Math.Min(file.Length, changed.Length)).CopyTo(file);
    }

    private void ChangeAddress(byte[] file, Random random)
    {
        int at = _addresses[random.Next(_addresses.Count)], from = _addresses[random.Next(_addresses.Count)];
        Span<byte> place = file.AsSpan(at, 8);
        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(place);
        BinaryPrimitives.WriteUInt64LittleEndian(place, random.Next(5) switch
        {
            0 => LengthChanges.Changed(value, ulong.MaxValue, file.Length, random),
            1 => (ulong)at,
            2 => (ulong)random.Next(file.Length),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(from)),
        });
    }

    private void ChangeNear(byte[] file, Random random)
    {
        int at = Math.Min(file.Length - 8, _places[random.Next(_places.Count)] + random.Next(Near));
        switch (random.Next(5))
        {
            case 0:
                file[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                file[at] = (byte)random.Next(256);
                break;
            case 2:
                file[at] += (byte)(random.Next(2) == 0 ? 1 : 255);
                break;
            case 3:
                file.AsSpan(at, 1 << random.Next(4)).Fill((byte)(random.Next(2) == 0 ? 0 : 255));
                break;
            default:
                BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), (ushort)LengthChanges.Changed(BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at)), ushort.MaxValue, file.Length, random));
                break;
        }
    }

    /// <summary>The text keeps its length: what is shorter is filled with spaces, what is longer is not taken.</summary>
    private static void ChangeText(byte[] file, Random random)
    {
        int begin = file.AsSpan().IndexOf("{\""u8);
        if (begin < 0)
            return;
        int length = file.AsSpan(begin).IndexOf((byte)0);
        byte[] text = file[begin..(begin + Math.Max(2, length))];
        for (int i = 0; i < 8; i++)
        {
            byte[] changed = JsonChanges.Change(text, text, random);
            if (changed.Length > text.Length)
                continue;
            file.AsSpan(begin, text.Length).Fill((byte)' ');
            changed.CopyTo(file, begin);
            return;
        }
    }

    private void Seal(byte[] file)
    {
        foreach ((int begin, int end) in _sealed)
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(end), Sum(file.AsSpan(begin, end - begin)));
    }

    private static List<int> Places(byte[] file)
    {
        var places = new List<int> { 0 };
        foreach (byte[] signature in _signatures)
        {
            for (int at = 0; file.AsSpan(at).IndexOf(signature) is >= 0 and var next; at += next + 4)
                places.Add(at + next);
        }
        // Object headers of version 1 have no signature; they begin at multiples of 8 with version 1, a 0 and a small count.
        for (int at = 0; at + 16 <= file.Length; at += 8)
        {
            if (file[at] == 1 && file[at + 1] == 0 && file[at + 3] == 0 && file[at + 2] is > 0 and < 32 && file[at + 4] == 1)
                places.AddRange([at, at + Near, at + (2 * Near), at + (3 * Near)]);
        }
        return places;
    }

    /// <summary>Eight bytes that could be an address or a length.</summary>
    private static List<int> Addresses(byte[] file)
    {
        var found = new List<int>();
        for (int at = 0; at + 8 <= file.Length; at++)
        {
            ulong value = BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            if (value == ulong.MaxValue || (value >= 8 && value < (ulong)file.Length && (at % 8 == 0 || value > 256)))
                found.Add(at);
        }
        return found;
    }

    /// <summary>Blocks with a checksum behind them, found by trying.</summary>
    private static (int Begin, int End)[] Sealed(byte[] file)
    {
        var found = new List<(int, int)>();
        foreach (int begin in Places(file))
        {
            for (int end = begin + 8; end < Math.Min(file.Length - 3, begin + LongestBlock); end++)
            {
                if (BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(end)) is > 0 and var sum && sum == Sum(file.AsSpan(begin, end - begin)))
                    found.Add((begin, end));
            }
        }
        return [.. found];
    }

    /// <summary>Bob Jenkins' lookup3, hashlittle from 0 (http://burtleburtle.net/bob/c/lookup3.c).</summary>
    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        Span<byte> block = stackalloc byte[12];
        uint a = 0xdeadbeef + (uint)bytes.Length, b = a, c = a;
        for (; bytes.Length > 0; bytes = bytes[Math.Min(12, bytes.Length)..])
        {
            block.Clear();
            bytes[..Math.Min(12, bytes.Length)].CopyTo(block);
            a += BinaryPrimitives.ReadUInt32LittleEndian(block);
            b += BinaryPrimitives.ReadUInt32LittleEndian(block[4..]);
            c += BinaryPrimitives.ReadUInt32LittleEndian(block[8..]);
            if (bytes.Length <= 12)
                return Last(a, b, c);
            (a, c) = ((a - c) ^ BitOperations.RotateLeft(c, 4), c + b);
            (b, a) = ((b - a) ^ BitOperations.RotateLeft(a, 6), a + c);
            (c, b) = ((c - b) ^ BitOperations.RotateLeft(b, 8), b + a);
            (a, c) = ((a - c) ^ BitOperations.RotateLeft(c, 16), c + b);
            (b, a) = ((b - a) ^ BitOperations.RotateLeft(a, 19), a + c);
            (c, b) = ((c - b) ^ BitOperations.RotateLeft(b, 4), b + a);
        }
        return c;
    }

    private static uint Last(uint a, uint b, uint c)
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
