namespace FastRnn.Backends;

/// <summary>The chain rule through one step of one sample: dh, dc of step t become those of step t − 1.</summary>
public partial class ReferenceBackend
{
    private (double[] Hidden, double[] Cell) StepBackward(CellWindow window, Place at, CellStep step, double[] dh, double[] dc)
    {
        double[] seen = Seen(window, at, RecurrentInputSlot(at.Row, window.Batch));
        var dNew = new double[dh.Length]; // of h̃
        var dPrevious = new double[dh.Length];
        for (int u = 0; u < dh.Length; u++)
        {
            double d = Flush(dh[u]), share = NewShare(window, at, window.Pass.Zoneout(window.Cell), u);
            dNew[u] = share * d;
            dPrevious[u] = (1 - share) * d;
        }
        var da = new double[step.Gates.Length]; // of the pre-activations, as the input sees them
        double[] dSeen = window.Cell.Kind switch
        {
            CellKind.Lstm => LstmBackward(window, at, step, seen, dNew, dc, da),
            CellKind.Gru => GruBackward(window, at, step, seen, dNew, dPrevious, da),
            _ => ElmanBackward(window, step, seen, dNew, da),
        };
        double[] dx = Backward(window.Weights.FromInput, window.Gradients.FromInput, 0, Row(window.X, at.Row), step.InputNorm, da);
        for (int k = 0; window.InputGradient != null && k < dx.Length; k++)
            M(window.InputGradient)[at.Row, k] += dx[k];
        if (at.Reset)
            return (new double[dh.Length], new double[dc.Length]); // nothing flows to the steps before
        for (int u = 0; u < dh.Length; u++)
            dPrevious[u] += DropoutFactor(window, at, u) * dSeen[u];
        return (dPrevious, dc);
    }

    private double[] ElmanBackward(CellWindow window, CellStep step, double[] seen, double[] dNew, double[] da)
    {
        for (int u = 0; u < da.Length; u++)
            da[u] = Limited(window, dNew[u] * ClippedDerivative(window.Cell.Activation, step.Gates[u], window.Cell.GateClip));
        return Backward(window.Weights.FromState, window.Gradients.FromState, 0, seen, step.RecurrentNorm, da);
    }

    /// <summary>Writes da and, over dc, the gradient of c_{t−1}.</summary>
    private double[] LstmBackward(CellWindow window, Place at, CellStep step, double[] seen, double[] dNew, double[] dc, double[] da)
    {
        CellType cell = window.Cell;
        int hidden = window.Hidden;
        double[] dInner = ProjectionBackward(window, step, dNew);
        for (int u = 0; u < hidden; u++)
        {
            double i = step.Gates[u], f = step.Gates[hidden + u], g = step.Gates[(2 * hidden) + u], o = step.Gates[(3 * hidden) + u];
            double c = step.Cell[u], previous = Previous(window.C!, at, u);
            double share = NewShare(window, at, window.Pass.CellZoneout(cell), u);
            double Gate(double y, CellActivation activation, double dy) => Limited(window, dy * ClippedDerivative(activation, y, cell.GateClip));

            double dao = Gate(o, cell.GateActivation, dInner[u] * step.CellOutput[u]);
            double dCell = Flush((share * dc[u]) + (dInner[u] * o * ActivationDerivative(cell.OutputActivation, step.CellOutput[u]))
                + (Peephole(window, 2, u) * dao));
            if (cell.CellClip > 0 && Math.Abs(c) >= cell.CellClip)
                dCell = 0;
            double df = dCell * previous, di = (dCell * InputGateFactor(g, previous)) - (cell.Coupled ? df : 0);
            double dai = Gate(i, cell.GateActivation, di), daf = cell.Coupled ? 0 : Gate(f, cell.GateActivation, df);
            dc[u] = Flush(((1 - share) * dc[u]) + (dCell * f) + (Peephole(window, 0, u) * dai) + (Peephole(window, 1, u) * daf));
            (da[u], da[hidden + u], da[(2 * hidden) + u], da[(3 * hidden) + u]) = (dai, daf, Gate(g, cell.Activation, dCell * i), dao);
            if (window.Gradients.Peephole is not { } gradient)
                continue;
            gradient[0, u] += dai * previous;
            gradient[1, u] += daf * previous;
            gradient[2, u] += dao * c;
        }
        return Backward(window.Weights.FromState, window.Gradients.FromState, 0, seen, step.RecurrentNorm, da);
    }

