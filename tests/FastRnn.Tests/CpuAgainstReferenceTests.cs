using FastRnn.Backends;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// Every operation of the CPU back end against the reference in double, at every length 1–257 and at odd shapes, on every instruction set,
/// in memory whose end is an inaccessible page. To add an operation: implement it in the reference, in the kernels, in the table, and add
/// one case here.
/// </summary>
public class CpuAgainstReferenceTests
{
    /// <summary>Error relative to the largest value of a result: chains of up to 514 roundings, and gates whose slope magnifies them.</summary>
    private const double Tolerance = 1e-5;

    /// <summary>A norm divides by a deviation that may be small: its slope, 1/√(variance + ε), magnifies the roundings before it.</summary>
    private const double NormTolerance = 1e-4;

    public static TheoryData<IsaLevel> Levels => new(Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest));

    public static TheoryData<IsaLevel, int> LevelsAndCells
    {
        get
        {
            var data = new TheoryData<IsaLevel, int>();
            foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
            {
                for (int cell = 0; cell < CellRun.Cells.Length; cell++)
                    data.Add(isa, cell);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void LinearAtEveryLength(IsaLevel isa)
    {
        for (int n = 1; n <= 257; n++)
        {
            int other = 1 + (n * 7 % 40), batch = 1 + (n % 5), steps = 1 + (n % 3);
            foreach ((int input, int output) in new[] { (n, other), (other, n) })
                Compare(isa, $"op=Linear isa={isa} I={input} O={output} T={steps} B={batch} seed={n}", (b, log) => Linear(b, log, input, output, steps, batch, n, null));
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void LinearSkipsInactiveRows(IsaLevel isa) =>
        Compare(isa, $"op=Linear flags isa={isa}", (b, log) => Linear(b, log, 19, 23, 6, 18, 5, BitsTests.RandomFlags(6, 18, 5)));

    [Theory]
    [MemberData(nameof(LevelsAndCells))]
    public void CellAtEveryHiddenSize(IsaLevel isa, int cell)
    {
        for (int n = 1; n <= 257; n++)
            CompareCell(isa, new CellRun(1 + (n * 5 % 23), n, 2, 1 + (n % 4), seed: n, CellRun.Cells[cell]));
    }

    [Theory]
    [MemberData(nameof(LevelsAndCells))]
    public void CellAtEveryInputSize(IsaLevel isa, int cell)
    {
        for (int n = 1; n <= 257; n++)
            CompareCell(isa, new CellRun(n, 1 + (n * 3 % 19), 3, 1 + (n % 3), seed: n, CellRun.Cells[cell]));
    }

    [Theory]
    [MemberData(nameof(LevelsAndCells))]
    public void CellAtEveryBatchAndManySteps(IsaLevel isa, int cell)
    {
        for (int n = 1; n <= 66; n++)
            CompareCell(isa, new CellRun(5, 9, 4, n, seed: n, CellRun.Cells[cell]));
        foreach (int steps in new[] { 1, 2, 15, 16, 17, 33, 85, 86, 128, 129, 257 })
            CompareCell(isa, new CellRun(3, 6, steps, 3, seed: steps, CellRun.Cells[cell]));
    }

    [Theory]
    [MemberData(nameof(LevelsAndCells))]
    public void CellWithFlags(IsaLevel isa, int cell)
    {
        for (int seed = 0; seed < 40; seed++)
        {
            int steps = 1 + (seed % 9), batch = 1 + (seed * 7 % 20);
            var run = new CellRun(4, 1 + (seed * 5 % 37), steps, batch, seed, CellRun.Cells[cell]) { Flags = BitsTests.RandomFlags(steps, batch, seed) };
            PoisonInactive(run);
            CompareCell(isa, run);
        }
    }

    /// <summary>
    /// Native blocks are unmapped by finalizers here: an operation that let go of a buffer before it was done with its pointer would crash.
    /// </summary>
    [Fact]
    public void CollectionsDuringAnOperationFreeNothingInUse()
    {
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        for (int seed = 1; seed <= 60; seed++)
        {
            CompareCell(Isa.Widest, new CellRun(40, 40 + seed, 8, 9, seed, CellRun.Cells[seed % 6]));
            int odd = 30 + seed;
            Compare(Isa.Widest, $"op=Linear seed={seed}", (b, log) => Linear(b, log, odd, 33, 4, 9, odd, null));
        }
        stop.Cancel();
        collector.Join();
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void CrossEntropyAtEveryLength(IsaLevel isa)
    {
        for (int n = 1; n <= 257; n++)
        {
            int rows = 1 + (n % 5);
            Compare(isa, $"op=CrossEntropy isa={isa} V={n} R={rows} seed={n}", (b, log) =>
            {
                var random = new Random(n);
                DeviceBuffer logits = Filled(b, random, rows, n, 8), gradient = b.Allocate(rows, n);
                int[] targets = [.. Enumerable.Range(0, rows).Select(r => r == 3 ? -1 : random.Next(n))];
                LossSum loss = b.CrossEntropy(logits, targets, gradient);
                log("loss", [loss.Sum, loss.Count, b.CrossEntropy(logits, targets, null).Sum]);
                Log(b, log, "dLogits", gradient);
            });
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void UpdatesAtEveryLength(IsaLevel isa)
    {
        for (int n = 1; n <= 257; n++)
        {
            int seed = n;
            Compare(isa, $"op=Updates isa={isa} n={n}", (b, log) =>
            {
                var random = new Random(seed);
                DeviceBuffer w = Filled(b, random, 2, n, 1), g = Filled(b, random, 2, n, 1), m = b.Allocate(2, n), v = b.Allocate(2, n);
                log("squares", [b.SumOfSquares(g)]);
                b.SgdUpdate(w, g, new SgdStep(0.1f, 0.5f));
                Log(b, log, "sgd", w);
                for (int step = 1; step <= 3; step++)
                    b.AdamUpdate(w, g, m, v, new AdamStep(2e-3f, 0.9f, 0.999f, 1e-8f, 1 - Math.Pow(0.9f, step), 1 - Math.Pow(0.999f, step), 0.7f));
                Log(b, log, "adam", w);
                Log(b, log, "m", m);
                Log(b, log, "v", v);
                b.Accumulate(g, w);
                Log(b, log, "accumulate", w);
            });
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void EmbeddingAndDropoutAtEveryLength(IsaLevel isa)
    {
        for (int n = 1; n <= 257; n++)
        {
            int seed = n;
            Compare(isa, $"op=Embedding,Dropout isa={isa} n={n}", (b, log) =>
            {
                var random = new Random(seed);
                DeviceBuffer table = Filled(b, random, 5, n, 1), y = b.Allocate(6, n), dTable = b.Allocate(5, n);
                int[] tokens = [4, 0, -1, 4, 2, 4];
                b.EmbeddingForward(table, tokens, y);
                Log(b, log, "embedding", y);
                b.EmbeddingBackward(dTable, tokens, y);
                Log(b, log, "dTable", dTable);
                b.Dropout(y, y, new DropoutMask(0.4f, 77, 3, 1000 + seed), 3, 2);
                Log(b, log, "dropout", y);
                b.Dropout(y, y, new DropoutMask(0.3f, 78, 2, 1000 + seed, PerSample: true), 3, 2);
                Log(b, log, "variational dropout", y);
            });
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void GatherRowsAtEveryLength(IsaLevel isa)
    {
        for (int n = 1; n <= 257; n++)
        {
            int seed = n;
            Compare(isa, $"op=GatherRows isa={isa} n={n}", (b, log) =>
            {
                var random = new Random(seed);
                DeviceBuffer source = Filled(b, random, 4, n + 5, 1), target = Filled(b, random, 6, n + 3, 1);
                int[] rows = [3, -1, 0, 3, -1, 2];
                foreach (GatherMode mode in Enum.GetValues<GatherMode>())
                {
                    b.GatherRows(source, rows, target, new RowGather(mode, 5, 2, n, 0.75f));
                    Log(b, log, $"{mode}", target);
                    b.GatherRows(source, default, b.View(target, 1, 4), new RowGather(mode, 1, 0, n, 1));
                    Log(b, log, $"{mode} in place", target);
                }
            });
        }
    }

    /// <summary>NaN input at inactive positions must not reach anything.</summary>
    internal static void PoisonInactive(CellRun run)
    {
        for (int row = 0; row < run.Steps * run.Batch; row++)
        {
            if (run.Flags!.Active[row] == 0)
                run.X.AsSpan(row * run.Input, run.Input).Fill(float.NaN);
        }
    }

    private static void Linear(Backend b, Action<string, double[]> log, int input, int output, int steps, int batch, int seed, StepFlags? flags)
    {
        var random = new Random(seed);
        LinearWeights weights = b.CreateLinearWeights(input, output);
        Fill(b, random, weights.Weight, 1);
        Fill(b, random, weights.Bias, 1);
        int rows = steps * batch;
        DeviceBuffer x = Filled(b, random, rows, input, 1), y = b.Allocate(rows, output), dY = Filled(b, random, rows, output, 1);
        DeviceBuffer dW = b.Allocate(output, input), db = b.Allocate(1, output), dX = b.Allocate(rows, input);
        b.LinearForward(weights, x, y);
        Log(b, log, "y", y);
        b.LinearBackward(weights, dW, db, x, dY, dX, flags, steps, batch);
        Log(b, log, "dW", dW);
        Log(b, log, "db", db);
        Log(b, log, "dX", dX);
    }

    internal static void CompareCell(IsaLevel isa, CellRun run)
    {
        LeaveKinks(run);
        Compare(isa, $"op=cell isa={isa} {run} flags={run.Flags != null}", (b, log) =>
        {
            foreach ((string name, double[] values) in run.Train(b))
                log(name, values);
        }, run.Cell.LayerNorm ? NormTolerance : Tolerance);
    }

    internal static void LeaveKinks(CellRun run)
    {
        for (int attempt = 0; run.ClosestKink() < 1e-5; attempt++)
        {
            Assert.True(attempt < 50, $"{run} does not get away from a kink");
            for (int u = 0; u < run.InputBias.Length; u++)
                run.InputBias[u] += 1e-3f;
        }
    }

    internal static void Compare(IsaLevel isa, string what, Action<Backend, Action<string, double[]>> work, double tolerance = Tolerance)
    {
        var expected = new List<(string Name, double[] Values)>();
        using (var reference = new ReferenceBackend())
            work(reference, (name, values) => expected.Add((name, values)));
        using var guard = new GuardedBlocks();
        using var cpu = new CpuBackend(1, isa);
        int index = 0;
        work(cpu, (name, values) => Close(expected[index++], name, values, what, tolerance));
        Assert.Equal(expected.Count, index);
    }

    private static void Close((string Name, double[] Values) expected, string name, double[] actual, string what, double tolerance)
    {
        Assert.Equal(expected.Name, name);
        // States and gradients are sums whose terms are of the order of one, however small a lonely result is.
        double floor = name is "y" or "hT" or "cT" ? 0.1 : name.StartsWith('d') ? 0.01 : 1e-30;
        double scale = Math.Max(floor, expected.Values.Max(Math.Abs));
        for (int i = 0; i < actual.Length; i++)
        {
            if (!(Math.Abs(actual[i] - expected.Values[i]) <= tolerance * scale))
                Assert.Fail($"{what}: {name}[{i}] is {actual[i]:R}, reference {expected.Values[i]:R}, allowed {tolerance * scale:E1}");
        }
    }

    internal static void Log(Backend b, Action<string, double[]> log, string name, DeviceBuffer buffer)
    {
        var values = new double[buffer.Length];
        b.Read(buffer, values);
        log(name, values);
    }

    internal static DeviceBuffer Filled(Backend b, Random random, int rows, int columns, double scale)
    {
        DeviceBuffer buffer = b.Allocate(rows, columns);
        Fill(b, random, buffer, scale);
        return buffer;
    }

    private static void Fill(Backend b, Random random, DeviceBuffer buffer, double scale)
    {
        var values = new float[buffer.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)((random.NextDouble() - 0.5) * 2 * scale);
        b.Write(buffer, values);
    }
}
