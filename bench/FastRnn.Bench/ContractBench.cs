using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Suites;

namespace FastRnn.Bench;

/// <summary>What sessions promise, in long: the parts by name, or all. Prints figures; 1 when one is not met.</summary>
internal static class ContractBench
{
    private static readonly (string Name, Func<bool> Run)[] Parts =
    [
        ("warmup", FirstCalls.Met), ("batch", Batch), ("silence", Silence), ("swaps", Swaps), ("allocations", Allocations),
    ];

    private static readonly (string Name, Func<int, RecurrentLayer> Create)[] Cells =
    [
        ("lstm", h => new Lstm(3, h)), ("lstm, peepholes", h => new Lstm(3, h) { Peepholes = true }), ("lstm, coupled gates", h => new Lstm(3, h) { CoupledGates = true }),
        ("lstm, projection", h => new Lstm(3, h) { Projection = h / 2 }), ("lstm, clips", h => new Lstm(3, h) { GateClip = 2, CellClip = 3 }),
        ("lstm, layer norm", h => new Lstm(3, h) { LayerNorm = true }), ("gru", h => new Gru(3, h)), ("gru, reset before", h => new Gru(3, h) { ResetBefore = true }),
        ("gru, layer norm", h => new Gru(3, h) { LayerNorm = true }), ("rnn, tanh", h => new Rnn(3, h)), ("rnn, relu", h => new Rnn(3, h, CellActivation.Relu)),
        ("rnn, sigmoid", h => new Rnn(3, h, CellActivation.Sigmoid)), ("rnn, identity", h => new Rnn(3, h, CellActivation.Identity)),
        ("rnn, layer norm", h => new Rnn(3, h) { LayerNorm = true }),
    ];

    private static long Steps { get; set; } = 10_000_000;

    public static int Run(ReadOnlySpan<string> args)
    {
        string part = args.Length > 0 ? args[0] : "all";
        if (part == "first-calls")
            return FirstCalls.Measure(args[1]);
        if (args.Length > 1)
            Steps = long.Parse(args[1], CultureInfo.InvariantCulture);
        if (part == "silent-steps")
            return SilentSteps();
        bool met = true, found = false;
        foreach ((string name, Func<bool> run) in Parts)
        {
            if (part != "all" && part != name)
                continue;
            found = true;
            bool good = run();
            Print($"{name}: {(good ? "met" : "NOT met")}");
            met &= good;
        }
        if (!found)
            Print($"no part {part}; parts are {string.Join(", ", Parts.Select(known => known.Name))}");
        return met && found ? 0 : 1;
    }

    /// <summary>A batch against as many sessions of one stream, on one thread, in turn.</summary>
    private static bool Batch() =>
        Batch("1,000 agents, GRU 32→64", new Gru(32, 64), 1000, 2)
        & Batch("64 streams, LSTM 128", new Lstm(128, 128), 64, 1.6)
        & Batch("64 streams, LSTM 256", new Lstm(256, 256), 64, 3);

