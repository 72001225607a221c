namespace FastRnn.Tests.Onnx;

/// <summary>
/// The equations of the operators RNN, GRU and LSTM as the ONNX operator specification prints them, in double, one sample and one direction at a time; where it is silent
/// – clip, lengths of 0, the order in which functions take their α and β – as ONNX Runtime has it.
/// </summary>
internal sealed class RecurrentEquations
{
    private readonly RecurrentCase _case;
    private readonly double[] _x, _w, _r, _b, _h0, _c0, _p;
    private readonly List<Func<double, double>> _functions = [];

    private RecurrentEquations(RecurrentCase given)
    {
        _case = given;
        static double[] Double(float[]? values, int otherwise) => values == null ? new double[otherwise] : Array.ConvertAll(values, value => (double)value);
        int states = given.Directions * given.Batch * given.Hidden;
        (_x, _w, _r) = (Double(given.X, 0), Double(given.W, 0), Double(given.R, 0));
        _b = Double(given.B, given.Directions * 2 * given.Gates * given.Hidden);
        (_h0, _c0, _p) = (Double(given.H0, states), Double(given.C0, states), Double(given.P, given.Directions * 3 * given.Hidden));
        int alpha = 0, beta = 0;
        string[] usual = given.Operator switch { "LSTM" => ["Sigmoid", "Tanh", "Tanh"], "GRU" => ["Sigmoid", "Tanh"], _ => ["Tanh"] };
        foreach (string name in given.AllActivations ?? [.. usual, .. usual])
            _functions.Add(Function(name, ref alpha, ref beta));
    }

    private int N => _case.Batch;

    private int H => _case.Hidden;

    /// <summary>Y, Y_h and, for an LSTM, Y_c with their layouts.</summary>
    public static Dictionary<string, double[]> Compute(RecurrentCase given)
    {
        var equations = new RecurrentEquations(given);
        int states = given.Directions * given.Batch * given.Hidden;
        var results = new Dictionary<string, double[]> { ["Y"] = new double[given.Steps * states], ["Y_h"] = new double[states] };
        if (given.Operator == "LSTM")
            results.Add("Y_c", new double[states]);
        for (int d = 0; d < given.Directions; d++)
        {
            for (int n = 0; n < given.Batch; n++)
                equations.Sample(d, n, results);
        }
        return results;
    }

    private void Sample(int d, int n, Dictionary<string, double[]> results)
    {
        int length = _case.Lengths?[n] ?? _case.Steps;
        if (length == 0)
            return; // everything of it is zero
        int state = State(d, n);
        double[] h = _h0[state..(state + H)], c = _c0[state..(state + H)];
        bool backwards = _case.Direction == "reverse" || d == 1;
        for (int k = 0; k < length; k++)
        {
            int t = backwards ? length - 1 - k : k;
            int x = (_case.BatchFirst ? (n * _case.Steps) + t : (t * N) + n) * _case.Input;
            (h, c) = _case.Operator switch
            {
                "LSTM" => Lstm(d, _x.AsSpan(x, _case.Input), h, c),
                "GRU" => (Gru(d, _x.AsSpan(x, _case.Input), h), c),
                _ => (Rnn(d, _x.AsSpan(x, _case.Input), h), c),
            };
            int y = _case.BatchFirst ? ((((n * _case.Steps) + t) * _case.Directions) + d) * H : ((((t * _case.Directions) + d) * N) + n) * H;
            h.CopyTo(results["Y"], y);
        }
        h.CopyTo(results["Y_h"], state);
        if (results.TryGetValue("Y_c", out double[]? cells))
            c.CopyTo(cells, state);
    }

    private int State(int d, int n) => (_case.BatchFirst ? (n * _case.Directions) + d : (d * N) + n) * H;

    private double[] Rnn(int d, ReadOnlySpan<double> x, double[] h)
    {
        var next = new double[H];
        for (int u = 0; u < H; u++)
            next[u] = F(d, 0, Wx(d, 0, u, x) + Rh(d, 0, u, h) + Wb(d, 0, u) + Rb(d, 0, u));
        return next;
    }

    /// <summary>Gates z, r, h.</summary>
    private double[] Gru(int d, ReadOnlySpan<double> x, double[] h)
    {
        double[] z = new double[H], r = new double[H], gated = new double[H], next = new double[H];
        for (int u = 0; u < H; u++)
        {
            z[u] = F(d, 0, Wx(d, 0, u, x) + Rh(d, 0, u, h) + Wb(d, 0, u) + Rb(d, 0, u));
            r[u] = F(d, 0, Wx(d, 1, u, x) + Rh(d, 1, u, h) + Wb(d, 1, u) + Rb(d, 1, u));
            gated[u] = r[u] * h[u];
        }
        for (int u = 0; u < H; u++)
        {
            double recurrent = _case.LinearBeforeReset ? r[u] * (Rh(d, 2, u, h) + Rb(d, 2, u)) : Rh(d, 2, u, gated) + Rb(d, 2, u);
            double candidate = F(d, 1, Wx(d, 2, u, x) + recurrent + Wb(d, 2, u));
            next[u] = ((1 - z[u]) * candidate) + (z[u] * h[u]);
        }
        return next;
    }

