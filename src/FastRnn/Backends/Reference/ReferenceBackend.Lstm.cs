namespace FastRnn.Backends;

/// <summary>
/// The LSTM, step by step. Row g·H + u of the weights belongs to gate g ∈ (i, f, g, o) of unit u.
/// </summary>
public partial class ReferenceBackend
{
    internal override RecurrentWeights CreateRecurrentWeights(CellKind cell, int input, int hidden) => new(cell, input, hidden, Allocate);

    internal override RecurrentStash CreateRecurrentStash(RecurrentWeights weights, int steps, int batch, bool training) =>
        new GateStash(steps, batch, weights.Hidden);

    internal override void RecurrentForward(
        RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, StepFlags? flags, RecurrentStash stash, int steps, int batch)
    {
        RequireShape(x, steps * batch, weights.Input);
        RequireShape(states.Hidden, (steps + 1) * batch, weights.Hidden);
        RequireShape(states.Cell, (steps + 1) * batch, weights.Hidden);
        Require(flags == null || states.MaskedOutput != null, "a sequence with flags needs a masked output");
        Matrix h = M(states.Hidden), c = M(states.Cell);
        for (int t = 0; t < steps; t++)
        {
            for (int b = 0; b < batch; b++)
            {
                int row = (t * batch) + b, next = row + batch; // rows of h_{t−1} and h_t in the slots 0…T
                bool active = IsActive(flags, t, b);
                for (int u = 0; u < weights.Hidden; u++)
                {
                    if (active)
                        (h[next, u], c[next, u]) = Cell(weights, M(x), states, (GateStash)stash, row, u, IsReset(flags, t, b));
                    else
                        (h[next, u], c[next, u]) = (h[row, u], c[row, u]);
                    if (flags != null)
                        M(states.MaskedOutput!)[row, u] = active ? h[next, u] : 0;
                }
            }
        }
    }

