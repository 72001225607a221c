using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>What the cells are made of: functions, affine maps with or without normalisation, masks.</summary>
public partial class ReferenceBackend
{
    /// <summary>Added to the variance of what is normalised.</summary>
    private const double NormEpsilon = 1e-5;

    private static double Sigmoid(double a) => 1 / (1 + Math.Exp(-a));

    private double Activate(CellActivation activation, double a)
    {
        double alpha = activation.Args.Alpha, beta = activation.Args.Beta;
        switch (activation.Args.Function)
        {
            case CellFunction.HardSigmoid:
                Kink(a + (beta / alpha));
                Kink(a - ((1 - beta) / alpha));
                break;
            case CellFunction.ThresholdedRelu:
                Kink(a - alpha);
                break;
            case CellFunction.Clip:
                Kink(a - alpha);
                Kink(a - beta);
                break;
            case CellFunction.Relu or CellFunction.Softsign or CellFunction.Elu or CellFunction.LeakyRelu or CellFunction.Selu:
                Kink(a);
                break;
        }
        return Value(activation, a);
    }

    private static double Value(CellActivation activation, double a)
    {
        double alpha = activation.Args.Alpha, beta = activation.Args.Beta;
        return activation.Args.Function switch
        {
            CellFunction.Tanh => Math.Tanh(a),
            CellFunction.Relu => a < 0 ? 0 : a,
            CellFunction.Sigmoid => Sigmoid(a),
            CellFunction.Identity => a,
            CellFunction.HardSigmoid => Math.Clamp((alpha * a) + beta, 0, 1),
            CellFunction.Softsign => a / (1 + Math.Abs(a)),
            CellFunction.Softplus => Math.Max(a, 0) + double.LogP1(Math.Exp(-Math.Abs(a))),
            CellFunction.Elu => a >= 0 ? a : alpha * (Math.Exp(a) - 1),
            CellFunction.LeakyRelu => a >= 0 ? a : alpha * a,
            CellFunction.ThresholdedRelu => a > alpha ? a : 0,
            CellFunction.ScaledTanh => alpha * Math.Tanh(beta * a),
            CellFunction.Affine => (alpha * a) + beta,
            CellFunction.Selu => CellFunctions.SeluScale * (a >= 0 ? a : CellFunctions.SeluAlpha * (Math.Exp(a) - 1)),
            CellFunction.Exponential => Math.Exp(a),
            CellFunction.Clip => Math.Clamp(a, alpha, beta),
            _ => throw new ArgumentOutOfRangeException(nameof(activation)),
        };
    }

    /// <summary>f'(a) from y = f(a).</summary>
    private double ActivationDerivative(CellActivation activation, double y)
    {
        double alpha = activation.Args.Alpha, beta = activation.Args.Beta;
        return activation.Args.Function switch
        {
            CellFunction.Tanh => TanhDerivative(y),
            CellFunction.Relu or CellFunction.ThresholdedRelu => y > 0 ? 1 : 0,
            CellFunction.Sigmoid => y * (1 - y),
            CellFunction.Identity => 1,
            CellFunction.HardSigmoid => y > 0 && y < 1 ? alpha : 0,
            CellFunction.Softsign => (1 - Math.Abs(y)) * (1 - Math.Abs(y)),
            CellFunction.Softplus => 1 - Math.Exp(-y),
            CellFunction.Elu => y > 0 ? 1 : y + alpha,
            CellFunction.LeakyRelu => y > 0 ? 1 : alpha,
            CellFunction.ScaledTanh => beta * (alpha - (y * y / alpha)),
            CellFunction.Affine => alpha,
            CellFunction.Selu => y > 0 ? CellFunctions.SeluScale : y + (CellFunctions.SeluScale * CellFunctions.SeluAlpha),
            CellFunction.Exponential => y,
            CellFunction.Clip => y > alpha && y < beta ? 1 : 0,
            _ => throw new ArgumentOutOfRangeException(nameof(activation)),
        };
    }

    /// <summary>min(max(a, −limit), limit); a limit of 0 is none.</summary>
    private double Clip(double a, double limit)
    {
        if (limit == 0)
            return a;
        Kink(a - limit);
        Kink(a + limit);
        return Math.Clamp(a, -limit, limit);
    }

    /// <summary>The derivative of f(clip(a)) from y: nothing passes where a was cut.</summary>
    private double ClippedDerivative(CellActivation activation, double y, double limit) =>
        limit > 0 && (y >= Value(activation, limit) || y <= Value(activation, -limit)) ? 0 : ActivationDerivative(activation, y);

    /// <summary>A gradient on its way out of a cell, within the limit of the pass.</summary>
    private static double Limited(CellWindow window, double gradient) =>
        window.Pass.GradientLimit == 0 ? gradient : Math.Clamp(gradient, -window.Pass.GradientLimit, window.Pass.GradientLimit);

