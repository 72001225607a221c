using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Large batches whose steps compute W·x panel by panel with R·h: the bits of the same samples in batches that are too small for it.</summary>
public class JoinedInputTests
{
    private static readonly CellType[] _cells =
        [CellType.Lstm, CellType.Gru, CellType.Rnn(), CellType.Rnn(CellActivation.Sigmoid), CellType.Lstm with { Peepholes = true }];

    public static TheoryData<int> Cells => [.. Enumerable.Range(0, _cells.Length)];

    /// <summary>A panel and several, full and not.</summary>
    private static readonly (int Input, int Hidden)[] _shapes = [(7, 11), (33, 65), (70, 130)];

    [Theory]
    [InlineData(1, 33, 65, 47, false)]
    [InlineData(1, 33, 65, 48, true)]
    [InlineData(2, 33, 65, 95, false)]
    [InlineData(2, 33, 65, 96, true)]
    [InlineData(1, 33, 66, 48, true)]
    [InlineData(1, 33, 67, 48, false)]
    [InlineData(1, 512, 11, 48, true)]
    [InlineData(1, 513, 11, 48, false)]
    public void InputIsJoinedWhereItPays(int threads, int input, int hidden, int batch, bool joined)
    {
        using var backend = new CpuBackend(threads);
        Assert.Equal(joined, backend.JoinsInput(input, hidden, batch));
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void BatchesAroundTheLeastHaveTheBitsOfTheirParts(int cell)
    {
        foreach ((int input, int hidden) in _shapes)
        {
            foreach (int batch in new[] { 47, 48, 49 })
            {
                var run = new CellRun(input, hidden, 5, batch, seed: 31, _cells[cell]);
                foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
                {
                    using var backend = new CpuBackend(1, isa);
                    CellResult whole = run.Forward(backend);
                    foreach ((int first, int count) in new[] { (0, 24), (24, batch - 24) })
                    {
                        CellResult part = run.Slice(first, count).Forward(backend);
                        string what = $"{run} isa={isa} from {first}";
                        for (int t = 0; t < run.Steps; t++)
                        {
                            Bits.Same(
                                part.Y.AsSpan(t * count * hidden, count * hidden), whole.Y.AsSpan(((t * batch) + first) * hidden, count * hidden),
                                $"{what} t={t}");
                        }
                    }
                }
            }
        }
    }

    /// <summary>Forward and backward: one thread joins, four do not; two join, and cut samples or, where those do not go in two, units.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void TrainingOnAnyThreadsHasTheSameBits(int cell)
    {
        foreach ((int input, int hidden) in new[] { (33, 65), (70, 128) })
        {
            foreach (int batch in new[] { 96, 97 })
            {
                var run = new CellRun(input, hidden, 5, batch, seed: 32, _cells[cell]) { NotesNorms = false };
                using CpuBackend one = Eager(1), two = Eager(2), four = Eager(4);
                Assert.True(one.JoinsInput(input, hidden, batch) && two.JoinsInput(input, hidden, batch) && !four.JoinsInput(input, hidden, batch));
                Dictionary<string, double[]> expected = run.Train(four);
                foreach (CpuBackend backend in new[] { one, two })
                {
                    foreach ((string name, double[] values) in run.Train(backend))
                        BitsTests.Same(expected[name], values, $"{name} {run} threads={backend.Threads}");
                }
                if (batch == 97 && hidden == 128 && cell < 4)
                    Assert.True(two.Meetings > 0, $"{run}: nothing was cut by units");
            }
        }
    }

    [Fact]
    public void RoundedWeightsHaveTheSameBits()
    {
        foreach (CellType cell in _cells[..3])
        {
            using var backend = new CpuBackend(1);
            using var model = new Sequential(backend, 5, CellLayers.Create(cell, 33, 65)) { InferenceWeights = WeightPrecision.BFloat16 };
            float[] whole = Outputs(model, 0, 48), first = Outputs(model, 0, 20), rest = Outputs(model, 20, 28);
            for (int t = 0; t < 4; t++)
            {
                Bits.Same(first.AsSpan(t * 20 * 65, 20 * 65), whole.AsSpan(t * 48 * 65, 20 * 65), $"{cell.Kind} t={t}");
                Bits.Same(rest.AsSpan(t * 28 * 65, 28 * 65), whole.AsSpan(((t * 48) + 20) * 65, 28 * 65), $"{cell.Kind} t={t}");
            }
        }
    }

    /// <summary>Samples first … first + count − 1 of a batch through four steps.</summary>
    private static float[] Outputs(Sequential model, int first, int count)
    {
        var window = new SequenceChunk(4, count, 33, 0);
        for (int row = 0; row < 4 * count; row++)
        {
            var random = new Random((row / count * 1000) + first + (row % count));
            foreach (ref float value in window.InputValues.Slice(row * 33, 33))
                value = (random.NextSingle() * 3f) - 1.5f;
        }
        var outputs = new float[4 * count * 65];
        model.Predict(window, outputs);
        return outputs;
    }

    /// <summary>For such a machine every cut pays.</summary>
    private static CpuBackend Eager(int threads) => new(threads) { Sharing = Sharing.Of(threads, 1e-9, 0, 0, 0) };
}
