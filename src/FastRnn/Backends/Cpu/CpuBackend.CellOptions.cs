using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>Cells with options: what a pass needs beside the plain cell's arrays, and the gradients of what only they have.</summary>
public sealed unsafe partial class CpuBackend
{
    private static RecurrentOptions NewOptions(CpuRecurrentWeights w, in RecurrentPass pass)
    {
        CellType cell = w.Cell;
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
            Staged = IsStaged(cell, pass.Training),
            InputGamma = w.FromInput.Gamma(),
            RecurrentGamma = w.FromState.Gamma(),
            SecondGamma = w.FromResetState == null ? null : w.FromResetState.Gamma(),
            Bias = w.PackedBias(),
            FirstInput = w.Layout.Input.FirstStrip,
            InputGates = w.Layout.Input.Gates.Length,
            Zoneout = pass.Zoneout(cell),
            CellZoneout = pass.CellZoneout(cell),
            Training = pass.Training,
        };
    }

    /// <summary>Whether a step of the cell is more than one product and the point-wise part behind it.</summary>
    private static bool IsStaged(CellType cell, bool training) =>
        cell.LayerNorm || cell.ResetBefore || cell.Projection > 0 || cell.Zoneout > 0 || cell.CellZoneout > 0 || (training && cell.RecurrentDropout > 0);

    private static nint StepScratch(bool staged, bool masked, nint batch, nint row) =>
        (staged ? RecurrentJob.StagedScratchBlocks : masked ? RecurrentJob.ScratchBlocks : 0) * batch * row;

    private static nint StepScratch(in RecurrentJob job) => StepScratch(job.Options->Staged, job.PackedRows != null, job.Batch, job.HiddenRow);

    /// <summary>dh of two steps, and what a cell without c hands on.</summary>
    private static nint CarriesLength(CpuRecurrentWeights w, nint states) => (w.Cell.HasCell ? 2 : 3) * states;

    private static nint DropMaskLength(CpuRecurrentWeights w, bool training, nint batch) =>
        training && w.Cell.RecurrentDropout > 0 ? batch * AlignedBuffer.Pad(w.State) : 0;

    /// <summary>One mask for a window: drawn here, used at every step.</summary>
    private static void FillDropMask(CpuRecurrentWeights w, in RecurrentPass pass, int batch, float* to, ref RecurrentOptions options)
    {
        if (DropMaskLength(w, pass.Training, batch) == 0)
            return;
        DropoutMask mask = pass.RecurrentDropout(w.Cell);
        float keep = 1f / (1f - mask.Rate);
        options.DropMask = to;
        for (int b = 0; b < batch; b++)
        {
            for (int quad = 0; quad < AlignedBuffer.Pad(w.State) / 4; quad++, to += 4)
            {
                var (u0, u1, u2, u3) = DropoutDraw.SampleQuad(mask, b, quad);
                (to[0], to[1]) = (u0 >= mask.Rate ? keep : 0f, u1 >= mask.Rate ? keep : 0f);
                (to[2], to[3]) = (u2 >= mask.Rate ? keep : 0f, u3 >= mask.Rate ? keep : 0f);
            }
        }
    }

    private static void SetForward(CpuRecurrentWeights w, ref RecurrentJob job, ref RecurrentOptions options)
    {
        job.Recurrent = new(w.Layout.Recurrent, w.FromState.Panels());
        job.Kernel = w.Kernel;
        if (w.FromResetState != null)
            options.Second = new(w.FromResetState.Plan, w.FromResetState.Panels());
        options.ProjectionPanels = w.ProjectionPanels();
    }

    private static void SetBackward(CpuRecurrentWeights w, ref RecurrentJob job, ref RecurrentOptions options)
    {
        job.Recurrent = new(w.Layout.Recurrent, w.FromState.BackwardPanels());
        // With a limit the same cell by the kernel that also limits what o sends to c.
        job.Kernel = options.Settings.GradientLimit > 0 && w.Kernel == CellKernel.Lstm ? CellKernel.LstmVariant : w.Kernel;
        if (w.FromResetState != null)
            options.Second = new(w.FromResetState.Plan, w.FromResetState.BackwardPanels());
        options.ProjectionPanels = w.ProjectionBackwardPanels();
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
