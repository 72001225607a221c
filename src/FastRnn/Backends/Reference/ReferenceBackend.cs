using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// The truth: every operation as plain loops in double, to be read like a textbook. It shares nothing with the fast path – no lanes, no
/// packing, no helper – except the Philox draws that define a dropout mask. Gradient checks run the real layers and trainer on it, and
/// every other back end is compared with it.
/// </summary>
public partial class ReferenceBackend : Backend
{
    /// <inheritdoc/>
    public override string Name => "reference, double";

    /// <inheritdoc/>
    public override void Dispose() => GC.SuppressFinalize(this);

    internal override DeviceBuffer Allocate(int rows, int columns) => new Matrix(rows, columns);

    internal override DeviceBuffer View(DeviceBuffer buffer, int firstRow, int rows) => new Matrix((Matrix)buffer, firstRow, rows);

    internal override void Write(DeviceBuffer buffer, ReadOnlySpan<float> values)
    {
        Require(values.Length == buffer.Length, $"buffer {buffer} holds {buffer.Length} values, {values.Length} given");
        Matrix m = M(buffer);
        for (int r = 0; r < m.Rows; r++)
        {
            for (int c = 0; c < m.Columns; c++)
                m[r, c] = values[(r * m.Columns) + c];
        }
        m.Touch();
    }

    internal override void Write(DeviceBuffer buffer, ReadOnlySpan<double> values)
    {
        Require(values.Length == buffer.Length, $"buffer {buffer} holds {buffer.Length} values, {values.Length} given");
        values.CopyTo(M(buffer).Span);
        buffer.Touch();
    }

    internal override void Read(DeviceBuffer buffer, Span<float> values)
    {
        Require(values.Length == buffer.Length, $"buffer {buffer} holds {buffer.Length} values, {values.Length} given");
        ReadOnlySpan<double> source = M(buffer).Span;
        for (int i = 0; i < source.Length; i++)
            values[i] = (float)source[i];
    }

    internal override void Read(DeviceBuffer buffer, Span<double> values)
    {
        Require(values.Length == buffer.Length, $"buffer {buffer} holds {buffer.Length} values, {values.Length} given");
        M(buffer).Span.CopyTo(values);
    }

    internal override void Zero(DeviceBuffer buffer)
    {
        M(buffer).Span.Clear();
        buffer.Touch();
    }

    internal override void Copy(DeviceBuffer source, DeviceBuffer destination)
    {
        RequireShape(destination, source.Rows, source.Columns);
        M(source).Span.CopyTo(M(destination).Span);
        destination.Touch();
    }

    internal override void CopyRows(DeviceBuffer source, int sourceRow, DeviceBuffer destination, int destinationRow, int rows)
    {
        RowRange.Check(source, sourceRow, destination, destinationRow, rows);
        int width = source.Columns;
        M(source).Span.Slice(sourceRow * width, rows * width).CopyTo(M(destination).Span[(destinationRow * width)..]);
        destination.Touch();
    }

    internal override void Accumulate(DeviceBuffer source, DeviceBuffer destination)
    {
        RequireShape(destination, source.Rows, source.Columns);
        for (int i = 0; i < source.Length; i++)
            M(destination).Span[i] += M(source).Span[i];
        destination.Touch();
    }

    internal override void GatherRows(DeviceBuffer source, ReadOnlySpan<int> rows, DeviceBuffer destination, in RowGather how)
    {
        how.Check(source, rows, destination);
        for (int r = 0; r < destination.Rows; r++)
        {
            int row = rows.IsEmpty ? r : rows[r];
            for (int c = 0; c < how.Columns; c++)
            {
                double x = row < 0 ? 0 : how.Factor * M(source)[row, how.SourceColumn + c], y = M(destination)[r, how.DestinationColumn + c];
                M(destination)[r, how.DestinationColumn + c] = how.Mode switch { GatherMode.Write => x, GatherMode.Add => y + x, _ => y * x };
            }
        }
        destination.Touch();
    }

    internal override void EmbeddingForward(DeviceBuffer table, ReadOnlySpan<int> tokens, DeviceBuffer y)
    {
        RequireShape(y, tokens.Length, table.Columns);
        for (int r = 0; r < tokens.Length; r++)
        {
            for (int c = 0; c < table.Columns; c++)
                M(y)[r, c] = tokens[r] < 0 ? 0 : M(table)[tokens[r], c];
        }
    }

    internal override void EmbeddingBackward(DeviceBuffer dTable, ReadOnlySpan<int> tokens, DeviceBuffer dY)
    {
        RequireShape(dY, tokens.Length, dTable.Columns);
        for (int r = 0; r < tokens.Length; r++)
        {
            for (int c = 0; tokens[r] >= 0 && c < dTable.Columns; c++)
                M(dTable)[tokens[r], c] += M(dY)[r, c];
        }
    }

    internal override LinearWeights CreateLinearWeights(int input, int output) => new(input, output, Allocate);

