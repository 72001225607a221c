using FastRnn.Series;
using FastRnn.Training;

namespace FastRnn.Formats;

/// <summary>What describes series and sound, in the text of a model's preprocessing.</summary>
internal static class SeriesJson
{
    // In the order of their enumerations, and of the bits of the calendar.
    private static readonly string[] _scales = ["none", "standard", "min_max"];
    private static readonly string[] _modes = ["direct", "recursive"];
    private static readonly string[] _policies = ["refuse", "carry_forward", "interpolate"];
    private static readonly string[] _calendar = ["none", "time_of_day", "day_of_week", "day_of_year"];

    public static JsonObject Write(ForecastSpec spec) => new(fields => fields
        .Add(spec.Columns.Select(Write), "columns").Add(spec.Targets).Add(spec.Window).Add(spec.Horizon).Add(_modes[(int)spec.Mode], "mode")
        .Add(spec.Quantiles).Add(CalendarText(spec.Calendar), "calendar").AddKnown(spec.DateColumn).Add(_policies[(int)spec.Missing], "missing").Add(spec.Season));

    public static ForecastSpec ReadSpec(JsonValue json) => json.Record(fields => new ForecastSpec
    {
        Columns = fields.Required("columns").ListOrNull(ReadColumn),
        Targets = fields.Required("targets").Int32(),
        Window = fields.Required("window").Int32(),
        Horizon = fields.Required("horizon").Int32(),
        Mode = (ForecastMode)fields.Required("mode").Choice(_modes),
        Quantiles = fields.Known("quantiles")?.List(item => item.Single()) ?? [],
        Calendar = ReadCalendar(fields.Required("calendar")),
        DateColumn = fields.Optional("date_column")?.String(),
        Missing = (MissingPolicy)(fields.Known("missing")?.Choice(_policies) ?? 0),
        Season = fields.Known("season")?.Int32() ?? 0,
    });

    public static JsonObject Write(AudioSettings audio) => new(fields => fields.Add(audio.SampleRate).Add(audio.Window).Add(audio.Hop).Add(audio.Bands));

    public static AudioSettings ReadAudio(JsonValue json) => json.Record(fields => new AudioSettings
    {
        SampleRate = fields.Required("sample_rate").Int32(),
        Window = fields.Required("window").Int32(),
        Hop = fields.Required("hop").Int32(),
        Bands = fields.Required("bands").Int32(),
    });

    private static JsonObject Write(SeriesColumn column) => new(fields => fields
        .Add(column.Name).AddKnown(column.Text).Add(_scales[(int)column.Scale], "scale").Add(column.Difference).Add(column.Relative)
        .Add(column.Center).Add(column.Factor).Add(column.Mean).Add(column.Deviation));

    private static SeriesColumn ReadColumn(JsonValue json) => json.Record(fields => new SeriesColumn
    {
        Name = fields.Required("name").String(),
        Text = fields.Optional("text")?.String(),
        Scale = (SeriesScale)fields.Required("scale").Choice(_scales),
        Difference = fields.Required("difference").Int32(),
        Relative = fields.Required("relative").Boolean(),
        Center = fields.Required("center").Double(),
        Factor = fields.Required("factor").Double(),
        Mean = fields.Required("mean").Double(),
        Deviation = fields.Required("deviation").Double(),
    });

    private static string CalendarText(CalendarFeatures calendar) => calendar == CalendarFeatures.None
        ? _calendar[0]
        : string.Join(", ", Enumerable.Range(1, _calendar.Length - 1).Where(i => ((int)calendar & (1 << (i - 1))) != 0).Select(i => _calendar[i]));

    private static CalendarFeatures ReadCalendar(JsonValue json)
    {
        CalendarFeatures calendar = CalendarFeatures.None;
        foreach (int index in json.Choices(_calendar))
            calendar |= (CalendarFeatures)(index == 0 ? 0 : 1 << (index - 1));
        return calendar;
    }
}
