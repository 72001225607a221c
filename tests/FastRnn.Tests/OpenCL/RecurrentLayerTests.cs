using FastRnn.Backends;
using FastRnn.OpenCL;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>
/// Recurrent layers on OpenCL: every cell and option of the CPU's tests against the reference in double, and bit for bit against the CPU back end where
/// the device's arithmetic is exact.
/// </summary>
public sealed class RecurrentLayerTests(OpenClFixture fixture) : IClassFixture<OpenClFixture>
{
    /// <summary>Of the squared error to the squared values of all results of a pass.</summary>
    private const double LargestError = 1e-12;

    /// <summary>A norm divides by a deviation that may be small: its slope, 1/√(variance + ε), magnifies the roundings before it.</summary>
    private const double LargestNormError = 1e-10;

    public static TheoryData<string> Cells
    {
        get
        {
            var names = new TheoryData<string>();
            for (int plain = 0; plain < CellRun.Cells.Length; plain++)
                names.Add($"plain {plain}");
            foreach ((string name, _) in CellRun.Options)
                names.Add(name);
            return names;
        }
    }

    public static TheoryData<int> Functions => [.. Enumerable.Range(0, AllFunctions.Length)];

    private static CellActivation[] AllFunctions { get; } =
        [CellActivation.Tanh, CellActivation.Relu, CellActivation.Sigmoid, CellActivation.Identity, .. CellRun.Options.Where(option => option.Cell is { Kind: CellKind.Rnn, LayerNorm: false, RecurrentDropout: 0, Zoneout: 0 }).Select(option => option.Cell.Activation)];

    /// <summary>Forward and backward: sizes that fill vectors and that do not, one slice of samples and two, with and without flags and a limit of gradients.</summary>
    [OpenClTheory]
    [MemberData(nameof(Cells))]
    public void TrainingEqualsCpuAndReference(string cell)
    {
        foreach ((int input, int hidden, int steps, int batch) in new[] { (7, 11, 5, 3), (3, 16, 4, 1), (20, 37, 6, 18), (1, 33, 3, 17) })
        {
            var run = new CellRun(input, hidden, steps, batch, seed: hidden, Cell(cell));
            CompareTraining(fixture.Backend, run);
            run.Pass = run.Pass with { GradientLimit = 0.03f };
            run.Flags = BitsTests.RandomFlags(steps, batch, seed: hidden);
            CpuAgainstReferenceTests.PoisonInactive(run);
            CompareTraining(fixture.Backend, run);
        }
    }

    /// <summary>The kernels of other devices, whose work-items compute a unit each.</summary>
    [OpenClTheory]
    [InlineData("plain 0")]
    [InlineData("plain 1")]
    [InlineData("plain 2")]
    [InlineData("lstm peepholes, both clips")]
    [InlineData("lstm projection, zoneouts")]
    [InlineData("gru reset before, everything")]
    public void KernelsForGpusEqualCpuAndReference(string cell)
    {
        var run = new CellRun(7, 37, 4, 18, seed: 37, Cell(cell));
        CompareTraining(fixture.Of("gpu"), run);
        run.Flags = BitsTests.RandomFlags(4, 18, seed: 37);
        CompareTraining(fixture.Of("gpu"), run);
    }

    /// <summary>Inference in one go and in parts, and gates that are computed again, with the same kernels.</summary>
    [OpenClTheory]
    [InlineData("plain 0")]
    [InlineData("gru reset before, everything")]
    public void KernelsForGpusInferAndComputeAgain(string cell)
    {
        OpenClBackend backend = fixture.Of("gpu");
        var run = new CellRun(7, 37, 67, 3, seed: 37, Cell(cell)) { NotesNorms = false };
        using var cpu = new CpuBackend(1);
        CellResult expected = run.Forward(cpu), whole = run.Forward(backend), parts = run.Forward(backend, [1, 40, 26]);
        Same(expected.Y, whole.Y, $"{run} y");
        Same(expected.H, parts.H, $"{run} h");
        Same(expected.Y, parts.Y, $"{run} y in parts");
        Same(run.Train(cpu), run.Train(backend, Keep.States), $"{run} again");
    }

    /// <summary>Without double the norms of the steps' gradients are summed on the host.</summary>
    [OpenClFact]
    public void DevicesWithoutDoubleEqualCpuAndReference()
    {
        foreach (string cell in new[] { "plain 0", "plain 1", "plain 2" })
        {
            var run = new CellRun(7, 37, 4, 18, seed: 37, Cell(cell));
            CompareTraining(fixture.Of("single"), run);
            run.Flags = BitsTests.RandomFlags(4, 18, seed: 37);
            CompareTraining(fixture.Of("single"), run);
        }
    }

    /// <summary>A simple cell without recurrence on numbers from all over the floats: NaN, infinities and subnormal ones among them.</summary>
    [OpenClTheory]
    [MemberData(nameof(Functions))]
    public void FunctionsEqualCpu(int function)
    {
        const int rows = 2048;
        var run = new CellRun(1, 16, 1, rows, seed: 1, CellType.Rnn(AllFunctions[function])) { NotesNorms = false };
        run.W.AsSpan().Fill(1);
        foreach (float[] zeros in new[] { run.R, run.InputBias, run.RecurrentBias })
            zeros.AsSpan().Clear();
        for (int i = 0; i < rows; i++)
            run.X[i] = BitConverter.UInt32BitsToSingle(((uint)i * (uint.MaxValue / rows)) + (uint)(i % 5));
        (run.X[0], run.X[1], run.X[2]) = (float.PositiveInfinity, float.NegativeInfinity, float.NaN);
        for (int i = 3; i < rows; i += 4)
            run.X[i] = (i - (rows / 2)) * 0.01f;
        using var cpu = new CpuBackend(1);
        Same(run.Train(cpu), run.Train(fixture.Backend), $"{run}");
    }

