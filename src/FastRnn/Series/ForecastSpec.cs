namespace FastRnn.Series;

/// <summary>How a model reaches further ahead than one row.</summary>
public enum ForecastMode
{
    /// <summary>It has an output for each row of the horizon.</summary>
    Direct,

    /// <summary>It forecasts one row, reads its own forecast as if it had been observed, and goes on.</summary>
    Recursive,
}

/// <summary>
/// Everything between a table and a model: which columns it reads and how, how far it looks back and ahead, and what its outputs mean. Inputs
/// of a row are the columns in order, then the calendar. Outputs of a window's last row are, for each row ahead, for each target: its value,
/// or its quantiles next to one another. It is stored in the model's file.
/// </summary>
public sealed record ForecastSpec
{
    internal const int MostRows = 1_000_000, MostQuantiles = 999;

    /// <summary>The targets first, whose past is read too, then other columns. A target may stand a second time among these, read another way.</summary>
    public required IReadOnlyList<SeriesColumn> Columns { get; init; }

    /// <summary>How many of the columns are targets.</summary>
    public int Targets { get; init; } = 1;

    /// <summary>Rows that are read for a forecast.</summary>
    public int Window { get; init; } = 24;

    /// <summary>Rows to forecast.</summary>
    public int Horizon { get; init; } = 1;

    /// <summary>How they are reached.</summary>
    public ForecastMode Mode { get; init; }

    /// <summary>Probabilities of which quantiles are forecast, ascending between 0 and 1; none: one value, for example the mean.</summary>
    public IReadOnlyList<float> Quantiles { get; init; } = [];

    /// <summary>What is read of the moments of rows.</summary>
    public CalendarFeatures Calendar { get; init; }

    /// <summary>Name of the column that holds the moments in files; null where there is none.</summary>
    public string? DateColumn { get; init; }

    /// <summary>What files with gaps are read as.</summary>
    public MissingPolicy Missing { get; init; }

    /// <summary>Rows of a season, for the forecast to compare with; 0: none is known.</summary>
    public int Season { get; init; }

    /// <summary>Values of a row that go into the model.</summary>
    public int InputSize => Columns.Count + Series.Calendar.Width(Calendar);

    /// <summary>Outputs of the model, and target values of a window: rows ahead that the model itself forecasts, times targets, times quantiles.</summary>
    public int OutputSize => Steps * Targets * Levels;

    /// <summary>Outputs of a value.</summary>
    internal int Levels => Math.Max(1, Quantiles.Count);

    /// <summary>Rows ahead that the model itself forecasts.</summary>
    internal int Steps => Mode == ForecastMode.Recursive ? 1 : Horizon;

    /// <summary>Rows before the first one to forecast.</summary>
    internal int Lookback => Window + Columns.Max(column => column.Difference);

    /// <summary>For people, for example <c>OT (relative, standard) from 8 values a row, window 48, horizon 24</c>.</summary>
    public override string ToString()
    {
        string quantiles = Quantiles.Count == 0 ? "" : ", quantiles " + string.Join(" ", Quantiles.Select(q => FormattableString.Invariant($"{q}")));
        return $"{string.Join(", ", Columns.Take(Targets))} from {InputSize} values a row, window {Window}, horizon {Horizon}"
            + (Mode == ForecastMode.Recursive ? ", recursive" : "") + quantiles;
    }

