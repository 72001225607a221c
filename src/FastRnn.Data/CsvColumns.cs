using System.Globalization;
using CsvHelper;
using FastRnn.Series;

namespace FastRnn.Data;

/// <summary>The wanted columns of a table while it is read, and what becomes of them.</summary>
internal sealed class CsvColumns
{
    /// <summary>Models compute in single precision, and squares of errors must stay finite.</summary>
    private const double Largest = 1e30;

    private static readonly HashSet<string> _missing = new(["", "NA", "N/A", "NaN", "null", "none", "?", "-"], StringComparer.OrdinalIgnoreCase);

    private readonly string _path;
    private readonly CsvSeriesOptions _options;
    private readonly int _fields, _date;
    private readonly List<(string Name, int Field, List<double> Values)> _numbers = [];
    private readonly List<(string Name, int Field, List<string> Values)> _texts = [];
    private readonly List<string> _dates = [];
    private readonly List<long> _lines = [];

    /// <summary>Resolves names against a header; the reader stands on the first row.</summary>
    public CsvColumns(string path, CsvSeriesOptions options, IReadOnlyList<string> header, CsvReader first)
    {
        (_path, _options, _fields) = (path, options, header.Count);
        _date = options.DateColumn switch
        {
            null => -1,
            CsvSeriesOptions.DetectDates => Enumerable.Range(0, Math.Min(_fields, first.FieldCount)).FirstOrDefault(i => CsvDates.LooksLikeOne(first.GetString(i)), -1),
            string name => Find(header, name),
        };
        DateColumn = _date < 0 ? null : header[_date];
        IEnumerable<string> wanted = options.Columns ?? [.. header.Where((name, i) => i != _date && !string.IsNullOrWhiteSpace(name))];
        foreach (string name in wanted.Distinct())
        {
            int field = Find(header, name);
            if (options.Categories.ContainsKey(name))
                _texts.Add((name, field, []));
            else
                _numbers.Add((name, field, []));
        }
        if (_numbers.Count + _texts.Count == 0)
            throw new DataFormatException(path, "there is no column of values");
        foreach (string name in options.Categories.Keys)
            Find(header, name);
    }

    public string? DateColumn { get; }

    /// <summary>Takes the row that the reader stands on.</summary>
    public void Add(CsvReader reader)
    {
        long line = reader.LineNumber;
        if (reader.FieldCount != _fields)
            throw new DataFormatException(_path, $"{reader.FieldCount} fields, expected {_fields} as in the header", line);
        _lines.Add(line);
        if (_date >= 0)
            _dates.Add(reader.GetString(_date));
        foreach ((string name, int field, List<double> values) in _numbers)
            values.Add(Number(reader.GetString(field), line, name));
        foreach ((_, int field, List<string> values) in _texts)
            values.Add(reader.GetString(field));
    }

    /// <summary>Puts rows in order, fills gaps, makes columns of categories.</summary>
    public SeriesTable ToTable()
    {
        DateTime[]? times = _date < 0 ? null : CsvDates.Parse(_path, DateColumn!, _dates, _lines);
        int[]? order = times == null ? null : Order(times);
        long[] lines = Ordered([.. _lines], order);
        var names = new List<string>();
        var columns = new List<double[]>();
        foreach ((string name, _, List<double> values) in _numbers)
        {
            double[] column = Ordered([.. values], order);
            int gap = MissingValues.Fill(column, _options.Missing);
            if (gap >= 0)
                throw new DataFormatException(_path, Gap(), lines[gap], name);
            names.Add(name);
            columns.Add(column);
        }
        foreach ((string name, _, List<string> values) in _texts)
            AddCategories(names, columns, name, Ordered([.. values], order), lines);
        return new SeriesTable(names, columns, times == null ? null : Ordered(times, order));
    }

    private string Gap() => _options.Missing switch
    {
        MissingPolicy.CarryForward => "the value is missing, and there is none before it to carry forward",
        MissingPolicy.Interpolate => "the value is missing, as all values of the column are",
        _ => "the value is missing, expected a number; missing values can be carried forward or interpolated",
    };

    private int Find(IReadOnlyList<string> header, string name)
    {
        int field = header.ToList().IndexOf(name);
        return field >= 0 ? field : throw new DataFormatException(_path, SeriesTable.UnknownName(name, header));
    }

    private double Number(string text, long line, string name)
    {
        if (_missing.Contains(text))
            return double.NaN;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
        {
            string hint = text.Contains(',') ? "; decimals are written with a point" : "";
            throw new DataFormatException(_path, $"'{Shortened(text)}' is text in a column of numbers{hint}", line, name);
        }
        if (!double.IsFinite(value))
            throw new DataFormatException(_path, $"'{Shortened(text)}' is not finite, expected a finite number", line, name);
        return Math.Abs(value) <= Largest
            ? value
            : throw new DataFormatException(_path, FormattableString.Invariant($"'{Shortened(text)}' is too large, expected numbers up to {Largest:G}"), line, name);
    }

    /// <summary>Rows by time, or null where they are so already.</summary>
    private int[]? Order(DateTime[] times)
    {
        int[]? order = null;
        if (_options.Sort)
        {
            order = [.. Enumerable.Range(0, times.Length)];
            Array.Sort([.. times], order);
        }
        for (int i = 1; i < times.Length; i++)
        {
            int row = order?[i] ?? i, before = order?[i - 1] ?? (i - 1);
            if (times[row] == times[before])
            {
                (long first, long second) = (Math.Min(_lines[row], _lines[before]), Math.Max(_lines[row], _lines[before]));
                throw new DataFormatException(_path, $"'{_dates[row]}' is also the date of line {first}", second, DateColumn);
            }
            if (times[row] < times[before])
            {
                throw new DataFormatException(
                    _path, $"'{_dates[row]}' is before '{_dates[before]}' of the row above, expected rows in order of time or the option to sort them",
                    _lines[row], DateColumn);
            }
        }
        return order;
    }

    private void AddCategories(List<string> names, List<double[]> columns, string name, string[] values, long[] lines)
    {
        string[] known = _options.Categories[name] is { } given ? [.. given] : [.. values.Distinct().Order(StringComparer.Ordinal)];
        if (known.Length > 1000)
            throw new DataFormatException(_path, $"{known.Length} different values, expected 1000 categories at most", 0, name);
        for (int row = 0; row < values.Length; row++)
        {
            if (_missing.Contains(values[row]))
                throw new DataFormatException(_path, "the value is missing, expected a category", lines[row], name);
            if (!known.Contains(values[row]))
            {
                throw new DataFormatException(
                    _path, $"'{Shortened(values[row])}' is none of the known categories: {string.Join(", ", known.Take(20))}", lines[row], name);
            }
        }
        foreach (string category in known)
        {
            if (names.Contains($"{name}={category}"))
                throw new DataFormatException(_path, $"category '{Shortened(category)}' makes a column that there is already", 0, $"{name}={category}");
            names.Add($"{name}={category}");
            columns.Add([.. values.Select(value => value == category ? 1.0 : 0.0)]);
        }
    }

    private static T[] Ordered<T>(T[] values, int[]? order) => order == null ? values : [.. order.Select(row => values[row])];

    public static string Shortened(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
