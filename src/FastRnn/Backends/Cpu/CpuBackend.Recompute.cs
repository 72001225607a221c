using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>
/// Gates of a span computed again before its backward pass, as Chen, Xu, Zhang, Guestrin (2016) do for whole networks. All h are there
/// still, so nothing needs to run in the order of time but c.
/// </summary>
public sealed unsafe partial class CpuBackend
{
    /// <summary>Fills the strips of the job's span, and its c, with what the forward pass had there.</summary>
    private void Refill(CpuRecurrentWeights w, CpuBuffer x, CpuStash stash, RecurrentJob job)
    {
        RecurrentOptions options = *job.Options;
        job.Options = &options;
        job.KeepGates = true;
        SetForward(w, ref job, ref options);
        using PooledScratch packedInput = new(_pool, job.PackedRows == null ? 0 : (nint)stash.BlockSteps * job.Batch * x.Stride);
        if (job.CanRefillAtOnce)
            RefillAtOnce(w, x, stash, job);
        else
            ForwardSpan(w, x, stash, job, packedInput.Pointer);
    }

    /// <summary>
    /// R·h as one product over all rows of the span, on top of X·W: the same chains, so the same bits, at the speed of a large product.
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
        gemm.SetGateStripsC(
            job.Strips + (job.Recurrent.FirstStrip * job.StripStride), job.StripStride, job.Recurrent.Gates, job.BlockStrips);
        gemm.SetInitC();
        Multiply(gemm);
        _workers.Run(&RecurrentJob.RefillCells, &job, SampleParts(job));
    }
}
