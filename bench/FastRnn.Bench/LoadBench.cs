using System.Diagnostics;
using System.Globalization;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Suites;

namespace FastRnn.Bench;

/// <summary>
/// Loading a file of 100 MB against what cannot be saved: reading its bytes, and packing the weights. Memory is that of a process of its own: anonymous pages, those
/// mapped from files not counted.
/// </summary>
internal static class LoadBench
{
    private const int Runs = 9;

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

    private static string Measure(string file)
    {
        using CpuBackend backend = CpuBackend.CreateForInference(), training = new();
        double read = Best(() => File.ReadAllBytes(file)), pack = Pack(file, backend);
        double load = Best(() => ModelFile.Load(file, backend).Model.Dispose()), full = Best(() => ModelFile.Load(file, training).Model.Dispose());
        double megabytes = new FileInfo(file).Length / 1e6;
        string child = Itself.Output(Itself.With("load", "memory", file)).Trim();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            | {megabytes:F1} MB, {backend.Name} | ms, best of {Runs} | of reading and packing |
            | --- | --- | --- |
            | reading the bytes | {read:F1} | |
            | packing | {pack:F1} | |
            | loading for inference, probe included | {load:F1} | {load / (read + pack):F2} |
            | loading for training, too | {full:F1} | {full / (read + pack):F2} |

            {child}

            """);
    }

    /// <summary>The time in which fresh weights become panels.</summary>
    private static double Pack(string file, CpuBackend backend)
    {
        using Sequential model = ModelFile.Load(file, backend).Model;
        return Best(() =>
        {
            model.ReleasePacked();
            foreach (ProductWeights weights in model.LayerArray.SelectMany(layer => layer.Products))
                weights.Prepare(WeightPrecision.Float32);
        });
    }

    private static double Best(Action run)
    {
        double best = double.MaxValue;
        for (int i = 0; i < Runs; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            long start = Stopwatch.GetTimestamp();
            run();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        return best;
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
