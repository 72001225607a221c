namespace FastRnn.Series;

/// <summary>How moments follow one another: so many months, or so much time.</summary>
/// <param name="Interval">The median difference.</param>
/// <param name="Months">Whole months between rows on the same day of the month; 0 where rows do not go by months.</param>
/// <param name="MonthEnds">Rows stand on the last day of their month.</param>
internal readonly record struct SamplingStep(TimeSpan Interval, int Months, bool MonthEnds)
{
    /// <summary>The usual step between ascending moments, of which there are at least two.</summary>
    public static SamplingStep Of(IReadOnlyList<DateTime> times)
    {
        TimeSpan interval = Median([.. times.Skip(1).Zip(times, (after, before) => after - before)]);
        bool ends = times.All(time => time.Day == DateTime.DaysInMonth(time.Year, time.Month));
        bool byMonth = ends || times.All(time => time.Day == times[0].Day);
        bool sameTime = times.All(time => time.TimeOfDay == times[0].TimeOfDay);
        int months = Median([.. times.Skip(1).Zip(times, (after, before) => ((after.Year - before.Year) * 12) + after.Month - before.Month)]);
        return new SamplingStep(interval, byMonth && sameTime ? months : 0, ends);
    }

    /// <summary>The moments that come next.</summary>
    /// <exception cref="ArgumentException">They go beyond the last year that can be told.</exception>
    public DateTime[] After(DateTime last, int count)
    {
        long lastMonth = (last.Year * 12L) + last.Month - 1 + ((long)Months * count);
        if (lastMonth / 12 > DateTime.MaxValue.Year || (Int128)Interval.Ticks * count > (DateTime.MaxValue - last).Ticks)
            throw new ArgumentException($"{count} rows after {last:yyyy-MM-dd} go beyond the year {DateTime.MaxValue.Year}");
        var next = new DateTime[count];
        for (int i = 0; i < count; i++)
        {
            next[i] = Months > 0 ? last.AddMonths(Months * (i + 1)) : last + (Interval * (i + 1));
            if (Months > 0 && MonthEnds)
                next[i] = next[i].AddDays(DateTime.DaysInMonth(next[i].Year, next[i].Month) - next[i].Day);
        }
        return next;
    }

    private static T Median<T>(T[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }
}
