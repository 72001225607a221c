using System.Runtime.InteropServices;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// Recurrent layers. Forward: X·W for a block of time steps is one product over all its rows, unless a large batch has it step by step with R·h; then
/// the recurrence, in which every thread takes some samples of the batch through all steps of the block without meeting another. Backward: the same cut for the recurrence –
/// only dh_{t−1} = dG_t·R is sequential – then dX, dW, dR and db as one product each over T·B; all of it span by span, from the last to the
/// first, when the stash keeps <see cref="Keep.States"/>.
/// </summary>
public sealed unsafe partial class CpuBackend
{
    internal override RecurrentWeights CreateRecurrentWeights(CellType cell, int input, int hidden) =>
        new CpuRecurrentWeights(cell, input, hidden, InferenceOnly);

    internal override RecurrentStash CreateRecurrentStash(RecurrentWeights weights, int steps, int batch, Keep keep) =>
        new CpuStash((CpuRecurrentWeights)weights, steps, batch, keep);

    internal override void RecurrentForward(
        RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, StepFlags? flags, RecurrentStash stash, int steps, int batch,
        in RecurrentPass pass = default)
    {
        CheckStates(weights, x, states, flags, stash, steps, batch);
        if (pass is { Training: true, Weights: not WeightPrecision.Float32 })
            throw new ArgumentException($"training with {pass.Weights.Name()} weights", nameof(pass));
        var w = (CpuRecurrentWeights)weights;
        CpuStash kept = ((CpuStash)stash).Checked(weights.Hidden, steps, batch);
        CpuBuffer input = Cpu(x);
        fixed (byte* active = flags == null ? default : flags.Active, reset = flags == null ? default : flags.Reset)
        {
            RecurrentOptions options = default;
            RecurrentJob job = NewJob(w, states, kept, steps, batch, active, reset, &options);
            using PooledScratch scratch = new(_pool, StepScratch(w, pass.Training, flags != null, batch));
            using PooledScratch packedInput = new(_pool, flags == null ? 0 : (nint)kept.BlockSteps * batch * input.Stride);
            job.Scratch = scratch.Pointer;
            job.Precision = pass.Weights;
            if (w.HasOptions)
                SetOptions(w, pass, job);
            SetForward(w, ref job);
            for (int span = 0; span < kept.Spans; span++)
            {
                EnterSpan(ref job, kept, states, span);
                job.KeepGates = kept.Keep != Keep.Nothing && span == kept.Spans - 1;
                ForwardSpan(w, input, kept, &job, packedInput.Pointer);
                kept.LeaveSpan(span, CellStates(states));
            }
        }
        Cpu(states.Hidden).Written();
        (states.Cell as CpuBuffer)?.Written();
        (states.MaskedOutput as CpuBuffer)?.Written();
        GC.KeepAlive(input);
        GC.KeepAlive(kept);
        GC.KeepAlive(w);
        GC.KeepAlive(this);
    }

