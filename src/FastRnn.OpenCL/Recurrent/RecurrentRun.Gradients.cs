using FastRnn.Backends;

namespace FastRnn.OpenCL;

/// <summary>Gradients of the weights and of the input from those of the pre-activations: one product each over a span.</summary>
internal sealed partial class RecurrentRun
{
    private OpenClBuffer? _spanSeen;

    private void AddGradients(RecurrentGradients gradients, OpenClBuffer? dX, StepFlags? flags, int first, int count)
    {
        OpenClProducts products = _backend.Products;
        RowOrder order = products.Order(_steps, _batch, flags, first, count);
        GateLayout layout = _w.Layout;
        var recurrentBias = (OpenClBuffer)gradients.RecurrentBias;
        bool apart = layout.Apart >= 0; // then the biases have gradients of their own
        products.AddWeightGradient(order, GateRows(layout.Input, 0), new Rows(_x), (OpenClBuffer)gradients.InputWeight, Target(layout.Input));
        products.AddBiasGradient(
            order, CellRows(layout.Input, 0), (OpenClBuffer)gradients.InputBias, apart ? null : recurrentBias, Target(layout.Input));
        // Row t of the states is h_{t−1}, which a reset position reads as zero.
        var dR = (OpenClBuffer)gradients.RecurrentWeight;
        products.AddWeightGradient(order, GateRows(layout.Recurrent, 0), SeenRows(first, count), dR, Target(layout.Recurrent), cleared: true);
        if (apart)
            products.AddBiasGradient(order, CellRows(layout.Recurrent, 0), recurrentBias, null, Target(layout.Recurrent));
        if (layout.Second != null)
            products.AddWeightGradient(order, GateRows(layout.Second, 0), KeptRows(_stash.ResetHidden!, 0), dR, Target(layout.Second), cleared: true);
        if (_w.Projection != null)
        {
            products.AddWeightGradient(
                order, KeptRows(_stash.ProjectedGradient!, 0), KeptRows(_stash.Unprojected!, 0), (OpenClBuffer)gradients.Projection!, TargetRows.Plain(_w.State));
        }
        if (dX == null)
            return;
        int row = first * _batch;
        products.Multiply(GateRows(layout.Input, row), _w.FromInput.Backward(), new Rows(dX, row), count * _batch, ChainStart.Zero, padded: true);
        products.ClearSkipped(order, dX);
    }

    private TargetRows Target(GateProduct product) => TargetRows.Gates(_w.Hidden, product.Gates);

    /// <summary>What R saw of the states in the steps of a span.</summary>
    private Rows SeenRows(int first, int count)
    {
        if (_dropMask == null)
            return new Rows(_hidden);
        _spanSeen ??= Rent(_stash.SpanSteps * _batch, _w.State);
        See(first * _batch, count * _batch, _spanSeen);
        return new Rows(_spanSeen, -first * _batch);
    }

    /// <summary>What the samples have summed over time for p and γ.</summary>
    private void AddSampleSums(RecurrentGradients gradients)
    {
        if (_dPeephole != null)
            AddSamples(_dPeephole, (OpenClBuffer)gradients.Peephole!, null);
        foreach ((GateProduct product, OpenClBuffer sums) in Products().Zip(_dGammas, (product, sums) => (product, sums)))
            AddSamples(sums, (OpenClBuffer)(product == _w.Layout.Input ? gradients.InputNorm! : gradients.RecurrentNorm!), product);
    }

    private void AddSamples(OpenClBuffer sums, OpenClBuffer target, GateProduct? product)
    {
        _kernels.State("add_samples").Start().Buffer(sums).Int(_batch).Int(sums.Columns).Buffer(target)
            .Int(product?.Gates.Length ?? 0).Int(product == null ? 0 : GateLayout.Order(product.Gates)).Int(_w.Hidden).Over(sums.Columns);
        target.Written();
    }
}
