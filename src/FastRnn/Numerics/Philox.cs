using System.Runtime.CompilerServices;

namespace FastRnn.Numerics;

/// <summary>
/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011): a counter in, four random words out.
/// Without hidden state, any thread may draw any number, and the whole state of a run is its seed and its counters.
/// </summary>
internal static class Philox
{
    public const int Rounds = 10;
    public const uint MultiplierA = 0xD2511F53, MultiplierB = 0xCD9E8D57;
    public const uint WeylA = 0x9E3779B9, WeylB = 0xBB67AE85;

    /// <summary>The four words at counter (c0, c1, c2, c3) under a 64-bit key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (uint X0, uint X1, uint X2, uint X3) Draw(uint c0, uint c1, uint c2, uint c3, ulong key)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            ulong a = (ulong)MultiplierA * c0, b = (ulong)MultiplierB * c2;
            (c0, c1, c2, c3) = ((uint)(b >> 32) ^ c1 ^ k0, (uint)b, (uint)(a >> 32) ^ c3 ^ k1, (uint)a);
            k0 += WeylA;
            k1 += WeylB;
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>A word as a number in [0, 1) on the grid of 2⁻²⁴, exact in float.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToUnit(uint word) => (word >> 8) * (1f / (1 << 24));
}

/// <summary>A sequence of draws from one Philox stream. Its whole state is (seed, stream, position).</summary>
internal struct PhiloxStream(ulong seed, ulong stream, ulong position = 0)
{
    /// <summary>Index of the next word.</summary>
    public ulong Position { get; private set; } = position;

    public uint NextWord()
    {
        ulong block = Position >> 2;
        var (x0, x1, x2, x3) = Philox.Draw((uint)block, (uint)(block >> 32), (uint)stream, (uint)(stream >> 32), seed);
        uint word = (Position++ & 3) switch { 0 => x0, 1 => x1, 2 => x2, _ => x3 };
        return word;
    }

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextDouble()
    {
        ulong high = NextWord(), low = NextWord();
        return (((high << 32) | low) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>Standard normal by Box and Muller (1958); two uniforms a number, the second half thrown away for a simple position.</summary>
    public double NextGaussian()
    {
        double u = 1.0 - NextDouble();
        return Math.Sqrt(-2.0 * Math.Log(u)) * Math.Cos(2.0 * Math.PI * NextDouble());
    }

    /// <summary>Puts items in a random order (Fisher and Yates 1938, Durstenfeld 1964).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int other = (int)(NextDouble() * (i + 1));
            (items[i], items[other]) = (items[other], items[i]);
        }
    }
}
