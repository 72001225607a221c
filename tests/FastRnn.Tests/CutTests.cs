using FastRnn.Backends;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Recurrences whose units are cut over threads that meet at every step: the bits of one thread, for every cell, size and instruction set.</summary>
public class CutTests
{
    private static readonly CellType[] _cells = [CellType.Lstm, CellType.Gru, CellType.Rnn()];

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
        var run = new CellRun(7, hidden, 9, batch, seed: 21, _cells[cell]);
        using var first = new CpuBackend(1, IsaLevel.Scalar);
        Dictionary<string, double[]> expected = run.Train(first);
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            for (int threads = 2; threads <= 4; threads++)
            {
                using var backend = new CpuBackend(threads, isa) { Sharing = Sharing.Of(threads, 1e-9, 0, 0, 0) }; // everything pays
                foreach ((string name, double[] values) in run.Train(backend))
                    BitsTests.Same(expected[name], values, $"{name} {run} isa={isa} threads={threads}");
            }
        }
    }

    /// <summary>The test above does cut units: so many pieces can a step have, and so it is cut.</summary>
    [Fact]
    public void OneSampleIsCutByUnits() =>
        Assert.Equal(new Cut(4, true), Sharing.Of(4, 1e-9, 0, 0, 0).Recurrence(9, 1, 200 * 200 * 4, 13, parked: true));
}
