namespace FastRnn.Backends;

/// <summary>
/// The recurrent layers, one sample and one step after the other. Row g·H + u of the weights belongs to gate g of unit u: i, f, g, o of the LSTM;
/// r, z, n of the GRU.
/// </summary>
public partial class ReferenceBackend
{
    internal override RecurrentWeights CreateRecurrentWeights(CellType cell, int input, int hidden) => new(cell, input, hidden, Allocate);

    internal override RecurrentStash CreateRecurrentStash(RecurrentWeights weights, int steps, int batch, Keep keep) =>
        new StepStash(weights, steps, batch);

    internal override void RecurrentForward(
        RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, StepFlags? flags, RecurrentStash stash, int steps, int batch,
        in RecurrentPass pass = default)
    {
        RequireStored(pass.Weights);
        RequireShape(x, steps * batch, weights.Input);
        RequireShape(states.Hidden, (steps + 1) * batch, weights.State);
        if (weights.Cell.HasCell)
            RequireShape(states.Cell!, (steps + 1) * batch, weights.Hidden);
        var window = new CellWindow(weights, x, states, pass, batch);
        for (int t = 0; t < steps; t++)
        {
            for (int b = 0; b < batch; b++)
            {
                var at = new Place(t, b, (t * batch) + b, IsReset(flags, t, b));
                bool active = IsActive(flags, t, b);
                if (active)
                    StepForward(window, at, ((StepStash)stash)[at.Row]);
                else
                    HandOn(window, at);
                for (int u = 0; flags != null && states.MaskedOutput != null && u < weights.State; u++)
                    M(states.MaskedOutput)[at.Row, u] = active ? window.H[at.Row + batch, u] : 0;
            }
        }
    }

    internal override void RecurrentBackward(
        RecurrentWeights weights, RecurrentGradients gradients, DeviceBuffer x, RecurrentStates states, StepFlags? flags,
        RecurrentStateGradients flow, RecurrentStash stash, Span<double> stepNorms, int steps, int batch, in RecurrentPass pass = default)
    {
        RequireShape(flow.Output, steps * batch, weights.State);
        Require(stepNorms.IsEmpty || stepNorms.Length == steps, $"{stepNorms.Length} step norms for {steps} steps");
        if (flow.Input != null)
            Zero(flow.Input);
        var window = new CellWindow(weights, x, states, pass, batch) { Gradients = new(gradients), InputGradient = flow.Input };
        var squares = new double[steps];
        for (int b = 0; b < batch; b++)
        {
            // What arrives at h_t, c_t from the steps after t.
            double[] dh = flow.FinalHidden == null ? new double[weights.State] : Row(M(flow.FinalHidden), b);
            double[] dc = flow.FinalCell == null ? new double[weights.Hidden] : Row(M(flow.FinalCell), b);
            for (int t = steps - 1; t >= 0; t--)
            {
                if (!IsActiveBackward(flags, t, b))
                    continue; // the state was handed on unchanged, and so is its gradient
                var at = new Place(t, b, (t * batch) + b, IsReset(flags, t, b));
                for (int u = 0; u < weights.State; u++)
                {
                    dh[u] += M(flow.Output)[at.Row, u];
                    squares[t] += dh[u] * dh[u];
                }
                (dh, dc) = StepBackward(window, at, ((StepStash)stash)[at.Row], dh, dc);
            }
            for (int u = 0; u < weights.State; u++)
                M(flow.InitialHidden)[b, u] = Flush(dh[u]);
            for (int u = 0; flow.InitialCell != null && u < weights.Hidden; u++)
                M(flow.InitialCell)[b, u] = Flush(dc[u]);
        }
        for (int t = 0; t < stepNorms.Length; t++)
            stepNorms[t] = Math.Sqrt(squares[t]);
    }

    /// <summary>∂tanh/∂a from y = tanh(a): 1 − y².</summary>
    internal virtual double TanhDerivative(double y) => 1 - (y * y);

    /// <summary>∂c_t/∂i = g.</summary>
    internal virtual double InputGateFactor(double g, double previousCell) => g;

    /// <summary>The slot whose h multiplies R at a row: the one before it.</summary>
    internal virtual int RecurrentInputSlot(int row, int batch) => row;

    /// <summary>Whether a position takes part in the backward pass.</summary>
    internal virtual bool IsActiveBackward(StepFlags? flags, int t, int b) => IsActive(flags, t, b);

    /// <summary>
    /// Told, for every value of a forward pass that meets a function with a kink, how far beyond it the value lies: a test of differences must know.
    /// </summary>
    internal virtual void Kink(double distance)
    {
    }

    private static bool IsActive(StepFlags? flags, int t, int b) => flags == null || flags.IsActive(t, b);

