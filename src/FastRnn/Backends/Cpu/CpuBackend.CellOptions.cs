using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>Cells with options: what a pass needs beside the plain cell's arrays, and the gradients of what only they have.</summary>
public sealed unsafe partial class CpuBackend
{
    /// <summary>Everything that does not change within a pass. Called with options only, or backward, where a limit of gradients may come to any cell.</summary>
    private void SetOptions(CpuRecurrentWeights w, in RecurrentPass pass, in RecurrentJob job)
    {
        CellType cell = w.Cell;
        RecurrentOptions* options = job.Options;
        options->Settings = new CellSettings
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
        };
        options->Settings.SetCuts();
        options->Staged = IsStaged(cell, pass.Training);
        options->InputGamma = w.FromInput.Gamma();
        options->RecurrentGamma = w.FromState.Gamma();
        options->SecondGamma = w.FromResetState == null ? null : w.FromResetState.Gamma();
        options->Bias = w.PackedBias();
        options->Input = new(w.Layout.Input, null); // its product is done when the steps begin
        options->Zoneout = pass.Zoneout(cell);
        options->CellZoneout = pass.CellZoneout(cell);
        options->Training = pass.Training;
        if (DropMaskLength(w, pass.Training, job.Batch) > 0)
        {
            options->DropMask = job.Scratch + StepBlocks(w, pass.Training, job.Active != null, job.Batch);
            FillDropMask(_table, pass.RecurrentDropout(cell), w.State, job.Batch, options->DropMask);
        }
    }

    /// <summary>Whether a step of the cell is more than one product and the point-wise part behind it.</summary>
    internal static bool IsStaged(CellType cell, bool training) =>
        cell.LayerNorm || cell.ResetBefore || cell.Projection > 0 || cell.Zoneout > 0 || cell.CellZoneout > 0 || (training && cell.RecurrentDropout > 0);

    /// <summary>Floats that the steps need: blocks of [B, H], and the mask of recurrent dropout behind them.</summary>
    private static nint StepScratch(CpuRecurrentWeights w, bool training, bool masked, nint batch) =>
        masked || w.HasOptions ? StepBlocks(w, training, masked, batch) + DropMaskLength(w, training, batch) : 0;

    private static nint StepBlocks(CpuRecurrentWeights w, bool training, bool masked, nint batch)
    {
        int blocks = IsStaged(w.Cell, training) ? RecurrentJob.StagedScratchBlocks : masked ? RecurrentJob.ScratchBlocks : 0;
        return blocks * batch * AlignedBuffer.Pad(w.Hidden);
    }

    /// <summary>dh of two steps, and what a cell without c hands on.</summary>
    private static nint CarriesLength(CpuRecurrentWeights w, nint states) => (w.Cell.HasCell ? 2 : 3) * states;

    private static nint DropMaskLength(CpuRecurrentWeights w, bool training, nint batch) =>
        training && w.Cell.RecurrentDropout > 0 ? batch * AlignedBuffer.Pad(w.State) : 0;

    /// <summary>One mask for a window: drawn here, used at every step.</summary>
    private static void FillDropMask(KernelTable table, in DropoutMask mask, int state, int batch, float* to)
    {
        MaskArgs args = DropoutDraw.Args(mask, 1f / (1f - mask.Rate));
        nint row = AlignedBuffer.Pad(state);
        for (int b = 0; b < batch; b++, to += row)
        {
            DropoutDraw.Enter(mask, 0, b, ref args);
            table.DrawMask(&args, 0, row, to);
        }
    }

    private static void SetForward(CpuRecurrentWeights w, ref RecurrentJob job)
    {
        WeightPrecision precision = job.Precision;
        job.Recurrent = new(w.Layout.Recurrent, w.FromState.Panels(precision), w.FromState.Bytes(precision));
        job.Kernel = w.Kernel;
        if (w.FromResetState != null)
            job.Options->Second = new(w.FromResetState.Plan, w.FromResetState.Panels(precision), w.FromResetState.Bytes(precision));
        if (w.Projection == null)
            return;
        job.Options->ProjectionPanels = w.ProjectionPanels(precision);
        job.Options->ProjectionBytes = w.ProjectionBytes(precision);
    }

    private static void SetBackward(CpuRecurrentWeights w, ref RecurrentJob job)
    {
        job.Recurrent = new(w.Layout.Recurrent, w.FromState.BackwardPanels());
        job.Kernel = w.Kernel;
        if (w.FromResetState != null)
            job.Options->Second = new(w.FromResetState.Plan, w.FromResetState.BackwardPanels());
        if (w.Projection != null)
            job.Options->ProjectionPanels = w.ProjectionBackwardPanels();
    }

    /// <summary>What a span keeps, so that it is found under the positions, or rows, of the whole window.</summary>
    private static void EnterSpan(ref RecurrentOptions options, CpuOptionStash stash, in RecurrentJob job)
    {
        nint row = job.RowAt(job.FirstStep), position = (nint)job.FirstStep * job.Batch;
        options.Scales = stash.Scales - row;
        options.ScaleStride = stash.ScaleStride;
        options.ProjectedGradient = stash.ProjectedGradient - (row * 16);
        options.ProjectedStride = stash.ProjectedStride;
        options.Seen = options.DropMask == null ? null : Shifted(stash.Seen, position * job.StateRow);
        options.ResetHidden = Shifted(stash.ResetHidden, position * job.HiddenRow);
        options.Unprojected = Shifted(stash.Unprojected, position * job.HiddenRow);
        options.FreshCell = Shifted(stash.FreshCell, position * job.HiddenRow);
    }

    private static float* Shifted(float* kept, nint offset) => kept == null ? null : kept - offset;

    /// <summary>Floats for ∂L/∂p and ∂L/∂γ of every sample on its own.</summary>
    private static nint SampleSumsLength(CpuRecurrentWeights w, int batch)
    {
        nint length = w.Peephole == null ? 0 : 3 * (nint)AlignedBuffer.Pad(w.Hidden);
        if (w.InputNorm != null)
            length += w.GateColumns(w.Layout.Input) + w.GateColumns(w.Layout.Recurrent) + (w.Layout.Second == null ? 0 : w.GateColumns(w.Layout.Second));
        return length * batch;
    }

    private static void SetSampleSums(CpuRecurrentWeights w, int batch, float* sums, ref RecurrentOptions options)
    {
        new Span<float>(sums, checked((int)SampleSumsLength(w, batch))).Clear();
        if (w.Peephole != null)
        {
            options.Settings.PeepholeGradient = sums;
            sums += 3 * (nint)AlignedBuffer.Pad(w.Hidden) * batch;
        }
        if (w.InputNorm == null)
            return;
        options.InputGammaGradient = sums;
        options.RecurrentGammaGradient = sums + (w.GateColumns(w.Layout.Input) * batch);
        options.SecondGammaGradient = options.RecurrentGammaGradient + (w.GateColumns(w.Layout.Recurrent) * batch);
    }
}
