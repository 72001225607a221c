using FastRnn.Backends;

namespace FastRnn.OpenCL;

/// <summary>Backward: dh and dc from step to step, while gates become their gradients in place; then what follows from those, one product each.</summary>
internal sealed partial class RecurrentRun
{
    private OpenClBuffer _dHidden = null!, _next = null!, _dOutput = null!;
    private OpenClBuffer? _carry, _dInner, _dReset, _dPeephole, _norms;
    private OpenClBuffer[] _dGammas = [];

    /// <summary>∂L/∂h_t of all steps go to <paramref name="norms"/> [T·B, P] unless it is null.</summary>
    public void Backward(RecurrentGradients gradients, RecurrentStateGradients flow, StepFlags? flags, OpenClBuffer? norms)
    {
        (_dOutput, _norms, _carry) = ((OpenClBuffer)flow.Output, norms, (OpenClBuffer?)flow.InitialCell);
        (_dHidden, _next) = (Rent(_batch, _w.State), Rent(_batch, _w.State));
        _dInner = _w.Projection == null ? null : Rent(_batch, _w.Hidden);
        _dReset = Cell.ResetBefore ? Rent(_batch, _w.Hidden) : null;
        _dPeephole = _w.Peephole == null ? null : Zeroed(_batch, 3 * _w.Hidden);
        if (_w.InputNorm != null)
            _dGammas = [.. Products().Select(product => Zeroed(_batch, product.Gates.Length * _w.Hidden))];
        Start(flow);
        for (int span = _stash.Spans - 1; span >= 0; span--)
        {
            if (span < _stash.Spans - 1)
                ForwardSpan(span, keeps: true);
            int first = span * _stash.SpanSteps, count = Math.Min(_stash.SpanSteps, _steps - first);
            (_base, _keeps) = (first * _batch, true);
            BackwardSteps(first, count);
            AddGradients(gradients, (OpenClBuffer?)flow.Input, flags, first, count);
        }
        AddSampleSums(gradients);
        Finish(_dHidden, (OpenClBuffer)flow.InitialHidden);
        if (_carry != null)
            Finish(_carry, _carry);
    }

    private IEnumerable<GateProduct> Products() =>
        _w.Layout.Second is { } second ? [_w.Layout.Input, _w.Layout.Recurrent, second] : [_w.Layout.Input, _w.Layout.Recurrent];

    private OpenClBuffer Zeroed(int rows, int columns)
    {
        OpenClBuffer buffer = Rent(rows, columns);
        _backend.Zero(buffer);
        return buffer;
    }

    private void Start(RecurrentStateGradients flow)
    {
        Kernel kernel = _kernels.State("start_backward").Start().At(_dOutput, _marks == null ? RowEnd - (2 * _batch) : 0)
            .Buffer((OpenClBuffer?)flow.FinalHidden).Buffer(_dHidden);
        Marks(kernel, RowEnd - _batch).Int(_w.State).Over(_w.State, _batch);
        if (_carry == null)
            return;
        if (flow.FinalCell == null)
            _backend.Zero(_carry);
        else
            _backend.Copy(flow.FinalCell, _carry);
    }

    private void Finish(OpenClBuffer from, OpenClBuffer to)
    {
        _kernels.State("finish_backward").Start().Buffer(from).Buffer(to).Long(to.Elements).Over(to.Elements);
        to.Written();
    }

    /// <summary>The loop back through time: of each step the cell, then the product that makes dh of the step before.</summary>
    private void BackwardSteps(int first, int count)
    {
        for (int t = first + count - 1; t >= first; t--)
        {
            if (_norms != null)
                _backend.CopyRows(_dHidden, 0, _norms, t * _batch, _batch);
            if (_w.FromUnprojected != null)
                Unproject(t);
            RunCellBackward(t);
            SendBack(t);
            if (_marks != null && (_marks.HasReset(t) || _marks.HasInactive(t)))
            {
                Kernel kernel = _kernels.State("settle").Start().Buffer(_next).Buffer(_dHidden).Buffer(_dOutput);
                Marks(kernel, t * _batch).Int(_w.State).Over(_w.State, _batch);
            }
            (_dHidden, _next) = (_next, _dHidden);
        }
    }

