namespace FastRnn.Series;

/// <summary>What a model is told about the moment of a row: each is a place on a circle, given by sine and cosine.</summary>
[Flags]
public enum CalendarFeatures
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The time within the day.</summary>
    TimeOfDay = 1,

    /// <summary>The day, and the time in it, within the week.</summary>
    DayOfWeek = 2,

    /// <summary>The day within the year; for monthly rows that is the month.</summary>
    DayOfYear = 4,
}

/// <summary>Turns moments into numbers.</summary>
public static class Calendar
{
    internal const CalendarFeatures All = CalendarFeatures.TimeOfDay | CalendarFeatures.DayOfWeek | CalendarFeatures.DayOfYear;

    private static readonly (CalendarFeatures Feature, double Days)[] _periods =
        [(CalendarFeatures.TimeOfDay, 1), (CalendarFeatures.DayOfWeek, 7), (CalendarFeatures.DayOfYear, 365)];

    /// <summary>
    /// Those that say something about these moments: the usual step goes at least twice into the period, and the rows cover a whole one –
    /// what was never seen in training cannot have been learnt.
    /// </summary>
    /// <param name="times">Moments of the rows to train on, ascending.</param>
    public static CalendarFeatures Suitable(IReadOnlyList<DateTime> times)
    {
        ArgumentNullException.ThrowIfNull(times);
        if (times.Count < 2)
            return CalendarFeatures.None;
        double step = SamplingStep.Of(times).Interval.TotalDays, covered = (times[^1] - times[0]).TotalDays + step;
        CalendarFeatures suitable = CalendarFeatures.None;
        foreach ((CalendarFeatures feature, double days) in _periods)
        {
            if (step <= days / 2 && covered >= days)
                suitable |= feature;
        }
        return suitable;
    }

    /// <summary>Columns that the features take.</summary>
    internal static int Width(CalendarFeatures features) => 2 * System.Numerics.BitOperations.PopCount((uint)features);

    /// <summary>Sine and cosine of each feature [2·features][times].</summary>
    internal static double[][] Columns(CalendarFeatures features, IReadOnlyList<DateTime> times)
    {
        var columns = new List<double[]>();
        foreach ((CalendarFeatures feature, _) in _periods)
        {
            if (!features.HasFlag(feature))
                continue;
            columns.Add([.. times.Select(time => Math.Sin(2 * Math.PI * Phase(feature, time)))]);
            columns.Add([.. times.Select(time => Math.Cos(2 * Math.PI * Phase(feature, time)))]);
        }
        return [.. columns];
    }

    /// <summary>Share of the period that has passed, from 0 to below 1.</summary>
    private static double Phase(CalendarFeatures feature, DateTime time)
    {
        double day = time.TimeOfDay.TotalDays;
        return feature switch
        {
            CalendarFeatures.TimeOfDay => day,
            CalendarFeatures.DayOfWeek => ((int)time.DayOfWeek + day) / 7,
            _ => (time.DayOfYear - 1 + day) / (DateTime.IsLeapYear(time.Year) ? 366 : 365),
        };
    }
}
