using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// Large products against the chains and sums that define them, bit by bit: neither the blocks they are cut into, nor the order of these, nor what is
/// fetched ahead changes a result.
/// </summary>
public unsafe class ProductTests
{
    /// <summary>Rows, depth, columns: one block and several of each.</summary>
    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 1040, 33 }, { 5, 513, 80 }, { 17, 33, 16 }, { 64, 1100, 130 }, { 193, 512, 80 }, { 400, 520, 65 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void MatrixTimesPanels(int rows, int depth, int columns)
    {
        using var guard = new GuardedBlocks();
        int stride = AlignedBuffer.Pad(depth);
        using AlignedBuffer a = Random(rows * stride);
        Compare(rows, depth, columns, (m, k) => a.Pointer[(m * stride) + k], (ref GemmArgs args) => args.SetRowMajorA(a.Pointer, stride, depth));
    }

    [Theory]
    [InlineData(1, 17, 600, 33)]
    [InlineData(2, 50, 300, 80)]
    [InlineData(3, 64, 352, 130)]
    [InlineData(4, 64, 272, 130)]
    [InlineData(3, 200, 176, 80)]
    [InlineData(4, 390, 144, 65)]
    public void GateStripsTimesPanels(int gates, int rows, int units, int columns)
    {
        using var guard = new GuardedBlocks();
        int blocks = AlignedBuffer.Pad(units) / 16, row = gates == 3 ? 64 : gates * 16, stride = ((rows * row / 16) | 1) * 16;
        using AlignedBuffer strips = Random(blocks * stride);
        Compare(
            rows, blocks * 16 * gates, columns,
            (m, k) => strips.Pointer[(k / gates / 16 * stride) + (m * row) + (k % gates * 16) + (k / gates % 16)],
            (ref GemmArgs args) => args.SetGateStripsA(strips.Pointer, row, gates, stride, blocks));
    }

    /// <summary>Spans from the last to the first, a tree of slices of samples, blocks of steps in turn, each a chain. 50 outputs are rows of 64 floats.</summary>
    [Theory]
    [InlineData(130, 35, 270, 40)]
    [InlineData(70, 16, 80, 33)]
    [InlineData(66, 7, 17, 15)]
    [InlineData(66, 18, 17, 50)]
    [InlineData(150, 3, 5, 7)]
    [InlineData(5, 3, 7, 11)]
    public void WeightGradientIsItsDefinition(int steps, int batch, int input, int output)
    {
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            using var backend = new CpuBackend(1, isa);
            DeviceBuffer x = backend.Allocate(steps * batch, input), dy = backend.Allocate(steps * batch, output);
            float[] xs = Numbers(steps * batch * input, 1), dys = Numbers(steps * batch * output, 2);
            backend.Write(x, xs);
            backend.Write(dy, dys);
            DeviceBuffer dw = backend.Allocate(output, input), db = backend.Allocate(1, output);
            backend.LinearBackward(backend.CreateLinearWeights(input, output), dw, db, x, dy, null, null, steps, batch);
            float[] expected = Gradient(steps, batch, input, output, (row, k) => xs[(row * input) + k], (row, n) => dys[(row * output) + n]);
            Bits.Same(expected, TrainingRuns.Read(backend, dw), $"dW isa={isa}");
            Bits.Same(Gradient(steps, batch, 1, output, (_, _) => 1, (row, n) => dys[(row * output) + n]), TrainingRuns.Read(backend, db), $"db isa={isa}");
        }
    }

    private delegate void SetFactor(ref GemmArgs args);

    private static void Compare(int rows, int depth, int columns, Func<int, int, float> a, SetFactor setA)
    {
        int row = AlignedBuffer.Pad(columns);
        using AlignedBuffer b = Random(depth * row), init = Random(row), panels = new(Packing.PanelLength(depth, row)), c = new(rows * row);
        Packing.Rows(b.Pointer, row, depth, row, panels.Pointer);
        var expected = new float[rows * row];
        for (int i = 0; i < expected.Length; i++)
        {
            float chain = init.Pointer[i % row];
            for (int k = 0; k < depth; k++)
                chain = MathF.FusedMultiplyAdd(a(i / row, k), b.Pointer[(k * row) + (i % row)], chain);
            expected[i] = chain;
        }
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            var args = new GemmArgs { Rows = rows, Columns = row, Panels = panels.Pointer };
            setA(ref args);
            args.SetInitRow(init.Pointer, 16, Gemm.PanelColumns);
            args.SetRowMajorC(c.Pointer, row);
            c.Span.Clear();
            Gemm.Run(KernelTable.For(isa), args);
            Bits.Same(expected, c.Span, $"{rows}×{depth}×{columns} isa={isa}");
        }
    }

    private static AlignedBuffer Random(int length)
    {
        var buffer = new AlignedBuffer(length);
        Numbers(length, length).CopyTo(buffer.Span);
        return buffer;
    }

    private static float[] Numbers(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.NextSingle() - 0.5f)];
    }

    private static float[] Gradient(int steps, int batch, int input, int output, Func<int, int, float> x, Func<int, int, float> dy)
    {
        var gradient = new float[output * input];
        for (int first = (steps - 1) / 64 * 64; first >= 0; first -= 64)
        {
            var tree = new List<(int Level, float[] Sum)>();
            for (int sample = 0; sample < batch; sample += 16)
            {
                tree.Add((0, Slice(first, Math.Min(64, steps - first), sample, Math.Min(16, batch - sample))));
                while (sample + 16 < batch && tree.Count > 1 && tree[^1].Level == tree[^2].Level)
                    Join(tree);
            }
            while (tree.Count > 1)
                Join(tree);
            Add(tree[0].Sum, gradient);
        }
        return gradient;

        float[] Slice(int first, int count, int sample, int samples)
        {
            int blockSteps = samples > 8 ? 16 : samples > 4 ? 32 : 64;
            var sum = new float[output * input];
            for (int t = first; t < first + count; t += blockSteps)
            {
                var chains = new float[output * input];
                for (int step = t; step < Math.Min(first + count, t + blockSteps); step++)
                {
                    for (int row = (step * batch) + sample; row < (step * batch) + sample + samples; row++)
                    {
                        for (int i = 0; i < chains.Length; i++)
                            chains[i] = MathF.FusedMultiplyAdd(dy(row, i / input), x(row, i % input), chains[i]);
                    }
                }
                if (t == first)
                    sum = chains;
                else
                    Add(chains, sum);
            }
            return sum;
        }
    }

    private static void Join(List<(int Level, float[] Sum)> tree)
    {
        Add(tree[^1].Sum, tree[^2].Sum);
        tree[^2] = (tree[^2].Level + 1, tree[^2].Sum);
        tree.RemoveAt(tree.Count - 1);
    }

    private static void Add(float[] from, float[] to)
    {
        for (int i = 0; i < to.Length; i++)
            to[i] += from[i];
    }
}
