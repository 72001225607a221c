using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>What stands in memory beside the numbers that count: what other windows have left, and the padding of rows.</summary>
public class CellMemoryTests
{
    public static TheoryData<string> Options => new(CellRun.Options.Select(option => option.Name));

    /// <summary>Candidates and outputs that are not 0 at 0: without them the states of padded units stay 0 by themselves.</summary>
    private static readonly CellType[] _cells =
    [
        CellType.Lstm with { Activation = CellActivation.Softplus },
        CellType.Lstm with { OutputActivation = CellActivation.Sigmoid },
        CellType.Lstm with { Activation = CellActivation.Sigmoid, Projection = 5, CellZoneout = 0.3f, Peepholes = true },
        CellType.Gru with { Activation = CellActivation.Sigmoid },
        CellType.Gru with { Activation = CellActivation.Softplus, ResetBefore = true },
        .. CellRun.Cells, .. CellRun.Options.Select(option => option.Cell),
    ];

    public static TheoryData<int> AllCells => new(Enumerable.Range(0, _cells.Length));

    /// <summary>A window in the memory of a longer one through which NaN has passed has the bits of one in memory of its own, also with nobody active.</summary>
    [Theory]
    [MemberData(nameof(Options))]
    public void NothingIsLeftOfLongerWindows(string option)
    {
        foreach ((int steps, int batch, int hidden) in new[] { (1, 1, 1), (3, 4, 18), (65, 2, 5) })
        {
            foreach (int active in new[] { -1, 0, 3 })
            {
                var run = new CellRun(3, hidden, steps, batch, seed: hidden, Cell(option)) { Flags = active < 0 ? null : Every(active, steps, batch) };
                run.Pass = run.Pass with { GradientLimit = active == 3 ? 0.05f : 0 };
                using var guard = new GuardedBlocks();
                using var backend = new CpuBackend(2);
                Dictionary<string, double[]> expected = run.Train(backend);
                foreach ((Keep keep, int longer) in new[] { (Keep.Everything, 7), (Keep.States, 7), (Keep.States, 70) })
                {
                    foreach ((string name, double[] values) in run.Train(backend, keep, longer))
                        Assert.True(expected[name].SequenceEqual(values), $"{name} of {run}, active {active}, {keep}, {longer} steps more");
                }
            }
        }
    }

    /// <summary>
    /// The optimiser's sums run over whole lines: with a function that is not 0 at 0, padded units would add to the norm of the gradient if they
    /// did not stay 0. Widths beside a multiple of 16 are where there are such units.
    /// </summary>
    [Theory]
    [MemberData(nameof(AllCells))]
    public void PaddingAddsNothingToNorms(int index)
    {
        CellType cell = _cells[index];
        foreach (bool flags in new[] { false, true })
        {
            using var reference = new ReferenceBackend();
            using var cpu = new CpuBackend(1);
            Trainer expected = Trainer(reference, cell), actual = Trainer(cpu, cell);
            for (int step = 0; step < 2; step++)
            {
                SequenceChunk chunk = TrainingRuns.RandomChunk(4, 3, 7, seed: step);
                if (flags)
                    chunk.SetInactive(2, 1);
                double norm = expected.Step(chunk).GradientNorm;
                Assert.InRange(norm, 1e-3, 1e3);
                Assert.Equal(norm, actual.Step(chunk).GradientNorm, 1e-4 * norm);
            }
            foreach (Parameter parameter in actual.Model.Parameters)
                PaddingIsZero(parameter);
        }
    }

    private static void PaddingIsZero(Parameter parameter)
    {
        foreach (CpuBuffer buffer in new[] { (CpuBuffer)parameter.Value, (CpuBuffer)parameter.Gradient })
        {
            for (int row = 0; row < buffer.Rows; row++)
                Assert.True(Padding(buffer, row).IndexOfAnyExcept(0f) < 0, $"padding of {parameter.Name}, row {row}");
        }

        static unsafe Span<float> Padding(CpuBuffer buffer, int row) =>
            new(buffer.Pointer + ((nint)row * buffer.Stride) + buffer.Columns, buffer.Stride - buffer.Columns);
    }

    private static Trainer Trainer(Backend backend, CellType cell)
    {
        RecurrentLayer first = CellLayers.Create(cell, 5, 11);
        int width = CellRun.Fit(cell, 11).StateSize(11);
        var model = new Sequential(backend, 3, new Embedding(7, 5), first, CellLayers.Create(cell, width, 21), new Linear(CellRun.Fit(cell, 21).StateSize(21), 7));
        return new Trainer(model, Loss.CrossEntropy, new Sgd(0.1f)) { ClipNorm = 0.5f };
    }

    private static StepFlags Every(int active, int steps, int batch)
    {
        var flags = new StepFlags(steps, batch);
        for (int i = 0; i < steps * batch; i++)
        {
            flags.Active[i] = (byte)(active > 0 && i % active == 0 ? 1 : 0);
            flags.Reset[i] = (byte)(i % 5 == 0 ? 1 : 0);
        }
        return flags;
    }

    private static CellType Cell(string option) =>
        CellRun.Options.Single(known => known.Name == option).Cell;
}
