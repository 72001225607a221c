using System.Numerics;
using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>
/// The penalty of activities: sums in double, sixteen accumulators by column mod 16 in the order (t, b), then the tree; every vector has the
/// accumulators of its columns, so that any width gives the same bits. One thread: it is a pass over memory.
/// </summary>
public sealed unsafe partial class CpuBackend
{
    internal override double ActivityPenalty(
        DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? gradient, in ActivityRule rule, StepFlags? flags, int steps, int batch)
    {
        CheckShape(x, steps * batch, x.Columns);
        CheckShape(dY, x.Rows, x.Columns);
        if (gradient != null)
            CheckShape(gradient, x.Rows, x.Columns);
        (int active, int pairs) = ActivityRule.Count(flags, steps, batch);
        double elements = (double)active * x.Columns, changes = (double)pairs * x.Columns;
        CpuBuffer h = Cpu(x), from = Cpu(dY);
        var sums = new ActivitySums { L1 = rule.L1 != 0, L2 = rule.L2 != 0 };
        float slope1 = active == 0 ? 0 : (float)(rule.L1 / elements), slope2 = active == 0 ? 0 : (float)(2.0 * rule.L2 / elements);
        float slopeT = pairs == 0 ? 0 : (float)(2.0 * rule.Temporal / changes);
        for (int r = 0; r < h.Rows; r++)
        {
            (int t, int b) = (r / batch, r % batch);
            CpuBuffer? to = gradient == null ? null : Cpu(gradient);
            if (flags != null && !flags.IsActive(t, b))
            {
                to?.Row(r).Clear();
                continue;
            }
            float* row = Row(h, r), before = slopeT != 0 && ActivityRule.IsPair(flags, t, b) ? Row(h, r - batch) : null;
            float* after = slopeT != 0 && t + 1 < steps && ActivityRule.IsPair(flags, t + 1, b) ? Row(h, r + batch) : null;
            sums.Add(row, before, h.Stride);
            if (to != null)
                ActivitySlopes(row, before, after, Row(from, r), Row(to, r), h.Stride, (slope1, slope2, slopeT));
        }
        if (gradient != null)
            Cpu(gradient).Written();
        GC.KeepAlive(h);
        GC.KeepAlive(from);
        return sums.Penalty(rule, elements, changes);

        static float* Row(CpuBuffer buffer, int row) => buffer.Pointer + ((nint)row * buffer.Stride);
    }

    /// <summary>g = ((dy + slope2·h) + slope1·sign h) + slopeT·(h − before) − slopeT·(after − h); a neighbour that is null has no part.</summary>
    private static void ActivitySlopes(
        float* h, float* before, float* after, float* dY, float* gradient, int stride, (float One, float Two, float Temporal) slope)
    {
        var up = new Vector<float>(slope.One);
        for (int c = 0; c < stride; c += Vector<float>.Count)
        {
            Vector<float> x = Vector.Load(h + c), g = Vector.Load(dY + c) + (x * slope.Two);
            g += Vector.ConditionalSelect(Vector.GreaterThan(x, default), up, Vector.ConditionalSelect(Vector.LessThan(x, default), -up, default));
            if (before != null)
                g += (x - Vector.Load(before + c)) * slope.Temporal;
            if (after != null)
                g -= (Vector.Load(after + c) - x) * slope.Temporal;
            g.Store(gradient + c);
        }
    }

    /// <summary>Σ |h|, Σ h² and Σ (h_t − h_{t−1})², those that are wanted.</summary>
    private struct ActivitySums
    {
        public bool L1, L2;
        private fixed double _sizes[16], _squares[16], _changes[16];

        public void Add(float* h, float* before, int stride)
        {
            fixed (double* sizes = _sizes, squares = _squares, changes = _changes)
            {
                for (int c = 0; c < stride; c += Vector<float>.Count)
                {
                    Vector<float> x = Vector.Load(h + c);
                    if (L1)
                        AddTo(sizes + (c & 15), Vector.Abs(x), squared: false);
                    if (L2)
                        AddTo(squares + (c & 15), x, squared: true);
                    if (before != null)
                        AddTo(changes + (c & 15), x - Vector.Load(before + c), squared: true);
                }
            }
        }

        public double Penalty(in ActivityRule rule, double elements, double pairs)
        {
            fixed (double* sizes = _sizes, squares = _squares, changes = _changes)
            {
                double own = elements == 0 ? 0 : ((rule.L1 * Reductions.Tree(sizes)) + (rule.L2 * Reductions.Tree(squares))) / elements;
                return own + (pairs == 0 ? 0 : rule.Temporal * Reductions.Tree(changes) / pairs);
            }
        }

        private static void AddTo(double* sums, Vector<float> values, bool squared)
        {
            Vector.Widen(values, out Vector<double> low, out Vector<double> high);
            (low, high) = squared ? (low * low, high * high) : (low, high);
            (Vector.Load(sums) + low).Store(sums);
            (Vector.Load(sums + Vector<double>.Count) + high).Store(sums + Vector<double>.Count);
        }
    }
}
