using System.Diagnostics;

namespace FastRnn.Suites;

/// <summary>Time as the clock counts it: a <see cref="TimeSpan"/> would round to 100 ns.</summary>
internal static class Ticks
{
    public static long Now => Stopwatch.GetTimestamp();

    public static double SecondsSince(long start) => Seconds(Now - start);

    public static double Seconds(long ticks) => ticks / (double)Stopwatch.Frequency;
}
