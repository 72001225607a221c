using System.Globalization;

namespace FastRnn.Data;

/// <summary>
/// Reads a column of dates in one of the common forms. All rows decide together: 1/2/1981 is the second of January or the first of
/// February, whichever way every row is a date and, if both ways are, the rows are in order.
/// </summary>
internal static class CsvDates
{
    /// <summary>A time with a zone becomes universal time, one without is taken for it.</summary>
    private static readonly string[] _times =
    [
        "", " H:mm", " H:mm:ss", " H:mm:ss.FFFFFFF", " H:mm:ssK", "'T'H:mm", "'T'H:mm:ss", "'T'H:mm:ss.FFFFFFF", "'T'H:mm:ssK", "'T'H:mm:ss.FFFFFFFK",
    ];

    /// <summary>Each a way to read dates; a year, or digits alone, are numbers unless a column is said to hold dates.</summary>
    private static readonly string[][] _families =
    [
        WithTimes("yyyy-M-d", "yyyy/M/d", "yyyy-M", "yyyy/M"),
        WithTimes("M/d/yyyy", "M-d-yyyy"),
        WithTimes("d/M/yyyy", "d-M-yyyy"),
        WithTimes("d.M.yyyy"),
        WithTimes("d MMM yyyy", "d-MMM-yyyy", "MMM d, yyyy", "MMM yyyy"),
    ];

    private static readonly string[][] _digits = [WithTimes("yyyyMMdd"), ["yyyy"], ["yyyyMM"]];

    /// <summary>Whether a text is a date and not a number.</summary>
    public static bool LooksLikeOne(string text) => _families.Any(family => TryParse(text, family, out _));

    /// <summary>The moments of a column.</summary>
    /// <exception cref="DataFormatException">A row is no date, or none of the same form as those above it.</exception>
    public static DateTime[] Parse(string path, string column, List<string> texts, List<long> lines)
    {
        DateTime[]? chosen = null;
        int furthest = -1;
        foreach (string[] family in _families.Concat(_digits))
        {
            var times = new DateTime[texts.Count];
            int read = 0;
            while (read < times.Length && TryParse(texts[read], family, out times[read]))
                read++;
            furthest = Math.Max(furthest, read);
            if (read == times.Length && (chosen == null || (!InOrder(chosen) && InOrder(times))))
                chosen = times;
        }
        if (chosen != null)
            return chosen;
        string form = furthest > 0 ? $" of the same form as '{texts[0]}'" : ", for example 2016-07-01 or 2016-07-01 13:00";
        throw new DataFormatException(path, $"'{CsvColumns.Shortened(texts[furthest])}' is not a date{form}", lines[furthest], column);
    }

    private static bool InOrder(DateTime[] times)
    {
        int rising = 0, falling = 0;
        for (int i = 1; i < times.Length; i++)
        {
            rising += times[i] > times[i - 1] ? 1 : 0;
            falling += times[i] < times[i - 1] ? 1 : 0;
        }
        return rising == times.Length - 1 || falling == times.Length - 1;
    }

    private static bool TryParse(string text, string[] family, out DateTime time) => DateTime.TryParseExact(
        text, family, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);

    private static string[] WithTimes(params string[] dates) => [.. dates.SelectMany(date => _times.Select(time => date + time))];
}
