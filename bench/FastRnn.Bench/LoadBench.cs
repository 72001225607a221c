using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
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
        double[] warm = new double[Rounds], read = new double[Rounds], pack = new double[Rounds], load = new double[Rounds], full = new double[Rounds];
        double[] loadRatio = new double[Rounds], fullRatio = new double[Rounds];
        for (int i = -1; i < Rounds; i++)
        {
            warm[Math.Max(i, 0)] = Milliseconds(() => ReadInto(file, memory));
            double bytes = Milliseconds(() => ReadIntoFresh(file)), panels = Milliseconds(() => Pack(packed));
            double forInference = Milliseconds(() => ModelFile.Load(file, backend).Model.Dispose()), forTraining = Milliseconds(() => ModelFile.Load(file, training).Model.Dispose());
            if (i >= 0)
            {
                (read[i], pack[i], load[i], full[i]) = (bytes, panels, forInference, forTraining);
                (loadRatio[i], fullRatio[i]) = (forInference / (bytes + panels), forTraining / (bytes + panels));
            }
        }
        double megabytes = new FileInfo(file).Length / 1e6;
        string child = Itself.Output(Itself.With("load", "memory", file)).Trim();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            | {megabytes:F1} MB, {backend.Name} | ms, median of {Rounds} rounds | best | of reading and packing in the same round, median |
            | --- | --- | --- | --- |
            | reading the bytes into memory that is there | {Statistics.Median(warm):F1} | {warm.Min():F1} | |
            | reading the bytes into fresh memory, as weights' | {Statistics.Median(read):F1} | {read.Min():F1} | |
            | packing | {Statistics.Median(pack):F1} | {pack.Min():F1} | |
            | loading for inference, probe included | {Statistics.Median(load):F1} | {load.Min():F1} | {Statistics.Median(loadRatio):F2} |
            | loading for training, too | {Statistics.Median(full):F1} | {full.Min():F1} | {Statistics.Median(fullRatio):F2} |

            {child}

            """);
    }

    private static void ReadInto(string file, Span<byte> memory)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        stream.ReadExactly(memory);
    }

    /// <summary>What a program that only read the weights would take: the system clears pages before it gives them away.</summary>
    private static void ReadIntoFresh(string file)
    {
        long length = new FileInfo(file).Length;
        using var memory = new AlignedBuffer((nint)((length + sizeof(float) - 1) / sizeof(float)));
        ReadInto(file, MemoryMarshal.AsBytes(memory.Span)[..(int)length]);
    }

    /// <summary>Fresh weights become panels.</summary>
    private static void Pack(Sequential model)
    {
        model.ReleasePacked();
        foreach (ProductWeights weights in model.LayerArray.SelectMany(layer => layer.Products))
            weights.Prepare(WeightPrecision.Float32);
    }

    private static double Milliseconds(Action run)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
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
