namespace FastRnn.Backends;

/// <summary>Activations.</summary>
public partial class ReferenceBackend
{
    internal override void ActivationForward(in ActivationFunction function, DeviceBuffer x, DeviceBuffer y)
    {
        RequireShape(y, x.Rows, x.Columns);
        for (int r = 0; r < x.Rows; r++)
        {
            (double max, double log) = function.IsOfRows ? SumOfExponentials(M(x), r) : default;
            for (int c = 0; c < x.Columns; c++)
            {
                double at = M(x)[r, c];
                M(y)[r, c] = function.Kind switch
                {
                    ActivationKind.LogSoftmax => at - max - log,
                    ActivationKind.Softmax => Math.Exp(at - max - log),
                    _ => Activate(function, at),
                };
            }
        }
    }

    internal override void ActivationBackward(
        in ActivationFunction function, DeviceBuffer x, DeviceBuffer y, DeviceBuffer dY, DeviceBuffer dX, StepFlags? flags)
    {
        RequireShape(dY, x.Rows, x.Columns);
        RequireShape(dX, x.Rows, x.Columns);
        for (int r = 0; r < x.Rows; r++)
        {
            bool active = flags == null || flags.Active[r] != 0;
            (double max, double log) = function.IsOfRows ? SumOfExponentials(M(x), r) : default;
            double sum = 0, mean = 0;
            for (int c = 0; function.IsOfRows && c < x.Columns; c++)
            {
                sum += M(dY)[r, c];
                mean += M(dY)[r, c] * Math.Exp(M(x)[r, c] - max - log);
            }
            for (int c = 0; c < x.Columns; c++)
            {
                double dy = M(dY)[r, c], at = M(x)[r, c];
                double dx = function.Kind switch
                {
                    ActivationKind.LogSoftmax => dy - (Math.Exp(at - max - log) * sum),
                    ActivationKind.Softmax => Math.Exp(at - max - log) * (dy - mean),
                    _ => dy * ActivationSlope(function, at),
                };
                M(dX)[r, c] = active ? dx : 0;
            }
        }
    }

    /// <summary>The largest of a row, and log Σ exp of what the others are below it: apart, so that a large one does not swallow the sum.</summary>
    private static (double Max, double Log) SumOfExponentials(Matrix x, int row)
    {
        double max = double.NegativeInfinity, total = 0;
        for (int c = 0; c < x.Columns; c++)
            max = Math.Max(max, x[row, c]);
        for (int c = 0; c < x.Columns; c++)
            total += Math.Exp(x[row, c] - max);
        return (max, Math.Log(total));
    }

    private double Activate(in ActivationFunction function, double x) => function.Kind switch
    {
        ActivationKind.Relu => Math.Max(x, 0),
        ActivationKind.Tanh => Math.Tanh(x),
        ActivationKind.Sigmoid => 1 / (1 + Math.Exp(-x)),
        ActivationKind.HardSigmoid => Math.Clamp((x + 3) / 6, 0, 1),
        ActivationKind.Softplus => Softplus(x),
        ActivationKind.Silu => x / (1 + Math.Exp(-x)),
        ActivationKind.Gelu => x * Normal(x),
        ActivationKind.Chosen => Activate(function.Chosen, x),
        _ => throw new ArgumentOutOfRangeException(nameof(function), function, "not a function of one element"),
    };

    private double ActivationSlope(in ActivationFunction function, double x)
    {
        double sigmoid = 1 / (1 + Math.Exp(-x));
        return function.Kind switch
        {
            ActivationKind.Relu => x > 0 ? 1 : 0,
            ActivationKind.Tanh => 1 - (Math.Tanh(x) * Math.Tanh(x)),
            ActivationKind.Sigmoid => sigmoid * (1 - sigmoid),
            ActivationKind.HardSigmoid => x is > -3 and < 3 ? 1.0 / 6 : 0,
            ActivationKind.Softplus => sigmoid,
            ActivationKind.Silu => sigmoid * (1 + (x * (1 - sigmoid))),
            ActivationKind.Gelu => Normal(x) + (x * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI)),
            ActivationKind.Chosen => ActivationDerivative(function.Chosen, Value(function.Chosen, x)),
            _ => throw new ArgumentOutOfRangeException(nameof(function), function, "not a function of one element"),
        };
    }

    /// <summary>The normal distribution's Φ: near 0 by a series of positive terms, far off by a continued fraction (Abramowitz, Stegun 1964, 7.1.6 and 7.1.14).</summary>
    private static double Normal(double x)
    {
        double a = Math.Abs(x), bell = Math.Exp(-a * a / 2) / Math.Sqrt(2 * Math.PI);
        if (a < 3)
        {
            double term = a, sum = a;
            for (int n = 3; term > 1e-20 * sum; n += 2)
                sum += term *= a * a / n;
            return 0.5 + (Math.Sign(x) * bell * sum);
        }
        double fraction = a;
        for (int n = 120; n > 0; n--)
            fraction = a + (n / fraction);
        double below = bell / fraction;
        return x < 0 ? below : 1 - below;
    }
}
