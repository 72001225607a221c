using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>All rows of all suites.</summary>
internal static class Catalog
{
    public static IReadOnlyList<Row> Rows(IsaLevel isa) => [.. Steps(), .. Batches(), .. Trainings(), .. Kernels(isa)];

    private static WorkShape Padded { get; } = new(CellType.Lstm, 256, 256, 1, 100, 32);

    public static string Name(Suite suite) => suite.ToString().ToLowerInvariant();

    private static IEnumerable<Row> Steps()
    {
        foreach (int hidden in new[] { 8, 16, 20, 32, 40 })
            yield return Step(CellType.Lstm, 1, hidden);
        yield return Step(CellType.Gru, 1, 8);
        yield return Step(CellType.Gru, 1, 32);
        yield return Step(CellType.Gru, 64, 64);
        foreach (int hidden in new[] { 32, 64, 128, 256, 512 })
            yield return Step(CellType.Lstm, hidden, hidden);
        foreach (int hidden in new[] { 256, 512 })
        {
            yield return Step(CellType.Lstm, hidden, hidden, WeightPrecision.BFloat16);
            yield return Step(CellType.Lstm, hidden, hidden, WeightPrecision.Int8);
        }
        yield return Decayed(1, 32);
        yield return Decayed(64, 64);
    }

    private static IEnumerable<Row> Batches()
    {
        yield return Inference(new(CellType.Lstm, 512, 512, 1, 50, 32));
        yield return Inference(new(CellType.Gru, 512, 512, 1, 50, 32));
        yield return Inference(new(CellType.Lstm, 1024, 1024, 1, 25, 64));
        yield return Inference(new(CellType.Lstm, 256, 256, 1, 100, 1));
        yield return Inference(new(CellType.Rnn(), 512, 512, 1, 50, 32));
        yield return Inference(new(CellType.Lstm, 128, 128, 1, 50, 50));
        yield return Inference(Padded);
        yield return Lengths(Suite.Batch, WorkMode.Infer);
        WorkShape alone = new(CellType.Lstm, 256, 256, 1, 100, 1);
        yield return Scaling($"infer-{alone.Slug}-scaling", Suite.Batch, WorkMode.Infer, alone);
    }

    private static IEnumerable<Row> Trainings()
    {
        WorkShape[] shapes =
        [
            new(CellType.Lstm, 512, 512, 2, 64, 64), new(CellType.Gru, 512, 512, 2, 64, 64), new(CellType.Lstm, 65, 128, 2, 50, 50),
        ];
        foreach (WorkShape shape in shapes)
        {
            yield return new Row($"train-{shape.Slug}", Suite.Train, WorkMode.Train, shape)
            {
                Open = (isa, threads) => new SequenceWork(isa, threads, shape, training: true),
                PeerMode = "train",
            };
            yield return new Row($"whole-{shape.Slug}", Suite.Train, WorkMode.Whole, shape)
            {
                Open = (isa, threads) => new TrainerWork(isa, threads, shape),
                PeerMode = "whole",
            };
        }
        yield return Lengths(Suite.Train, WorkMode.Train);
        yield return Scaling($"train-{shapes[0].Slug}-scaling", Suite.Train, WorkMode.Train, shapes[0]);
    }

    private static IEnumerable<Row> Kernels(IsaLevel isa)
    {
        KernelTable table = KernelTable.For(isa);
        yield return Tile("kernel-tile-lstm", TileUse.FourGates, table.TileRows, table);
        yield return Tile("kernel-tile-gru", TileUse.ThreeGates, table.NarrowTileRows, table);
        yield return Tile("kernel-tile-general", TileUse.Gradients, table.TileRows, table);
        foreach (ActivationKind kind in new[] { ActivationKind.Sigmoid, ActivationKind.Tanh })
        {
            yield return new Row($"kernel-{kind.ToString().ToLowerInvariant()}", Suite.Kernels, WorkMode.Kernel, null)
            {
                Open = (level, _) => new ActivationWork(level, kind),
            };
        }
        foreach ((string name, CellKernel kernel) in new[] { ("lstm", CellKernel.Lstm), ("gru", CellKernel.Gru) })
        {
            yield return new Row($"kernel-cell-{name}", Suite.Kernels, WorkMode.Kernel, null) { Open = (level, _) => new CellWork(level, kernel) };
        }
    }

    private static Row Step(CellType cell, int input, int hidden, WeightPrecision weights = WeightPrecision.Float32)
    {
        WorkShape shape = new(cell, input, hidden, 1, 1, 1);
        string precision = weights switch { WeightPrecision.BFloat16 => "bf16", WeightPrecision.Int8 => "int8", _ => "f32" };
        return new Row($"step-{shape.Slug}{(precision == "f32" ? "" : "-" + precision)}", Suite.Step, WorkMode.Step, shape)
        {
            Open = (isa, _) => new StepWork(isa, shape, weights),
            Precision = precision,
            PeerMode = "step",
            JudgesTail = hidden == 32 && input == 32,
        };
    }

    private static Row Decayed(int input, int hidden)
    {
        WorkShape shape = new(CellType.Lstm, input, hidden, 1, 1, 1);
        return new Row($"step-{shape.Slug}-decayed", Suite.Step, WorkMode.Step, shape)
        {
            Open = (isa, _) => new DecayedStepWork(isa, shape, silent: true),
            OpenOther = (isa, _) => new DecayedStepWork(isa, shape, silent: false),
            RatioName = MetricNames.ToActive,
        };
    }

    private static Row Inference(WorkShape shape) => new($"infer-{shape.Slug}", Suite.Batch, WorkMode.Infer, shape)
    {
        Open = (isa, threads) => new SequenceWork(isa, threads, shape, training: false),
        PeerMode = "infer",
    };

    /// <summary>Lengths spread evenly over 1…T beside the same batch padded to full length: half of its positions are padding, so half of its time is the least there is.</summary>
    private static Row Lengths(Suite suite, WorkMode mode) => new($"{mode.ToString().ToLowerInvariant()}-{Padded.Slug}-lengths", suite, mode, Padded)
    {
        Open = (isa, threads) => new SequenceWork(isa, threads, Padded, mode == WorkMode.Train, SequenceWork.SpreadLengths(Padded.Steps, Padded.Batch)),
        OpenOther = (isa, threads) => new SequenceWork(isa, threads, Padded, mode == WorkMode.Train),
        RatioName = MetricNames.ToPadded,
    };

    private static Row Scaling(string id, Suite suite, WorkMode mode, WorkShape shape) => new(id, suite, mode, shape)
    {
        Open = (isa, threads) => new SequenceWork(isa, threads, shape, mode == WorkMode.Train),
        OpenOther = (isa, _) => new SequenceWork(isa, 1, shape, mode == WorkMode.Train),
        RatioName = MetricNames.SpeedUp,
    };

    private static Row Tile(string id, TileUse use, int rows, KernelTable table) => new(id, Suite.Kernels, WorkMode.Kernel, null)
    {
        Open = (isa, _) => new TileWork(isa, use, rows),
        Flop = TileWork.Flop(use, rows),
        Note = $"{rows}×{TileWork.Width(use) / 16 * table.Width}, K {TileWork.Depth}",
    };
}
