namespace FastRnn.Backends;

/// <summary>One step of one sample forward; a cell gives h̃_t and, by the stash, c̃_t.</summary>
public partial class ReferenceBackend
{
    private void StepForward(CellWindow window, Place at, CellStep step)
    {
        int next = at.Row + window.Batch;
        double[] fromInput = Forward(window.Weights.FromInput, 0, step.Gates.Length, Row(window.X, at.Row), step.InputNorm);
        double[] seen = Seen(window, at, at.Row);
        double[] h = window.Cell.Kind switch
        {
            CellKind.Lstm => Lstm(window, at, step, fromInput, seen),
            CellKind.Gru => Gru(window, at, step, fromInput, seen),
            _ => Elman(window, step, fromInput, seen),
        };
        for (int u = 0; u < h.Length; u++)
        {
            double share = NewShare(window, at, window.Pass.Zoneout(window.Cell), u);
            window.H[next, u] = Flush((share * h[u]) + ((1 - share) * Previous(window.H, at, u)));
        }
        for (int u = 0; window.C != null && u < window.Hidden; u++)
        {
            double share = NewShare(window, at, window.Pass.CellZoneout(window.Cell), u);
            window.C[next, u] = Flush((share * step.Cell[u]) + ((1 - share) * Previous(window.C, at, u)));
        }
    }

    private static double Previous(Matrix states, Place at, int u) => at.Reset ? 0 : states[at.Row, u];

    /// <summary>h = f(clip(W x + R h')).</summary>
    private double[] Elman(CellWindow window, CellStep step, double[] fromInput, double[] seen)
    {
        double[] fromState = Forward(window.Weights.FromState, 0, window.Hidden, seen, step.RecurrentNorm);
        for (int u = 0; u < window.Hidden; u++)
            step.Gates[u] = Flush(Activate(window.Cell.Activation, Clip(fromInput[u] + fromState[u], window.Cell.GateClip)));
        return (double[])step.Gates.Clone();
    }

    /// <summary>c = clip(f·c' + i·g); h = o·f(c), projected.</summary>
    private double[] Lstm(CellWindow window, Place at, CellStep step, double[] fromInput, double[] seen)
    {
        CellType cell = window.Cell;
        int hidden = window.Hidden;
        double[] fromState = Forward(window.Weights.FromState, 0, 4 * hidden, seen, step.RecurrentNorm);
        double Gate(int gate, int u, CellActivation activation, double seenCell) =>
            Activate(activation, Clip(fromInput[(gate * hidden) + u] + fromState[(gate * hidden) + u] + seenCell, cell.GateClip));

        var inner = new double[hidden];
        for (int u = 0; u < hidden; u++)
        {
            double previous = Previous(window.C!, at, u);
            double i = Gate(0, u, cell.GateActivation, Peephole(window, 0, u) * previous);
            double f = cell.Coupled ? 1 - i : Gate(1, u, cell.GateActivation, Peephole(window, 1, u) * previous);
            double g = Gate(2, u, cell.Activation, 0);
            double c = step.Cell[u] = Flush(Clip((f * previous) + (i * g), cell.CellClip));
            double o = Gate(3, u, cell.GateActivation, Peephole(window, 2, u) * c);
            double output = step.CellOutput[u] = Activate(cell.OutputActivation, c);
            inner[u] = o * output;
            (step.Gates[u], step.Gates[hidden + u], step.Gates[(2 * hidden) + u], step.Gates[(3 * hidden) + u]) = (i, f, g, o);
        }
        return Array.ConvertAll(Projected(window, inner), Flush);
    }

    /// <summary>Row 0, 1 or 2 – of i, f or o – of the peepholes.</summary>
    private static double Peephole(CellWindow window, int row, int u) => window.Weights.Peephole == null ? 0 : window.Weights.Peephole[row, u];

    private static double[] Projected(CellWindow window, double[] inner)
    {
        if (window.Weights.Projection is not { } projection)
            return inner;
        var h = new double[projection.Rows];
        for (int p = 0; p < h.Length; p++)
        {
            for (int u = 0; u < inner.Length; u++)
                h[p] += projection[p, u] * inner[u];
        }
        return h;
    }

    /// <summary>
    /// h = n + z·(h' − n) with n = f(W_n x + r·(R_n h')) or n = f(W_n x + R_n (r·h')). Recurrent dropout hides h' from R alone.
    /// </summary>
    private double[] Gru(CellWindow window, Place at, CellStep step, double[] fromInput, double[] seen)
    {
        CellType cell = window.Cell;
        int hidden = window.Hidden;
        Affine fromState = window.Weights.FromState;
        double[] a = Forward(fromState, 0, (cell.ResetBefore ? 2 : 3) * hidden, seen, step.RecurrentNorm);
        for (int u = 0; u < 2 * hidden; u++)
            step.Gates[u] = Activate(cell.GateActivation, Clip(fromInput[u] + a[u], cell.GateClip));
        double[] candidate = cell.ResetBefore
            ? Forward(fromState, 2 * hidden, hidden, ResetState(step, seen), step.CandidateNorm)
            : a[(2 * hidden)..];
        var h = new double[hidden];
        for (int u = 0; u < hidden; u++)
        {
            double r = step.Gates[u], z = step.Gates[hidden + u];
            step.Candidate[u] = candidate[u];
            double n = Activate(cell.Activation, Clip(fromInput[(2 * hidden) + u] + (cell.ResetBefore ? candidate[u] : r * candidate[u]), cell.GateClip));
            step.Gates[(2 * hidden) + u] = n;
            h[u] = Flush(n + (z * (Previous(window.H, at, u) - n)));
        }
        return h;
    }

    /// <summary>r⊙h'.</summary>
    private static double[] ResetState(CellStep step, double[] seen) => [.. seen.Select((h, u) => step.Gates[u] * h)];
}