    /// <summary>Gates i, o, f, c; peepholes i, o, f.</summary>
    private (double[] H, double[] C) Lstm(int d, ReadOnlySpan<double> x, double[] h, double[] c)
    {
        double[] next = new double[H], cells = new double[H];
        for (int u = 0; u < H; u++)
        {
            double i = F(d, 0, Wx(d, 0, u, x) + Rh(d, 0, u, h) + (Peephole(d, 0, u) * c[u]) + Wb(d, 0, u) + Rb(d, 0, u));
            double f = _case.InputForget ? 1 - i : F(d, 0, Wx(d, 2, u, x) + Rh(d, 2, u, h) + (Peephole(d, 2, u) * c[u]) + Wb(d, 2, u) + Rb(d, 2, u));
            double g = F(d, 1, Wx(d, 3, u, x) + Rh(d, 3, u, h) + Wb(d, 3, u) + Rb(d, 3, u));
            cells[u] = (f * c[u]) + (i * g);
            double o = F(d, 0, Wx(d, 1, u, x) + Rh(d, 1, u, h) + (Peephole(d, 1, u) * cells[u]) + Wb(d, 1, u) + Rb(d, 1, u));
            next[u] = o * _functions[(d * 3) + 2](cells[u]);
        }
        return (next, cells);
    }

    /// <summary>The k-th function of a direction behind the clip.</summary>
    private double F(int d, int k, double a) => _functions[(d * _case.Functions) + k](_case.Clip is { } clip ? Math.Clamp(a, -clip, clip) : a);

    private double Wx(int d, int gate, int unit, ReadOnlySpan<double> x) => Dot(_w, (((d * _case.Gates) + gate) * H) + unit, x);

    private double Rh(int d, int gate, int unit, ReadOnlySpan<double> h) => Dot(_r, (((d * _case.Gates) + gate) * H) + unit, h);

    private static double Dot(double[] matrix, int row, ReadOnlySpan<double> v)
    {
        double sum = 0;
        for (int k = 0; k < v.Length; k++)
            sum += matrix[(row * v.Length) + k] * v[k];
        return sum;
    }

    private double Wb(int d, int gate, int unit) => _b[(((d * 2 * _case.Gates) + gate) * H) + unit];

    private double Rb(int d, int gate, int unit) => _b[(((((d * 2) + 1) * _case.Gates) + gate) * H) + unit];

    private double Peephole(int d, int gate, int unit) => _p[(((d * 3) + gate) * H) + unit];

    /// <summary>A function takes the next α, and the next β, if it has such a number; its own default where the attribute has no more.</summary>
    private Func<double, double> Function(string name, ref int alphas, ref int betas)
    {
        double Alpha(ref int at, double otherwise) => at < (_case.Alphas?.Length ?? 0) ? _case.Alphas![at++] : otherwise;
        double Beta(ref int at, double otherwise) => at < (_case.Betas?.Length ?? 0) ? _case.Betas![at++] : otherwise;
        double alpha, beta;
        switch (name)
        {
            case "Sigmoid":
                return a => 1 / (1 + Math.Exp(-a));
            case "Tanh":
                return Math.Tanh;
            case "Relu":
                return a => Math.Max(a, 0);
            case "Softsign":
                return a => a / (1 + Math.Abs(a));
            case "Softplus":
                return a => Math.Log(1 + Math.Exp(a));
            case "HardSigmoid":
                (alpha, beta) = (Alpha(ref alphas, 0.2f), Beta(ref betas, 0.5));
                return a => Math.Clamp((alpha * a) + beta, 0, 1);
            case "LeakyRelu":
                alpha = Alpha(ref alphas, 0.01f);
                return a => a >= 0 ? a : alpha * a;
            case "ThresholdedRelu":
                alpha = Alpha(ref alphas, 1);
                return a => a > alpha ? a : 0;
            case "Elu":
                alpha = Alpha(ref alphas, 1);
                return a => a >= 0 ? a : alpha * (Math.Exp(a) - 1);
            case "Affine":
                (alpha, beta) = (Alpha(ref alphas, 1), Beta(ref betas, 0));
                return a => (alpha * a) + beta;
            case "ScaledTanh":
                (alpha, beta) = (Alpha(ref alphas, 1), Beta(ref betas, 1));
                return a => alpha * Math.Tanh(beta * a);
            default:
                throw new ArgumentException($"{name} is no function");
        }
    }
}
