using System.Globalization;
using FastRnn.Backends;
using FastRnn.OpenCL;

namespace FastRnn.OpenClChecks;

/// <summary>
/// The process in which calls fail. For every number that it reads it trains once, with that call failing, and writes what came of it; a crash or a hang
/// ends only this process.
/// </summary>
internal static class FaultChild
{
    /// <summary>The longest wait for a device that hangs, and how long it hangs.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(150), Hang = TimeSpan.FromMilliseconds(600);

    /// <summary>What a run may take that no watchdog ends.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <param name="kind">As in faults.c, then perhaps "+cold": nothing is compiled before.</param>
    /// <param name="folder">Of compiled programs.</param>
    public static int Run(string kind, string folder)
    {
        bool isCold = kind.EndsWith("+cold", StringComparison.Ordinal);
        kind = kind.Replace("+cold", "", StringComparison.Ordinal);
        float[] expected;
        using (var cpu = new CpuBackend(1))
            expected = ShortTraining.Run(cpu);
        FaultLibrary.Arm(0, kind, Hang);
        float[] first = ShortTraining.RunOnDevice(folder, Patience);
        if (OpenClDevice.All()[0].IsExact && !first.AsSpan().SequenceEqual(expected))
            throw new InvalidOperationException("without a fault the device's results are not the CPU's");
        string cold = Path.Combine(folder, "cold");
        if (Directory.Exists(cold))
            Directory.Delete(cold, recursive: true);
        FaultLibrary.Arm(0, kind, Hang);
        _ = ShortTraining.RunOnDevice(isCold ? cold : folder, Patience);
        Console.WriteLine($"calls {string.Join(' ', FaultLibrary.Calls())}");
        while (Console.ReadLine() is { } line)
        {
            if (isCold)
                Directory.Delete(cold, recursive: true);
            long call = long.Parse(line, CultureInfo.InvariantCulture);
            string outcome = Try(call, kind, isCold ? cold : folder, first, Hang);
            if (outcome.StartsWith("hang", StringComparison.Ordinal)) // a busy machine may run the watch late: then a far longer hang is found all the same
                outcome = Try(call, kind, isCold ? cold : folder, first, 8 * Hang);
            FaultLibrary.Arm(0, kind, Hang);
            // Whatever a fault has left in the folder, the next run must be right.
            if (isCold && !ShortTraining.RunOnDevice(cold, Patience).AsSpan().SequenceEqual(first))
                outcome = "wrong the run after it differs";
            Console.WriteLine(outcome);
        }
        return 0;
    }

    private static string Try(long call, string kind, string folder, float[] expected, TimeSpan hang)
    {
        FaultLibrary.Arm(call, kind, hang);
        bool hangs = kind == "hang";
        var stuck = new TaskCompletionSource<OpenClException>();
        var work = Task.Factory.StartNew(
            () => ShortTraining.RunOnDevice(folder, hangs ? Limit : Patience, stuck.SetResult), CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        try
        {
            // A thread that is stuck in the driver is left there.
            long start = Environment.TickCount64;
            string outcome = Task.WhenAny(work, stuck.Task).Result == stuck.Task ? $"error {stuck.Task.Result.Message}"
                : work.GetAwaiter().GetResult().AsSpan().SequenceEqual(expected) ? "right" : "wrong results differ";
            return hangs && outcome == "right" && Environment.TickCount64 - start > hang.TotalMilliseconds ? "hang it was waited for" : outcome;
        }
        catch (OpenClException error)
        {
            return $"error {error.Message.ReplaceLineEndings(" ")}";
        }
        catch (Exception error)
        {
            return $"other {error.GetType().Name}: {error.ToString().ReplaceLineEndings(" ")}";
        }
    }
}
