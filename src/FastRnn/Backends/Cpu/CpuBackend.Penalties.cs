using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>
/// Penalties on weights and the limit of their rows, in portable code: a pass over the weights is nothing beside the T·B multiply-adds that
/// a window spends on each of them, and one source of bits is the simplest way to have the same everywhere.
/// </summary>
public sealed unsafe partial class CpuBackend
{
    internal override double Penalty(DeviceBuffer weight, DeviceBuffer? gradient, float l1, float l2)
    {
        CpuBuffer w = Cpu(weight);
        if (gradient != null)
        {
            CheckShape(gradient, weight.Rows, weight.Columns);
            AddSlopes(w, Cpu(gradient), l1, 2f * l2);
        }
        double sum = 0;
        if (l2 != 0)
            sum += l2 * _table.SumOfSquares(w.Pointer, w.PaddedLength);
        if (l1 != 0)
            sum += l1 * SumOfSizes(w.Pointer, w.PaddedLength);
        GC.KeepAlive(w);
        return sum;
    }

    internal override void LimitRowNorms(DeviceBuffer x, float limit)
    {
        CpuBuffer buffer = Cpu(x);
        for (int r = 0; r < buffer.Rows; r++)
        {
            double norm = Math.Sqrt(_table.SumOfSquares(buffer.Pointer + ((nint)r * buffer.Stride), buffer.Stride));
            if (!(norm > limit))
                continue;
            float scale = (float)(limit / norm);
            foreach (ref float value in buffer.Row(r))
                value *= scale;
        }
        buffer.Written();
    }

    /// <summary>g = fma(slope2, w, g) + slope1·sign(w); NaN stays NaN. Padding is zero, and zero has no slope.</summary>
    private static void AddSlopes(CpuBuffer weight, CpuBuffer gradient, float slope1, float slope2)
    {
        float* w = weight.Pointer, g = gradient.Pointer;
        for (nint i = 0; i < weight.PaddedLength; i++)
        {
            float sum = MathF.FusedMultiplyAdd(slope2, w[i], g[i]);
            g[i] = w[i] == 0f ? sum : sum + MathF.CopySign(slope1, w[i]);
        }
        gradient.Written();
        GC.KeepAlive(weight);
    }

    /// <summary>Σ |x| in the order of all reductions: sixteen accumulators by index mod 16, then the tree.</summary>
    private static double SumOfSizes(float* x, nint length)
    {
        double* sums = stackalloc double[16];
        new Span<double>(sums, 16).Clear();
        for (nint i = 0; i < length; i++)
            sums[i & 15] += MathF.Abs(x[i]);
        return Reductions.Tree(sums);
    }
}
