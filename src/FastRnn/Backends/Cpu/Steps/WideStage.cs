using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>
/// A step of a layer whose weights are streamed, whatever its cell: of a large one, or in bfloat16. Units go in groups: <see cref="RowTile"/> streams a
/// group's weights over x and then h_{t−1}, and while the chains are in L1 the cell's point-wise part follows, every block of 16 units being a row to it.
/// <code>
/// panels [block][k = input, then unit][gate][16]        one gate: [four blocks][k][block][16], the last panel with the blocks that are left
/// biases and chains of a group [strip][block][16]       in the order of GateLayout
/// </code>
/// In bfloat16 a row of a panel holds two k, those of x and of h apart. Every other step begins at the last group and finds in the cache what the step
/// before read last; the order of units changes no bit. It reads the weights of LSTM 256, as large as the level-2 cache, at 114 GB/s instead of 75,
/// those of LSTM 512 at 36 instead of 29.
/// </summary>
internal sealed unsafe partial class WideStage : RecurrentStage
{
    /// <summary>Floats that the chains of a group take at most: four strips of two blocks, or one of eight.</summary>
    private const int GroupChains = 8 * 16;

    private readonly delegate*<RowTileArgs*, void>[,] _tiles;
    private readonly delegate*<CellArgs*, void> _cell;
    private readonly GateLayout _layout;
    private readonly nint _strips, _gates, _panelBlocks, _groupBlocks, _inputRows;
    private readonly bool _half;
    private bool _backwards;

