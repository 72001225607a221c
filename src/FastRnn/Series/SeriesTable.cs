using FastRnn.Numerics;

namespace FastRnn.Series;

/// <summary>Columns of numbers over time, one row a moment, oldest first. NaN is a missing value. Arrays are not copied.</summary>
public sealed class SeriesTable
{
    private const int ListedNames = 30;
    private readonly string[] _names;
    private readonly double[][] _columns;

    /// <summary>A table of named columns.</summary>
    /// <param name="names">At least one; none is empty or stands twice.</param>
    /// <param name="columns">For each name as many values as there are rows, finite or NaN.</param>
    /// <param name="times">A moment for each row, each after the one before; null where nothing is known of time.</param>
    /// <exception cref="ArgumentException">One of this does not hold; the message names column and row.</exception>
    public SeriesTable(IReadOnlyList<string> names, IReadOnlyList<double[]> columns, IReadOnlyList<DateTime>? times = null)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(columns);
        if (names.Count == 0 || names.Count != columns.Count)
            throw new ArgumentException($"{names.Count} names for {columns.Count} columns, expected at least one and as many", nameof(names));
        (_names, _columns) = ([.. names], [.. columns]);
        Rows = _columns[0].Length;
        for (int i = 0; i < _names.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(_names[i]) || Array.IndexOf(_names, _names[i]) != i)
                throw new ArgumentException($"column {i + 1} is called '{_names[i]}', expected a name of its own", nameof(names));
            CheckColumn(_names[i], _columns[i]);
        }
        Times = times == null ? null : [.. times];
        CheckTimes();
    }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Names of the columns in order.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>The moments of the rows, or null.</summary>
    public IReadOnlyList<DateTime>? Times { get; }

    /// <summary>The values of a column.</summary>
    /// <exception cref="ArgumentException">There is no such column; the message suggests the nearest name and lists the columns.</exception>
    public ReadOnlySpan<double> this[string name] => Column(name);

    internal double[] Column(string name)
    {
        int index = Array.IndexOf(_names, name);
        return index >= 0 ? _columns[index] : throw new ArgumentException(UnknownName(name, _names), nameof(name));
    }

    /// <summary>What to say about a column that is not there.</summary>
    internal static string UnknownName(string name, IReadOnlyList<string> names)
    {
        string near = EditDistance.Nearest(name, names) ?? names.FirstOrDefault(known => known.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? "";
        string listed = string.Join(", ", names.Take(ListedNames)) + (names.Count > ListedNames ? $" and {names.Count - ListedNames} more" : "");
        return $"there is no column '{name}'{(near.Length == 0 ? "" : $", did you mean '{near}'?")}; columns: {listed}";
    }

    private void CheckColumn(string name, double[] values)
    {
        if (values.Length != Rows)
            throw new ArgumentException($"column '{name}' has {values.Length} rows, '{_names[0]}' {Rows}");
        int infinite = Array.FindIndex(values, double.IsInfinity);
        if (infinite >= 0)
            throw new ArgumentException($"column '{name}', row {infinite + 1}: the value is infinite");
    }

    private void CheckTimes()
    {
        if (Times == null)
            return;
        if (Times.Count != Rows)
            throw new ArgumentException($"{Times.Count} times for {Rows} rows");
        for (int i = 1; i < Rows; i++)
        {
            if (Times[i] <= Times[i - 1])
                throw new ArgumentException($"row {i + 1} is of {Times[i]:s}, which is not after {Times[i - 1]:s} of the row before");
        }
    }
}
