using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>Cells with options: what a pass needs beside the plain cell's arrays, and the gradients of what only they have.</summary>
public sealed unsafe partial class CpuBackend
{
    private static RecurrentOptions NewOptions(CpuRecurrentWeights w, CpuStash stash, in RecurrentPass pass)
    {
        CellType cell = w.Cell;
        CpuOptionStash kept = stash.Options;
        bool dropout = pass.Training && cell.RecurrentDropout > 0;
        return new RecurrentOptions
        {
            Settings = new CellSettings
            {
                Gate = cell.GateActivation.Args,
                Candidate = cell.Activation.Args,
                Output = cell.OutputActivation.Args,
                Coupled = cell.Coupled,
                GateClip = cell.GateClip,
                CellClip = cell.CellClip,
                GradientLimit = pass.GradientLimit,
                Peephole = w.Peephole == null ? null : Cpu(w.Peephole).Pointer,
                UnitRow = AlignedBuffer.Pad(w.Hidden),
            },
            Staged = cell.LayerNorm || cell.ResetBefore || cell.Projection > 0 || cell.Zoneout > 0 || cell.CellZoneout > 0 || dropout,
            Second = w.FromResetState == null ? default : new(w.FromResetState.Plan, w.FromResetState.Panels()),
            InputGamma = w.FromInput.Gamma(),
            RecurrentGamma = w.FromState.Gamma(),
            SecondGamma = w.FromResetState == null ? null : w.FromResetState.Gamma(),
            Bias = w.PackedBias(),
            Scales = kept.Scales,
            ScaleStride = kept.ScaleStride,
            FirstInput = w.Layout.Input.FirstStrip,
            InputGates = w.Layout.Input.Gates.Length,
            ProjectionPanels = w.ProjectionPanels(),
            Unprojected = kept.Unprojected,
            ProjectedGradient = kept.ProjectedGradient,
            ProjectedStride = kept.ProjectedStride,
            Seen = dropout ? kept.Seen : null,
            ResetHidden = kept.ResetHidden,
            FreshCell = kept.FreshCell,
            Zoneout = pass.Zoneout(cell),
            CellZoneout = pass.CellZoneout(cell),
            Training = pass.Training,
        };
    }

    private static nint StepScratch(in RecurrentJob job) =>
        (nint)(job.Options->Staged ? RecurrentJob.StagedScratchBlocks : job.PackedRows == null ? 0 : RecurrentJob.ScratchBlocks)
        * job.Batch * job.HiddenRow;

    private static nint DropMaskLength(CpuRecurrentWeights w, in RecurrentPass pass, int batch) =>
        pass.Training && w.Cell.RecurrentDropout > 0 ? (nint)batch * AlignedBuffer.Pad(w.State) : 0;

    /// <summary>One mask for a window: drawn here, used at every step.</summary>
    private static void FillDropMask(CpuRecurrentWeights w, in RecurrentPass pass, int batch, float* to, ref RecurrentOptions options)
    {
        if (DropMaskLength(w, pass, batch) == 0)
            return;
        DropoutMask mask = pass.RecurrentDropout(w.Cell);
        float keep = 1f / (1f - mask.Rate);
        options.DropMask = to;
        for (int b = 0; b < batch; b++)
        {
            for (int quad = 0; quad < AlignedBuffer.Pad(w.State) / 4; quad++, to += 4)
            {
                var (u0, u1, u2, u3) = DropoutDraw.Quad(mask, 0, b, quad);
                (to[0], to[1]) = (u0 >= mask.Rate ? keep : 0f, u1 >= mask.Rate ? keep : 0f);
                (to[2], to[3]) = (u2 >= mask.Rate ? keep : 0f, u3 >= mask.Rate ? keep : 0f);
            }
        }
    }

    // ---- gradients that are sums over positions of products of neighbours -----------------------------------------------------

