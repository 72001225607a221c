using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>What a tile is used for, and how its k walks through A there.</summary>
internal enum TileUse
{
    /// <summary>The four gates of 16 units, along the rows of x or h: a forward pass; a linear layer's product has the same.</summary>
    FourGates,

    /// <summary>The three gates of 16 units likewise.</summary>
    ThreeGates,

    /// <summary>64 columns of dx or dh: through the gradients of the gates, unit by unit, gate by gate.</summary>
    Gradients,
}

/// <summary>
/// A register tile on one panel, again and again, as deep as a block of the engine's products: the panel of 128 KiB is in L2, as it is there, A in L1.
/// </summary>
internal sealed unsafe class TileWork : Work
{
    /// <summary>Products in a chain.</summary>
    public const int Depth = Gemm.BlockDepth;
    private readonly AlignedBuffer _a, _panel, _c;
    private readonly delegate*<TileArgs*, void> _tile;
    private readonly int _width, _lanes;
    private readonly GemmArgs _walk;

    public TileWork(IsaLevel isa, TileUse use, int rows)
    {
        _width = Width(use);
        (_a, _panel, _c) = (new AlignedBuffer((rows + 8) * Depth), new AlignedBuffer(Depth * _width), new AlignedBuffer((rows + 8) * _width));
        Models.Values((int)_a.Length).CopyTo(_a.Span);
        Models.Values((int)_panel.Length, seed: 2).CopyTo(_panel.Span);
        KernelTable table = KernelTable.For(isa);
        _lanes = table.Width;
        _walk.PanelWidth = _width;
        if (use == TileUse.Gradients)
            _walk.SetGateStripsA(_a.Pointer, Depth, 4, 4 * 16, Depth / (4 * 16));
        else
            _walk.SetRowMajorA(_a.Pointer, Depth, Depth);
        _tile = table.Tile(rows, _width / 16, _walk.Kind);
        if (_tile == null)
            throw new NotSupportedException($"no tile of {rows} rows and {_width / 16} blocks of 16 for {Isa.Name(isa)}");
    }

    /// <summary>Columns of a panel.</summary>
    public static int Width(TileUse use) => use == TileUse.ThreeGates ? 48 : Gemm.PanelColumns;

    public static double Flop(TileUse use, int rows) => 2.0 * rows * Width(use) * Depth;

    public override void Run(int units)
    {
        float* zeros = stackalloc float[64 + 16];
        new Span<float>(zeros, 64 + 16).Clear();
        var args = new TileArgs
        {
            A = _walk.A,
            ARow = _walk.ARow,
            Count = _walk.Count,
            Stride = _walk.Stride,
            GroupStride = _walk.GroupStride,
            OuterCount = _walk.OuterCount,
            OuterStride = _walk.OuterStride,
            Init = zeros,
            InitVector = 16,
            CRow = _width,
            CVector = 16,
            Prefetch = _panel.Pointer,
        };
        for (int i = 0; i < units; i++)
        {
            for (int lane = 0; lane < 16; lane += _lanes)
            {
                args.B = _panel.Pointer + lane;
                args.C = _c.Pointer + lane;
                _tile(&args);
            }
        }
        GC.KeepAlive(this);
    }
}

/// <summary>A function of one row of numbers in L1.</summary>
internal sealed unsafe class ActivationWork(IsaLevel isa, ActivationKind kind) : Work
{
    private const int Columns = 2048;
    private readonly AlignedBuffer _x = Filled(Columns), _y = new(Columns);
    private readonly delegate*<float*, float*, nint, CellFunctionArgs, void> _function = KernelTable.For(isa).ActivationForward[(int)kind];

    public override void Run(int units)
    {
        for (int i = 0; i < units; i++)
            _function(_x.Pointer, _y.Pointer, Columns, default);
        GC.KeepAlive(this);
    }

    public override IEnumerable<(string Name, double Value)> Figures(double seconds, double gigahertz) =>
        [(MetricNames.Clocks, seconds * gigahertz * 1e9 / (Columns / 16))];

    internal static AlignedBuffer Filled(int length)
    {
        var buffer = new AlignedBuffer(length);
        float[] values = Models.Values(length);
        for (int i = 0; i < length; i++)
            buffer.Pointer[i] = 8 * values[i];
        return buffer;
    }
}

/// <summary>The point-wise part of a cell, forward: 16 rows of 16 units.</summary>
internal sealed unsafe class CellWork(IsaLevel isa, CellKernel kernel) : Work
{
    private const int Rows = 16, Block = Rows * 16;
    private readonly AlignedBuffer _gates = ActivationWork.Filled(4 * Block), _states = new(4 * Block);
    private readonly delegate*<CellArgs*, void> _cell = KernelTable.For(isa).CellForward[(int)kernel];

    public override void Run(int units)
    {
        float* states = _states.Pointer;
        var args = new CellArgs
        {
            Gates = _gates.Pointer,
            GateStride = Block,
            GateRow = 16,
            PreviousHidden = states,
            PreviousCell = states + Block,
            Cell = states + (2 * Block),
            Hidden = states + (3 * Block),
            StateRow = 16,
            Rows = Rows,
        };
        for (int i = 0; i < units; i++)
            _cell(&args);
        GC.KeepAlive(this);
    }

    public override IEnumerable<(string Name, double Value)> Figures(double seconds, double gigahertz) =>
        [(MetricNames.Clocks, seconds * gigahertz * 1e9 / Rows)];
}
