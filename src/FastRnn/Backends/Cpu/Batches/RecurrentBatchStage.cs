using System.Runtime.Intrinsics;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// A step of a plain cell for rows of independent streams. Rows go in chunks; for every panel of 16 units (64 of a cell with one gate) a chunk's chains run over x
/// and over h_{t−1}, and while they are in L1 the cell's point-wise part follows:
/// <code>
/// h        [streams][H padded], twice: a step reads one and writes the other     c  [streams][H padded], in place
/// strips   [row of the chunk][strip][16] of one panel, in the order of <see cref="GateLayout"/>; with 8-bit weights of all panels
/// </code>
/// When only some streams come their states are moved together first and back afterwards.
/// </summary>
internal sealed unsafe class RecurrentBatchStage : BatchStage
{
    /// <summary>Rows of a chunk whose strips share L1 with a panel; more where the weights come from beyond level 2 and each row should use them.</summary>
    private const int FewRows = 64, ManyRows = 192;

    /// <summary>Floats of weights that stay in level 2 from chunk to chunk.</summary>
    private const nint NearWeights = 1 << 17;

    private readonly KernelTable _table;
    private readonly WeightPrecision _precision;
    private readonly delegate*<CellArgs*, void> _cell;
    private readonly GateLayout _layout;
    private readonly nint _units, _strips, _chunk;
    private CpuRecurrentWeights _weights;
    private AlignedBuffer _hidden, _next, _cells, _chains, _moved;
    private bool _backwards;

    public RecurrentBatchStage(KernelTable table, CpuRecurrentWeights weights, WeightPrecision precision)
        : base(weights.Input, weights.Hidden)
    {
        (_table, _weights, _precision, _layout) = (table, weights, precision, weights.Layout);
        _cell = table.CellForward[(int)weights.Kernel];
        (_units, _strips) = (AlignedBuffer.Pad(weights.Hidden), weights.Layout.CellStrips);
        _chunk = (weights.Input + (nint)weights.Hidden) * weights.Gates * _units > NearWeights ? ManyRows : FewRows;
        _hidden = _next = _cells = _chains = _moved = new(0);
    }

    public override int StateLength => HasCell ? 2 * Output : Output;

    private bool HasCell => _weights.Cell.HasCell;

    public override BatchRows Step(BatchRows x, int* streams)
    {
        _backwards = !_backwards;
        if (streams == null)
        {
            Run(x, _hidden.Pointer, _next.Pointer, _cells.Pointer);
            (_hidden, _next) = (_next, _hidden);
            return new BatchRows(_hidden.Pointer, _units, x.Count);
        }
        float* h = _moved.Pointer, c = h + (x.Count * _units);
        Move(_hidden.Pointer, h, streams, x.Count, back: false);
        if (HasCell)
            Move(_cells.Pointer, c, streams, x.Count, back: false);
        Run(x, h, _next.Pointer, c);
        Move(_hidden.Pointer, _next.Pointer, streams, x.Count, back: true);
        if (HasCell)
            Move(_cells.Pointer, c, streams, x.Count, back: true);
        return new BatchRows(_next.Pointer, _units, x.Count);
    }

    public override void Read(int stream, Span<float> state)
    {
        new ReadOnlySpan<float>(_hidden.Pointer + (stream * _units), Output).CopyTo(state);
        if (HasCell)
            new ReadOnlySpan<float>(_cells.Pointer + (stream * _units), Output).CopyTo(state[Output..]);
    }

    public override void Write(int stream, ReadOnlySpan<float> state)
    {
        state[..Output].CopyTo(new Span<float>(_hidden.Pointer + (stream * _units), Output));
        if (HasCell)
            state[Output..].CopyTo(new Span<float>(_cells.Pointer + (stream * _units), Output));
    }

    public override void Share(BatchStage other) => _weights = ((RecurrentBatchStage)other)._weights;

    protected override void MakeState(int streams)
    {
        nint rows = streams * _units;
        (_hidden, _next, _cells) = (new(rows), new(rows), new(HasCell ? rows : 0));
        _moved = new(HasCell ? 2 * rows : rows);
        bool whole = _precision == WeightPrecision.Int8;
        _chains = new(Math.Min(_chunk, streams) * _strips * (whole ? _units : 16 * _layout.Input.PanelBlocks));
    }

    private void Move(float* all, float* some, int* streams, nint rows, bool back)
    {
        for (nint row = 0; row < rows; row++, some += _units)
        {
            Span<float> one = new(all + (streams[row] * _units), (int)_units), other = new(some, (int)_units);
            if (back)
                other.CopyTo(one);
            else
                one.CopyTo(other);
        }
    }

    private void Run(BatchRows x, float* hidden, float* next, float* cells)
    {
        nint chunks = (x.Count + _chunk - 1) / _chunk;
        for (nint i = 0; i < chunks; i++)
        {
            nint first = x.Count * i / chunks, count = (x.Count * (i + 1) / chunks) - first, state = first * _units;
            var cell = new CellArgs
            {
                GateStride = 16,
                PreviousHidden = hidden + state,
                PreviousCell = cells + state,
                Cell = cells + state,
                Hidden = next + state,
                StateRow = _units,
                Rows = count,
            };
            var rows = new BatchRows(x.Row(first), x.Stride, count);
            if (_precision == WeightPrecision.Int8)
                RunBytes(rows, cell);
            else
                RunPanels(rows, cell);
        }
    }

