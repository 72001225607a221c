using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FastRnn.Mutations.Runs;

/// <summary>Time that this thread has computed, where the system tells: others on the same machine do not count.</summary>
internal static partial class ThreadClock
{
    private const int ThreadCpuTime = 3;

    public static TimeSpan Now => OperatingSystem.IsLinux() && GetTime(ThreadCpuTime, out Timespec time) == 0
        ? TimeSpan.FromSeconds(time.Seconds) + TimeSpan.FromTicks(time.Nanoseconds / 100)
        : Stopwatch.GetElapsedTime(0);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out Timespec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public nint Seconds, Nanoseconds;
    }
}
