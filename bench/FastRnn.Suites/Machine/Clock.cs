using System.Runtime.CompilerServices;

namespace FastRnn.Suites;

/// <summary>
/// Clocks a second, from a chain of additions of two registers that each wait for the one before: one clock each on every CPU with these
/// instruction sets. (Additions of a constant would not do: some CPUs do those when they rename registers, in no time.)
/// </summary>
internal static class Clock
{
    private const int Rounds = 20_000;

    /// <summary>Clocks of a round.</summary>
    internal const int Additions = 64;

    /// <summary>GHz of the calling thread right now, in about 0.4 ms.</summary>
    public static double Measure()
    {
        long start = Ticks.Now;
        long sum = Chain(start | 1, Rounds);
        double seconds = Ticks.SecondsSince(start);
        return sum == 0 ? 0 : Rounds * (double)Additions / seconds / 1e9; // an odd number times one plus 1,280,000 is not 0: the chain stays
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static long Chain(long y, int rounds)
    {
        long x = y;
        for (int i = 0; i < rounds; i++)
        {
            x += y; x += y; x += y; x += y; x += y; x += y; x += y; x += y;
            x += y; x += y; x += y; x += y; x += y; x += y; x += y; x += y;
            x += y; x += y; x += y; x += y; x += y; x += y; x += y; x += y;
            x += y; x += y; x += y; x += y; x += y; x += y; x += y; x += y;
            x += y; x += y; x += y; x += y; x += y; x += y; x += y; x += y;
            x += y; x += y; x += y; x += y; x += y; x += y; x += y; x += y;
            x += y; x += y; x += y; x += y; x += y; x += y; x += y; x += y;
            x += y; x += y; x += y; x += y; x += y; x += y; x += y; x += y;
        }
        return x;
    }
}