    private static bool IsReset(StepFlags? flags, int t, int b) => flags != null && flags.IsReset(t, b);

    /// <summary>An inactive position leaves the state as it is.</summary>
    private static void HandOn(CellWindow window, Place at)
    {
        for (int u = 0; u < window.H.Columns; u++)
            window.H[at.Row + window.Batch, u] = window.H[at.Row, u];
        for (int u = 0; window.C != null && u < window.C.Columns; u++)
            window.C[at.Row + window.Batch, u] = window.C[at.Row, u];
    }

    /// <summary>Step t of sample b. Row t·B + b holds h_{t−1}, c_{t−1}, the one B further on h_t, c_t; a reset reads zeros for the former.</summary>
    private readonly record struct Place(int T, int B, int Row, bool Reset);

    /// <summary>Everything that is the same at all positions of a window.</summary>
    private sealed class CellWindow(RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, RecurrentPass pass, int batch)
    {
        public CellType Cell { get; } = weights.Cell;

        public int Hidden { get; } = weights.Hidden;

        public int Batch { get; } = batch;

        public RecurrentPass Pass { get; } = pass;

        public Matrix X { get; } = M(x);

        public Matrix H { get; } = M(states.Hidden);

        public Matrix? C { get; } = states.Cell == null ? null : M(states.Cell);

        public CellArrays Weights { get; } = new(weights);

        /// <summary>In a backward pass.</summary>
        public CellArrays Gradients { get; init; } = null!;

        /// <summary>dX, where it is wanted.</summary>
        public DeviceBuffer? InputGradient { get; init; }
    }

    /// <summary>The parameters of a layer, or their gradients.</summary>
    private sealed record CellArrays(Affine FromInput, Affine FromState, Matrix? Peephole, Matrix? Projection)
    {
        public CellArrays(RecurrentWeights w)
            : this(
                new(M(w.InputWeight), M(w.InputBias), MaybeM(w.InputNorm)), new(M(w.RecurrentWeight), M(w.RecurrentBias), MaybeM(w.RecurrentNorm)),
                MaybeM(w.Peephole), MaybeM(w.Projection))
        {
        }

        public CellArrays(RecurrentGradients g)
            : this(
                new(M(g.InputWeight), M(g.InputBias), MaybeM(g.InputNorm)), new(M(g.RecurrentWeight), M(g.RecurrentBias), MaybeM(g.RecurrentNorm)),
                MaybeM(g.Peephole), MaybeM(g.Projection))
        {
        }

        private static Matrix? MaybeM(DeviceBuffer? buffer) => buffer == null ? null : M(buffer);
    }

    /// <summary>What the forward pass of one position leaves for its backward pass; zero before that.</summary>
    private sealed class CellStep(RecurrentWeights weights)
    {
        /// <summary>[G·H]: activated gates.</summary>
        public double[] Gates { get; } = new double[weights.Gates * weights.Hidden];

        /// <summary>GRU: R_n h + b_hn, which r multiplies.</summary>
        public double[] Candidate { get; } = new double[weights.Hidden];

        /// <summary>LSTM: c̃_t, and f(c̃_t).</summary>
        public double[] Cell { get; } = new double[weights.Hidden];

        public double[] CellOutput { get; } = new double[weights.Hidden];

        public Norm InputNorm { get; } = new();

        public Norm RecurrentNorm { get; } = new();

        /// <summary>Of R_n (r⊙h) of a GRU that resets before.</summary>
        public Norm CandidateNorm { get; } = new();

        public void CopyFrom(CellStep other)
        {
            other.Gates.CopyTo(Gates, 0);
            other.Candidate.CopyTo(Candidate, 0);
            other.Cell.CopyTo(Cell, 0);
            other.CellOutput.CopyTo(CellOutput, 0);
            InputNorm.CopyFrom(other.InputNorm);
            RecurrentNorm.CopyFrom(other.RecurrentNorm);
            CandidateNorm.CopyFrom(other.CandidateNorm);
        }
    }

    private sealed class StepStash(RecurrentWeights weights, int steps, int batch) : RecurrentStash
    {
        private CellStep[] _steps = [.. Enumerable.Range(0, steps * batch).Select(_ => new CellStep(weights))];

        public override int CellSlots => steps + 1;

        public CellStep this[int row] => _steps[row];

        public override RecurrentStash Shorter(int steps) => new StepStash(weights, steps, batch) { _steps = _steps };

        public override void CopySteps(RecurrentStash source, in StepRange range)
        {
            for (int i = 0; i < range.Count * batch; i++)
                _steps[(range.Step * batch) + i].CopyFrom(((StepStash)source)._steps[(range.SourceStep * batch) + i]);
        }

        public override void Dispose()
        {
        }
    }
}
