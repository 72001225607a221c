namespace FastRnn.Backends;

/// <summary>The one rule of all optimisers, line by line.</summary>
public partial class ReferenceBackend
{
    internal override void Update(DeviceBuffer weight, DeviceBuffer gradient, in UpdateArrays arrays, in UpdateStep step)
    {
        RequireShape(gradient, weight.Rows, weight.Columns);
        Require(arrays.Second != null || (arrays.Mean == null && arrays.Largest == null), "only v can be centred or have a largest value");
        Span<double> w = M(weight).Span, v = Optional(arrays.Second, weight), c = Optional(arrays.Mean, weight);
        Span<double> largest = Optional(arrays.Largest, weight), m = Optional(arrays.First, weight);
        for (int i = 0; i < w.Length; i++)
        {
            double g = (step.Scale * M(gradient).Span[i]) + (step.L2 * w[i]), d = 1;
            if (!v.IsEmpty)
            {
                v[i] = Flush((step.SecondKeep * v[i]) + (step.SecondAdd * g * g));
                double s = v[i];
                if (!c.IsEmpty)
                {
                    c[i] = Flush((step.MeanKeep * c[i]) + (step.MeanAdd * g));
                    s = Math.Max(0, s - (c[i] * c[i]));
                }
                if (!largest.IsEmpty)
                    s = largest[i] = Math.Max(largest[i], s);
                d = (Math.Sqrt(s + step.EpsilonInside) / step.RootDivisor) + step.EpsilonOutside;
            }
            double q = step.FirstOfQuotient ? g / d : g;
            double u = step.RateOfGradient * q;
            if (!m.IsEmpty)
            {
                m[i] = Flush((step.FirstKeep * m[i]) + (step.FirstAdd * q));
                u += step.RateOfFirst * m[i];
            }
            w[i] = (step.WeightFactor * w[i]) - (step.FirstOfQuotient ? u : u / d);
        }
        weight.Touch();
    }

    internal override void ClampValues(DeviceBuffer x, float limit)
    {
        foreach (ref double value in M(x).Span)
            value = Math.Clamp(value, -limit, limit);
    }

    private static Span<double> Optional(DeviceBuffer? array, DeviceBuffer weight)
    {
        if (array == null)
            return [];
        RequireShape(array, weight.Rows, weight.Columns);
        return M(array).Span;
    }
}
