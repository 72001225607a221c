namespace FastRnn.Backends;

/// <summary>Penalties on weights and the limit of their rows.</summary>
public partial class ReferenceBackend
{
    internal override double Penalty(DeviceBuffer weight, DeviceBuffer? gradient, float l1, float l2)
    {
        if (gradient != null)
            RequireShape(gradient, weight.Rows, weight.Columns);
        Span<double> w = M(weight).Span;
        double sum = 0;
        for (int i = 0; i < w.Length; i++)
        {
            sum += (l1 * Math.Abs(w[i])) + (l2 * w[i] * w[i]);
            if (gradient != null)
                M(gradient).Span[i] += (l1 * (w[i] > 0 ? 1 : w[i] < 0 ? -1 : 0)) + (2.0 * l2 * w[i]);
        }
        return sum;
    }

    internal override void LimitRowNorms(DeviceBuffer x, float limit)
    {
        for (int r = 0; r < x.Rows; r++)
        {
            double squares = 0;
            for (int c = 0; c < x.Columns; c++)
                squares += M(x)[r, c] * M(x)[r, c];
            double norm = Math.Sqrt(squares);
            for (int c = 0; norm > limit && c < x.Columns; c++)
                M(x)[r, c] *= limit / norm;
        }
        x.Touch();
    }
}