    internal override void RecurrentBackward(
        RecurrentWeights weights, RecurrentGradients gradients, DeviceBuffer x, RecurrentStates states, StepFlags? flags,
        RecurrentStateGradients flow, RecurrentStash stash, Span<double> stepNorms, int steps, int batch, in RecurrentPass pass = default)
    {
        CheckStates(weights, x, states, flags, stash, steps, batch);
        CheckShape(flow.Output, steps * batch, weights.State);
        var w = (CpuRecurrentWeights)weights;
        CpuStash kept = ((CpuStash)stash).CheckedForTraining(weights.Hidden, steps, batch);
        CpuBuffer output = Cpu(flow.Output), dh0 = Cpu(flow.InitialHidden);
        CpuBuffer? dc0 = w.Cell.HasCell ? Cpu(flow.InitialCell!) : null;
        using PooledScratch carries = new(_pool, CarriesLength(w, dh0.PaddedLength));
        using PooledScratch norms = new(_pool, stepNorms.IsEmpty ? 0 : 2 * (nint)steps * batch);
        fixed (byte* active = flags == null ? default : flags.Active, reset = flags == null ? default : flags.Reset)
        {
            RecurrentOptions options = default;
            RecurrentJob job = NewJob(w, states, kept, steps, batch, active, reset, &options);
            using PooledScratch scratch = new(_pool, StepScratch(w, pass.Training, flags != null, batch));
            using PooledScratch sums = new(_pool, SampleSumsLength(w, batch));
            job.Scratch = scratch.Pointer;
            SetOptions(w, pass, job);
            SetSampleSums(w, batch, sums.Pointer, ref options);
            job.OutputGradient = output.Pointer;
            job.HiddenGradient = carries.Pointer;
            job.NextHiddenGradient = carries.Pointer + dh0.PaddedLength;
            job.Carry = dc0 == null ? carries.Pointer + (2 * dh0.PaddedLength) : dc0.Pointer;
            job.InitialHiddenGradient = dh0.Pointer;
            job.FinalHiddenGradient = flow.FinalHidden == null ? null : Cpu(flow.FinalHidden).Pointer;
            job.FinalCellGradient = flow.FinalCell == null ? null : Cpu(flow.FinalCell).Pointer;
            job.SquaredNorms = stepNorms.IsEmpty ? null : (double*)norms.Pointer;
            for (int span = kept.Spans - 1; span >= 0; span--)
            {
                EnterSpan(ref job, kept, states, span);
                if (span < kept.Spans - 1)
                    Refill(w, Cpu(x), kept, job);
                BackwardSpan(w, gradients, Cpu(x), flow.Input == null ? null : Cpu(flow.Input), kept, ref job);
            }
            SumStepNorms(job, stepNorms);
            AddSampleSums(w, gradients, job);
        }
        dh0.Written();
        dc0?.Written();
        GC.KeepAlive(output);
        GC.KeepAlive(kept);
        GC.KeepAlive(flow);
        GC.KeepAlive(states);
        GC.KeepAlive(x);
        GC.KeepAlive(w);
        GC.KeepAlive(this);
    }

    /// <summary>Gates of a block of rows = bias + X·W: the first part of every chain, for all of them at once.</summary>
    private void MultiplyInput(CpuRecurrentWeights w, CpuBuffer input, CpuStash stash, in RecurrentJob job, float* packedInput)
    {
        nint row = job.RowAt(job.FirstStep), rows = job.RowAt(job.FirstStep + job.BlockSteps) - row;
        if (rows == 0)
            return; // nobody is active

        float* x = input.Pointer + (row * input.Stride);
        if (job.PackedRows != null)
            GatherRows(input, job.PackedRows + row, rows, x = packedInput);
        GateProduct product = w.Layout.Input;
        var gemm = new GemmArgs
        {
            Rows = rows,
            Columns = w.GateColumns(product),
            Panels = w.FromInput.Panels(job.Precision),
            Bytes = w.FromInput.Bytes(job.Precision),
            PanelWidth = product.PanelWidth,
        };
        gemm.SetRowMajorA(x, input.Stride, w.Input);
        if (w.Layout.Normalized)
            gemm.SetInitRow(Zeros(Gemm.PanelColumns), 0, 0); // the biases come after the norm
        else
            gemm.SetInitRow(w.PackedBias(), 16, product.PanelWidth);
        gemm.SetGateStripsC(job.Strips + (product.FirstStrip * 16), stash.GateRow, product.Gates.Length, stash.BlockStride);
        Multiply(gemm);
    }

    private void MultiplyInputGradient(CpuRecurrentWeights w, CpuStash stash, CpuBuffer dX, in RecurrentJob job)
    {
        CheckShape(dX, stash.Steps * stash.Batch, w.Input);
        bool packed = job.PackedRows != null;
        nint row = job.RowAt(job.FirstStep), rows = job.RowAt(job.FirstStep + job.BlockSteps) - row;
        // As if all rows were active: what the pool holds is not to depend on flags.
        using PooledScratch packedGradient = new(_pool, packed ? (nint)stash.SpanSteps * stash.Batch * dX.Stride : 0);
        float* to = packed ? packedGradient.Pointer : dX.Pointer + (row * dX.Stride);
        if (packed)
            new Span<float>(dX.Pointer + ((nint)job.FirstStep * job.Batch * dX.Stride), job.BlockSteps * job.Batch * dX.Stride).Clear();
        dX.Written();
        if (rows == 0)
            return;
        var gemm = new GemmArgs { Rows = rows, Columns = dX.Stride, Panels = w.FromInput.BackwardPanels() };
        GateLayout layout = w.Layout;
        float* strips = job.Strips + (row * stash.GateRow) + (layout.Input.FirstStrip * 16);
        gemm.SetGateStripsA(strips, stash.GateRow, layout.Input.Gates.Length, stash.BlockStride, stash.Blocks);
        gemm.SetInitRow(Zeros(Gemm.PanelColumns), 0, 0);
        gemm.SetRowMajorC(to, dX.Stride);
        Multiply(gemm);
        for (nint i = row; packed && i < row + rows; i++, to += dX.Stride)
            new ReadOnlySpan<float>(to, dX.Stride).CopyTo(new Span<float>(dX.Pointer + ((nint)job.PackedRows[i] * dX.Stride), dX.Stride));
    }

