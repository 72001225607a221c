using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.OpenCL;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;

namespace FastRnn.OpenClChecks;

/// <summary>
/// Every operation and every option of the cells once, in sizes that fill no tile, with the kernels of every kind of device: small enough for
/// interpreters that watch each access. Results are compared with the CPU's.
/// </summary>
internal static class KernelSweep
{
    /// <summary>Of the squared error to the squared values: an interpreter's exp and fma need not be those of the CPU.</summary>
    private const double LargestError = 1e-10;

    private static readonly string[] Families = ["vector", "local", "gpu", "single"];

    public static int Run(string[] families)
    {
        int works = 0;
        List<string> bad = [];
        foreach (string family in families.Length == 0 ? Families : families)
        {
            using var backend = new OpenClBackend(0, Options(family));
            foreach ((string name, Action<Backend, Action<double[]>> work) in Works())
            {
                works++;
                Console.Error.WriteLine($"{family}: {name}");
                double error = Error(work, backend);
                if (!(error <= LargestError))
                    bad.Add($"{family}: {name}: mean square error {error:E1}");
            }
        }
        bad.ForEach(Console.WriteLine);
        Console.WriteLine($"{works} works done, {bad.Count} differ from the CPU");
        return bad.Count == 0 ? 0 : 1;
    }

    private static OpenClOptions Options(string family)
    {
        var common = new OpenClOptions { CacheFolder = "", WaitLimit = TimeSpan.FromMinutes(10), KernelsFor = OpenClDeviceKind.Cpu };
        return family switch
        {
            "vector" => common with { Products = ProductFamily.Vector },
            "local" => common with { Products = ProductFamily.Local },
            "gpu" => common with { KernelsFor = OpenClDeviceKind.Gpu },
            "single" => common with { WithoutDouble = true },
            _ => throw new ArgumentException($"no family {family}: {string.Join(", ", Families)}", nameof(family)),
        };
    }