    internal override void RecurrentBackward(
        RecurrentWeights weights, RecurrentGradients gradients, DeviceBuffer x, RecurrentStates states, StepFlags? flags,
        RecurrentStateGradients flow, RecurrentStash stash, Span<double> stepNorms, int steps, int batch)
    {
        RequireShape(flow.Output, steps * batch, weights.Hidden);
        Require(stepNorms.IsEmpty || stepNorms.Length == steps, $"{stepNorms.Length} step norms for {steps} steps");
        if (flow.Input != null)
            Zero(flow.Input);
        var squares = new double[steps];
        for (int b = 0; b < batch; b++)
        {
            var dh = new double[weights.Hidden]; // what arrives at h_t, c_t from the steps after t
            var dc = new double[weights.Hidden];
            for (int u = 0; u < weights.Hidden; u++)
            {
                dh[u] = flow.FinalHidden == null ? 0 : M(flow.FinalHidden)[b, u];
                dc[u] = flow.FinalCell == null ? 0 : M(flow.FinalCell)[b, u];
            }
            for (int t = steps - 1; t >= 0; t--)
            {
                if (!IsActiveBackward(flags, t, b))
                    continue; // the state was handed on unchanged, and so is its gradient
                for (int u = 0; u < weights.Hidden; u++)
                {
                    dh[u] += M(flow.Output)[(t * batch) + b, u];
                    squares[t] += dh[u] * dh[u];
                }
                StepBackward(weights, gradients, M(x), states, flow, (GateStash)stash, (t * batch) + b, batch, IsReset(flags, t, b), dh, dc);
            }
            for (int u = 0; u < weights.Hidden; u++)
            {
                M(flow.InitialHidden)[b, u] = Flush(dh[u]);
                M(flow.InitialCell)[b, u] = Flush(dc[u]);
            }
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

    private static bool IsActive(StepFlags? flags, int t, int b) => flags == null || flags.IsActive(t, b);

    private static bool IsReset(StepFlags? flags, int t, int b) => flags != null && flags.IsReset(t, b);

    private static double Sigmoid(double a) => 1 / (1 + Math.Exp(-a));

    /// <summary>One unit forward: c = f·c' + i·g, h = o·tanh(c). A reset position reads a zero state.</summary>
    private static (double H, double C) Cell(
        RecurrentWeights weights, Matrix x, RecurrentStates states, GateStash stash, int row, int u, bool reset)
    {
        double Gate(int gate)
        {
            int w = (gate * weights.Hidden) + u;
            double a = M(weights.InputBias)[0, w] + M(weights.RecurrentBias)[0, w];
            for (int k = 0; k < weights.Input; k++)
                a += M(weights.InputWeight)[w, k] * x[row, k];
            for (int j = 0; j < weights.Hidden && !reset; j++)
                a += M(weights.RecurrentWeight)[w, j] * M(states.Hidden)[row, j];
            return a;
        }

        double i = stash[row, u, 0] = Sigmoid(Gate(0));
        double f = stash[row, u, 1] = Sigmoid(Gate(1));
        double g = stash[row, u, 2] = Math.Tanh(Gate(2));
        double o = stash[row, u, 3] = Sigmoid(Gate(3));
        double previous = reset ? 0 : M(states.Cell)[row, u];
        double c = Flush((f * previous) + (i * g));
        return (Flush(o * Math.Tanh(c)), c);
    }

    /// <summary>The chain rule through one step of one sample; dh, dc of step t become those of step t−1.</summary>
    private void StepBackward(
        RecurrentWeights weights, RecurrentGradients gradients, Matrix x, RecurrentStates states, RecurrentStateGradients flow,
        GateStash stash, int row, int batch, bool reset, double[] dh, double[] dc)
    {
        int hidden = weights.Hidden;
        var dPrevious = new double[hidden];
        for (int u = 0; u < hidden; u++)
        {
            double i = stash[row, u, 0], f = stash[row, u, 1], g = stash[row, u, 2], o = stash[row, u, 3];
            double previousCell = reset ? 0 : M(states.Cell)[row, u], tanhCell = Math.Tanh(M(states.Cell)[row + batch, u]);
            double dHidden = Flush(dh[u]);
            double dCell = Flush(dc[u] + (dHidden * o * TanhDerivative(tanhCell)));
            double[] da =
            [
                dCell * InputGateFactor(g, previousCell) * i * (1 - i),
                dCell * previousCell * f * (1 - f),
                dCell * i * TanhDerivative(g),
                dHidden * tanhCell * o * (1 - o),
            ];
            dc[u] = reset ? 0 : Flush(dCell * f);
            for (int gate = 0; gate < 4; gate++)
                GateBackward(weights, gradients, x, states, flow, (gate * hidden) + u, row, batch, reset, da[gate], dPrevious);
        }
        dPrevious.CopyTo(dh, 0);
    }

    /// <summary>One pre-activation's gradient into weights, biases, input and h_{t−1}. Nothing flows to the steps before a reset.</summary>
    private void GateBackward(
        RecurrentWeights weights, RecurrentGradients gradients, Matrix x, RecurrentStates states, RecurrentStateGradients flow,
        int w, int row, int batch, bool reset, double da, double[] dPrevious)
    {
        M(gradients.InputBias)[0, w] += da;
        M(gradients.RecurrentBias)[0, w] += da;
        for (int k = 0; k < weights.Input; k++)
        {
            M(gradients.InputWeight)[w, k] += da * x[row, k];
            if (flow.Input != null)
                M(flow.Input)[row, k] += da * M(weights.InputWeight)[w, k];
        }
        for (int j = 0; j < weights.Hidden && !reset; j++)
        {
            M(gradients.RecurrentWeight)[w, j] += da * M(states.Hidden)[RecurrentInputSlot(row, batch), j];
            dPrevious[j] += da * M(weights.RecurrentWeight)[w, j];
        }
    }

    /// <summary>Activated gates of every position: [row, unit, gate].</summary>
    private sealed class GateStash(int steps, int batch, int hidden) : RecurrentStash
    {
        private readonly double[] _gates = new double[steps * batch * hidden * 4];

        public double this[int row, int unit, int gate]
        {
            get => _gates[(((row * hidden) + unit) * 4) + gate];
            set => _gates[(((row * hidden) + unit) * 4) + gate] = value;
        }

        public override void Dispose()
        {
        }
    }
}
