using System.Runtime.InteropServices;
using FastRnn.Backends;
using FastRnn.Kernels;

namespace FastRnn.OpenCL;

// Sums in double, and penalties. A device without double gives its numbers to the host, which does what the CPU back end does: slow, and exact.
public sealed partial class OpenClBackend
{
    /// <summary>Segments of rows of a sum on a GPU, at most: 16 work-items each.</summary>
    private const int LargestSegments = 256;

    internal override double SumOfSquares(DeviceBuffer x) => Sum(Own(x), squared: true);

    internal override void SumsOfSquares(ReadOnlySpan<DeviceBuffer> buffers, Span<double> sums)
    {
        if (!_context.HasDouble)
        {
            base.SumsOfSquares(buffers, sums);
            return;
        }
        int most = _staging.ReadBytes / (LargestSegments * Line * sizeof(double));
        for (int first = 0; first < buffers.Length; first += most)
        {
            int count = Math.Min(most, buffers.Length - first);
            SumsInOneRead(buffers.Slice(first, count), sums.Slice(first, count));
        }
    }

    internal override double Penalty(DeviceBuffer weight, DeviceBuffer? gradient, float l1, float l2)
    {
        OpenClBuffer w = Own(weight);
        if (Optional(gradient, weight) is { } g)
        {
            RunLines(
                LineKernel("updates.cl", "add_slopes").Start().Buffer(w).Buffer(g).Long(w.Elements).Float(l1).Float(2f * l2), w.Elements, 1);
            g.Written();
        }
        double sum = 0;
        if (l2 != 0)
            sum += l2 * Sum(w, squared: true);
        if (l1 != 0)
            sum += l1 * Sum(w, squared: false);
        return sum;
    }

    internal override double ActivityPenalty(
        DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? gradient, in ActivityRule rule, StepFlags? flags, int steps, int batch)
    {
        CheckShape(x, steps * batch, x.Columns);
        CheckShape(dY, x.Rows, x.Columns);
        OpenClBuffer h = Own(x), from = Own(dY);
        OpenClBuffer? to = Optional(gradient, x);
        (int active, int pairs) = ActivityRule.Count(flags, steps, batch);
        if (h.Elements == 0)
            return 0;
        double elements = (double)active * x.Columns, changes = (double)pairs * x.Columns;
        float slope1 = active == 0 ? 0 : (float)(rule.L1 / elements), slope2 = active == 0 ? 0 : (float)(2.0 * rule.L2 / elements);
        float slopeT = pairs == 0 ? 0 : (float)(2.0 * rule.Temporal / changes);
        ReadOnlySpan<byte> marks = Marks(flags, steps, batch, slopeT != 0);
        DeviceBlock onDevice = _flags.Set(marks);
        if (to != null)
        {
            RunLines(
                LineKernel("sums.cl", "activity_slopes").Start().Buffer(h).Buffer(from).Buffer(to).Memory(onDevice).Long(x.Columns).Long(batch)
                    .Float(slope1).Float(slope2).Float(slopeT),
                x.Columns, x.Rows);
            to.Written();
        }
        (double size, double square, double change) = ActivitySums(h, marks, onDevice, batch);
        double own = elements == 0 ? 0 : ((rule.L1 == 0 ? 0 : rule.L1 * size) + (rule.L2 == 0 ? 0 : rule.L2 * square)) / elements;
        return own + (pairs == 0 ? 0 : rule.Temporal * change / changes);
    }

    internal override void LimitRowNorms(DeviceBuffer x, float limit)
    {
        OpenClBuffer buffer = Own(x);
        if (_context.HasDouble)
        {
            LineKernel("sums.cl", "limit_rows").Start().Buffer(buffer).Long(buffer.Rows).Long(buffer.Columns).Float(limit).Over(buffer.Rows);
        }
        else
        {
            float[] values = ReadAll(buffer);
            for (int r = 0; r < buffer.Rows; r++)
            {
                Span<float> row = values.AsSpan(r * buffer.Columns, buffer.Columns);
                double norm = Math.Sqrt(HostSum(row, row.Length, squared: true));
                float scale = norm > limit ? (float)(limit / norm) : 1f;
                foreach (ref float value in row)
                    value *= scale;
            }
            Write(buffer, values);
        }
        buffer.Written();
    }

    /// <summary>Σ x², or Σ |x|.</summary>
    private double Sum(OpenClBuffer x, bool squared)
    {
        if (x.Elements == 0)
            return 0;
        if (!_context.HasDouble)
            return HostSum(ReadAll(x), x.Columns, squared);
        DeviceBlock results = _results.Room(LargestSegments * Line * sizeof(double));
        int numbers = StartSum(x, results, 0, squared);
        double sum = TreeOfSegments(MemoryMarshal.Cast<byte, double>(_staging.Read(results.Memory, 0, numbers * sizeof(double))), Line, 0);
        GC.KeepAlive(this); // as long as what was read is looked at
        return sum;
    }

    private void SumsInOneRead(ReadOnlySpan<DeviceBuffer> buffers, Span<double> sums)
    {
        DeviceBlock results = _results.Room((long)buffers.Length * LargestSegments * Line * sizeof(double));
        int numbers = 0;
        foreach (DeviceBuffer buffer in buffers)
            numbers += StartSum(Own(buffer), results, numbers, squared: true);
        if (numbers == 0)
        {
            sums.Clear();
            return;
        }
        ReadOnlySpan<double> read = MemoryMarshal.Cast<byte, double>(_staging.Read(results.Memory, 0, numbers * sizeof(double)));
        for (int i = 0; i < buffers.Length; i++)
        {
            int own = Own(buffers[i]).Elements == 0 ? 0 : Segments(buffers[i].Rows).Segments * Line;
            sums[i] = own == 0 ? 0 : TreeOfSegments(read[..own], Line, 0);
            read = read[own..];
        }
        GC.KeepAlive(this);
    }

