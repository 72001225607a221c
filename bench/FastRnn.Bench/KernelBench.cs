using BenchmarkDotNet.Attributes;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Bench;

/// <summary>The kernels alone, in L1.</summary>
[MemoryDiagnoser]
public unsafe class KernelBench
{
    private const int Depth = 64;
    private readonly AlignedBuffer _a = new(16 * Depth), _panel = new(Depth * 64), _c = new(16 * 64), _states = new(4 * 16 * 16);
    private KernelTable _table = KernelTable.For(IsaLevel.Scalar);

    [Params("scalar", "avx2", "avx512")]
    public string Level { get; set; } = "scalar";

    [GlobalSetup]
    public void Setup() => _table = KernelTable.For(Numerics.Isa.Parse(Level));

    /// <summary>C [12, 64] += A [12, 64]·B [64, 64] as register tiles: 98,304 FLOP.</summary>
    [Benchmark]
    public void Tiles12x64()
    {
        var gemm = new GemmArgs { Rows = 12, Columns = 64, Panels = _panel.Pointer };
        gemm.SetRowMajorA(_a.Pointer, Depth, Depth);
        gemm.SetRowMajorC(_c.Pointer, 64);
        gemm.SetInitC();
        Gemm.Run(_table, gemm);
    }

    /// <summary>The LSTM cell on 16 rows of 16 units.</summary>
    [Benchmark]
    public void LstmCell16x16()
    {
        var cell = new CellArgs
        {
            Gates = _c.Pointer,
            GateStride = 16,
            GateRow = 64,
            PreviousCell = _states.Pointer,
            Cell = _states.Pointer + 256,
            Hidden = _states.Pointer + 512,
            StateRow = 16,
            Rows = 16,
        };
        _table.CellForward[(int)CellKernel.Lstm](&cell);
    }
}
