using System.Runtime.InteropServices;
using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>
/// Recurrent layers. Forward: X·W for a block of time steps is one product over all its rows; then the recurrence, in which every thread
/// takes some samples of the batch through all steps of the block without meeting another. Backward: the same cut for the recurrence –
/// only dh_{t−1} = dG_t·R is sequential – then dX, dW, dR and db as one product each over T·B.
/// </summary>
public sealed unsafe partial class CpuBackend
{
    internal override RecurrentWeights CreateRecurrentWeights(CellType cell, int input, int hidden) =>
        new CpuRecurrentWeights(cell, input, hidden);

    internal override RecurrentStash CreateRecurrentStash(RecurrentWeights weights, int steps, int batch, bool training) =>
        new CpuStash((CpuRecurrentWeights)weights, steps, batch, training);

    internal override void RecurrentForward(
        RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, StepFlags? flags, RecurrentStash stash, int steps, int batch,
        in RecurrentPass pass = default)
    {
        CheckStates(weights, x, states, flags, steps, batch);
        var w = (CpuRecurrentWeights)weights;
        CpuStash kept = ((CpuStash)stash).Checked(weights.Hidden, steps, batch);
        CpuBuffer input = Cpu(x);
        fixed (byte* active = flags == null ? default : flags.Active, reset = flags == null ? default : flags.Reset)
        {
            RecurrentOptions options = NewOptions(w, kept, pass);
            RecurrentJob job = NewJob(w, states, kept, steps, batch, active, reset, &options);
            using PooledScratch scratch = new(_pool, StepScratch(job));
            using PooledScratch dropMask = new(_pool, DropMaskLength(w, pass, batch));
            FillDropMask(w, pass, batch, dropMask.Pointer, ref options);
            using PooledScratch packedInput = new(_pool, flags == null ? 0 : (nint)kept.BlockSteps * batch * input.Stride);
            job.Scratch = scratch.Pointer;
            job.Recurrent = new(w.Layout.Recurrent, w.FromState.Panels());
            for (int first = 0; first < steps; first += kept.BlockSteps)
            {
                job.FirstStep = first;
                job.BlockSteps = Math.Min(kept.BlockSteps, steps - first);
                nint row = job.StepStart == null ? (nint)first * batch : job.StepStart[first];
                nint rows = job.StepStart == null ? job.BlockSteps * batch : job.StepStart[first + job.BlockSteps] - row;
                float* x0 = input.Pointer + (row * input.Stride);
                if (job.PackedRows != null)
                    GatherRows(input, job.PackedRows + row, rows, x0 = packedInput.Pointer);
                job.Strips = kept.GatesAt(row);
                options.Scales = kept.Options.Scales + (kept.Training ? row : 0);
                MultiplyInput(w, x0, input.Stride, kept, job.Strips, rows);
                _workers.Run(&RecurrentJob.Forward, &job, SampleParts(job));
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
        CheckStates(weights, x, states, flags, steps, batch);
        CheckShape(flow.Output, steps * batch, weights.State);
        var w = (CpuRecurrentWeights)weights;
        CpuStash kept = ((CpuStash)stash).CheckedForTraining(weights.Hidden, steps, batch);
        CpuBuffer output = Cpu(flow.Output), dh0 = Cpu(flow.InitialHidden);
        CpuBuffer? dc0 = w.Cell.HasCell ? Cpu(flow.InitialCell!) : null;
        nint carried = w.Cell.HasCell ? 0 : dh0.PaddedLength;
        using PooledScratch carries = new(_pool, (2 * dh0.PaddedLength) + carried);
        using PooledScratch norms = new(_pool, stepNorms.IsEmpty ? 0 : 2 * (nint)steps * batch);
        fixed (byte* active = flags == null ? default : flags.Active, reset = flags == null ? default : flags.Reset)
        {
            RecurrentOptions options = NewOptions(w, kept, pass);
            RecurrentJob job = NewJob(w, states, kept, steps, batch, active, reset, &options);
            using PooledScratch scratch = new(_pool, StepScratch(job));
            using PooledScratch dropMask = new(_pool, DropMaskLength(w, pass, batch));
            FillDropMask(w, pass, batch, dropMask.Pointer, ref options);
            using PooledScratch sums = new(_pool, SampleSumsLength(w, batch));
            SetBackward(w, batch, sums.Pointer, ref job, ref options);
            job.Scratch = scratch.Pointer;
            job.BlockSteps = steps;
            job.Strips = kept.GatesAt(0);
            job.OutputGradient = output.Pointer;
            job.HiddenGradient = carries.Pointer;
            job.NextHiddenGradient = carries.Pointer + dh0.PaddedLength;
            job.Carry = dc0 == null ? carries.Pointer + (2 * dh0.PaddedLength) : dc0.Pointer;
            job.InitialHiddenGradient = dh0.Pointer;
            job.FinalHiddenGradient = flow.FinalHidden == null ? null : Cpu(flow.FinalHidden).Pointer;
            job.FinalCellGradient = flow.FinalCell == null ? null : Cpu(flow.FinalCell).Pointer;
            job.SquaredNorms = stepNorms.IsEmpty ? null : (double*)norms.Pointer;
            _workers.Run(&RecurrentJob.Backward, &job, SampleParts(job));
            SumStepNorms(job, stepNorms);
            AddRecurrentGradients(w, gradients, Cpu(x), Cpu(states.Hidden), kept, job);
            AddOptionGradients(w, gradients, kept, job);
            if (flow.Input != null)
                MultiplyInputGradient(w, kept, Cpu(flow.Input), job);
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
    private void MultiplyInput(CpuRecurrentWeights w, float* x, nint stride, CpuStash stash, float* gates, nint rows)
    {
        if (rows == 0)
            return; // nobody is active

        GateLayout layout = w.Layout;
        GateProduct input = layout.Input;
        var gemm = new GemmArgs { Rows = rows, Columns = w.GateColumns(input), Panels = w.FromInput.Panels(), PanelWidth = input.PanelWidth };
        gemm.SetRowMajorA(x, stride, w.Input);
        if (layout.Normalized)
            gemm.SetInitRow(Zeros(Gemm.PanelColumns), 0, 0); // the biases come after the norm
        else
            gemm.SetInitRow(w.PackedBias(), 16, input.PanelWidth);
        gemm.SetGateStripsC(gates + (input.FirstStrip * stash.StripStride), stash.StripStride, input.Gates.Length, layout.BlockStrips);
        Multiply(gemm);
    }

    private void MultiplyInputGradient(CpuRecurrentWeights w, CpuStash stash, CpuBuffer dX, in RecurrentJob job)
    {
        CheckShape(dX, stash.Steps * stash.Batch, w.Input);
        bool packed = job.PackedRows != null;
        nint rows = packed ? job.StepStart[stash.Steps] : dX.Rows;
        using PooledScratch packedGradient = new(_pool, packed ? rows * dX.Stride : 0);
        if (packed)
            new Span<float>(dX.Pointer, (int)dX.PaddedLength).Clear();
        dX.Written();
        if (rows == 0)
            return;
        var gemm = new GemmArgs { Rows = rows, Columns = dX.Stride, Panels = w.FromInput.BackwardPanels() };
        GateLayout layout = w.Layout;
        float* strips = stash.GatesAt(0) + (layout.Input.FirstStrip * stash.StripStride);
        gemm.SetGateStripsA(strips, stash.StripStride, layout.Input.Gates.Length, layout.BlockStrips, stash.Strips / layout.BlockStrips);
        gemm.SetInitRow(Zeros(Gemm.PanelColumns), 0, 0);
        gemm.SetRowMajorC(packed ? packedGradient.Pointer : dX.Pointer, dX.Stride);
        Multiply(gemm);
        for (nint i = 0; packed && i < rows; i++)
        {
            new ReadOnlySpan<float>(packedGradient.Pointer + (i * dX.Stride), dX.Stride)
                .CopyTo(new Span<float>(dX.Pointer + ((nint)job.PackedRows[i] * dX.Stride), dX.Stride));
        }
    }

    private static void GatherRows(CpuBuffer from, int* rows, nint count, float* to)
    {
        for (nint i = 0; i < count; i++, to += from.Stride)
            new ReadOnlySpan<float>(from.Pointer + ((nint)rows[i] * from.Stride), from.Stride).CopyTo(new Span<float>(to, from.Stride));
    }

    private void AddRecurrentGradients(
        CpuRecurrentWeights w, RecurrentGradients gradients, CpuBuffer x, CpuBuffer hidden, CpuStash stash, in RecurrentJob job)
    {
        CpuBuffer dW = Cpu(gradients.InputWeight), dR = Cpu(gradients.RecurrentWeight);
        CheckShape(dW, w.Gates * w.Hidden, w.Input);
        CheckShape(dR, w.Gates * w.Hidden, w.State);
        CpuBuffer inputBias = Cpu(gradients.InputBias), recurrentBias = Cpu(gradients.RecurrentBias);
        GateLayout layout = w.Layout;
        var args = new WeightGradientArgs
        {
            Steps = stash.Steps,
            Batch = stash.Batch,
            StripStride = stash.StripStride,
            StripRow = 16,
            GateHidden = w.Hidden,
            BlockStrips = layout.BlockStrips,
            Rows = job.PackedRows,
            StepStart = job.StepStart,
            Zeros = Zeros(Gemm.PanelColumns),
        };
        bool apart = layout.Apart >= 0; // then the biases have gradients of their own
        SetFactor(ref args, x.Pointer, x.Stride, dW);
        AddProductGradient(w, args, layout.Input, stash, inputBias.Pointer, apart ? null : recurrentBias.Pointer);
        // Row t of the states is h_{t−1}, which a reset position reads as zero.
        args.Cleared = job.Reset;
        SetFactor(ref args, job.Options->Seen == null ? hidden.Pointer : job.Options->Seen, hidden.Stride, dR);
        AddProductGradient(w, args, layout.Recurrent, stash, apart ? recurrentBias.Pointer : null, null);
        if (layout.Second != null)
        {
            SetFactor(ref args, job.Options->ResetHidden, hidden.Stride, dR);
            AddProductGradient(w, args, layout.Second, stash, null, null);
        }
        dW.Written();
        dR.Written();
        inputBias.Written();
        recurrentBias.Written();
    }

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
        CpuRecurrentWeights w, WeightGradientArgs args, GateProduct product, CpuStash stash, float* biasA, float* biasB)
    {
        args.Strips = stash.GatesAt(0) + (product.FirstStrip * stash.StripStride);
        args.BiasStrips = stash.GatesAt(0) + (product.CellStrip * stash.StripStride);
        args.Gates = product.Gates.Length;
        args.GateOrder = GateLayout.Order(product.Gates);
        AddWeightGradient(args, w.GateColumns(product) / 16, biasA, biasB);
    }

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
            BlockStrips = w.Layout.BlockStrips,
            CellStrips = w.Layout.CellStrips,
            ApartBias = w.ApartBias(),
            ClearsPadding = w.ClearsPadding,
            Hidden = w.Hidden,
            HiddenRow = AlignedBuffer.Pad(w.Hidden),
            StateSize = w.State,
            StateRow = hidden.Stride,
            Steps = steps,
            Batch = batch,
            StripStride = stash.StripStride,
            KeepGates = stash.Training,
            States = hidden.Pointer,
            Cells = w.Cell.HasCell ? Cpu(states.Cell!).Pointer : null,
            MaskedOutput = states.MaskedOutput == null ? null : Cpu(states.MaskedOutput).Pointer,
            Active = active,
            Reset = reset,
            PackedRows = packedRows,
            StepStart = stepStart,
            Zeros = Zeros(Math.Max(AlignedBuffer.Pad(w.Hidden), Gemm.PanelColumns)),
        };
    }

    /// <summary>Threads for the recurrence: samples are cut, and a share below three rows would starve the tiles.</summary>
    private int SampleParts(in RecurrentJob job) =>
        PartsFor(job.Batch, (nint)job.BlockSteps * job.StateRow * job.CellStrips * job.HiddenRow);

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
        RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, StepFlags? flags, int steps, int batch)
    {
        CheckShape(x, steps * batch, weights.Input);
        CheckShape(states.Hidden, (steps + 1) * batch, weights.State);
        if (weights.Cell.HasCell)
            CheckShape(states.Cell!, (steps + 1) * batch, weights.Hidden);
        if (flags == null)
            return;
        if (flags.Steps != steps || flags.Batch != batch)
            throw new ArgumentException($"flags for [{flags.Steps}, {flags.Batch}], sequence is [{steps}, {batch}]");
        if (states.MaskedOutput == null)
            throw new ArgumentException("a sequence with flags needs a masked output");
        CheckShape(states.MaskedOutput, steps * batch, weights.State);
    }
}
