using FastRnn.Backends;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// The promise nobody else makes: the bits of a result do not depend on the batch a sequence is in, on how time is cut into calls, on
/// threads, or on the instruction set. Every comparison here counts differing bits and wants zero.
/// </summary>
public class BitsTests
{
    public static TheoryData<IsaLevel> Levels => new(Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest));

    /// <summary>I, H, T: multiples of 16 and not, one panel and several, one block of time and several.</summary>
    public static TheoryData<int, int, int, int> Shapes
    {
        get
        {
            var shapes = new TheoryData<int, int, int, int>();
            for (int cell = 0; cell < CellRun.Cells.Length; cell++)
            {
                foreach ((int input, int hidden, int steps) in new[] { (7, 11, 5), (16, 32, 9), (1, 1, 3), (65, 48, 20), (33, 130, 7) })
                    shapes.Add(cell, input, hidden, steps);
            }
            return shapes;
        }
    }

    public static TheoryData<int> Cells => new(Enumerable.Range(0, CellRun.Cells.Length));

    [Theory]
    [MemberData(nameof(Shapes))]
    public void SequenceAloneEqualsSequenceInAnyBatch(int cell, int input, int hidden, int steps)
    {
        var whole = new CellRun(input, hidden, steps, 64, seed: 11, CellRun.Cells[cell]);
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            using var backend = new CpuBackend(1, isa);
            float[] alone = whole.Slice(5, 1).Forward(backend).Y;
            foreach (int batch in new[] { 2, 3, 7, 8, 16, 33, 64 })
            {
                int first = Math.Min(5, batch - 1), from = 5 - first;
                float[] y = whole.Slice(from, Math.Min(batch, 64 - from)).Forward(backend).Y;
                int width = Math.Min(batch, 64 - from);
                for (int t = 0; t < steps; t++)
                    Bits.Same(alone.AsSpan(t * hidden, hidden), y.AsSpan(((t * width) + first) * hidden, hidden), $"{whole} isa={isa} batch={batch} t={t}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void OneCallEqualsStepByStepAndRandomChunks(int cell, int input, int hidden, int steps)
    {
        var run = new CellRun(input, hidden, steps, 3, seed: 12, CellRun.Cells[cell]);
        using var backend = new CpuBackend(2);
        CellResult whole = run.Forward(backend);
        Same(whole, run.Forward(backend, Enumerable.Repeat(1, steps).ToArray()), $"{run} step by step");
        for (int seed = 0; seed < 20; seed++)
        {
            int[] chunks = RandomChunks(steps, seed);
            Same(whole, run.Forward(backend, chunks), $"{run} seed={seed} chunks={string.Join('+', chunks)}");
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void TrainingBitsDoNotDependOnThreadsOrInstructionSet(int cell, int input, int hidden, int steps)
    {
        foreach (int batch in new[] { 1, 3, 16, 35 })
        {
            var run = new CellRun(input, hidden, steps, batch, seed: 13, CellRun.Cells[cell]);
            CompareAll(run);
        }
    }

    /// <summary>Large enough that every operation really is cut over the threads, in several blocks of time.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void BitsOfALayerThatIsSplitOverThreads(int cell) => CompareAll(new CellRun(70, 150, 40, 37, seed: 14, CellRun.Cells[cell]));

    [Theory]
    [MemberData(nameof(Cells))]
    public void BitsWithFlags(int cell)
    {
        var run = new CellRun(9, 21, 12, 19, seed: 15, CellRun.Cells[cell]);
        run.Flags = RandomFlags(12, 19, seed: 15);
        CompareAll(run);
    }

    /// <summary>
    /// In a batch with lengths, gaps and resets every sample has the outputs and input gradients, to the bit, of its sequences alone.
    /// </summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void MaskedSequenceEqualsSequenceAlone(int cell) => MaskedEqualsAlone(CellRun.Cells[cell]);

    internal static void MaskedEqualsAlone(CellType cell)
    {
        const int input = 9, steps = 12, batch = 19;
        var run = new CellRun(input, 21, steps, batch, seed: 16, cell) { Flags = RandomFlags(steps, batch, seed: 16) };
        int hidden = run.State;
        Array.Clear(run.FinalHiddenGradient);
        Array.Clear(run.FinalCellGradient);
        using var backend = new CpuBackend(2);
        Dictionary<string, double[]> whole = run.Train(backend);
        for (int b = 0; b < batch; b++)
        {
            foreach (List<int> sequence in Sequences(run.Flags, b))
            {
                bool fromZero = run.Flags.IsReset(sequence[0], b);
                Dictionary<string, double[]> alone = run.Alone(b, sequence, fromZero).Train(backend);
                for (int i = 0; i < sequence.Count; i++)
                {
                    int row = (sequence[i] * batch) + b;
                    Same(alone["y"][(i * hidden)..((i + 1) * hidden)], whole["y"][(row * hidden)..((row + 1) * hidden)], $"y of {run} sample {b} t={sequence[i]}");
                    Same(alone["dX"][(i * input)..((i + 1) * input)], whole["dX"][(row * input)..((row + 1) * input)], $"dX of {run} sample {b} t={sequence[i]}");
                }
            }
        }
    }

    /// <summary>The active steps of a sample, cut where it is reset.</summary>
    private static List<List<int>> Sequences(StepFlags flags, int b)
    {
        var sequences = new List<List<int>>();
        for (int t = 0; t < flags.Steps; t++)
        {
            if (!flags.IsActive(t, b))
                continue;
            if (sequences.Count == 0 || flags.IsReset(t, b))
                sequences.Add([]);
            sequences[^1].Add(t);
        }
        return sequences;
    }

    internal static StepFlags RandomFlags(int steps, int batch, int seed)
    {
        var flags = new StepFlags(steps, batch);
        var random = new Random(seed);
        for (int i = 0; i < steps * batch; i++)
        {
            flags.Active[i] = (byte)(random.Next(4) == 0 ? 0 : 1);
            flags.Reset[i] = (byte)(random.Next(5) == 0 ? 1 : 0);
        }
        return flags;
    }

    internal static void CompareAll(CellRun run)
    {
        using var first = new CpuBackend(1, IsaLevel.Scalar);
        Dictionary<string, double[]> expected = run.Train(first);
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            for (int threads = 1; threads <= 4; threads++)
            {
                using var backend = new CpuBackend(threads, isa);
                foreach ((string name, double[] values) in run.Train(backend))
                    Same(expected[name], values, $"{name} {run} isa={isa} threads={threads}");
            }
        }
    }

    private static int[] RandomChunks(int steps, int seed)
    {
        var random = new Random(seed);
        var chunks = new List<int>();
        for (int rest = steps; rest > 0; rest -= chunks[^1])
            chunks.Add(random.Next(1, rest + 1));
        return [.. chunks];
    }

    private static void Same(CellResult expected, CellResult actual, string what)
    {
        Bits.Same(expected.Y, actual.Y, what + " y");
        Bits.Same(expected.H, actual.H, what + " h");
        Bits.Same(expected.C, actual.C, what + " c");
    }

    internal static void Same(double[] expected, double[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.DoubleToInt64Bits(expected[i]) != BitConverter.DoubleToInt64Bits(actual[i]))
                Assert.Fail($"{what}: element {i} is {actual[i]:R}, expected the bits of {expected[i]:R}");
        }
    }
}