    /// <summary>Weights that are no numbers: what does not count is left out of the products, not multiplied by zero, and stays clean.</summary>
    [OpenClTheory]
    [MemberData(nameof(Cells))]
    public void SkippedRowsStayCleanOfNaN(string cell)
    {
        var run = new CellRun(5, 18, 6, 3, seed: 9, Cell(cell)) { Flags = BitsTests.RandomFlags(6, 3, seed: 9) };
        for (int t = 0; t < run.Steps; t++)
            run.Flags.Active[t * run.Batch] = 0; // a sample of which nothing counts
        CpuAgainstReferenceTests.PoisonInactive(run);
        (run.W[0], run.R[1], run.W[2]) = (float.NaN, float.NaN, float.PositiveInfinity);
        using var cpu = new CpuBackend(1);
        Dictionary<string, double[]> expected = run.Train(cpu), actual = run.Train(fixture.Backend);
        Assert.Contains(actual["dX"], double.IsNaN);
        int[] skipped = [.. Enumerable.Range(0, run.Steps * run.Batch).Where(row => run.Flags.Active[row] == 0)];
        // Not the others: where a cell of the CPU has no peepholes it multiplies by zeros, which hands NaN on from c to gates.
        foreach ((string name, int width, int[] rows) in new[] { ("y", run.State, skipped), ("dX", run.Input, skipped), ("dh0", run.State, [0]), ("dc0", run.Hidden, [0]) })
        {
            if (!expected.TryGetValue(name, out double[]? values))
                continue;
            double[] Skipped(double[] all) => [.. rows.SelectMany(row => all[(row * width)..((row + 1) * width)])];
            Assert.DoesNotContain(Skipped(actual[name]), double.IsNaN);
            OpenClComparison.Same(fixture.Backend, Skipped(values), Skipped(actual[name]), $"{run} {name}");
        }
    }

    [OpenClTheory]
    [MemberData(nameof(Cells))]
    public void InferenceEqualsCpu(string cell)
    {
        var run = new CellRun(7, 33, 9, 5, seed: 21, Cell(cell));
        using var cpu = new CpuBackend(1);
        CellResult expected = run.Forward(cpu), whole = run.Forward(fixture.Backend), parts = run.Forward(fixture.Backend, [1, 4, 1, 3]);
        foreach (CellResult actual in new[] { whole, parts })
        {
            Same(expected.Y, actual.Y, $"{run} y");
            Same(expected.H, actual.H, $"{run} h");
            Same(expected.C, actual.C, $"{run} c");
        }
    }

    /// <summary>Gates that are computed again, span by span, and a stash that a longer window has used before.</summary>
    [OpenClTheory]
    [MemberData(nameof(Cells))]
    public void RecomputedAndShorterWindowsAreTheSame(string cell)
    {
        var run = new CellRun(3, 18, 67, 3, seed: 5, Cell(cell)) { NotesNorms = false };
        Dictionary<string, double[]> expected = run.Train(fixture.Backend);
        Same(expected, run.Train(fixture.Backend, Keep.States), $"{run} again");
        Same(expected, run.Train(fixture.Backend, Keep.Everything, longer: 2), $"{run} shorter");
    }

    private static CellType Cell(string name) => name.StartsWith("plain ", StringComparison.Ordinal)
        ? CellRun.Cells[name[^1] - '0']
        : CellRun.Options.Single(known => known.Name == name).Cell;

    private void CompareTraining(OpenClBackend backend, CellRun run)
    {
        CpuAgainstReferenceTests.LeaveKinks(run);
        using var reference = new ReferenceBackend();
        using var cpu = new CpuBackend(1);
        Dictionary<string, double[]> actual = run.Train(backend), expected = run.Train(cpu), truth = run.Train(reference);
        string what = $"{run} flags={run.Flags != null}";
        Assert.Equal(truth.Keys.Order(), actual.Keys.Order());
        Same(expected, actual, what);
        foreach (IGrouping<bool, string> pass in truth.Keys.GroupBy(name => name is "y" or "hT" or "cT"))
        {
            double error = Error([.. pass.SelectMany(name => truth[name])], [.. pass.SelectMany(name => actual[name])]);
            Assert.True(error <= (run.Cell.LayerNorm ? LargestNormError : LargestError), $"{what}: error of {string.Join(", ", pass)} is {error:E1}");
        }
    }

    private void Same(Dictionary<string, double[]> expected, Dictionary<string, double[]> actual, string what)
    {
        foreach ((string name, double[] values) in expected)
            OpenClComparison.Same(fixture.Backend, values, actual[name], $"{what} {name}");
    }

    private void Same(float[] expected, float[] actual, string what) => OpenClComparison.Same(fixture.Backend, [.. expected], [.. actual], what);

    private static double Error(double[] expected, double[] actual)
    {
        double error = expected.Zip(actual).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second));
        return error == 0 ? 0 : error / Math.Max(expected.Sum(value => value * value), 1e-30);
    }
}