    /// <summary>From h = W_hr m to m = o·f(c).</summary>
    private static double[] ProjectionBackward(CellWindow window, CellStep step, double[] dh)
    {
        if (window.Weights.Projection is not { } projection)
            return dh;
        var d = new double[window.Hidden];
        for (int u = 0; u < d.Length; u++)
        {
            for (int p = 0; p < dh.Length; p++)
            {
                window.Gradients.Projection![p, u] += dh[p] * step.Gates[(3 * d.Length) + u] * step.CellOutput[u];
                d[u] += dh[p] * projection[p, u];
            }
        }
        return d;
    }

    /// <summary>Writes da; adds to dPrevious what comes by z·h', which dropout does not touch.</summary>
    private double[] GruBackward(CellWindow window, Place at, CellStep step, double[] seen, double[] dNew, double[] dPrevious, double[] da)
    {
        CellType cell = window.Cell;
        int hidden = window.Hidden;
        var dn = new double[hidden];
        for (int u = 0; u < hidden; u++)
        {
            double z = step.Gates[hidden + u], n = step.Gates[(2 * hidden) + u];
            dn[u] = dNew[u] * (1 - z) * ClippedDerivative(cell.Activation, n, cell.GateClip);
            da[hidden + u] = Limited(window, dNew[u] * (Previous(window.H, at, u) - n) * ClippedDerivative(cell.GateActivation, z, cell.GateClip));
            da[(2 * hidden) + u] = Limited(window, dn[u]);
            dPrevious[u] += Flush(dNew[u] * z);
        }
        return cell.ResetBefore ? ResetBeforeBackward(window, step, seen, da) : ResetAfterBackward(window, step, seen, dn, da);
    }

    private double[] ResetAfterBackward(CellWindow window, CellStep step, double[] seen, double[] dn, double[] da)
    {
        int hidden = window.Hidden;
        var apart = new double[da.Length]; // as R sees them: its share of n is n_h
        for (int u = 0; u < hidden; u++)
        {
            double r = step.Gates[u];
            da[u] = apart[u] = Limited(window, dn[u] * step.Candidate[u] * ClippedDerivative(window.Cell.GateActivation, r, window.Cell.GateClip));
            apart[hidden + u] = da[hidden + u];
            apart[(2 * hidden) + u] = Limited(window, dn[u] * r);
        }
        return Backward(window.Weights.FromState, window.Gradients.FromState, 0, seen, step.RecurrentNorm, apart);
    }

    private double[] ResetBeforeBackward(CellWindow window, CellStep step, double[] seen, double[] da)
    {
        int hidden = window.Hidden;
        (Affine map, Affine gradients) = (window.Weights.FromState, window.Gradients.FromState);
        double[] dReset = Backward(map, gradients, 2 * hidden, ResetState(step, seen), step.CandidateNorm, da[(2 * hidden)..]);
        for (int u = 0; u < hidden; u++)
            da[u] = Limited(window, dReset[u] * seen[u] * ClippedDerivative(window.Cell.GateActivation, step.Gates[u], window.Cell.GateClip));
        double[] dSeen = Backward(map, gradients, 0, seen, step.RecurrentNorm, da[..(2 * hidden)]);
        for (int u = 0; u < hidden; u++)
            dSeen[u] += dReset[u] * step.Gates[u];
        return dSeen;
    }
}
