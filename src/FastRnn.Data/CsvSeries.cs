using System.Globalization;
using System.Text;
using CsvHelper;
using FastRnn.Series;

namespace FastRnn.Data;

/// <summary>What to read of a table of comma-separated values.</summary>
public sealed record CsvSeriesOptions
{
    /// <summary>The date column is the first whose first value reads as a date that is not just a number.</summary>
    public const string DetectDates = "*";

    /// <summary>Names of columns of numbers, or of texts that <see cref="Categories"/> names; null: all but the dates.</summary>
    public IReadOnlyList<string>? Columns { get; init; }

    /// <summary>Name of the column of dates; null: there is none.</summary>
    public string? DateColumn { get; init; } = DetectDates;

    /// <summary>
    /// Columns of text, each with the values it may have, or null for those that occur: each value becomes a column <c>name=value</c> of 0 and 1.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>?> Categories { get; init; } = new Dictionary<string, IReadOnlyList<string>?>();

    /// <summary>What becomes of missing values: empty fields, NA, N/A, NaN, null, none, ? and -.</summary>
    public MissingPolicy Missing { get; init; }

    /// <summary>Put rows in order of their dates; otherwise rows that are not in order are an error.</summary>
    public bool Sort { get; init; }
}

/// <summary>
/// Reads tables of values separated by comma, semicolon, tab or bar, with a header line, packed by gzip where the name ends in <c>.gz</c>.
/// </summary>
public static class CsvSeries
{
    /// <summary>Reads a table.</summary>
    /// <exception cref="DataFormatException">The file holds something else; the message names line and column.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SeriesTable Read(string path, CsvSeriesOptions? options = null)
    {
        using Stream file = DataFile.OpenRead(path);
        return Read(file, path, options ?? new CsvSeriesOptions(), out _);
    }

    /// <summary>Reads a table and says which column held its dates, or null.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="path">What errors call it.</param>
    /// <param name="options">What to read of it.</param>
    /// <param name="dateColumn">Name of the column of dates.</param>
    /// <exception cref="DataFormatException">The text is something else; the message names line and column.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static SeriesTable Read(Stream text, string path, CsvSeriesOptions options, out string? dateColumn)
    {
        ArgumentNullException.ThrowIfNull(options);
        CsvColumns columns = Guarded(text, path, reader => Columns(path, options, reader));
        dateColumn = columns.DateColumn;
        return columns.ToTable();
    }

    /// <summary>Names of the columns of a table, dates included.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="path">What errors call it.</param>
    /// <exception cref="DataFormatException">There is no header.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static IReadOnlyList<string> ReadHeader(Stream text, string path) => Guarded(text, path, reader => Header(path, reader));

    private static CsvColumns Columns(string path, CsvSeriesOptions options, CsvReader reader)
    {
        IReadOnlyList<string> header = Header(path, reader);
        if (!reader.Read())
            throw new DataFormatException(path, "there is a header and no row of values");
        var columns = new CsvColumns(path, options, header, reader);
        do
            columns.Add(reader);
        while (reader.Read());
        return columns;
    }

    private static T Guarded<T>(Stream text, string path, Func<CsvReader, T> read)
    {
        ArgumentNullException.ThrowIfNull(text);
        using CsvReader reader = CsvReader.Create(text, new CsvReaderOptions
        {
            TrackLineNumbers = true,
            TrimWhitespace = true,
            MalformedData = CsvMalformedDataHandling.Throw,
            MaxRecordSize = 1 << 24, // a quote that is never closed must not take the memory
        });
        try
        {
            return read(reader);
        }
        catch (CsvFormatException e)
        {
            throw new DataFormatException(path, e.Message, e.LineNumber, inner: e);
        }
        catch (InvalidDataException e) when (path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
        {
            throw new DataFormatException(path, "the file is not packed by gzip, damaged, or cut off: " + e.Message, inner: e);
        }
        catch (Exception e) when (e is InvalidDataException or DecoderFallbackException)
        {
            throw new DataFormatException(path, e.Message, inner: e);
        }
    }

    private static IReadOnlyList<string> Header(string path, CsvReader reader)
    {
        IReadOnlyList<string> names = reader.Headers;
        if (names.Count == 0)
            throw new DataFormatException(path, "the file is empty, expected a header and rows of values");
        for (int i = 0; i < names.Count; i++)
        {
            for (int other = 0; other < i; other++)
            {
                if (names[i].Length > 0 && names[other] == names[i])
                    throw new DataFormatException(path, $"fields {other + 1} and {i + 1} of the header are the same", 1, names[i]);
            }
        }
        return names.Any(name => !double.TryParse(name, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
            ? names
            : throw new DataFormatException(path, $"the line holds numbers ('{names[0]}'), expected a header with the names of the columns", 1);
    }
}