    /// <summary>Floats for ∂L/∂p and ∂L/∂γ of every sample on its own.</summary>
    private static nint SampleSumsLength(CpuRecurrentWeights w, int batch)
    {
        nint units = AlignedBuffer.Pad(w.Hidden), strips = 0;
        if (w.Peephole != null)
            strips += 3;
        if (w.InputNorm != null)
            strips += w.Layout.Input.Gates.Length + w.Layout.Recurrent.Gates.Length + (w.Layout.Second?.Gates.Length ?? 0);
        return strips * units * batch;
    }

    private static void SetBackward(CpuRecurrentWeights w, int batch, float* sums, ref RecurrentJob job, ref RecurrentOptions options)
    {
        job.Recurrent = new(w.Layout.Recurrent, w.FromState.BackwardPanels());
        if (w.FromResetState != null)
            options.Second = new(w.FromResetState.Plan, w.FromResetState.BackwardPanels());
        if (w.Projection != null)
            options.ProjectionPanels = w.ProjectionBackwardPanels();
        if (options.Settings.GradientLimit > 0 && job.Kernel == CellKernel.Lstm)
            job.Kernel = CellKernel.LstmVariant; // the same cell; it limits what o sends to c, too
        nint units = AlignedBuffer.Pad(w.Hidden);
        new Span<float>(sums, (int)SampleSumsLength(w, batch)).Clear();
        if (w.Peephole != null)
        {
            options.Settings.PeepholeGradient = sums;
            sums += 3 * units * batch;
        }
        if (w.InputNorm == null)
            return;
        options.InputGammaGradient = sums;
        options.RecurrentGammaGradient = sums += w.Layout.Input.Gates.Length * units * batch;
        options.SecondGammaGradient = sums + (w.Layout.Recurrent.Gates.Length * units * batch);
    }

    private void AddOptionGradients(CpuRecurrentWeights w, RecurrentGradients gradients, CpuStash stash, in RecurrentJob job)
    {
        nint units = job.HiddenRow;
        RecurrentOptions options = *job.Options;
        if (w.Peephole != null)
        {
            float* sum = SumSamples(options.Settings.PeepholeGradient, job.Batch, 3 * units);
            _table.AddTo(sum, Cpu(gradients.Peephole!).Pointer, 3 * units);
            Cpu(gradients.Peephole!).Written();
        }
        if (w.InputNorm != null)
        {
            AddGammaGradient(w, w.Layout.Input, options.InputGammaGradient, job.Batch, Cpu(gradients.InputNorm!));
            AddGammaGradient(w, w.Layout.Recurrent, options.RecurrentGammaGradient, job.Batch, Cpu(gradients.RecurrentNorm!));
            if (w.Layout.Second != null)
                AddGammaGradient(w, w.Layout.Second, options.SecondGammaGradient, job.Batch, Cpu(gradients.RecurrentNorm!));
        }
        if (w.Projection == null)
            return;
        CpuBuffer target = Cpu(gradients.Projection!);
        var args = new WeightGradientArgs
        {
            Steps = stash.Steps,
            Batch = stash.Batch,
            Strips = options.ProjectedGradient,
            StripStride = options.ProjectedStride,
            StripRow = 16,
            GradientRows = w.State,
            Rows = job.PackedRows,
            StepStart = job.StepStart,
            Zeros = Zeros(Gemm.PanelColumns),
        };
        SetFactor(ref args, options.Unprojected, units, target);
        AddWeightGradient(args, job.StateRow / 16, null, null);
        target.Written();
    }

    private void AddGammaGradient(CpuRecurrentWeights w, GateProduct product, float* samples, int batch, CpuBuffer gradient)
    {
        nint units = AlignedBuffer.Pad(w.Hidden), gates = product.Gates.Length;
        float* sum = SumSamples(samples, batch, gates * units);
        for (nint i = 0; i < gates * units; i++)
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
        arena.Ensure((SliceTree.Depth(batch) * length) + 64);
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
}
