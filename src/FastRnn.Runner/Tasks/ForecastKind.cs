using System.CommandLine;
using System.Globalization;
using FastRnn.Series;

namespace FastRnn.Runner;

/// <summary><c>--task forecast</c></summary>
internal sealed class ForecastKind : TaskKind
{
    private readonly Option<string?> _target = new("--target")
    {
        Description = "Columns to forecast, with commas between; may be left out where there is only one",
        HelpName = "COLS",
    };

    private readonly Option<string?> _features = new("--features")
    {
        Description = "Other columns to read, with commas between, or all; a target again is read as it is beside its change",
        HelpName = "COLS",
    };

    private readonly Option<string?> _categories = new("--categories") { Description = "Columns of text to read, each value as one yes or no", HelpName = "COLS" };

    private readonly Option<string?> _date = new("--date") { Description = "Column of dates; by default the first that looks like one; none for none", HelpName = "COL" };

    private readonly Option<string> _calendar = new("--calendar")
    {
        Description = $"What to read of dates: {string.Join(", ", ForecastWords.Calendars)}, with commas between, none, or auto for those that say something",
        DefaultValueFactory = _ => "auto",
        HelpName = "NAMES",
    };

    private readonly Option<bool> _sort = new("--sort") { Description = "Put rows in order of their dates" };

    private readonly Option<string> _missing = CommonOptions.Choice("--missing", "refuse", "What becomes of missing values", ForecastWords.Missing);

    private readonly Option<int> _window = CommonOptions.Number("--window", 24, 1, ForecastSpec.MostRows, "Rows to read for a forecast");

    private readonly Option<int> _stride = CommonOptions.Number("--stride", 1, 1, ForecastSpec.MostRows, "Rows from one training window to the next");

    private readonly Option<int> _horizon = CommonOptions.Number("--horizon", 1, 1, ForecastSpec.MostRows, "Rows to forecast");

    private readonly Option<string> _mode = CommonOptions.Choice(
        "--mode", "direct", "Several rows ahead by an output for each, or by reading its own forecast", "direct", "recursive");

    private readonly Option<string?> _quantiles = new("--quantiles") { Description = "Quantiles to forecast, as 0.1,0.5,0.9", HelpName = "Q,Q,…" };

    private readonly Option<string> _scale = CommonOptions.Choice("--scale", "standard", "How columns are scaled", ForecastWords.Scales);

    private readonly Option<int> _difference = CommonOptions.Number("--difference", 0, 0, ForecastSpec.MostRows, "Learn changes against so many rows before; 0 is off");

    private readonly Option<bool> _relative = new("--relative") { Description = "Learn changes against the last known value of each window" };

    private readonly Option<int> _season = CommonOptions.Number("--season", 0, 0, ForecastSpec.MostRows, "Rows of a season, for the forecast to compare with; 0 is none");

    private readonly Option<string> _split = new("--split")
    {
        Description = "Rows, or shares of them, to train on, to choose the best weights by, and to test on, in order of time; random:X,X,X draws windows; "
            + "fold:K/N tests on the Kth of N parts, rolling:K/N on a later part with every K, trained on what is before it",
        DefaultValueFactory = _ => "0.7,0.1,0.2",
        HelpName = "N,N,N|X,X,X",
    };

    private readonly Option<string> _loss = CommonOptions.Choice("--loss", "mse", "Loss of forecasts without quantiles", "mse", "mae", "huber");

    private readonly Option<string> _part = CommonOptions.Choice(
        "--part", "auto", "Rows to measure on; auto takes the test rows of the file that the model was trained on, all of any other",
        "auto", "all", "train", "validation", "test");

    private readonly Option<bool> _scaled = new("--scaled") { Description = "Errors also in standard deviations of the training rows" };

    private readonly Option<int> _steps = CommonOptions.Number("--steps", 0, 0, ForecastSpec.MostRows, "Rows to forecast after the end; 0 takes the horizon");

    public override string Name => "forecast";

    public override string Summary => "forecast columns of a table of numbers";

