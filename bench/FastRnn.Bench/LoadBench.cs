using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Suites;

namespace FastRnn.Bench;

/// <summary>
/// Loading a file of 100 MB against what cannot be saved: reading its bytes, and packing the weights. Memory is that of a process of its own: anonymous pages, those
/// mapped from files not counted.
/// </summary>
internal static class LoadBench
{
    private const int Rounds = 25;

    public static int Run(ReadOnlySpan<string> args)
    {
        if (args.Length == 2 && args[0] == "memory")
            return Memory(args[1]);
        if (args.Length == 2 && args[0] == "first")
            return First(args[1]);
        string file = Path.Combine(Path.GetTempPath(), $"fastrnn-load-{Environment.ProcessId}.safetensors");
        try
        {
            Save(file);
            string table = Measure(file);
            string folder = Path.Combine("bench", "results", Machine.Slug);
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "load.md"), table);
            Console.Write(table);
        }
        finally
        {
            File.Delete(file);
        }
        return 0;
    }

    private static void Save(string file)
    {
        using CpuBackend backend = new();
        using var model = new Sequential(backend, 1, new Lstm(512, 1536), new Lstm(1536, 1024), new Linear(1024, 2048));
        model.Save(file);
    }

    /// <summary>Everything in turn, round by round, on a machine whose speed changes: what loading takes of reading and packing in the same round.</summary>
    private static string Measure(string file)
    {
        using CpuBackend backend = CpuBackend.CreateForInference(), training = new();
        using Sequential packed = ModelFile.Load(file, backend).Model;
        byte[] memory = File.ReadAllBytes(file);
        using CpuBackend one = CpuBackend.CreateForInference(1);
        string[] names =
        [
            "reading the bytes into memory that is there", "reading the bytes into fresh memory, as weights'", "packing, by one thread",
            "loading for inference, probe included", "loading for training, too", "loading for inference by a back end of one thread",
        ];
        double[][] times = [.. names.Select(_ => new double[Rounds])], ratios = [.. names.Select(_ => new double[Rounds])];
        for (int i = -1; i < Rounds; i++)
        {
            AlignedBuffer? fresh = null;
            double[] round =
            [
                Milliseconds(() => ReadInto(file, memory)), Milliseconds(() => fresh = ReadIntoFresh(file)), Milliseconds(() => Pack(packed), packed.ReleasePacked),
                Load(file, backend), Load(file, training), Load(file, one),
            ];
            fresh!.Dispose();
            for (int row = 0; i >= 0 && row < round.Length; row++)
                (times[row][i], ratios[row][i]) = (round[row], round[row] / (round[1] + round[2]));
        }
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"| {new FileInfo(file).Length / 1e6:F1} MB, {backend.Name} | ms, median of {Rounds} rounds | best | of reading fresh and packing in the same round, median |");
        text.AppendLine("| --- | --- | --- | --- |");
        for (int row = 0; row < names.Length; row++)
        {
            string ratio = row < 3 ? "" : Statistics.Median(ratios[row]).ToString("F2", CultureInfo.InvariantCulture);
            text.AppendLine(CultureInfo.InvariantCulture, $"| {names[row]} | {Statistics.Median(times[row]):F1} | {times[row].Min():F1} | {ratio} |");
        }
        return text.AppendLine().AppendLine(Itself.Output(Itself.With("load", "first", file)).Trim()).AppendLine()
            .AppendLine(Itself.Output(Itself.With("load", "memory", file)).Trim()).ToString();
    }

    private static double Load(string file, CpuBackend backend)
    {
        Sequential? model = null;
        double time = Milliseconds(() => model = ModelFile.Load(file, backend).Model);
        model!.Dispose();
        return time;
    }

    private static void ReadInto(string file, Span<byte> memory)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        stream.ReadExactly(memory);
    }

    /// <summary>What a program that only read the weights would take: the system clears pages before it gives them away.</summary>
    private static AlignedBuffer ReadIntoFresh(string file)
    {
        long length = new FileInfo(file).Length;
        var memory = new AlignedBuffer((nint)((length + sizeof(float) - 1) / sizeof(float)));
        ReadInto(file, MemoryMarshal.AsBytes(memory.Span)[..(int)length]);
        return memory;
    }

    /// <summary>Fresh weights become panels.</summary>
    private static void Pack(Sequential model)
    {
        foreach (ProductWeights weights in model.LayerArray.SelectMany(layer => layer.Products))
            weights.Prepare(WeightPrecision.Float32);
    }

    private static double Milliseconds(Action run, Action? before = null)
    {
        before?.Invoke();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    /// <summary>In a process that has computed nothing yet: what the just-in-time compiler takes, and has not optimised, is in it.</summary>
    private static int First(string file)
    {
        using CpuBackend backend = CpuBackend.CreateForInference();
        double time = Milliseconds(() => ModelFile.Load(file, backend).Model.Dispose());
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The first load of a process takes {time:F0} ms."));
        return 0;
    }

    /// <summary>A small model first, so that what the program itself takes is there.</summary>
    private static int Memory(string file)
    {
        using CpuBackend backend = CpuBackend.CreateForInference();
        string small = file + ".small";
        using (var model = new Sequential(backend, 1, new Lstm(5, 80), new Linear(80, 3)))
            model.Save(small);
        Use(small, backend);
        File.Delete(small);
        GC.Collect();
        long before = Anonymous(), peak = before;
        bool done = false;
        var watch = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                peak = Math.Max(peak, Anonymous());
                Thread.Sleep(1);
            }
        });
        watch.Start();
        Use(file, backend);
        Volatile.Write(ref done, true);
        watch.Join();
        double bytes = new FileInfo(file).Length, most = peak - before;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"Private memory, loading and a session's steps: {most / 1e6:F1} MB at most, file {bytes / 1e6:F1} MB; twice the file and 16 MB are {((2 * bytes) + (16 << 20)) / 1e6:F1} MB"));
        return most <= (2 * bytes) + (16 << 20) ? 0 : 1;
    }

    private static void Use(string file, CpuBackend backend)
    {
        using Sequential model = ModelFile.Load(file, backend).Model;
        using Session session = model.OpenSession();
        float[] x = new float[model.InputSize], y = new float[model.OutputSize];
        for (int t = 0; t < 20; t++)
            session.Step(x, y);
    }

    /// <summary>Bytes of pages that no file backs.</summary>
    private static long Anonymous()
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon", StringComparison.Ordinal));
        return long.Parse(line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
