using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>Gradients of a recurrent layer's weights, from those of the pre-activations in the strips.</summary>
public sealed unsafe partial class CpuBackend
{
    private void AddRecurrentGradients(
        CpuRecurrentWeights w, RecurrentGradients gradients, CpuBuffer x, CpuStash stash, in RecurrentJob job)
    {
        CpuBuffer dW = Cpu(gradients.InputWeight), dR = Cpu(gradients.RecurrentWeight);
        CheckShape(dW, w.Gates * w.Hidden, w.Input);
        CheckShape(dR, w.Gates * w.Hidden, w.State);
        CpuBuffer inputBias = Cpu(gradients.InputBias), recurrentBias = Cpu(gradients.RecurrentBias);
        GateLayout layout = w.Layout;
        WeightGradientArgs args = NewGradient(stash, job);
        args.GateHidden = w.Hidden;
        bool apart = layout.Apart >= 0; // then the biases have gradients of their own
        SetFactor(ref args, x.Pointer, x.Stride, dW);
        AddProductGradient(w, args, layout.Input, job, inputBias.Pointer, apart ? null : recurrentBias.Pointer);
        // Row t of the states is h_{t−1}, which a reset position reads as zero.
        args.Cleared = job.Reset;
        SetFactor(ref args, job.Options->Seen == null ? job.States : job.Options->Seen, job.StateRow, dR);
        AddProductGradient(w, args, layout.Recurrent, job, apart ? recurrentBias.Pointer : null, null);
        if (layout.Second != null)
        {
            SetFactor(ref args, job.Options->ResetHidden, job.StateRow, dR);
            AddProductGradient(w, args, layout.Second, job, null, null);
        }
        dW.Written();
        dR.Written();
        inputBias.Written();
        recurrentBias.Written();
    }

    private WeightGradientArgs NewGradient(CpuStash stash, in RecurrentJob job) => new()
    {
        FirstStep = job.FirstStep,
        Steps = job.BlockSteps,
        Batch = stash.Batch,
        BlockStride = stash.BlockStride,
        StripRow = stash.GateRow,
        Rows = job.PackedRows,
        StepStart = job.StepStart,
        Zeros = Zeros(Gemm.PanelColumns),
    };

    /// <summary>X, [rows, columns padded], and where its products with the gates' gradients go.</summary>
    private static void SetFactor(ref WeightGradientArgs args, float* x, nint stride, CpuBuffer gradient)
    {
        args.X = x;
        args.XRow = args.Columns = stride;
        args.Gradient = gradient.Pointer;
        args.GradientRow = gradient.Stride;
    }

    /// <summary>The gradient of one product's weights, and of the biases of its gates: those have theirs in the cell's own strips.</summary>
    private void AddProductGradient(
        CpuRecurrentWeights w, WeightGradientArgs args, GateProduct product, in RecurrentJob job, float* biasA, float* biasB)
    {
        args.Strips = job.Strips + (product.FirstStrip * 16);
        args.BiasA = biasA;
        args.BiasB = biasB;
        args.BiasStrips = product.CellStrip == product.FirstStrip ? null : job.Strips + (product.CellStrip * 16);
        args.Gates = product.Gates.Length;
        args.GateOrder = GateLayout.Order(product.Gates);
        AddWeightGradient(args, w.GateColumns(product) / 16);
    }

    /// <summary>dW_hr = Σ dh mᵀ.</summary>
    private void AddProjectionGradient(CpuRecurrentWeights w, RecurrentGradients gradients, CpuStash stash, in RecurrentJob job)
    {
        if (w.Projection == null)
            return;
        CpuBuffer target = Cpu(gradients.Projection!);
        CheckShape(target, w.State, w.Hidden);
        WeightGradientArgs args = NewGradient(stash, job);
        args.Strips = job.Options->ProjectedGradient;
        args.BlockStride = job.Options->ProjectedStride;
        args.StripRow = 16;
        args.Gates = 1;
        args.GradientRows = w.State;
        SetFactor(ref args, job.Options->Unprojected, job.HiddenRow, target);
        AddWeightGradient(args, job.StateRow / 16);
        target.Written();
    }

    /// <summary>What the samples have summed over time for p and γ.</summary>
    private void AddSampleSums(CpuRecurrentWeights w, RecurrentGradients gradients, in RecurrentJob job)
    {
        RecurrentOptions* options = job.Options;
        if (w.Peephole != null)
        {
            CpuBuffer target = Cpu(gradients.Peephole!);
            CheckShape(target, 3, w.Hidden);
            _table.AddTo(SumSamples(options->Settings.PeepholeGradient, job.Batch, 3 * job.HiddenRow), target.Pointer, 3 * job.HiddenRow);
            target.Written();
        }
        if (w.InputNorm == null)
            return;
        AddGammaGradient(w, w.Layout.Input, options->InputGammaGradient, job.Batch, Cpu(gradients.InputNorm!));
        AddGammaGradient(w, w.Layout.Recurrent, options->RecurrentGammaGradient, job.Batch, Cpu(gradients.RecurrentNorm!));
        if (w.Layout.Second != null)
            AddGammaGradient(w, w.Layout.Second, options->SecondGammaGradient, job.Batch, Cpu(gradients.RecurrentNorm!));
    }

    private void AddGammaGradient(CpuRecurrentWeights w, GateProduct product, float* samples, int batch, CpuBuffer gradient)
    {
        CheckShape(gradient, 1, w.Gates * w.Hidden);
        nint gates = product.Gates.Length, length = w.GateColumns(product);
        float* sum = SumSamples(samples, batch, length);
        for (nint i = 0; i < length; i++)
        {
            nint unit = (i / (gates * 16) * 16) + (i % 16);
            if (unit < w.Hidden)
                gradient.Pointer[(product.Gates[i / 16 % gates] * w.Hidden) + unit] += sum[i];
        }
        gradient.Written();
    }

    /// <summary>The rows of all samples, each a sum over time, in the order of <see cref="WeightGradient"/>: slices of 16 in turn, then a tree.</summary>
    private float* SumSamples(float* rows, nint batch, nint length)
    {
        Arena arena = _arenas[0];
        arena.Ensure(SumSamplesScratch(batch, length));
        nint mark = arena.Used;
        var tree = new SliceTree(_table, arena, batch, length);
        for (nint first = 0; first < batch; first += WeightGradient.SliceSamples)
        {
            float* sum = tree.Push();
            new Span<float>(sum, (int)length).Clear();
            for (nint b = first; b < Math.Min(batch, first + WeightGradient.SliceSamples); b++)
                _table.AddTo(rows + (b * length), sum, length);
        }
        float* total = tree.Finish();
        arena.Release(mark);
        return total;
    }

    private static nint SumSamplesScratch(nint batch, nint length) => (SliceTree.Depth(batch) * length) + 64;
}
