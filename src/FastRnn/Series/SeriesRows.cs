namespace FastRnn.Series;

/// <summary>The values that a model may read: its columns in their own units, then its calendar, row by row, and how they become inputs and back.</summary>
internal sealed class SeriesRows
{
    private readonly ForecastSpec _spec;

    private SeriesRows(ForecastSpec spec, double[][] values) => (_spec, Values) = (spec, values);

    /// <summary>[columns, then calendar][rows]</summary>
    public double[][] Values { get; }

    /// <summary>The columns of a table, with the calendar of some rows after its end.</summary>
    /// <exception cref="ArgumentException">A column is missing or has gaps, or there are no times for the calendar.</exception>
    public static SeriesRows From(SeriesTable table, ForecastSpec spec, int rowsAfter = 0)
    {
        var values = new List<double[]>();
        foreach (SeriesColumn column in spec.Columns)
        {
            double[] own = table.Column(column.Name);
            int gap = Array.FindIndex(own, double.IsNaN);
            if (gap >= 0)
                throw new ArgumentException($"column '{column.Name}', row {gap + 1}: the value is missing");
            values.Add(own);
        }
        if (spec.Calendar != CalendarFeatures.None)
        {
            if (table.Times is not { Count: > 1 } times)
                throw new ArgumentException("the calendar needs the times of two rows or more, and the table has none");
            values.AddRange(Calendar.Columns(spec.Calendar, [.. times, .. SamplingStep.Of(times).After(times[^1], rowsAfter)]));
        }
        return new SeriesRows(spec, [.. values]);
    }

    /// <summary>
    /// A copy of what a forecast from an origin looks back on, with room for rows ahead: there the calendar is known, and other columns that
    /// are no targets keep their last value. The first row to forecast is row <see cref="ForecastSpec.Lookback"/> of the copy.
    /// </summary>
    public SeriesRows Ahead(int origin, int steps)
    {
        int back = _spec.Lookback;
        var values = new double[Values.Length][];
        for (int c = 0; c < values.Length; c++)
        {
            values[c] = new double[back + steps];
            bool known = c >= _spec.Columns.Count;
            Array.Copy(Values[c], origin - back, values[c], 0, known ? back + steps : back);
            if (!known)
                values[c].AsSpan(back).Fill(values[c][back - 1]);
        }
        return new SeriesRows(_spec, values);
    }

    /// <summary>Says that a target was observed: in all columns that hold it.</summary>
    public void Observe(int row, int target, double value)
    {
        for (int c = 0; c < _spec.Columns.Count; c++)
        {
            if (_spec.Columns[c].Name == _spec.Columns[target].Name)
                Values[c][row] = value;
        }
    }

    /// <summary>The window before an origin as inputs, row t at t·<paramref name="rowStride"/>.</summary>
    public void CopyInputs(int origin, Span<float> inputs, int rowStride)
    {
        int first = origin - _spec.Window, width = Values.Length;
        for (int c = 0; c < width; c++)
        {
            double[] values = Values[c];
            SeriesColumn? column = c < _spec.Columns.Count ? _spec.Columns[c] : null;
            for (int t = 0; t < _spec.Window; t++)
            {
                int row = first + t;
                inputs[(t * rowStride) + c] = column == null ? (float)values[row] : Scaled(column, values, row, origin);
            }
        }
    }

    /// <summary>What the model should say at an origin: target j of step k at k·targets + j, or Q times from Q·(k·targets + j) on.</summary>
    public void CopyTargets(int origin, Span<float> targets)
    {
        int levels = _spec.Levels;
        for (int k = 0; k < _spec.Steps; k++)
        {
            for (int j = 0; j < _spec.Targets; j++)
                targets.Slice(((k * _spec.Targets) + j) * levels, levels).Fill(Scaled(_spec.Columns[j], Values[j], origin + k, origin));
        }
    }

    /// <summary>An output for target j of step k in the target's own unit. Rows from the origin on must be those forecast so far.</summary>
    public double Undo(int origin, int step, int target, double output)
    {
        SeriesColumn column = _spec.Columns[target];
        double value = (output * column.Factor) + column.Center;
        return column.Relative ? value + Values[target][origin - 1]
            : column.Difference > 0 ? value + Values[target][origin + step - column.Difference]
            : value;
    }

    private static float Scaled(SeriesColumn column, double[] values, int row, int origin)
    {
        double value = column.Relative ? values[row] - values[origin - 1]
            : column.Difference > 0 ? values[row] - values[row - column.Difference]
            : values[row];
        return (float)((value - column.Center) / column.Factor);
    }
}