    /// <summary>The same with the constants of scaling, taken from rows of training alone.</summary>
    /// <param name="table">Has the columns, without gaps.</param>
    /// <param name="training">Rows to train on.</param>
    /// <exception cref="ArgumentException">Something here makes no sense, a column is missing or has gaps, or there is no row.</exception>
    public ForecastSpec Fit(SeriesTable table, params IReadOnlyList<SeriesPart> training)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(training);
        if (training.Sum(part => (long)part.Count) == 0)
            throw new ArgumentException("there are no rows to train on", nameof(training));
        if (training.FirstOrDefault(part => part.First < 0 || part.Count < 0 || part.End > table.Rows) is { Count: not 0 } outside)
            throw new ArgumentException($"{outside} to train on are not all in a table of {table.Rows} rows", nameof(training));
        if (Problem() is { } problem)
            throw new ArgumentException(problem);
        SeriesRows rows = SeriesRows.From(table, this);
        return this with { Columns = [.. Columns.Select((column, i) => column.Fit(rows.Values[i], training, Steps))] };
    }

    /// <summary>
    /// First rows to forecast of the windows whose targets lie in a part; what they look back on may lie before it.
    /// </summary>
    /// <param name="part">Rows of a table.</param>
    /// <param name="stride">Rows from window to window.</param>
    /// <param name="steps">Rows ahead; 0: those that the model itself forecasts.</param>
    /// <exception cref="ArgumentException">There is no such window.</exception>
    public int[] Origins(SeriesPart part, int stride = 1, int steps = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        steps = steps == 0 ? Steps : steps;
        int first = Math.Max(part.First, Lookback), last = part.End - steps;
        if (first > last)
        {
            throw new ArgumentException(part.Count == 0
                ? "a part of the series has no rows"
                : $"{part} of the series hold no window: each needs {Lookback} rows before it and {steps} to forecast");
        }
        return [.. Enumerable.Range(0, ((last - first) / stride) + 1).Select(i => first + (i * stride))];
    }

    /// <summary>The rows that windows touch, as parts; to fit on when windows were chosen one by one.</summary>
    /// <param name="origins">First rows to forecast.</param>
    public IReadOnlyList<SeriesPart> RowsOf(IEnumerable<int> origins)
    {
        var parts = new List<SeriesPart>();
        foreach (int origin in origins.Order())
        {
            var window = new SeriesPart(origin - Lookback, Lookback + Steps);
            if (parts.Count > 0 && parts[^1].End >= window.First)
                parts[^1] = parts[^1] with { Count = window.End - parts[^1].First };
            else
                parts.Add(window);
        }
        return parts;
    }

    /// <summary>What makes no sense, or null.</summary>
    internal string? Problem()
    {
        if (Columns.Any(column => column is null))
            return "a column is null";
        if (Columns.Count is 0 or > 10_000 || Targets < 1 || Targets > Columns.Count)
            return $"{Targets} targets of {Columns.Count} columns, expected at least one and no more than 10000 columns";
        if (Columns.Select(column => column.Problem()).FirstOrDefault(problem => problem != null) is { } wrong)
            return wrong;
        foreach (IEnumerable<SeriesColumn> group in new[] { Columns.Take(Targets), Columns.Skip(Targets) })
        {
            if (group.GroupBy(column => column.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
                return $"column '{twice.Key}' stands twice";
        }
        return RangeProblem() ?? QuantileProblem();
    }

    private string? RangeProblem() =>
        Window is < 1 or > MostRows ? $"a window of {Window} rows, expected 1 to {MostRows}"
        : Horizon is < 1 or > MostRows ? $"a horizon of {Horizon} rows, expected 1 to {MostRows}"
        : Season is < 0 or > MostRows ? $"a season of {Season} rows, expected 0 to {MostRows}"
        : !Enum.IsDefined(Mode) || !Enum.IsDefined(Missing) || (Calendar & ~Series.Calendar.All) != 0 ? "mode, missing or calendar is unknown"
        : (long)Steps * Targets * Levels > MostRows ? $"more than {MostRows} outputs"
        : Crowding(1);

    /// <summary>What keeps so many windows from being in memory next to one another, or null: a chunk has room for outputs of every row.</summary>
    internal string? Crowding(int windows) => (long)windows * Window <= Array.MaxLength / Math.Max(InputSize, OutputSize)
        ? null
        : $"{windows} windows of {Window} rows, with {InputSize} inputs and {OutputSize} outputs a row, are more values than an array can hold";

    /// <summary>What keeps a model from the quantiles of all rows of the horizon, or null.</summary>
    internal string? QuantileProblem()
    {
        for (int i = 0; i < Quantiles.Count; i++)
        {
            if (!(Quantiles[i] is > 0 and < 1) || (i > 0 && Quantiles[i] <= Quantiles[i - 1]))
                return FormattableString.Invariant($"quantile {i + 1} is {Quantiles[i]}, expected ascending probabilities between 0 and 1");
        }
        if (Quantiles.Count > MostQuantiles)
            return $"{Quantiles.Count} quantiles, expected {MostQuantiles} at most";
        if (Quantiles.Count == 0 || Horizon == 1)
            return null;
        // What is likely of a sum does not follow from what is likely of its parts.
        return Mode == ForecastMode.Recursive ? "a recursive forecast of several rows has no quantiles; a direct one has"
            : Columns.Take(Targets).Any(column => column.Difference > 0 && column.Difference < Horizon)
            ? "quantiles of differences do not add up over several rows; relative targets have quantiles"
            : null;
    }
}