    /// <summary>Every other step begins at the last units, and finds in the cache what the step before read last; the order of units changes no bit.</summary>
    private void RunPanels(BatchRows x, CellArgs cell)
    {
        GateProduct input = _layout.Input, state = _layout.Recurrent;
        nint row = _strips * 16 * input.PanelBlocks;
        GemmArgs w = Product(input, x, _weights.FromInput.Panels(_precision), row), r = Product(
            state, new BatchRows(cell.PreviousHidden, _units, x.Count), _weights.FromState.Panels(_precision), row);
        w.SetInitRow(_weights.PackedBias(), 16, input.PanelWidth);
        r.SetInitC();
        cell.GateRow = row;
        nint panels = w.PanelCount;
        for (nint i = 0; i < panels; i++)
        {
            nint panel = _backwards ? panels - 1 - i : i, then = i == panels - 1 ? panel : _backwards ? panel - 1 : panel + 1;
            if (_layout.Apart >= 0)
                StartApart(panel, x.Count, row);
            Gemm.RunPanel(_table, w, panel, then);
            Gemm.RunPanel(_table, r, panel, then);
            RunCells(cell, panel * input.PanelBlocks, Math.Min(input.PanelBlocks, (_units / 16) - (panel * input.PanelBlocks)), 16);
        }
    }

    /// <summary>All chains of all units first: a row is rounded once.</summary>
    private void RunBytes(BatchRows x, CellArgs cell)
    {
        GateProduct input = _layout.Input, state = _layout.Recurrent;
        nint row = _strips * _units;
        GemmArgs w = Product(input, x, null, row), r = Product(state, new BatchRows(cell.PreviousHidden, _units, x.Count), null, row);
        (w.CPanel, r.CPanel) = input.PanelBlocks == 1 ? (_strips * 16, _strips * 16) : (Gemm.PanelColumns, Gemm.PanelColumns);
        w.Bytes = _weights.FromInput.Bytes(_precision);
        r.Bytes = _weights.FromState.Bytes(_precision);
        w.SetInitRow(_weights.PackedBias(), 16, input.PanelWidth);
        r.SetInitC();
        cell.GateRow = row;
        for (nint block = 0; _layout.Apart >= 0 && block < _units / 16; block++)
            StartApart(block, x.Count, row, block * _strips * 16);
        Gemm.Run(_table, w);
        Gemm.Run(_table, r);
        RunCells(cell, 0, _units / 16, _strips * 16);
    }

    private GemmArgs Product(GateProduct product, BatchRows a, float* panels, nint row)
    {
        var gemm = new GemmArgs { Rows = a.Count, Columns = product.Gates.Length * _units, PanelWidth = product.PanelWidth, Panels = panels };
        gemm.SetRowMajorA(a.First, a.Stride, product == _layout.Input ? Input : Output);
        gemm.C = _chains.Pointer + (product.FirstStrip * 16);
        (gemm.CRow, gemm.CVector, gemm.CPanel) = (row, 16, 0);
        return gemm;
    }

    /// <summary>The candidate's recurrent chain starts at b_hh, in the last strip.</summary>
    private void StartApart(nint block, nint rows, nint row, nint at = 0)
    {
        float* bias = _weights.ApartBias() + (block * 16), strip = _chains.Pointer + at + ((_strips - 1) * 16);
        Vector128<float> a = Vector128.Load(bias), b = Vector128.Load(bias + 4), c = Vector128.Load(bias + 8), d = Vector128.Load(bias + 12);
        for (nint i = 0; i < rows; i++, strip += row)
        {
            a.Store(strip);
            b.Store(strip + 4);
            c.Store(strip + 8);
            d.Store(strip + 12);
        }
    }

    /// <summary>The point-wise part of some blocks of units, whose strips are <paramref name="step"/> floats apart.</summary>
    private void RunCells(CellArgs cell, nint first, nint blocks, nint step)
    {
        cell.Gates = _chains.Pointer;
        for (nint block = first; block < first + blocks; block++, cell.Gates += step)
        {
            CellArgs one = cell;
            one.PreviousHidden += block * 16;
            one.PreviousCell += block * 16;
            one.Cell += block * 16;
            one.Hidden += block * 16;
            _cell(&one);
            if (_weights.ClearsPadding && block == (_units / 16) - 1)
                ClearPadding(one);
        }
    }

    /// <summary>Padded units of a cell whose function is not 0 at 0: what reads rows in whole lines counts on zeros.</summary>
    private void ClearPadding(in CellArgs last)
    {
        int padding = (int)_units - Output;
        for (nint row = 0; row < last.Rows; row++)
            new Span<float>(last.Hidden + (row * _units) + 16 - padding, padding).Clear();
    }
}