    /// <summary>b + M v for rows first … first + count − 1 of M, or b + γ⊙LN(M v) where there is a γ.</summary>
    private static double[] Forward(Affine map, int first, int count, double[] v, Norm norm)
    {
        var a = new double[count];
        for (int i = 0; i < count; i++)
        {
            for (int k = 0; k < v.Length; k++)
                a[i] += map.Weight[first + i, k] * v[k];
        }
        if (map.Gamma != null)
        {
            norm.Normalize(a);
            for (int i = 0; i < count; i++)
                a[i] = map.Gamma[0, first + i] * norm.Unit[i];
        }
        for (int i = 0; i < count; i++)
            a[i] += map.Bias[0, first + i];
        return a;
    }

    /// <summary>The chain rule through <see cref="Forward"/>: adds to the gradients of the parameters, gives that of v.</summary>
    private static double[] Backward(Affine map, Affine gradients, int first, double[] v, Norm norm, double[] da)
    {
        var d = (double[])da.Clone();
        for (int i = 0; i < da.Length; i++)
            gradients.Bias[0, first + i] += da[i];
        if (map.Gamma != null)
        {
            for (int i = 0; i < da.Length; i++)
            {
                gradients.Gamma![0, first + i] += da[i] * norm.Unit[i];
                d[i] *= map.Gamma[0, first + i];
            }
            norm.Backward(d);
        }
        var dv = new double[v.Length];
        for (int i = 0; i < d.Length; i++)
        {
            for (int k = 0; k < v.Length; k++)
            {
                gradients.Weight[first + i, k] += d[i] * v[k];
                dv[k] += d[i] * map.Weight[first + i, k];
            }
        }
        return dv;
    }

    /// <summary>h_{t−1} as R sees it: that of a slot, zero after a reset, without the units that recurrent dropout takes.</summary>
    private static double[] Seen(CellWindow window, Place at, int slot)
    {
        double[] h = at.Reset ? new double[window.H.Columns] : Row(window.H, slot);
        for (int u = 0; u < h.Length; u++)
            h[u] *= DropoutFactor(window, at, u);
        return h;
    }

    /// <summary>0 or 1/(1 − rate) in training, the same at all steps.</summary>
    private static double DropoutFactor(CellWindow window, Place at, int u)
    {
        DropoutMask mask = window.Pass.RecurrentDropout(window.Cell);
        if (!window.Pass.Training || mask.Rate == 0)
            return 1;
        return Draw(mask, 0, at.B, u) >= mask.Rate ? 1 / (1.0 - mask.Rate) : 0;
    }

    /// <summary>Share of the new value in a state: 0 or 1 in training, 1 − rate in inference.</summary>
    private static double NewShare(CellWindow window, Place at, DropoutMask mask, int u)
    {
        if (mask.Rate == 0)
            return 1;
        if (!window.Pass.Training)
            return 1.0 - mask.Rate;
        return Draw(mask, at.T, at.B, u) >= mask.Rate ? 1 : 0;
    }

    private static float Draw(DropoutMask mask, int t, int b, int u)
    {
        var (u0, u1, u2, u3) = DropoutDraw.Quad(mask, t, b, u / 4);
        return (u % 4) switch { 0 => u0, 1 => u1, 2 => u2, _ => u3 };
    }

    private static double[] Row(Matrix matrix, int row) => matrix.Span.Slice(row * matrix.Columns, matrix.Columns).ToArray();

    /// <summary>M [rows, columns], b [rows] and, where what M gives is normalised, γ [rows].</summary>
    private sealed record Affine(Matrix Weight, Matrix Bias, Matrix? Gamma);

    /// <summary>Layer normalisation of one vector: (a − mean)/√(variance + ε), the variance with 1/n.</summary>
    private sealed class Norm(double epsilon = NormEpsilon)
    {
        private double _inverse;

        public double[] Unit { get; private set; } = [];

        public void Normalize(double[] a)
        {
            double mean = a.Average(), variance = a.Average(x => (x - mean) * (x - mean));
            double inverse = _inverse = 1 / Math.Sqrt(variance + epsilon);
            Unit = Array.ConvertAll(a, x => (x - mean) * inverse);
        }

        public void CopyFrom(Norm other) => (_inverse, Unit) = (other._inverse, [.. other.Unit]);

        /// <summary>From the gradient of the unit vector to that of a.</summary>
        public void Backward(double[] d)
        {
            double mean = d.Average(), along = d.Zip(Unit, (x, y) => x * y).Average();
            for (int i = 0; i < d.Length; i++)
                d[i] = _inverse * (d[i] - mean - (Unit[i] * along));
        }
    }
}
