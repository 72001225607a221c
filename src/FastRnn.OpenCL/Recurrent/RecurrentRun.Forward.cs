using FastRnn.Backends;

namespace FastRnn.OpenCL;

/// <summary>Forward: X·W for many steps is one product over all their rows; then the steps.</summary>
internal sealed partial class RecurrentRun
{
    public void Forward()
    {
        for (int span = 0; span < _stash.Spans; span++)
            ForwardSpan(span, keeps: _stash.Keep != Keep.Nothing && span == _stash.Spans - 1);
    }

    /// <summary>A span's steps at once where their gates are kept, otherwise in blocks that all take the same place.</summary>
    private void ForwardSpan(int span, bool keeps)
    {
        int first = span * _stash.SpanSteps, end = Math.Min(_steps, first + _stash.SpanSteps), most = keeps ? _stash.SpanSteps : _stash.BlockSteps;
        _keeps = keeps;
        for (int count; first < end; first += count)
        {
            count = Math.Min(most, end - first);
            _base = first * _batch;
            MultiplyInput(first * _batch, count * _batch);
            ForwardSteps(first, count);
        }
    }

    private void MultiplyInput(int row, int rows)
    {
        GateProduct product = _w.Layout.Input;
        bool normalized = _w.InputNorm != null;
        ChainStart start = normalized ? ChainStart.Zero : ChainStart.Row(_w.Bias.Row());
        _backend.Products.Multiply(new Rows(_x, row), _w.FromInput.Forward(), GateRows(product, row), rows, start);
        if (_w.Layout.Apart >= 0)
        {
            _kernels.State("start_apart").Start().At(_stash.Gates, row - _base).Buffer((OpenClBuffer)_w.RecurrentBias).Int(_w.Layout.Apart * _w.Hidden)
                .Int(_w.Layout.BlockStrips).Int(_w.Layout.CellStrips - 1).Int(_w.Hidden).Over(_w.Hidden, rows);
        }
        if (normalized)
            Normalize(product, 0, (OpenClBuffer)_w.InputNorm!, _w.Bias.Row(), row, rows);
    }

    /// <summary>The loop over time: of each step the recurrent products, then the cell. Another schedule – a kernel that stays – would take its place.</summary>
    private void ForwardSteps(int first, int count)
    {
        for (int t = first; t < first + count; t++)
        {
            Rows seen = See(t);
            RecurrentProduct(_w.Layout.Recurrent, _w.FromState, 1, seen, t);
            if (_w.FromResetState != null)
            {
                ResetGates(seen, t);
                RecurrentProduct(_w.Layout.Second!, _w.FromResetState, 2, KeptRows(_stash.ResetHidden!, t * _batch), t);
            }
            RunCell(t);
            if (_w.FromUnprojected != null)
                Project(t);
        }
    }

    /// <summary>The gates' chains go on with R·h; normalised, the product stands alone and its normal form joins them.</summary>
    private void RecurrentProduct(GateProduct product, GateWeights weights, int index, in Rows seen, int t)
    {
        int row = t * _batch;
        bool normalized = _w.RecurrentNorm != null;
        _backend.Products.Multiply(seen, weights.Forward(), GateRows(product, row), _batch, normalized ? ChainStart.Zero : ChainStart.Present);
        if (normalized)
            Normalize(product, index, (OpenClBuffer)_w.RecurrentNorm!, null, row, _batch);
    }

    private void ResetGates(in Rows seen, int t)
    {
        int row = t * _batch;
        Kernel kernel = _kernels.GatesForward.Start().At(_stash.Gates, row - _base).At(seen).At(KeptRows(_stash.ResetHidden!, row));
        Run(Marks(kernel, row).Int(_w.Hidden), _w.Hidden);
    }

    private void RunCell(int t)
    {
        int row = t * _batch;
        Kernel kernel = _kernels.Forward.Start().At(_stash.Gates, row - _base);
        if (_cells != null)
            kernel.At(_cells, row).At(_cells, row + _batch);
        if (_w.FromUnprojected != null)
            Marks(kernel.At(KeptRows(_stash.Unprojected!, row)), row);
        else
            StateArguments(kernel, t);
        if (_w.Peephole != null)
            kernel.Buffer((OpenClBuffer)_w.Peephole);
        if (Cell.CellZoneout > 0)
            Draws(kernel.At(KeptRows(_stash.FreshCell!, row)), _pass.CellZoneout(Cell), t, mean: !_pass.Training);
        kernel.Int(_w.Hidden);
        if (!Cell.ResetBefore)
            kernel.Int(_keeps ? 1 : 0);
        Run(kernel, _w.Hidden);
    }

    private void Project(int t)
    {
        _backend.Products.Multiply(KeptRows(_stash.Unprojected!, t * _batch), _w.FromUnprojected!.Forward(), new Rows(_product!), _batch, ChainStart.Zero);
        Run(StateArguments(_kernels.ProjectForward.Start().Buffer(_product), t).Int(_w.State), _w.State);
    }

    /// <summary>STATE_ARGS of cell.cl.</summary>
    private Kernel StateArguments(Kernel kernel, int t)
    {
        int row = t * _batch;
        Marks(kernel.At(_hidden, row).At(_hidden, row + _batch), row);
        kernel = _marks != null && _output != null ? kernel.At(_output, row) : kernel.Buffer(null);
        return Cell.Zoneout > 0 ? Draws(kernel, _pass.Zoneout(Cell), t, mean: !_pass.Training) : kernel;
    }
}
