using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// Recurrences whose units are cut over threads that meet at every step: the bits of one thread, for every cell, size and instruction set. The norms of
/// dh take whole rows, and a pass that notes them is not cut; so none does here.
/// </summary>
public class CutTests
{
    private static readonly CellType[] _cells = [CellType.Lstm, CellType.Gru, CellType.Rnn()];

    public static TheoryData<int> Cells => [.. Enumerable.Range(0, _cells.Length)];

    public static TheoryData<int, int, int> Shapes()
    {
        var data = new TheoryData<int, int, int>();
        for (int cell = 0; cell < _cells.Length; cell++)
        {
            foreach ((int hidden, int batch) in new[] { (17, 1), (40, 3), (64, 2), (129, 1), (150, 5), (200, 1) })
                data.Add(cell, hidden, batch);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void BitsDoNotDependOnTheCut(int cell, int hidden, int batch)
    {
        var run = new CellRun(7, hidden, 9, batch, seed: 21, _cells[cell]) { NotesNorms = false };
        using var first = new CpuBackend(1, IsaLevel.Scalar);
        Dictionary<string, double[]> expected = run.Train(first);
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            for (int threads = 2; threads <= 4; threads++)
            {
                using CpuBackend backend = Cutting(threads, isa);
                Same(expected, run.Train(backend), $"{run} isa={isa} threads={threads}");
            }
        }
    }

    /// <summary>Spans of 64 steps, the last one odd, and blocks of time: what a cut hands on to the next.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void BitsDoNotDependOnTheCutOfASpan(int cell)
    {
        var run = new CellRun(7, 150, 131, 5, seed: 22, _cells[cell]) { NotesNorms = false };
        using var first = new CpuBackend(1);
        using CpuBackend backend = Cutting(3, Isa.Current);
        foreach (Keep keep in new[] { Keep.Everything, Keep.States })
            Same(run.Train(first, keep), run.Train(backend, keep), $"{run} {keep}");
    }

    /// <summary>The tests above do cut units: threads meet between the steps, and around the first and the last one back.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void OneSampleIsCutByUnits(int cell)
    {
        const int steps = 9;
        var run = new CellRun(7, 200, steps, 1, seed: 21, _cells[cell]) { NotesNorms = false };
        using CpuBackend backend = Cutting(4, Isa.Current);
        run.Forward(backend);
        Assert.Equal(steps - 1, backend.Meetings);
        run.Train(backend);
        Assert.Equal(steps - 1 + (steps - 1) + (steps + 2), backend.Meetings);
    }

    [Theory]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void ReducedWeightsDoNotDependOnTheCut(WeightPrecision precision)
    {
        foreach (CellType cell in _cells)
        {
            foreach (int batch in new[] { 1, 2, 7 }) // shares of 7 samples are larger than those of the units, whatever the speed of rows
            {
                using var one = new CpuBackend(1);
                using CpuBackend several = Cutting(3, Isa.Current);
                Bits.Same(Outputs(one, cell, batch, precision), Outputs(several, cell, batch, precision), $"{cell.Kind} B={batch}");
                Assert.True(several.Meetings > 0, "nothing was cut by units");
            }
        }
    }

    private static float[] Outputs(CpuBackend backend, CellType cell, int batch, WeightPrecision precision)
    {
        using var model = new Sequential(backend, 5, CellLayers.Create(cell, 7, 150), new Linear(150, 9)) { InferenceWeights = precision };
        var window = new SequenceChunk(6, batch, 7, 0);
        var random = new Random(8);
        foreach (ref float value in window.InputValues)
            value = (random.NextSingle() * 3f) - 1.5f;
        var outputs = new float[6 * batch * 9];
        model.Predict(window, outputs);
        return outputs;
    }

    /// <summary>For such a machine everything pays.</summary>
    private static CpuBackend Cutting(int threads, IsaLevel isa) => new(threads, isa) { Sharing = Sharing.Of(threads, 1e-9, 0, 0, 0) };

    private static void Same(Dictionary<string, double[]> expected, Dictionary<string, double[]> actual, string what)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        foreach ((string name, double[] values) in actual)
            BitsTests.Same(expected[name], values, $"{name} {what}");
    }
}