    private static void GatherRows(CpuBuffer from, int* rows, nint count, float* to)
    {
        for (nint i = 0; i < count; i++, to += from.Stride)
            new ReadOnlySpan<float>(from.Pointer + ((nint)rows[i] * from.Stride), from.Stride).CopyTo(new Span<float>(to, from.Stride));
    }

    /// <summary>c as it is kept, or null for a cell without.</summary>
    private static float* CellStates(RecurrentStates states) => states.Cell == null ? null : Cpu(states.Cell).Pointer;

    private RecurrentJob NewJob(
        CpuRecurrentWeights w, RecurrentStates states, CpuStash stash, int steps, int batch, byte* active, byte* reset, RecurrentOptions* options)
    {
        CpuBuffer hidden = Cpu(states.Hidden);
        int* stepStart = null, packedRows = active == null ? null : stash.Pack(active, out stepStart);
        return new RecurrentJob
        {
            Backend = GCHandle.ToIntPtr(_self),
            Kernel = w.Kernel,
            Options = options,
            CellStrips = w.Layout.CellStrips,
            ApartBias = w.ApartBias(),
            ClearsPadding = w.ClearsPadding,
            Hidden = w.Hidden,
            HiddenRow = AlignedBuffer.Pad(w.Hidden),
            EndBlock = AlignedBuffer.Pad(w.Hidden) / 16,
            StateSize = w.State,
            StateRow = hidden.Stride,
            Steps = steps,
            Batch = batch,
            BlockStride = stash.BlockStride,
            GateRow = stash.GateRow,
            States = hidden.Pointer,
            MaskedOutput = states.MaskedOutput == null ? null : Cpu(states.MaskedOutput).Pointer,
            Active = active,
            Reset = reset,
            PackedRows = packedRows,
            StepStart = stepStart,
            Zeros = Zeros(Math.Max(AlignedBuffer.Pad(w.Hidden), Gemm.PanelColumns)),
        };
    }

    /// <summary>Runs a recurrence on as many threads as pay, cut as it pays; see <see cref="Sharing"/>.</summary>
    private void ShareRecurrence(delegate*<void*, int, int, void> run, RecurrentJob* job, nint unitPieces)
    {
        nint cost = (nint)job->StateRow * job->CellStrips * job->HiddenRow;
        Cut cut = Sharing.Recurrence(job->BlockSteps, job->Batch, cost, unitPieces, _workers.IsParked, job->Recurrent.Bytes != null);
        job->CutsUnits = cut.Units;
        _workers.Run(run, job, cut.Parts);
    }

    private static void SumStepNorms(in RecurrentJob job, Span<double> stepNorms)
    {
        if (stepNorms.IsEmpty)
            return;
        if (stepNorms.Length != job.Steps)
            throw new ArgumentException($"{stepNorms.Length} step norms for {job.Steps} steps");
        for (int t = 0; t < job.Steps; t++)
        {
            double sum = 0;
            for (int b = 0; b < job.Batch; b++)
                sum += job.SquaredNorms[(t * job.Batch) + b];
            stepNorms[t] = Math.Sqrt(sum);
        }
    }

    private static void CheckStates(
        RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, StepFlags? flags, RecurrentStash stash, int steps, int batch)
    {
        CheckShape(x, steps * batch, weights.Input);
        CheckShape(states.Hidden, (steps + 1) * batch, weights.State);
        if (weights.Cell.HasCell)
            CheckShape(states.Cell!, stash.CellSlots * batch, weights.Hidden);
        if (flags == null)
            return;
        if (flags.Steps != steps || flags.Batch != batch)
            throw new ArgumentException($"flags for [{flags.Steps}, {flags.Batch}], sequence is [{steps}, {batch}]");
        if (states.MaskedOutput != null)
            CheckShape(states.MaskedOutput, steps * batch, weights.State);
    }
}
