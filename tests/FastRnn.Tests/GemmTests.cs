using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Products cut in blocks of rows and of k: the bits of one chain after the other, and nothing read or written beside the arrays.</summary>
public unsafe class GemmTests
{
    public static TheoryData<IsaLevel, int> LevelsAndWidths => Cases(32, 48, 64);

    public static TheoryData<IsaLevel, int> LevelsAndGates => Cases(1, 2, 3, 4);

    /// <summary>Less than a block of 512 k, whole ones, one k more, rests of every tile and group.</summary>
    [Theory]
    [MemberData(nameof(LevelsAndWidths))]
    public void RowsOfAMatrix(IsaLevel isa, int width)
    {
        int rest = width == Gemm.PanelColumns ? 16 : 0; // panels of gates are always full
        foreach ((int rows, int depth, int panels) in new[] { (1, 1, 1), (5, 511, 1), (7, 512, 2), (3, 513, 1), (193, 7, 2), (200, 1031, 1) })
        {
            int columns = (panels * width) + rest;
            using var guard = new GuardedBlocks();
            using AlignedBuffer a = Random(rows * depth, 1);
            var gemm = new GemmArgs { Rows = rows, PanelWidth = width };
            gemm.SetRowMajorA(a.Pointer, depth, depth);
            Compare(KernelTable.For(isa), gemm, columns, (row, k) => a.Span[(row * depth) + k], $"{isa} width={width} M={rows} K={depth} N={columns}");
        }
    }

    /// <summary>k over units first and gates second, however many of either a block takes.</summary>
    [Theory]
    [MemberData(nameof(LevelsAndGates))]
    public void GateStrips(IsaLevel isa, int gates)
    {
        foreach ((int rows, int blocks, int columns) in new[] { (1, 1, 16), (7, 9, 80), (3, 35, 64), (193, 12, 32) })
        {
            using var guard = new GuardedBlocks();
            int row = gates * 16, block = rows * row;
            using AlignedBuffer strips = Random(blocks * block, 2);
            var gemm = new GemmArgs { Rows = rows };
            gemm.SetGateStripsA(strips.Pointer, row, gates, block, blocks);
            Compare(
                KernelTable.For(isa), gemm, columns,
                (m, k) => strips.Span[(k / (16 * gates) * block) + (m * row) + (k % gates * 16) + (k / gates % 16)],
                $"{isa} gates={gates} M={rows} blocks={blocks} N={columns}");
        }
    }

    private static void Compare(KernelTable table, GemmArgs gemm, int columns, Func<int, int, float> a, string what)
    {
        int rows = (int)gemm.Rows, depth = (int)gemm.Depth, width = (int)gemm.PanelWidth;
        gemm.Columns = columns;
        using AlignedBuffer panels = Random((int)gemm.PanelCount * depth * width, 3), bias = Random((int)gemm.PanelCount * width, 4), c = new(rows * columns);
        gemm.Panels = panels.Pointer;
        gemm.SetInitRow(bias.Pointer, 16, width);
        gemm.C = c.Pointer;
        (gemm.CRow, gemm.CVector, gemm.CPanel) = (columns, 16, width);
        Gemm.Run(table, gemm);
        var expected = new float[rows * columns];
        for (int m = 0; m < rows; m++)
        {
            for (int n = 0; n < columns; n++)
            {
                float chain = bias.Span[n];
                for (int k = 0; k < depth; k++)
                    chain = MathF.FusedMultiplyAdd(a(m, k), panels.Span[(((n / width * depth) + k) * width) + (n % width)], chain);
                expected[(m * columns) + n] = chain;
            }
        }
        Bits.Same(expected, c.Span, what);
    }

    private static AlignedBuffer Random(int length, int seed)
    {
        var random = new Random(seed);
        var buffer = new AlignedBuffer(length);
        foreach (ref float value in buffer.Span)
            value = random.NextSingle() - 0.5f;
        return buffer;
    }

    private static TheoryData<IsaLevel, int> Cases(params int[] values)
    {
        var data = new TheoryData<IsaLevel, int>();
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            foreach (int value in values)
                data.Add(isa, value);
        }
        return data;
    }
}