    public WideStage(CpuRecurrentWeights weights, KernelTable table, bool half = false)
        : base(weights, AlignedBuffer.RowMultiple, half ? BFloat16Weights.Rows(weights.Input) + BFloat16Weights.Rows(weights.Hidden) : null)
    {
        (_tiles, _layout) = (half ? table.HalfRowTiles : table.RowTiles, weights.Layout);
        (_half, _inputRows) = (half, half ? BFloat16Weights.Rows(weights.Input) : weights.Input);
        _cell = table.CellForward[(int)weights.Kernel];
        _table = table;
        (_strips, _gates, _panelBlocks) = (_layout.CellStrips, _layout.Input.Gates.Length, _layout.Input.PanelBlocks);
        _groupBlocks = _panelBlocks * table.RowTilePanels;
        _steps = new(0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        float* memory = stackalloc float[GroupChains + 16], chains = (float*)(((nint)memory + 63) & ~(nint)63);
        return RunGroups(x, chains, 0);
    }

    /// <summary>A step whose groups' chains lie so many floats apart for each block; without x they have it behind them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float* RunGroups(float* x, float* chains, nint apart)
    {
        nint blocks = Units / 16, groups = (blocks + _groupBlocks - 1) / _groupBlocks;
        CellArgs cell = new() { GateRow = 16, StateRow = 16 };
        _backwards = !_backwards;
        for (nint i = 0; i < groups; i++)
        {
            nint first = (_backwards ? groups - 1 - i : i) * _groupBlocks, count = Math.Min(_groupBlocks, blocks - first), unit = first * 16;
            cell.Gates = chains + (first * apart);
            if (x != null)
                Multiply(x, first, count, cell.Gates);
            else
                MultiplyState(first, count, cell.Gates);
            cell.GateStride = count * 16;
            cell.Rows = count;
            cell.PreviousCell = cell.Cell = Cell + unit;
            cell.PreviousHidden = Hidden + unit;
            cell.Hidden = Next + unit;
            _cell(&cell);
        }
        return Swap();
    }

    protected override void PackPanels(CpuBuffer w, CpuBuffer r)
    {
        if (!_half)
        {
            Pack(w, r, Panels);
            return;
        }
        nint depth = (nint)Input + Output;
        using AlignedBuffer full = new(Units * _gates * depth);
        Pack(w, r, full.Pointer);
        for (nint unit = 0; unit < Units; unit += 16 * _panelBlocks)
        {
            nint width = Math.Min(16 * _panelBlocks, Units - unit) * _gates;
            float* rows = full.Pointer + (unit * _gates * depth), to = Panels + (unit * _gates * Depth);
            BFloat16Weights.Pack(rows + (Input * width), Output, width, BFloat16Weights.Pack(rows, Input, width, to));
        }
    }

    private void Pack(CpuBuffer w, CpuBuffer r, float* panels)
    {
        if (_gates == 1)
        {
            PackBlocks(w, r, panels);
            return;
        }
        nint width = _gates * 16, block = ((nint)Input + Output) * width;
        Packing.GateColumns(w.Pointer, w.Stride, Output, _layout.Input.Gates, Input, panels, block);
        Packing.GateColumns(r.Pointer, r.Stride, Output, _layout.Recurrent.Gates, Output, panels + (Input * width), block);
    }

    protected override nint BiasAt(nint strip, nint unit)
    {
        nint block = unit / 16, first = block / _groupBlocks * _groupBlocks, count = Math.Min(_groupBlocks, (Units / 16) - first);
        return (first * 16 * _strips) + (strip * count * 16) + ((block - first) * 16) + (unit % 16);
    }

    /// <summary>The chains of a group's blocks.</summary>
    private void Multiply(float* x, nint first, nint count, float* chains)
    {
        float* bias = Bias + (first * 16 * _strips), w = Panels + (first * 16 * _gates * Depth);
        var tile = new RowTileArgs { X = x, Depth = Input, Then = Hidden, ThenDepth = Output, W = w, Init = bias, C = chains };
        tile.WPanel = _panelBlocks * 16 * _gates * Depth;
        (tile.Panel, tile.Gate) = _gates == 1 ? (64, 16) : (16, count * 16);
        if (_layout.Apart >= 0)
            tile.ThenDepth = 0;
        Run(&tile, count);
        if (_layout.Apart >= 0)
            MultiplyState(first, count, chains);
    }

    /// <summary>Chains that have x behind them go on over h_{t−1}; the one that R has for itself starts.</summary>
    private void MultiplyState(nint first, nint count, float* chains)
    {
        float* w = Panels + (first * 16 * _gates * Depth) + (_inputRows * _gates * 16);
        var tile = new RowTileArgs { X = Hidden, Depth = Output, W = w, WPanel = _panelBlocks * 16 * _gates * Depth };
        (tile.Panel, tile.Gate) = _gates == 1 ? (64, 16) : (16, count * 16);
        if (_layout.Apart >= 0)
        {
            nint apart = (_strips - 1) * tile.Gate;
            float* bias = Bias + (first * 16 * _strips) + apart;
            new ReadOnlySpan<float>(bias, (int)tile.Gate).CopyTo(new Span<float>(chains + apart, (int)tile.Gate));
        }
        tile.Init = tile.C = chains + (_layout.Recurrent.FirstStrip * tile.Gate);
        Run(&tile, count);
    }

    /// <summary>Two whole panels, or one after the other.</summary>
    private void Run(RowTileArgs* tile, nint blocks)
    {
        if (blocks == 2 * _panelBlocks)
        {
            _tiles[(_panelBlocks * _gates) - 1, 1](tile);
            return;
        }
        for (; blocks > 0; blocks -= _panelBlocks)
        {
            _tiles[(Math.Min(blocks, _panelBlocks) * _gates) - 1, 0](tile);
            tile->W += tile->WPanel;
            tile->Init += tile->Panel;
            tile->C += tile->Panel;
        }
    }

    private void PackBlocks(CpuBuffer w, CpuBuffer r, float* to)
    {
        for (nint panel = 0; panel < Units; panel += 64)
        {
            nint width = Math.Min(64, Units - panel);
            for (nint k = 0; k < Input + Output; k++, to += width)
            {
                for (nint u = 0; u < width; u++)
                {
                    nint unit = panel + u;
                    to[u] = unit >= Output ? 0f : k < Input ? w.Pointer[(unit * w.Stride) + k] : r.Pointer[(unit * r.Stride) + k - Input];
                }
            }
        }
    }
}
