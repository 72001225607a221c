using FastRnn.Series;

namespace FastRnn.Runner;

/// <summary>What options of <c>--task forecast</c> say in words, both ways: a run is recorded in the words that the options take.</summary>
internal static class ForecastWords
{
    public static readonly string[] Calendars = ["time-of-day", "day-of-week", "day-of-year"], Scales = ["standard", "min-max", "none"],
        Missing = ["refuse", "carry", "interpolate"];

    private static readonly SeriesScale[] _scales = [SeriesScale.Standard, SeriesScale.MinMax, SeriesScale.None];

    private static readonly MissingPolicy[] _policies = [MissingPolicy.Refuse, MissingPolicy.CarryForward, MissingPolicy.Interpolate];

    public static SeriesScale Scale(string word) => _scales[Array.IndexOf(Scales, word)];

    public static string Word(SeriesScale scale) => Scales[Array.IndexOf(_scales, scale)];

    public static MissingPolicy Policy(string word) => _policies[Array.IndexOf(Missing, word)];

    public static string Word(MissingPolicy policy) => Missing[Array.IndexOf(_policies, policy)];

    /// <summary>The feature of a word, or none where there is no such word.</summary>
    public static CalendarFeatures Calendar(string word) =>
        Array.IndexOf(Calendars, word) is >= 0 and var index ? (CalendarFeatures)(1 << index) : CalendarFeatures.None;

    public static string Words(CalendarFeatures features) => features == CalendarFeatures.None
        ? "none"
        : string.Join(",", Calendars.Where(word => features.HasFlag(Calendar(word))));
}
