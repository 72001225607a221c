using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>
/// Recurrent layers span by span. A stash that keeps everything has one span; else they are 64 steps long, and the gates of all but the last
/// are computed again before their backward pass, as Chen, Xu, Zhang, Guestrin (2016) do for whole networks.
/// </summary>
public sealed unsafe partial class CpuBackend
{
    /// <summary>Points the job at a span: its steps, its c, and its strips, so that they are found under the rows of the whole window.</summary>
    private static void EnterSpan(ref RecurrentJob job, CpuStash stash, RecurrentStates states, int span)
    {
        job.FirstStep = span * stash.SpanSteps;
        job.BlockSteps = Math.Min(stash.SpanSteps, job.Steps - job.FirstStep);
        job.Cells = stash.EnterSpan(span, CellStates(states));
        job.Strips = stash.Gates - (job.RowAt(job.FirstStep) * stash.GateRow);
        if (stash.HasOptions)
            EnterSpan(ref *job.Options, stash.Options, job);
    }

    /// <summary>Samples of a thread from which on <see cref="JoinsInput"/>. With 32 it is as fast as a product over the block, whose panels are read for more rows.</summary>
    private const int LeastJoined = 48;

    /// <summary>
    /// Whether W·x of a step is computed panel by panel with R·h: the chains stay in L1 between the two, while gates of a block of time do not stay in
    /// L2. Forward pass of LSTM 65→128→128, T 50, B 50 3 % faster, of LSTM 512→512, T 32, B 64 2 %. Not where W is much smaller than R, whose panels it
    /// has no time to fetch, nor with more inputs than a block of k: LSTM 1→512 10 %, 65→512 4–6 %, 2048→512 9 % slower, T 4 or 16, B 64.
    /// </summary>
    internal bool JoinsInput(int input, int hidden, int batch) => batch >= LeastJoined * Threads && 2 * input >= hidden && input <= Gemm.BlockDepth;

    /// <summary>The span's steps, in blocks of time whose strips, unless they are kept, all take the same place. The job is left at the last block.</summary>
    private void ForwardSpan(CpuRecurrentWeights w, CpuBuffer input, CpuStash stash, RecurrentJob* job, float* packedInput)
    {
        float* spanStrips = job->Strips, spanScales = job->Options->Scales;
        int end = job->FirstStep + job->BlockSteps;
        bool joined = job->Active == null && !job->Options->Staged && job->Recurrent.Bytes == null && JoinsInput(w.Input, w.Hidden, job->Batch);
        for (int first = job->FirstStep; first < end; first += stash.BlockSteps)
        {
            job->FirstStep = first;
            job->BlockSteps = Math.Min(stash.BlockSteps, end - first);
            job->Strips = job->KeepGates ? spanStrips + (job->RowAt(first) * stash.GateRow) : stash.Gates;
            if (w.Layout.Normalized)
                job->Options->Scales = job->KeepGates ? spanScales + job->RowAt(first) : stash.Options.Scales;
            if (joined)
                job->JoinInput(new(w.Layout.Input, w.FromInput.Panels(job->Precision)), input.Pointer, input.Stride, w.Input, w.PackedBias());
            else
                MultiplyInput(w, input, stash, *job, packedInput);
            ShareRecurrence(&RecurrentJob.Forward, job, job->UnitPieces(backward: false));
        }
    }

    /// <summary>Gates into gradients, and all that follows from them, for one span.</summary>
    private void BackwardSpan(
        CpuRecurrentWeights w, RecurrentGradients gradients, CpuBuffer x, CpuBuffer? dX, CpuStash stash, ref RecurrentJob job)
    {
        SetBackward(w, ref job);
        fixed (RecurrentJob* context = &job)
            ShareRecurrence(&RecurrentJob.Backward, context, job.UnitPieces(backward: true));
        if (job.BlockSteps % 2 != 0)
            job.SwapHiddenGradients();
        AddRecurrentGradients(w, gradients, x, stash, job);
        AddProjectionGradient(w, gradients, stash, job);
        if (dX != null)
            MultiplyInputGradient(w, stash, dX, job);
    }

    /// <summary>Fills the strips of the job's span, and its c, with what the forward pass had there.</summary>
    private void Refill(CpuRecurrentWeights w, CpuBuffer x, CpuStash stash, RecurrentJob job)
    {
        RecurrentOptions options = *job.Options;
        job.Options = &options;
        job.KeepGates = true;
        SetForward(w, ref job);
        using PooledScratch packedInput = new(_pool, job.PackedRows == null ? 0 : (nint)stash.BlockSteps * job.Batch * x.Stride);
        if (job.CanRefillAtOnce)
            RefillAtOnce(w, x, stash, job);
        else
            ForwardSpan(w, x, stash, &job, packedInput.Pointer);
    }

    /// <summary>
    /// All h are there still, so nothing runs in the order of time but c: R·h is one product over all rows of the span, on top of X·W; the same
    /// chains, so the same bits, at the speed of a large product.
    /// A training pass over 1,000 steps takes 1.22 times as long as without for LSTM 256, B 32, and 1.15 times for LSTM 512, B 4; with
    /// the forward pass run again step by step it is 1.24 and 1.33.
    /// </summary>
    private void RefillAtOnce(CpuRecurrentWeights w, CpuBuffer x, CpuStash stash, RecurrentJob job)
    {
        job.Strips = stash.Gates;
        MultiplyInput(w, x, stash, job, null);
        job.StartApartChains();
        var gemm = new GemmArgs
        {
            Rows = (nint)job.BlockSteps * job.Batch,
            Columns = w.GateColumns(w.Layout.Recurrent),
            Panels = job.Recurrent.Panels,
            PanelWidth = job.Recurrent.PanelWidth,
        };
        gemm.SetRowMajorA(job.States + ((nint)job.FirstStep * job.Batch * job.StateRow), job.StateRow, job.StateSize);
        gemm.SetGateStripsC(job.Strips + (job.Recurrent.FirstStrip * 16), job.GateRow, job.Recurrent.Gates, job.BlockStride);
        gemm.SetInitC();
        Multiply(gemm);
        ShareRecurrence(&RecurrentJob.RefillCells, &job, unitPieces: 1);
    }
}
