using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Runner;
using FastRnn.Suites;

namespace FastRnn.Bench;

/// <summary>
/// What the native artefacts weigh, how fast they start, what the C border costs, and whether code compiled ahead of time is as fast as the
/// just-in-time compiler's. Needs <c>dotnet msbuild src/Native.proj</c>.
/// </summary>
internal static unsafe class NativeBench
{
    private const int Starts = 41;

    /// <summary>Many short rounds: a neighbour that comes for milliseconds spoils some, not the medians. The first are the just-in-time compiler's.</summary>
    private const int Rounds = 501, WarmUp = 100, Steps = 10_000;

    private static readonly string _artifacts = Path.Combine("artifacts", "native");

    /// <summary>Sizes, starts and the C border; or the suites by both compilers, which takes ten minutes.</summary>
    public static string Run(bool suites)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Machine.CpuName}, {RuntimeInformation.FrameworkDescription}.").AppendLine();
        if (suites)
        {
            AheadOfTime(text);
        }
        else
        {
            Sizes(text);
            Border(text);
        }
        return text.ToString().TrimEnd() + "\n";
    }

    private static void Sizes(StringBuilder text)
    {
        string folder = Directory.CreateTempSubdirectory("fastrnn-native-").FullName;
        try
        {
            string model = Train(folder);
            text.AppendLine("| program or library | level | MB, stripped | start to first prediction, ms |");
            text.AppendLine("| --- | --- | --- | --- |");
            foreach ((string file, string level) in new[] { ("fastrnn", "v3"), ("fastrnn-v4", "v4") })
            {
                string path = Path.GetFullPath(Path.Combine(_artifacts, file));
                Row(text, file, level, path, Start(path, model));
            }
            Row(text, "fastrnn, handing over to fastrnn-v4", "v3, v4", null, Start(Path.GetFullPath(Path.Combine(_artifacts, "fastrnn")), model, null));
            foreach (string level in new[] { "baseline", "v3", "v4" })
                Row(text, "libfastrnn.so.1", level, Path.Combine(_artifacts, level, "libfastrnn.so.1"), null);
            text.AppendLine().AppendLine(
                CultureInfo.InvariantCulture, $"Start: `predict` of a character model of 32 units on one line, the whole process with its start and end, median of {Starts}.").AppendLine();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Row(StringBuilder text, string name, string level, string? path, double? start) => text.AppendLine(
        CultureInfo.InvariantCulture, $"| `{name}` | {level} | {(path == null ? "" : $"{new FileInfo(path).Length / 1e6:F1}")} | {(start == null ? "" : $"{1000 * start:F1}")} |");

    /// <summary>A model of a few words, by the program itself.</summary>
    private static string Train(string folder)
    {
        string data = Path.Combine(folder, "words.txt"), model = Path.Combine(folder, "words.safetensors");
        File.WriteAllText(data, string.Concat(Enumerable.Repeat("the quick brown fox jumps over the lazy dog\n", 60)));
        Finish(Begin(Path.GetFullPath(Path.Combine(_artifacts, "fastrnn")),
            ["train", "--data", data, "--hidden", "32", "--epochs", "1", "--out", model], new() { ["FASTRNN_LEVEL"] = "" }));
        return model;
    }

    /// <summary>Median seconds from before the start to after the end of a prediction. level: kept to by the program; null hands over.</summary>
    private static double Start(string program, string model, string? level = "v3")
    {
        var times = new double[Starts];
        for (int i = -3; i < Starts; i++)
        {
            long start = Ticks.Now;
            Process process = Begin(program, ["predict", "--model", model], new() { ["FASTRNN_LEVEL"] = level ?? "" });
            process.StandardInput.WriteLine("the lazy fox");
            process.StandardInput.Close();
            Finish(process);
            if (i >= 0)
                times[i] = Ticks.SecondsSince(start);
        }
        return Statistics.Median(times);
    }

    private static Process Begin(string program, IReadOnlyList<string> arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static string Finish(Process process, params int[] expected)
    {
        using (process)
        {
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 || expected.Contains(process.ExitCode) ? output : throw new InvalidOperationException($"{process.StartInfo.FileName} ended with {process.ExitCode}: {errors.Result}");
        }
    }

    /// <summary>A step by the library through its C function and one of this process, in turn. No transition is made on the way out, as a caller in C makes none.</summary>
    private static void Border(StringBuilder text)
    {
        text.AppendLine("| model | managed step, ns | `fastrnn_step`, ns | difference | fastest managed | fastest `fastrnn_step` | difference | `fastrnn_state_size` | a managed step less itself |");
        text.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        string level = Numerics.Isa.Widest == Numerics.IsaLevel.Avx512 ? "v4" : "v3";
        nint library = NativeLibrary.Load(Path.GetFullPath(Path.Combine(_artifacts, level, "libfastrnn.so.1")));
        foreach (int hidden in new[] { 8, 32 })
        {
            string path = Path.GetTempFileName();
            try
            {
                using var backend = new CpuBackend(1);
                using var model = new Sequential(backend, 1, new Lstm(1, hidden));
                model.Save(path);
                using Session session = model.OpenSession();
                session.Warmup();
                ulong handle = Open(library, path);
                var step = (delegate* unmanaged[Cdecl, SuppressGCTransition]<ulong, float*, nuint, float*, nuint, int>)NativeLibrary.GetExport(library, "fastrnn_step");
                Turns turns = Turns.Measure(() => Managed(session), () => Native(step, handle, 1, (nuint)hidden), Rounds, WarmUp);
                var size = (delegate* unmanaged[Cdecl, SuppressGCTransition]<ulong, nuint*, int>)NativeLibrary.GetExport(library, "fastrnn_state_size");
                Turns empty = Turns.Measure(() => Managed(session), () => Ask(size, handle), Rounds);
                Turns itself = Turns.Measure(() => Managed(session), () => Managed(session), Rounds);
                double[] row = [turns.First, turns.Second, turns.Difference, turns.FastestFirst, turns.FastestSecond, turns.FastestSecond - turns.FastestFirst, empty.FastestSecond, itself.Difference];
                text.AppendLine($"| LSTM 1→{hidden} | {string.Join(" | ", row.Select(seconds => (1e9 * seconds / Steps).ToString("F1", CultureInfo.InvariantCulture)))} |");
            }
            finally
            {
                File.Delete(path);
            }
        }
        text.AppendLine().AppendLine(
            "Medians of rounds in turn, and the fastest of them: those of a core that nothing else shared. The two steps are of two compilers, just in time and ahead of time, which is part of the "
            + "difference; `fastrnn_state_size` enters and leaves a session as a step does, and does nothing between.").AppendLine();
    }

    private static ulong Open(nint library, string path)
    {
        var load = (delegate* unmanaged[Cdecl]<byte*, ulong*, int>)NativeLibrary.GetExport(library, "fastrnn_model_load");
        var create = (delegate* unmanaged[Cdecl]<ulong, void*, ulong*, int>)NativeLibrary.GetExport(library, "fastrnn_session_create");
        var warmup = (delegate* unmanaged[Cdecl]<ulong, int>)NativeLibrary.GetExport(library, "fastrnn_warmup");
        ulong model, session;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            if (load(name, &model) != 0 || create(model, null, &session) != 0 || warmup(session) != 0)
                throw new InvalidOperationException($"libfastrnn.so.1 does not open {path}");
        }
        return session;
    }

    private static void Managed(Session session)
    {
        Span<float> x = stackalloc float[session.InputSize], y = stackalloc float[session.OutputSize];
        for (int t = 0; t < Steps; t++)
        {
            x[0] = (t & 15) / 16f;
            session.Step(x, y);
        }
    }

    private static void Native(delegate* unmanaged[Cdecl, SuppressGCTransition]<ulong, float*, nuint, float*, nuint, int> step, ulong session, nuint input, nuint output)
    {
        float* x = stackalloc float[(int)input], y = stackalloc float[(int)output];
        for (int t = 0; t < Steps; t++)
        {
            x[0] = (t & 15) / 16f;
            if (step(session, x, input, y, output) != 0)
                throw new InvalidOperationException("fastrnn_step failed");
        }
    }

    private static void Ask(delegate* unmanaged[Cdecl, SuppressGCTransition]<ulong, nuint*, int> size, ulong session)
    {
        nuint bytes;
        for (int t = 0; t < Steps; t++)
        {
            if (size(session, &bytes) != 0)
                throw new InvalidOperationException("fastrnn_state_size failed");
        }
    }

    /// <summary>Rows of the suites by both compilers, processes in turn; the ratio of the medians of five.</summary>
    private static void AheadOfTime(StringBuilder text)
    {
        text.AppendLine("| suite | row | just in time, ns | ahead of time, ns | ratio |");
        text.AppendLine("| --- | --- | --- | --- | --- |");
        string just = Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "..", "src", "FastRnn.Runner", "bin", "Release", "net10.0", "fastrnn");
        var doubts = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string suite in new[] { "step", "batch" })
        {
            var first = new Dictionary<string, List<double>>();
            var second = new Dictionary<string, List<double>>();
            for (int round = 0; round < 5; round++)
            {
                Collect(just, suite, first, doubts);
                Collect(Path.GetFullPath(Path.Combine(_artifacts, "fastrnn")), suite, second, doubts);
            }
            foreach ((string name, List<double> times) in first)
            {
                double a = Statistics.Median(CollectionsMarshal.AsSpan(times)), b = Statistics.Median(CollectionsMarshal.AsSpan(second[name]));
                text.AppendLine(CultureInfo.InvariantCulture, $"| {suite} | {name} | {a:F0} | {b:F0} | {b / a:F3} |");
            }
        }
        text.AppendLine();
        foreach (string doubt in doubts)
            text.AppendLine("- " + doubt);
    }

    /// <summary>A machine whose peak is in doubt, or a row's share of it, does not matter where rows are compared with each other; it is told.</summary>
    private static void Collect(string program, string suite, Dictionary<string, List<double>> times, SortedSet<string> doubts)
    {
        string json = Finish(Begin(program, ["bench", "--suite", suite, "--seconds", "0.05", "--json"], []), ExitCodes.Device);
        using JsonDocument document = JsonDocument.Parse(json);
        foreach (JsonElement fault in document.RootElement.GetProperty("suites")[0].GetProperty("faults").EnumerateArray())
            doubts.Add($"{Path.GetRelativePath(".", program)}, {suite}: {fault.GetString()}");
        foreach (JsonElement row in document.RootElement.GetProperty("suites")[0].GetProperty("rows").EnumerateArray())
        {
            if (!row.TryGetProperty("median", out JsonElement median))
                continue; // a row of two threads' speed
            string name = $"{row.GetProperty("id").GetString()} {row.GetProperty("precision").GetString()}";
            if (!times.TryGetValue(name, out List<double>? list))
                times.Add(name, list = []);
            list.Add(median.GetDouble());
        }
    }
}