    /// <summary>dm = dh·W_hr; dh is kept for the gradient of W_hr.</summary>
    private void Unproject(int t)
    {
        Rows kept = KeptRows(_stash.ProjectedGradient!, t * _batch);
        Run(GradientArguments(_kernels.ProjectBackward.Start().At(kept), t).Int(_w.State), _w.State);
        _backend.Products.Multiply(kept, _w.FromUnprojected!.Backward(), new Rows(_dInner!), _batch, ChainStart.Zero);
    }

    private void RunCellBackward(int t)
    {
        int row = t * _batch;
        Kernel kernel = _kernels.Backward.Start().At(_stash.Gates, row - _base);
        if (_cells != null)
            kernel.At(_cells, row).At(_stash.FreshCell is { } fresh ? KeptRows(fresh, row) : new Rows(_cells, row + _batch)).Buffer(_carry);
        if (Cell.Kind == CellKind.Gru)
            kernel.At(_hidden, row);
        if (_w.FromUnprojected != null)
            Marks(kernel.Buffer(_dInner), row);
        else
            GradientArguments(kernel, t);
        if (_w.Peephole != null)
            kernel.Buffer((OpenClBuffer)_w.Peephole).Buffer(_dPeephole);
        if (Cell.CellZoneout > 0)
            Draws(kernel, _pass.CellZoneout(Cell), t);
        Run(kernel.Int(_w.Hidden).Float(_pass.GradientLimit), _w.Hidden);
    }

    /// <summary>GRADIENT_ARGS of cell.cl.</summary>
    private Kernel GradientArguments(Kernel kernel, int t)
    {
        int row = t * _batch;
        kernel.Buffer(_dHidden).At(_dOutput, _marks != null || t == 0 ? 0 : row - _batch).Buffer(_next);
        Marks(kernel, row).Int(t > 0 ? 1 : 0);
        return Cell.Zoneout > 0 ? Draws(kernel, _pass.Zoneout(Cell), t) : kernel;
    }

    /// <summary>dh_{t−1} goes on with what R sends of the gates' gradients, through the mask of dropout where there is one.</summary>
    private void SendBack(int t)
    {
        int row = t * _batch;
        OpenClBuffer target = _dropMask == null ? _next : _product!;
        bool starts = _dropMask == null;
        if (_w.FromResetState != null)
        {
            SendBackReset(t, target, starts);
            starts = true;
        }
        NormalizeBackward(_w.Layout.Recurrent, 1, row);
        NormalizeBackward(_w.Layout.Input, 0, row);
        ChainStart start = starts ? ChainStart.Present : ChainStart.Zero;
        _backend.Products.Multiply(GateRows(_w.Layout.Recurrent, row), _w.FromState.Backward(), new Rows(target), _batch, start, padded: true);
        if (_dropMask != null)
            _kernels.State("add_dropped").Start().Buffer(target).Buffer(_dropMask).Buffer(_next).Long(target.Elements).Over(target.Elements);
    }

    /// <summary>The second product of a GRU that resets before, and the gate before it.</summary>
    private void SendBackReset(int t, OpenClBuffer target, bool adds)
    {
        int row = t * _batch;
        NormalizeBackward(_w.Layout.Second!, 2, row);
        _backend.Products.Multiply(
            GateRows(_w.Layout.Second!, row), _w.FromResetState!.Backward(), new Rows(_dReset!), _batch, ChainStart.Zero, padded: true);
        Kernel kernel = _kernels.GatesBackward.Start().At(_stash.Gates, row - _base).At(See(t)).Buffer(_dReset).Buffer(target);
        Run(Marks(kernel, row).Int(_w.Hidden).Float(_pass.GradientLimit).Int(adds ? 1 : 0), _w.Hidden);
    }

    private void NormalizeBackward(GateProduct product, int index, int row)
    {
        if (_w.InputNorm == null)
            return;
        var gamma = (OpenClBuffer)(index == 0 ? _w.InputNorm : _w.RecurrentNorm!);
        Kernel kernel = Norm(_kernels.NormBackward.Start(), product, gamma, row).At(_stash.Scales[index], row - _base).Buffer(_dGammas[index]);
        Marks(kernel, row).Run(16, _batch, 1, 16, 1, 1);
    }
}
