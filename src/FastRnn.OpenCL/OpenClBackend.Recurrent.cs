using System.Runtime.InteropServices;
using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.OpenCL;

// Recurrent layers: a pass is a RecurrentRun.
public sealed partial class OpenClBackend
{
    /// <summary>
    /// Gates of a block of time that are not kept: on a CPU they should stay in its cache, on other devices a product over them should be large.
    /// </summary>
    private const long CpuBlockBytes = 1 << 20, DeviceBlockBytes = 1 << 26;

    private RowMarks? _rowMarks;

    private bool IsWide => _context.IsWide;

    internal override RecurrentWeights CreateRecurrentWeights(CellType cell, int input, int hidden) => new OpenClRecurrentWeights(this, cell, input, hidden);

    internal override RecurrentStash CreateRecurrentStash(RecurrentWeights weights, int steps, int batch, Keep keep) =>
        new OpenClStash(this, (OpenClRecurrentWeights)weights, _pool, steps, batch, keep, IsWide ? CpuBlockBytes : DeviceBlockBytes);

    internal override void RecurrentForward(
        RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, StepFlags? flags, RecurrentStash stash, int steps, int batch,
        in RecurrentPass pass = default)
    {
        CheckStates(weights, x, states, flags, steps, batch);
        if (!Stores(pass.Weights))
            throw new NotSupportedException($"{Name} stores no weights as {pass.Weights.Name()}");
        var w = (OpenClRecurrentWeights)weights;
        using RecurrentRun run = Run(w, ((OpenClStash)stash).Checked(w, steps, batch), x, states, flags, pass);
        run.Forward();
        Own(states.Hidden).Written();
        OwnOrNull(states.Cell)?.Written();
        OwnOrNull(states.MaskedOutput)?.Written();
    }

    internal override void RecurrentBackward(
        RecurrentWeights weights, RecurrentGradients gradients, DeviceBuffer x, RecurrentStates states, StepFlags? flags,
        RecurrentStateGradients flow, RecurrentStash stash, Span<double> stepNorms, int steps, int batch, in RecurrentPass pass = default)
    {
        CheckStates(weights, x, states, flags, steps, batch);
        CheckGradients(weights, gradients, flow, stepNorms, steps, batch);
        var w = (OpenClRecurrentWeights)weights;
        using RecurrentRun run = Run(w, ((OpenClStash)stash).CheckedForTraining(w, steps, batch), x, states, flags, pass);
        OpenClBuffer? norms = stepNorms.IsEmpty ? null : new OpenClBuffer(_pool, steps * batch, w.State);
        run.Backward(gradients, flow, flags, norms);
        if (norms == null)
            return;
        ReadStepNorms(norms, flags, stepNorms, batch);
        norms.Block.Dispose();
    }

    private RecurrentRun Run(
        OpenClRecurrentWeights w, OpenClStash stash, DeviceBuffer x, RecurrentStates states, StepFlags? flags, in RecurrentPass pass)
    {
        RowMarks? marks = null;
        if (flags != null)
            (marks = _rowMarks ??= new RowMarks(new HostArray(_pool, _staging))).Set(flags);
        var arrays = new RecurrentArrays(w, stash, Own(x), Own(states.Hidden), OwnOrNull(states.Cell), OwnOrNull(states.MaskedOutput));
        return new RecurrentRun(this, _pool, w.Kernels(_programs, IsWide), arrays, marks, pass);
    }

    /// <summary>Sums of squares of the rows that count, in double: by the device where it has that, otherwise here.</summary>
    private void ReadStepNorms(OpenClBuffer gradients, StepFlags? flags, Span<double> stepNorms, int batch)
    {
        double[] squares = RowSquares(gradients);
        for (int t = 0; t < stepNorms.Length; t++)
        {
            double sum = 0;
            for (int b = 0; b < batch; b++)
                sum += flags == null || flags.IsActive(t, b) ? squares[(t * batch) + b] : 0.0;
            stepNorms[t] = Math.Sqrt(sum);
        }
    }

    private unsafe double[] RowSquares(OpenClBuffer x)
    {
        var squares = new double[x.Rows];
        if (_context.HasDouble)
        {
            var sums = new OpenClBuffer(_pool, x.Rows, 2);
            _programs.Get("state.cl", "row_squares", "-DLANES=1").Start().Buffer(x).Int(x.Rows).Int(x.Columns).Memory(sums.Block).Over(x.Rows);
            Read(sums, MemoryMarshal.Cast<double, float>(squares.AsSpan()));
            sums.Block.Dispose();
            return squares;
        }
        var values = new float[x.Length];
        Read(x, values);
        double* parts = stackalloc double[16];
        for (int row = 0; row < x.Rows; row++)
        {
            new Span<double>(parts, 16).Clear();
            for (int u = 0; u < x.Columns; u++)
            {
                double value = values[(row * x.Columns) + u];
                parts[u % 16] = Math.FusedMultiplyAdd(value, value, parts[u % 16]);
            }
            squares[row] = Reductions.Tree(parts);
        }
        return squares;
    }

    private static void CheckStates(RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, StepFlags? flags, int steps, int batch)
    {
        CheckShape(x, steps * batch, weights.Input);
        CheckShape(states.Hidden, (steps + 1) * batch, weights.State);
        if (weights.Cell.HasCell)
            CheckShape(states.Cell!, (steps + 1) * batch, weights.Hidden);
        if (flags == null)
            return;
        if (flags.Steps != steps || flags.Batch != batch)
            throw new ArgumentException($"flags for [{flags.Steps}, {flags.Batch}], sequence is [{steps}, {batch}]");
        if (states.MaskedOutput != null)
            CheckShape(states.MaskedOutput, steps * batch, weights.State);
    }

    private static void CheckGradients(
        RecurrentWeights weights, RecurrentGradients gradients, RecurrentStateGradients flow, ReadOnlySpan<double> stepNorms, int steps, int batch)
    {
        int rows = weights.Gates * weights.Hidden;
        CheckShape(flow.Output, steps * batch, weights.State);
        CheckShape(flow.InitialHidden, batch, weights.State);
        CheckShape(gradients.InputWeight, rows, weights.Input);
        CheckShape(gradients.RecurrentWeight, rows, weights.State);
        CheckShape(gradients.InputBias, 1, rows);
        CheckShape(gradients.RecurrentBias, 1, rows);
        if (weights.Cell.HasCell)
            CheckShape(flow.InitialCell!, batch, weights.Hidden);
        if (flow.Input != null)
            CheckShape(flow.Input, steps * batch, weights.Input);
        if (!stepNorms.IsEmpty && stepNorms.Length != steps)
            throw new ArgumentException($"{stepNorms.Length} step norms for {steps} steps");
    }
}
