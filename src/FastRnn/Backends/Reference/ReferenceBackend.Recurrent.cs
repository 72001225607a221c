namespace FastRnn.Backends;

/// <summary>
/// The recurrent cells, step by step. Row g·H + u of the weights belongs to gate g of unit u: i, f, g, o of the LSTM; r, z, n of the GRU.
/// </summary>
public partial class ReferenceBackend
{
    internal override RecurrentWeights CreateRecurrentWeights(CellType cell, int input, int hidden) => new(cell, input, hidden, Allocate);

    internal override RecurrentStash CreateRecurrentStash(RecurrentWeights weights, int steps, int batch, bool training) =>
        new GateStash(steps, batch, weights.Hidden);

    internal override void RecurrentForward(
        RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, StepFlags? flags, RecurrentStash stash, int steps, int batch)
    {
        RequireShape(x, steps * batch, weights.Input);
        RequireShape(states.Hidden, (steps + 1) * batch, weights.Hidden);
        if (weights.Cell.HasCell)
            RequireShape(states.Cell!, (steps + 1) * batch, weights.Hidden);
        Require(flags == null || states.MaskedOutput != null, "a sequence with flags needs a masked output");
        Matrix h = M(states.Hidden);
        Matrix? c = weights.Cell.HasCell ? M(states.Cell!) : null;
        for (int t = 0; t < steps; t++)
        {
            for (int b = 0; b < batch; b++)
            {
                int row = (t * batch) + b, next = row + batch; // rows of h_{t−1} and h_t in the slots 0…T
                bool active = IsActive(flags, t, b);
                for (int u = 0; u < weights.Hidden; u++)
                {
                    double cell = c == null ? 0 : c[row, u];
                    h[next, u] = active ? Cell(weights, M(x), h, ref cell, (GateStash)stash, row, u, IsReset(flags, t, b)) : h[row, u];
                    if (c != null)
                        c[next, u] = cell;
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
                if (flow.InitialCell != null)
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

    private static double Activate(CellActivation activation, double a) => activation switch
    {
        CellActivation.Tanh => Math.Tanh(a),
        CellActivation.Relu => a < 0 ? 0 : a,
        CellActivation.Sigmoid => Sigmoid(a),
        _ => a,
    };

    /// <summary>f'(a) from y = f(a).</summary>
    private double ActivationDerivative(CellActivation activation, double y) => activation switch
    {
        CellActivation.Tanh => TanhDerivative(y),
        CellActivation.Relu => y > 0 ? 1 : 0,
        CellActivation.Sigmoid => y * (1 - y),
        _ => 1,
    };

    /// <summary>b_ih + W x for one row of the weights.</summary>
    private static double FromInput(RecurrentWeights weights, Matrix x, int w, int row)
    {
        double a = M(weights.InputBias)[0, w];
        for (int k = 0; k < weights.Input; k++)
            a += M(weights.InputWeight)[w, k] * x[row, k];
        return a;
    }

    /// <summary>b_hh + R h_{t−1} for one row of the weights; a reset position reads a zero state.</summary>
    private static double FromState(RecurrentWeights weights, Matrix h, int w, int row, bool reset)
    {
        double a = M(weights.RecurrentBias)[0, w];
        for (int j = 0; j < weights.Hidden && !reset; j++)
            a += M(weights.RecurrentWeight)[w, j] * h[row, j];
        return a;
    }

    /// <summary>
    /// h_t of one unit, c_t by reference. LSTM: c = f·c' + i·g, h = o·tanh(c). GRU: n = tanh(n_x + r·n_h), h = n + z·(h' − n). Elman: h = f(a).
    /// </summary>
    private static double Cell(RecurrentWeights weights, Matrix x, Matrix h, ref double c, GateStash stash, int row, int u, bool reset)
    {
        int hidden = weights.Hidden;
        double Chain(int gate) =>
            FromInput(weights, x, (gate * hidden) + u, row) + FromState(weights, h, (gate * hidden) + u, row, reset);

        switch (weights.Cell.Kind)
        {
            case CellKind.Lstm:
                double i = stash[row, u, 0] = Sigmoid(Chain(0));
                double f = stash[row, u, 1] = Sigmoid(Chain(1));
                double g = stash[row, u, 2] = Math.Tanh(Chain(2));
                double o = stash[row, u, 3] = Sigmoid(Chain(3));
                c = Flush((f * (reset ? 0 : c)) + (i * g));
                return Flush(o * Math.Tanh(c));
            case CellKind.Gru:
                double r = stash[row, u, 0] = Sigmoid(Chain(0));
                double z = stash[row, u, 1] = Sigmoid(Chain(1));
                double candidate = stash[row, u, 3] = FromState(weights, h, (2 * hidden) + u, row, reset);
                double n = stash[row, u, 2] = Math.Tanh(FromInput(weights, x, (2 * hidden) + u, row) + (r * candidate));
                return Flush(n + (z * ((reset ? 0 : h[row, u]) - n)));
            default:
                return stash[row, u, 0] = Flush(Activate(weights.Cell.Activation, Chain(0)));
        }
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
            double dHidden = Flush(dh[u]);
            double[] da = new double[weights.Gates]; // pre-activations, as the input sees them
            double apart = double.NaN; // n_h of the GRU, as R sees it
            switch (weights.Cell.Kind)
            {
                case CellKind.Lstm:
                    da = LstmBackward(states, stash, row, batch, u, reset, dHidden, ref dc[u]);
                    break;
                case CellKind.Gru:
                    double r = stash[row, u, 0], z = stash[row, u, 1], n = stash[row, u, 2], candidate = stash[row, u, 3];
                    da[2] = dHidden * (1 - z) * TanhDerivative(n);
                    apart = da[2] * r;
                    da[0] = da[2] * candidate * r * (1 - r);
                    da[1] = dHidden * ((reset ? 0 : M(states.Hidden)[row, u]) - n) * z * (1 - z);
                    dPrevious[u] += reset ? 0 : Flush(dHidden * z);
                    break;
                default:
                    da[0] = dHidden * ActivationDerivative(weights.Cell.Activation, stash[row, u, 0]);
                    break;
            }
            for (int gate = 0; gate < da.Length; gate++)
            {
                int w = (gate * hidden) + u;
                InputBackward(weights, gradients, x, flow, w, row, da[gate]);
                RecurrentBackward(
                    weights, gradients, states, w, row, batch, reset, weights.Cell.Kind == CellKind.Gru && gate == 2 ? apart : da[gate], dPrevious);
            }
        }
        dPrevious.CopyTo(dh, 0);
    }

    private double[] LstmBackward(RecurrentStates states, GateStash stash, int row, int batch, int u, bool reset, double dHidden, ref double dc)
    {
        double i = stash[row, u, 0], f = stash[row, u, 1], g = stash[row, u, 2], o = stash[row, u, 3];
        double previousCell = reset ? 0 : M(states.Cell!)[row, u], tanhCell = Math.Tanh(M(states.Cell!)[row + batch, u]);
        double dCell = Flush(dc + (dHidden * o * TanhDerivative(tanhCell)));
        dc = reset ? 0 : Flush(dCell * f);
        return
        [
            dCell * InputGateFactor(g, previousCell) * i * (1 - i),
            dCell * previousCell * f * (1 - f),
            dCell * i * TanhDerivative(g),
            dHidden * tanhCell * o * (1 - o),
        ];
    }

    /// <summary>One pre-activation's gradient into W, b_ih and the input.</summary>
    private static void InputBackward(
        RecurrentWeights weights, RecurrentGradients gradients, Matrix x, RecurrentStateGradients flow, int w, int row, double da)
    {
        M(gradients.InputBias)[0, w] += da;
        for (int k = 0; k < weights.Input; k++)
        {
            M(gradients.InputWeight)[w, k] += da * x[row, k];
            if (flow.Input != null)
                M(flow.Input)[row, k] += da * M(weights.InputWeight)[w, k];
        }
    }

    /// <summary>One pre-activation's gradient into R, b_hh and h_{t−1}. Nothing flows to the steps before a reset.</summary>
    private void RecurrentBackward(
        RecurrentWeights weights, RecurrentGradients gradients, RecurrentStates states, int w, int row, int batch, bool reset, double da,
        double[] dPrevious)
    {
        M(gradients.RecurrentBias)[0, w] += da;
        for (int j = 0; j < weights.Hidden && !reset; j++)
        {
            M(gradients.RecurrentWeight)[w, j] += da * M(states.Hidden)[RecurrentInputSlot(row, batch), j];
            dPrevious[j] += da * M(weights.RecurrentWeight)[w, j];
        }
    }

    /// <summary>Activated gates of every position: [row, unit, gate]; of the GRU r, z, n, n_h.</summary>
    private sealed class GateStash(int steps, int batch, int hidden) : RecurrentStash
    {
        private double[] _gates = new double[steps * batch * hidden * 4];

        public double this[int row, int unit, int gate]
        {
            get => _gates[(((row * hidden) + unit) * 4) + gate];
            set => _gates[(((row * hidden) + unit) * 4) + gate] = value;
        }

        public override RecurrentStash Shorter(int steps) => new GateStash(0, batch, hidden) { _gates = _gates };

        public override void CopySteps(RecurrentStash source, in StepRange range)
        {
            int step = batch * hidden * 4;
            ((GateStash)source)._gates.AsSpan(range.SourceStep * step, range.Count * step).CopyTo(_gates.AsSpan(range.Step * step));
        }

        public override void Dispose()
        {
        }
    }
}