    private static double Error(Action<Backend, Action<double[]>> work, OpenClBackend backend)
    {
        List<double> expected = [], actual = [];
        using (var cpu = new CpuBackend(1))
            work(cpu, expected.AddRange);
        work(backend, actual.AddRange);
        if (expected.Count != actual.Count)
            return double.NaN;
        double error = expected.Zip(actual).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second));
        return error / Math.Max(1e-30, expected.Sum(value => value * value));
    }

    private static IEnumerable<(string Name, Action<Backend, Action<double[]>> Work)> Works() => [.. Cells(), .. Losses(), .. Updates(), .. Operations()];

    private static IEnumerable<(string Name, Action<Backend, Action<double[]>> Work)> Cells()
    {
        IEnumerable<(string Name, CellType Cell)> cells = [.. CellRun.Cells.Select(cell => ($"{cell.Kind} {cell.Activation}", cell)), .. CellRun.Options];
        foreach ((string name, CellType cell) in cells)
        {
            yield return (name, (backend, log) =>
            {
                var run = new CellRun(3, 17, 2, 3, seed: 1, cell);
                foreach (double[] values in run.Train(backend).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value))
                    log(values);
                run.Pass = run.Pass with { GradientLimit = 0.03f };
                run.Flags = new StepFlags(2, 3);
                (run.Flags.Active[4], run.Flags.Reset[5]) = (0, 1);
                foreach (double[] values in run.Train(backend, Keep.States).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value))
                    log(values);
                run.Flags = null;
                log([.. run.Forward(backend, [1, 1]).Y.Select(y => (double)y)]);
            }
            );
        }
    }

    private static IEnumerable<(string Name, Action<Backend, Action<double[]>> Work)> Losses()
    {
        foreach ((string name, Func<int, LossReduction, Loss> create) in LossRuns.All)
        {
            yield return (name, (backend, log) =>
            {
                Loss loss = create(19, LossReduction.Mean);
                SequenceChunk chunk = LossRuns.RandomWindow(loss, 2, 2, 1, 19, seed: 5);
                chunk.SetIgnored(1, 0);
                (LossSum sum, float[] gradient) = LossRuns.Compute(backend, loss, LossRuns.Weights(4 * 19), chunk);
                log([sum.Sum, .. gradient.Select(g => (double)g)]);
            }
            );
        }
    }

    private static IEnumerable<(string Name, Action<Backend, Action<double[]>> Work)> Updates()
    {
        Func<Optimizer>[] optimizers =
        [
            () => new Sgd(0.1f, 0.8f, 0.3f, weightDecay: 0.05f), () => new Sgd(0.1f, 0.8f, nesterov: true, form: UpdateForm.Keras), () => new AdaGrad(0.05f, rateDecay: 0.1f),
            () => new RmsProp(0.01f, 0.9f, centered: true, momentum: 0.7f), () => new RmsProp(0.01f, form: UpdateForm.Keras), () => new Adam(0.01f),
            () => new Adam(0.01f, amsgrad: true, weightDecay: 0.05f), () => new AdamW(0.01f), () => new Nadam(0.01f), () => new Nadam(0.01f, form: UpdateForm.Keras),
        ];
        for (int i = 0; i < optimizers.Length; i++)
        {
            Func<Optimizer> create = optimizers[i];
            yield return ($"training with {create().GetType().Name} {i}", (backend, log) => Train(backend, create(), log));
        }
    }

    /// <summary>Tokens, all layers that take no cell, two directions, lengths, penalties, clipping.</summary>
    private static void Train(Backend backend, Optimizer optimizer, Action<double[]> log)
    {
        using var model = new Sequential(
            backend, 1, new Embedding(7, 5), new Dropout(0.3f) { Variational = true }, new Bidirectional(new Lstm(5, 9)), new Dropout(0.3f), new Linear(18, 7));
        var trainer = new Trainer(model, new CrossEntropy(), optimizer) { ClipNorm = 0.3f, CarryState = false };
        var chunk = new SequenceChunk(3, 3);
        for (int i = 0; i < 9; i++)
            (chunk.Inputs[i], chunk.Targets[i]) = (i * 5 % 7, i * 3 % 7);
        chunk.SetLength(1, 2);
        for (int step = 0; step < 2; step++)
            log([trainer.Step(chunk).Loss]);
        foreach (Parameter parameter in model.Parameters)
        {
            var values = new float[parameter.Length];
            parameter.Read(values);
            log([.. values.Select(value => (double)value)]);
        }
    }

    private static IEnumerable<(string Name, Action<Backend, Action<double[]>> Work)> Operations()
    {
        foreach (int n in (int[])[1, 33])
        {
            foreach (ActivationKind kind in Enum.GetValues<ActivationKind>())
            {
                yield return ($"{kind} of {n}", (b, log) =>
                {
                    DeviceBuffer x = Filled(b, 4, n, 1), y = b.Allocate(4, n), dY = Filled(b, 4, n, 2), dX = b.Allocate(4, n);
                    b.ActivationForward(kind, x, y);
                    b.ActivationBackward(kind, x, y, dY, dX, Flags(2));
                    Log(b, log, y, dX);
                }
                );
            }
            foreach (CellActivation function in (CellActivation[])[CellActivation.Selu, CellActivation.Exponential, CellActivation.Clip(-0.5f, 0.75f), CellActivation.LeakyRelu()])
            {
                yield return ($"{function} of {n}", (b, log) =>
                {
                    DeviceBuffer x = Filled(b, 4, n, 1), y = b.Allocate(4, n), dY = Filled(b, 4, n, 2), dX = b.Allocate(4, n);
                    var chosen = new ActivationFunction(ActivationKind.Chosen, function);
                    b.ActivationForward(chosen, x, y);
                    b.ActivationBackward(chosen, x, y, dY, dX, Flags(2));
                    Log(b, log, y, dX);
                }
                );
            }
            yield return ($"layer normalisation of {n}", (b, log) =>
            {
                DeviceBuffer x = Filled(b, 4, n, 1), y = b.Allocate(4, n), dY = Filled(b, 4, n, 2), dX = b.Allocate(4, n);
                LayerNormParameters values = new(Filled(b, 1, n, 3), Filled(b, 1, n, 4), 1e-3f), gradients = new(Filled(b, 1, n, 5), Filled(b, 1, n, 6), 1e-3f);
                b.LayerNormForward(values, x, y);
                b.LayerNormBackward(values, gradients, x, dY, dX, Flags(2), 2, 2);
                Log(b, log, y, dX, gradients.Gamma, gradients.Beta);
            }
            );
            yield return ($"rows of {n}", (b, log) => Rows(b, n, log));
            yield return ($"sums of {n}", (b, log) => Sums(b, n, log));
        }
        yield return ("sum of many rows", (b, log) => log([b.SumOfSquares(Filled(b, 300, 17, 3))]));
    }

    private static void Rows(Backend b, int n, Action<double[]> log)
    {
        DeviceBuffer source = Filled(b, 4, n + 5, 1), target = Filled(b, 6, n + 3, 2);
        foreach (GatherMode mode in Enum.GetValues<GatherMode>())
        {
            b.GatherRows(source, [3, -1, 0, 3, -1, 2], target, new RowGather(mode, 5, 2, n, 0.75f));
            b.GatherRows(source, default, b.View(target, 1, 4), new RowGather(mode, 1, 0, n, 1));
        }
        DeviceBuffer x = Filled(b, 6, n, 3), y = b.Allocate(6, n);
        foreach (DropoutUse use in Enum.GetValues<DropoutUse>())
        {
            b.Dropout(x, y, new DropoutMask(0.4f, 77UL << 33, 3, (1L << 33) + n, use), 3, 2);
            Log(b, log, y);
        }
        b.Copy(x, y);
        b.CopyRows(x, 1, y, 3, 2);
        b.Accumulate(x, y);
        Log(b, log, target, y);
    }

    private static void Sums(Backend b, int n, Action<double[]> log)
    {
        DeviceBuffer w = Filled(b, 6, n, 1), g = Filled(b, 6, n, 2), d = Filled(b, 6, n, 3);
        var squares = new double[2];
        b.SumsOfSquares([w, g], squares);
        var rule = new ActivityRule(0.2f, 0.3f, 0.4f);
        log([b.SumOfSquares(w), .. squares, b.Penalty(w, g, 0.3f, 0.7f)]);
        log([b.ActivityPenalty(w, g, d, rule, null, 3, 2), b.ActivityPenalty(w, g, d, rule, Flags(3), 3, 2)]);
        b.ClampValues(g, 0.75f);
        b.LimitRowNorms(w, 0.5f);
        Log(b, log, w, g, d);
    }

    /// <summary>The second of two samples has no first step.</summary>
    private static StepFlags Flags(int steps)
    {
        var flags = new StepFlags(steps, 2);
        flags.Active[1] = 0;
        return flags;
    }

    private static DeviceBuffer Filled(Backend b, int rows, int columns, int seed)
    {
        var random = new Random(seed);
        DeviceBuffer buffer = b.Allocate(rows, columns);
        b.Write(buffer, [.. Enumerable.Range(0, buffer.Length).Select(_ => (random.NextSingle() * 2) - 1)]);
        return buffer;
    }

    private static void Log(Backend b, Action<double[]> log, params DeviceBuffer[] buffers)
    {
        foreach (DeviceBuffer buffer in buffers)
        {
            var values = new double[buffer.Length];
            b.Read(buffer, values);
            log(values);
        }
    }
}
