using System.Diagnostics;
using System.Globalization;

namespace FastRnn.OpenClChecks;

/// <summary>Fails call after call of a short training, in processes of their own, and counts what came of it.</summary>
internal sealed class FaultSweep
{
    /// <summary>Behind a kind: nothing is compiled yet, and calls about programs fail.</summary>
    private const string Cold = "+cold";

    /// <summary>What may happen to a call.</summary>
    public static readonly string[] Kinds = "-5 -2 -4 zero ones more fewer event hang -11+cold -5+cold zero+cold ones+cold more+cold fewer+cold".Split(' ');

    /// <summary>
    /// Beyond what a run itself may take: the process is killed, and counts as one that hangs. A wrong answer about the device may ask for other kernels, and
    /// compiling all of them takes half a minute on a machine that has nothing else to do.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>Calls that fail in one process: a device that is given up keeps the memory that it may still write to, some 5 MB.</summary>
    private const int CallsAProcess = 200;

    private readonly int _every;
    private readonly string _folder, _library;
    private readonly List<string> _bad = [];

    private FaultSweep(int every, string folder) => (_every, _folder, _library) = (every, folder, FaultLibrary.Build(folder));

    /// <param name="every">Of so many calls one fails.</param>
    /// <param name="kinds">What happens to it, as the first column of the table says; all kinds where none is named.</param>
    public static int Run(int every, string[] kinds)
    {
        string folder = Directory.CreateTempSubdirectory("fastrnn-faults-").FullName;
        try
        {
            var sweep = new FaultSweep(every, folder);
            Console.WriteLine("| what fails | calls in the run | failed | clean errors | right results | wrong results | hangs | crashes | other errors |");
            Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
            foreach (string kind in kinds.Length == 0 ? Kinds : kinds)
                sweep.Kind(kind, kind.EndsWith(Cold, StringComparison.Ordinal)
                    ? call => call.Contains("Program", StringComparison.Ordinal) && (kind[0] == '-' || Concerns(kind[..^Cold.Length], call))
                    : call => Concerns(kind, call));
            return sweep._bad.Count == 0 ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool Concerns(string kind, string call) => kind switch
    {
        "zero" or "ones" or "more" or "fewer" => call.StartsWith("clGet", StringComparison.Ordinal),
        "event" => call.StartsWith("clEnqueue", StringComparison.Ordinal) || call == "clWaitForEvents",
        _ => true,
    };

    private void Kind(string kind, Func<string, bool> concerns)
    {
        Child? child = null;
        var counts = new SortedDictionary<string, int>();
        try
        {
            child = new Child(_library, kind, _folder);
            string[] calls = child.Calls;
            List<int> chosen = Choose(calls, concerns);
            for (int i = 0; i < chosen.Count; i++)
            {
                int call = chosen[i];
                if (i % CallsAProcess == 0)
                {
                    child?.Dispose();
                    child = null;
                }
                child ??= new Child(_library, kind, _folder);
                string outcome = child.Try(call + 1, Patience), word = outcome.Split(' ')[0];
                counts[word] = counts.GetValueOrDefault(word) + 1;
                if (word is "error" or "right")
                    continue;
                _bad.Add($"{kind}, call {call + 1}, {calls[call]}: {outcome}");
                Console.WriteLine(_bad[^1]);
                if (word is "hang" or "crash")
                {
                    child.Dispose();
                    child = null;
                }
            }
            string numbers = string.Join(" | ", new[] { "error", "right", "wrong", "hang", "crash", "other" }.Select(word => counts.GetValueOrDefault(word)));
            Console.WriteLine($"| {kind} | {calls.Length} | {chosen.Count} | {numbers} |");
        }
        finally
        {
            child?.Dispose();
        }
    }

    private List<int> Choose(string[] calls, Func<string, bool> concerns)
    {
        List<int> all = [.. Enumerable.Range(0, calls.Length).Where(i => concerns(calls[i]))];
        return [.. all.Where((call, i) => i % _every == 0 || Array.IndexOf(calls, calls[call]) == call || Array.LastIndexOf(calls, calls[call]) == call)];
    }

    private sealed class Child : IDisposable
    {
        private readonly Process _process;

        public Child(string library, string kind, string folder)
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
            if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
                start.ArgumentList.Add(typeof(FaultSweep).Assembly.Location);
            foreach (string argument in (string[])["faults-of", kind, folder])
                start.ArgumentList.Add(argument);
            start.Environment[FaultLibrary.Variable] = library;
            _process = Process.Start(start)!;
            Calls = _process.StandardOutput.ReadLine()?.Split(' ')[1..] ?? throw new InvalidOperationException("the run without faults fails");
        }

        public string[] Calls { get; }

        public string Try(int call, TimeSpan patience)
        {
            _process.StandardInput.WriteLine(call.ToString(CultureInfo.InvariantCulture));
            Task<string?> answer = _process.StandardOutput.ReadLineAsync();
            if (!answer.Wait(patience))
                return "hang";
            if (answer.Result is { } text)
                return text;
            _process.WaitForExit();
            return $"crash {_process.ExitCode}";
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