    private static bool Batch(string name, RecurrentLayer layer, int streams, double wanted)
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, layer);
        Session[] singles = [.. Enumerable.Range(0, streams).Select(_ => model.OpenSession())];
        Session batch = model.OpenSession(new SessionOptions { Streams = streams });
        int inputs = layer.Input, outputs = layer.Hidden;
        float[] x = new float[streams * inputs], y = new float[streams * outputs], z = new float[y.Length];
        for (int i = 0; i < x.Length; i++)
            x[i] = MathF.Sin(i * 0.7f);
        int turns = (int)Math.Max(2, 20_000_000L / ((long)streams * (inputs + outputs) * outputs));
        var times = new (double Single, double Batch)[21];
        singles[0].Warmup();
        batch.Warmup();
        Array.ForEach(singles, session => session.Reset());
        for (int round = -10; round < times.Length; round++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int turn = 0; turn < turns; turn++)
            {
                for (int s = 0; s < streams; s++)
                    singles[s].Step(x.AsSpan(s * inputs, inputs), y.AsSpan(s * outputs, outputs));
            }
            long middle = Stopwatch.GetTimestamp();
            for (int turn = 0; turn < turns; turn++)
                batch.StepBatch(x, z);
            long end = Stopwatch.GetTimestamp();
            if (!y.AsSpan().SequenceEqual(z))
                throw new InvalidOperationException("a batch has other bits than its streams alone");
            if (round >= 0)
                times[round] = ((middle - start) / (double)turns / streams, (end - middle) / (double)turns / streams);
        }
        (double one, double many) = times.OrderBy(time => time.Single / time.Batch).ElementAt(times.Length / 2);
        Print($"{name}: {one:F0} ns a step alone, {many:F0} ns in the batch: {one / many:F2} times ({wanted} wanted)");
        return one / many >= wanted;
    }

    /// <summary>An impulse, then ten seconds of silence at 48 kHz; with the biases as drawn, and without, where the state decays to nothing.</summary>
    private static bool Silence()
    {
        bool met = true;
        foreach (bool biased in new[] { true, false })
        {
            using var model = new Sequential(new Lstm(1, 32), new Linear(32, 1));
            foreach (Parameter parameter in model.Parameters.Where(parameter => !biased && parameter.Name.Contains("bias", StringComparison.Ordinal)))
                parameter.Write(new float[parameter.Length]);
            using Session session = model.OpenSession();
            session.Warmup();
            float[] x = [1f], y = [0f];
            var state = new byte[session.StateSize];
            session.Step(x, y);
            x[0] = 0;
            // The fastest quarter of a second's blocks: the core may be shared for most of a second.
            double[] seconds = new double[10], blocks = new double[480];
            long subnormal = 0;
            for (int second = 0; second < seconds.Length; second++)
            {
                for (int block = 0; block < blocks.Length; block++)
                {
                    long start = Stopwatch.GetTimestamp();
                    for (int i = 0; i < 100; i++)
                        session.Step(x, y);
                    blocks[block] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / 100;
                    session.SaveState(state);
                    for (int i = 24; i < state.Length - 4; i += sizeof(float))
                        subnormal += float.IsSubnormal(BitConverter.ToSingle(state, i)) ? 1 : 0;
                }
                Array.Sort(blocks);
                seconds[second] = Statistics.Percentile(blocks, 0.25);
            }
            Print($"biases {(biased ? "as drawn" : "zero")}: {subnormal} subnormal numbers in 4,800 looks; ns a step, second by second: {string.Join(" ", seconds.Select(time => time.ToString("F0", CultureInfo.InvariantCulture)))}");
            met &= subnormal == 0 && seconds[9] <= 1.1 * seconds[0];
        }
        return met;
    }

    /// <summary>
    /// 64 sessions on 16 threads, as many steps as a hundredth of those of other parts, with hot swaps all along; a tenth of that in 8-bit weights, and of a model
    /// without stages.
    /// </summary>
    private static bool Swaps() =>
        Swaps("float32", (int)(Steps / 100), WeightPrecision.Float32, peepholes: false)
        & Swaps("8-bit weights", (int)(Steps / 1000), WeightPrecision.Int8, peepholes: false)
        & Swaps("peepholes", (int)(Steps / 1000), WeightPrecision.Float32, peepholes: true);

    private static bool Swaps(string name, int steps, WeightPrecision weights, bool peepholes)
    {
        SwapResult seen = SwapReplay.Run(64, 16, steps, weights: weights, peepholes: peepholes);
        Print($"{name}: {seen.Steps:N0} steps, {seen.Swaps:N0} swaps: {seen.Old:N0} with the bits of the first weights, {seen.New:N0} of the second, {seen.Wrong:N0} of neither");
        return seen is { Wrong: 0, Old: > 0, New: > 0 };
    }

    private static bool Allocations()
    {
        long all = 0;
        foreach ((string name, Func<int, RecurrentLayer> create) in Cells)
        {
            foreach (WeightPrecision precision in Enum.GetValues<WeightPrecision>())
            {
                foreach (int hidden in new[] { 8, 32 })
                {
                    using var backend = new CpuBackend(1);
                    using var model = new Sequential(backend, 1, create(hidden));
                    using Session session = model.OpenSession(new SessionOptions { Weights = precision });
                    float[] x = [0.1f, 0.2f, 0.3f], y = new float[session.OutputSize];
                    session.Warmup();
                    long steps = Steps / 2, bytes = GC.GetAllocatedBytesForCurrentThread(), native = BlockBytes.Asked, start = Stopwatch.GetTimestamp();
                    int collections = GC.CollectionCount(0);
                    for (long t = 0; t < steps; t++)
                        session.Step(x, y);
                    (bytes, native, collections) = (GC.GetAllocatedBytesForCurrentThread() - bytes, BlockBytes.Asked - native, GC.CollectionCount(0) - collections);
                    Print($"{name} {hidden}, {precision.Name()}: {steps:N0} steps of {Stopwatch.GetElapsedTime(start).TotalNanoseconds / steps:F0} ns, {bytes} bytes, {native} native, {collections} collections");
                    all += bytes + native + collections;
                }
            }
        }
        return all == 0;
    }

    /// <summary>Steps between two calls of the system that mark them: what bench/syscalls.sh looks at.</summary>
    private static int SilentSteps()
    {
        using var model = new Sequential(new Lstm(1, 32), new Gru(32, 24), new Linear(24, 1));
        using Session session = model.OpenSession(), batch = model.OpenSession(new SessionOptions { Streams = 4 });
        float[] x = [0.5f, 0.5f, 0.5f, 0.5f], y = new float[4];
        session.Warmup();
        batch.Warmup();
        for (int i = 0; i < 100; i++) // the marks, too: compiling them wakes the compiler's own thread
        {
            Turns(session, batch, x, y, 1000);
            _ = File.Exists("/fastrnn-warm");
            Thread.Sleep(10);
        }
        _ = File.Exists("/fastrnn-steps-begin");
        Turns(session, batch, x, y, Steps);
        _ = File.Exists("/fastrnn-steps-end");
        return 0;
    }

    /// <summary>Compiled for good before the marks: the compiler itself asks the system for memory.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Turns(Session session, Session batch, float[] x, float[] y, long steps)
    {
        for (long t = 0; t < steps; t++)
        {
            session.Step(x.AsSpan(0, 1), y.AsSpan(0, 1));
            if (t % 8 == 0)
                batch.StepBatch(x, y);
        }
    }

    private static void Print(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
