namespace FastRnn.Backends;

/// <summary>Activations.</summary>
public partial class ReferenceBackend
{
    internal override void ActivationForward(ActivationKind kind, DeviceBuffer x, DeviceBuffer y)
    {
        RequireShape(y, x.Rows, x.Columns);
        for (int r = 0; r < x.Rows; r++)
        {
            double log = kind == ActivationKind.LogSoftmax ? LogSumExp(M(x), r) : 0;
            for (int c = 0; c < x.Columns; c++)
                M(y)[r, c] = kind == ActivationKind.LogSoftmax ? M(x)[r, c] - log : Activate(kind, M(x)[r, c]);
        }
    }

    internal override void ActivationBackward(
        ActivationKind kind, DeviceBuffer x, DeviceBuffer y, DeviceBuffer dY, DeviceBuffer dX, StepFlags? flags)
    {
        RequireShape(dY, x.Rows, x.Columns);
        RequireShape(dX, x.Rows, x.Columns);
        for (int r = 0; r < x.Rows; r++)
        {
            bool active = flags == null || flags.Active[r] != 0;
            double sum = 0, log = kind == ActivationKind.LogSoftmax ? LogSumExp(M(x), r) : 0;
            for (int c = 0; c < x.Columns; c++)
                sum += M(dY)[r, c];
            for (int c = 0; c < x.Columns; c++)
            {
                double dy = M(dY)[r, c], at = M(x)[r, c];
                double dx = kind == ActivationKind.LogSoftmax ? dy - (Math.Exp(at - log) * sum) : dy * ActivationSlope(kind, at);
                M(dX)[r, c] = active ? dx : 0;
            }
        }
    }

    /// <summary>log Σ exp of a row.</summary>
    private static double LogSumExp(Matrix x, int row)
    {
        double max = double.NegativeInfinity, total = 0;
        for (int c = 0; c < x.Columns; c++)
            max = Math.Max(max, x[row, c]);
        for (int c = 0; c < x.Columns; c++)
            total += Math.Exp(x[row, c] - max);
        return max + Math.Log(total);
    }

    private static double Activate(ActivationKind kind, double x) => kind switch
    {
        ActivationKind.Relu => Math.Max(x, 0),
        ActivationKind.Tanh => Math.Tanh(x),
        ActivationKind.Sigmoid => 1 / (1 + Math.Exp(-x)),
        ActivationKind.HardSigmoid => Math.Clamp((x + 3) / 6, 0, 1),
        ActivationKind.Softplus => Softplus(x),
        ActivationKind.Silu => x / (1 + Math.Exp(-x)),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a function of one element"),
    };

    private static double ActivationSlope(ActivationKind kind, double x)
    {
        double sigmoid = 1 / (1 + Math.Exp(-x));
        return kind switch
        {
            ActivationKind.Relu => x > 0 ? 1 : 0,
            ActivationKind.Tanh => 1 - (Math.Tanh(x) * Math.Tanh(x)),
            ActivationKind.Sigmoid => sigmoid * (1 - sigmoid),
            ActivationKind.HardSigmoid => x is > -3 and < 3 ? 1.0 / 6 : 0,
            ActivationKind.Softplus => sigmoid,
            ActivationKind.Silu => sigmoid * (1 + (x * (1 - sigmoid))),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a function of one element"),
        };
    }
}
