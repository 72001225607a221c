using System.Runtime.InteropServices;

namespace FastRnn.Suites;

/// <summary>Keeps the calling thread, and the threads and processes it starts, on the same cores until it is disposed of.</summary>
internal sealed unsafe partial class Affinity : IDisposable
{
    private const int MaskBytes = 128;
    private readonly byte[]? _before;

    private Affinity(string description, byte[]? before) => (Description, _before) = (description, before);

    /// <summary>Where the thread is, or why nothing was changed.</summary>
    public string Description { get; }

    /// <summary>
    /// The last cores that this thread may use: interrupts like the first. Nothing is changed where that is impossible, or where fewer cores than
    /// threads are allowed.
    /// </summary>
    public static Affinity Pin(int threads)
    {
        var before = new byte[MaskBytes];
        if (!OperatingSystem.IsLinux() || !Get(before))
            return new Affinity("not pinned", null);
        List<int> allowed = Cores(before);
        if (allowed.Count < threads)
            return new Affinity($"not pinned: {allowed.Count} core(s) for {threads} threads", null);
        List<int> chosen = allowed[^threads..];
        var mask = new byte[MaskBytes];
        foreach (int core in chosen)
            mask[core / 8] |= (byte)(1 << (core % 8));
        return Set(mask) ? new Affinity($"pinned to core{(threads == 1 ? "" : "s")} {string.Join(", ", chosen)}", before) : new Affinity("not pinned", null);
    }

    public void Dispose()
    {
        if (_before != null)
            Set(_before);
    }

    /// <summary>The cores of this thread, separated by commas; empty where the system does not say.</summary>
    internal static string Allowed()
    {
        var mask = new byte[MaskBytes];
        return OperatingSystem.IsLinux() && Get(mask) ? string.Join(',', Cores(mask)) : "";
    }

    private static List<int> Cores(byte[] mask) => [.. Enumerable.Range(0, MaskBytes * 8).Where(core => (mask[core / 8] >> (core % 8) & 1) != 0)];

    private static bool Get(byte[] mask)
    {
        fixed (byte* p = mask)
            return GetAffinity(0, MaskBytes, p) >= 0;
    }

    private static bool Set(byte[] mask)
    {
        fixed (byte* p = mask)
            return SetAffinity(0, MaskBytes, p) == 0;
    }

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static partial int GetAffinity(int process, nuint bytes, byte* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int process, nuint bytes, byte* mask);
}