    /// <summary>Starts a sum whose accumulators go to the results from the number <paramref name="first"/> on; returns how many there are.</summary>
    private int StartSum(OpenClBuffer x, DeviceBlock results, int first, bool squared)
    {
        if (x.Elements == 0)
            return 0;
        (int segments, long rows) = Segments(x.Rows);
        RunSegments(
            LineKernel("sums.cl", "sums").Start().Buffer(x).Memory(results).Long(first).Long(x.Rows).Long(x.Columns).Long(rows).Int(squared ? 1 : 0),
            segments);
        return segments * Line;
    }

    private (double Size, double Square, double Change) ActivitySums(OpenClBuffer h, ReadOnlySpan<byte> marks, DeviceBlock onDevice, int batch)
    {
        if (!_context.HasDouble)
            return HostActivitySums(ReadAll(h), marks, h.Columns, batch);
        (int segments, long rows) = Segments(h.Rows);
        int bytes = segments * 3 * Line * sizeof(double);
        DeviceBlock results = _results.Room(bytes);
        RunSegments(
            LineKernel("sums.cl", "activity_sums").Start().Buffer(h).Memory(onDevice).Memory(results).Long(h.Rows).Long(h.Columns).Long(batch).Long(rows),
            segments);
        ReadOnlySpan<double> read = MemoryMarshal.Cast<byte, double>(_staging.Read(results.Memory, 0, bytes));
        var sums = (TreeOfSegments(read, 3 * Line, 0), TreeOfSegments(read, 3 * Line, Line), TreeOfSegments(read, 3 * Line, 2 * Line));
        GC.KeepAlive(this);
        return sums;
    }

    private (int Segments, long Rows) Segments(int rows)
    {
        long each = IsWide ? rows : (rows + LargestSegments - 1) / LargestSegments;
        return ((int)((rows + each - 1) / each), each);
    }

    private void RunSegments(Kernel kernel, int segments)
    {
        if (IsWide)
            kernel.Run(1, segments, 1, 1, 1, 1);
        else
            kernel.Run(Line, segments, 1, Line, 1, 1);
    }

    /// <summary>Sixteen accumulators from <paramref name="first"/> on in every run of <paramref name="stride"/> numbers, added in order, and their tree.</summary>
    private static unsafe double TreeOfSegments(ReadOnlySpan<double> read, int stride, int first)
    {
        double* sums = stackalloc double[Line];
        for (int i = 0; i < Line; i++)
        {
            sums[i] = read[first + i];
            for (int at = first + stride; at < read.Length; at += stride)
                sums[i] += read[at + i];
        }
        return Reductions.Tree(sums);
    }

    private float[] ReadAll(OpenClBuffer buffer)
    {
        var values = new float[buffer.Length];
        Read(buffer, values);
        return values;
    }

    private static unsafe double HostSum(ReadOnlySpan<float> values, int columns, bool squared)
    {
        double* sums = stackalloc double[Line];
        new Span<double>(sums, Line).Clear();
        for (int i = 0; i < values.Length; i++)
            sums[i % columns % Line] += squared ? (double)values[i] * values[i] : Math.Abs(values[i]);
        return Reductions.Tree(sums);
    }

    private static unsafe (double Size, double Square, double Change) HostActivitySums(float[] h, ReadOnlySpan<byte> marks, int columns, int batch)
    {
        double* sizes = stackalloc double[Line], squares = stackalloc double[Line], changes = stackalloc double[Line];
        new Span<double>(sizes, Line).Clear();
        new Span<double>(squares, Line).Clear();
        new Span<double>(changes, Line).Clear();
        for (int i = 0; i < h.Length; i++)
        {
            (int mark, int lane) = (marks[i / columns], i % columns % Line);
            if ((mark & 1) == 0)
                continue;
            float x = h[i], change = (mark & 2) != 0 ? x - h[i - (batch * columns)] : 0f;
            sizes[lane] += Math.Abs(x);
            squares[lane] += (double)x * x;
            changes[lane] += (double)change * change;
        }
        return (Reductions.Tree(sizes), Reductions.Tree(squares), Reductions.Tree(changes));
    }

    /// <summary>For every position: bit 0 active, bit 1 in a pair with the step before, bit 2 with the step behind.</summary>
    private ReadOnlySpan<byte> Marks(StepFlags? flags, int steps, int batch, bool pairs)
    {
        if (_marks.Length < steps * batch)
            _marks = new byte[steps * batch];
        for (int r = 0; r < steps * batch; r++)
        {
            (int t, int b) = (r / batch, r % batch);
            int mark = flags == null || flags.IsActive(t, b) ? 1 : 0;
            if (pairs && ActivityRule.IsPair(flags, t, b))
                mark |= 2;
            if (pairs && t + 1 < steps && ActivityRule.IsPair(flags, t + 1, b))
                mark |= 4;
            _marks[r] = (byte)mark;
        }
        return _marks.AsSpan(0, steps * batch);
    }
}