    public override IReadOnlyList<Option> Options =>
    [
        _target, _features, _categories, _date, _calendar, _sort, _missing, _window, _stride, _horizon, _mode, _quantiles, _scale, _difference, _relative,
        _season, _split, _loss,
    ];

    public override IReadOnlyList<Option> EvalOptions => [_part, _scaled, _sort];

    public override IReadOnlyList<Option> PredictOptions => [_steps, _sort];

    public override TrainingTask Create(ParseResult parsed, TrainOptions options, Output output)
    {
        var settings = new ForecastSettings
        {
            Targets = Names(_target, parsed.GetValue(_target)),
            Features = Names(_features, parsed.GetValue(_features)),
            Categories = Names(_categories, parsed.GetValue(_categories)),
            Date = parsed.GetValue(_date),
            Calendar = CalendarOf(parsed.GetRequiredValue(_calendar)),
            Sort = parsed.GetValue(_sort),
            Missing = ForecastWords.Policy(parsed.GetRequiredValue(_missing)),
            Window = parsed.GetValue(_window),
            Stride = parsed.GetValue(_stride),
            Horizon = parsed.GetValue(_horizon),
            Mode = parsed.GetRequiredValue(_mode) == "recursive" ? ForecastMode.Recursive : ForecastMode.Direct,
            Quantiles = QuantilesOf(parsed.GetValue(_quantiles)),
            Scale = ForecastWords.Scale(parsed.GetRequiredValue(_scale)),
            Difference = parsed.GetValue(_difference),
            Relative = parsed.GetValue(_relative),
            Season = parsed.GetValue(_season),
            Split = SplitText.Parse(parsed.GetRequiredValue(_split)),
            Loss = parsed.GetRequiredValue(_loss),
        };
        if (settings.Difference > 0 && settings.Relative)
            throw new CliException(ExitCodes.Usage, "--difference and --relative are two ways to do the same, expected one of them");
        if (settings.Targets.FirstOrDefault(settings.Categories.Contains) is { } text)
            throw new CliException(ExitCodes.Usage, $"--categories holds the target '{text}': only numbers are forecast, --task classify learns categories");
        if (settings.Quantiles.Length > 0 && parsed.GetResult(_loss) is { Implicit: false })
            throw new CliException(ExitCodes.Usage, "--loss goes without --quantiles, which have a loss of their own");
        return new ForecastTask(options, settings);
    }

    public override void Evaluate(ModelUse use, string data) =>
        ForecastUse.Evaluate(use, data, use.Parsed.GetRequiredValue(_part), use.Parsed.GetValue(_scaled), use.Parsed.GetValue(_sort));

    public override void Predict(ModelUse use, string? data) => ForecastUse.Predict(use, data, use.Parsed.GetValue(_steps), use.Parsed.GetValue(_sort));

    private static string[] Names(Option option, string? text)
    {
        string[] names = text == null ? [] : [.. text.Split(',').Select(name => name.Trim()).Distinct()];
        return names.Contains("") ? throw new CliException(ExitCodes.Usage, $"{option.Name} is '{text}': something is missing beside a comma, or all of it") : names;
    }

    private CalendarFeatures? CalendarOf(string text)
    {
        if (text is "auto" or "none")
            return text == "auto" ? null : CalendarFeatures.None;
        CalendarFeatures features = CalendarFeatures.None;
        foreach (string name in Names(_calendar, text))
        {
            CalendarFeatures feature = ForecastWords.Calendar(name);
            if (feature == CalendarFeatures.None)
                throw new CliException(ExitCodes.Usage, $"--calendar holds '{name}', expected auto, none, or of {string.Join(", ", ForecastWords.Calendars)} some");
            features |= feature;
        }
        return features;
    }

    private float[] QuantilesOf(string? text)
    {
        var quantiles = new List<float>();
        foreach (string part in Names(_quantiles, text))
        {
            if (!float.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out float quantile) || !(quantile is > 0 and < 1))
                throw new CliException(ExitCodes.Usage, $"--quantiles holds '{part}', expected numbers above 0 and below 1, as 0.1,0.5,0.9");
            quantiles.Add(quantile);
        }
        return [.. quantiles.Distinct().Order()];
    }
}