    internal override void LinearForward(
        LinearWeights weights, DeviceBuffer x, DeviceBuffer y, WeightPrecision precision = WeightPrecision.Float32)
    {
        RequireStored(precision);
        RequireShape(x, x.Rows, weights.Input);
        RequireShape(y, x.Rows, weights.Output);
        Matrix w = M(weights.Weight), b = M(weights.Bias), input = M(x), output = M(y);
        for (int r = 0; r < x.Rows; r++)
        {
            for (int o = 0; o < weights.Output; o++)
            {
                double sum = b[0, o];
                for (int i = 0; i < weights.Input; i++)
                    sum += w[o, i] * input[r, i];
                output[r, o] = sum;
            }
        }
    }

    internal override void LinearBackward(
        LinearWeights weights, DeviceBuffer dWeight, DeviceBuffer dBias, DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? dX,
        StepFlags? flags, int steps, int batch)
    {
        RequireShape(x, steps * batch, weights.Input);
        RequireShape(dY, steps * batch, weights.Output);
        if (dX != null)
            Zero(dX);
        for (int r = 0; r < steps * batch; r++)
        {
            if (flags != null && !flags.IsActive(r / batch, r % batch))
                continue;
            for (int o = 0; o < weights.Output; o++)
            {
                double dy = M(dY)[r, o];
                M(dBias)[0, o] += dy;
                for (int i = 0; i < weights.Input; i++)
                {
                    M(dWeight)[o, i] += dy * M(x)[r, i];
                    if (dX != null)
                        M(dX)[r, i] += dy * M(weights.Weight)[o, i];
                }
            }
        }
    }

    internal override void Dropout(DeviceBuffer x, DeviceBuffer y, in DropoutMask mask, int steps, int batch)
    {
        RequireShape(x, steps * batch, x.Columns);
        RequireShape(y, x.Rows, x.Columns);
        for (int r = 0; r < x.Rows; r++)
        {
            for (int c = 0; c < x.Columns; c++)
            {
                var (u0, u1, u2, u3) = DropoutDraw.Quad(mask, r / batch, r % batch, c / 4);
                float draw = (c % 4) switch { 0 => u0, 1 => u1, 2 => u2, _ => u3 };
                M(y)[r, c] = draw >= mask.Rate ? M(x)[r, c] / (1.0 - mask.Rate) : 0;
            }
        }
    }

    internal override double SumOfSquares(DeviceBuffer x)
    {
        double sum = 0;
        foreach (double value in M(x).Span)
            sum += value * value;
        return sum;
    }

    internal override void SgdUpdate(DeviceBuffer weight, DeviceBuffer gradient, in SgdStep step)
    {
        RequireShape(gradient, weight.Rows, weight.Columns);
        for (int i = 0; i < weight.Length; i++)
            M(weight).Span[i] -= step.Rate * step.Scale * M(gradient).Span[i];
        weight.Touch();
    }

    internal override void AdamUpdate(DeviceBuffer weight, DeviceBuffer gradient, DeviceBuffer m, DeviceBuffer v, in AdamStep step)
    {
        RequireShape(gradient, weight.Rows, weight.Columns);
        Span<double> w = M(weight).Span, g = M(gradient).Span, first = M(m).Span, second = M(v).Span;
        for (int i = 0; i < w.Length; i++)
        {
            double scaled = step.Scale * g[i];
            first[i] = Flush((step.Beta1 * first[i]) + ((1.0 - step.Beta1) * scaled));
            second[i] = Flush((step.Beta2 * second[i]) + ((1.0 - step.Beta2) * scaled * scaled));
            w[i] -= step.Rate / step.Correction1 * first[i] / ((Math.Sqrt(second[i]) / Math.Sqrt(step.Correction2)) + step.Epsilon);
        }
        weight.Touch();
    }

    /// <summary>States, their gradients and moments below 2⁻¹⁰⁰ are stored as zero: part of the definition, so in double too.</summary>
    private static double Flush(double x) => Math.Abs(x) < 7.888609052210118e-31 ? 0 : x;

    private static Matrix M(DeviceBuffer buffer) => (Matrix)buffer;

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }

    private void RequireStored(WeightPrecision precision)
    {
        if (!Stores(precision))
            throw new NotSupportedException($"{Name}: no {precision.Name()} weights");
    }

    private static void RequireShape(DeviceBuffer buffer, int rows, int columns) =>
        Require(buffer.Rows == rows && buffer.Columns == columns, $"expected a buffer [{rows}, {columns}], got {buffer}");

    /// <summary>Rows of doubles; a view shares its owner's array.</summary>
    private sealed class Matrix : DeviceBuffer
    {
        private readonly double[] _values;
        private readonly int _offset;

        public Matrix(int rows, int columns)
            : base(rows, columns) => _values = new double[checked(rows * columns)];

        public Matrix(Matrix owner, int firstRow, int rows)
            : base(rows, owner.Columns)
        {
            Require(firstRow >= 0 && rows >= 0 && firstRow + rows <= owner.Rows, $"rows {firstRow}…{firstRow + rows - 1} of a buffer {owner}");
            (_values, _offset) = (owner._values, owner._offset + (firstRow * owner.Columns));
        }

        public Span<double> Span => _values.AsSpan(_offset, Length);

        public double this[int row, int column]
        {
            get => _values[_offset + (row * Columns) + column];
            set => _values[_offset + (row * Columns) + column] = value;
        }
    }
}
