using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>A register tile on a panel in L1, again and again.</summary>
internal sealed unsafe class TileWork : Work
{
    /// <summary>Products in a chain: a panel of 64 columns takes 24 KiB.</summary>
    public const int Depth = 96;
    private readonly AlignedBuffer _a, _panel, _c;
    private readonly delegate*<TileArgs*, void> _tile;
    private readonly int _width, _lanes;

    public TileWork(IsaLevel isa, int rows, int width)
    {
        _width = width;
        (_a, _panel, _c) = (new AlignedBuffer((rows + 8) * Depth), new AlignedBuffer(Depth * width), new AlignedBuffer((rows + 8) * width));
        Models.Values((int)_a.Length).CopyTo(_a.Span);
        Models.Values((int)_panel.Length, seed: 2).CopyTo(_panel.Span);
        KernelTable table = KernelTable.For(isa);
        _lanes = table.Width;
        _tile = table.Tile(rows, width / 16, width == 48 ? TileKind.RowOf48 : width == 32 ? TileKind.RowOf32 : TileKind.Row);
        if (_tile == null)
            throw new NotSupportedException($"no tile of {rows} rows and {width / 16} blocks of 16 for {Isa.Name(isa)}");
    }

    public static double Flop(int rows, int width) => 2.0 * rows * width * Depth;

    public override void Run(int units)
    {
        float* zeros = stackalloc float[64 + 16];
        new Span<float>(zeros, 64 + 16).Clear();
        var args = new TileArgs
        {
            A = _a.Pointer,
            ARow = Depth,
            Count = Depth,
            OuterCount = 1,
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
    private readonly delegate*<float*, float*, nint, void> _function = KernelTable.For(isa).ActivationForward[(int)kind];

    public override void Run(int units)
    {
        for (int i = 0; i < units; i++)
            _function(_x.Pointer, _y.Pointer, Columns);
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
