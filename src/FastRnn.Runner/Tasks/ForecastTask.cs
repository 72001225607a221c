using System.Globalization;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Series;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>What the options of a forecast say.</summary>
internal sealed record ForecastSettings
{
    public required string[] Targets { get; init; }

    public required string[] Features { get; init; }

    public required string[] Categories { get; init; }

    public string? Date { get; init; }

    /// <summary>Null: those that say something about the rows to train on.</summary>
    public CalendarFeatures? Calendar { get; init; }

    public bool Sort { get; init; }

    public MissingPolicy Missing { get; init; }

    public int Window { get; init; }

    public int Stride { get; init; }

    public int Horizon { get; init; }

    public ForecastMode Mode { get; init; }

    public required float[] Quantiles { get; init; }

    public SeriesScale Scale { get; init; }

    public int Difference { get; init; }

    public bool Relative { get; init; }

    public int Season { get; init; }

    public required SplitText Split { get; init; }

    public required string Loss { get; init; }
}

/// <summary>Forecasts of columns of a table.</summary>
internal sealed class ForecastTask : TrainingTask
{
    private const int ValidationBatch = 128;
    private readonly TrainOptions _options;
    private readonly ForecastSettings _settings;
    private readonly string _checksum;
    private readonly SeriesTable _table;
    private readonly WindowSplit _split;
    private readonly ForecastSpec _spec;
    private readonly SeriesBatches _training;
    private readonly SeriesBatches? _validation;
    private ForecastScores? _scores;

    public ForecastTask(TrainOptions options, ForecastSettings settings)
    {
        (_options, _settings) = (options, settings);
        RunFiles.RequireFile(options.Data);
        byte[] bytes = File.ReadAllBytes(options.Data); // once: a pipe has nothing more, and a file may change
        _checksum = Sha256.Hex(bytes);
        var data = new ForecastData(bytes, options.Data);
        try
        {
            (_table, ForecastSpec plan) = data.Read(settings);
            if (plan.Problem() is { } problem)
                throw new ArgumentException(problem);
            _split = settings.Split.Of(plan, _table.Rows, settings.Stride, options.Seed);
            _spec = (plan with { Calendar = settings.Calendar ?? Suitable() }).Fit(_table, _split.Rows);
            _training = new SeriesWindows(_table, _spec, _split.Train).Batches(options.Batch, options.Seed);
            _validation = _split.Validation.Length == 0 ? null : new SeriesWindows(_table, _spec, _split.Validation).Batches(ValidationBatch);
        }
        catch (ArgumentException e)
        {
            throw new CliException(ExitCodes.BadInput, $"{options.Data}: {e.Message}");
        }
        GuessingLoss = Guess();
    }

    public override string Name => "forecast";

    public override string LossUnit => _spec.Quantiles.Count > 0 ? "scaled pinball loss" : _settings.Loss switch
    {
        "mae" => "scaled MAE",
        "huber" => "scaled Huber loss",
        _ => "scaled MSE",
    };

    public override double GuessingLoss { get; }

    public override string Description =>
        $"{_table.Rows:N0} rows; {_spec}; {_split.Text}; {_training.Count} batches of {Math.Min(_options.Batch, _training.Windows)}×{_spec.Window}";

    public override Loss Loss => _spec.Quantiles.Count > 0 ? new PinballLoss([.. _spec.Quantiles]) : _settings.Loss switch
    {
        "mae" => new MeanAbsoluteError(),
        "huber" => new Huber(),
        _ => new MeanSquaredError(),
    };

    public override IChunkSequence Training => _training;

    public override IChunkSequence? Validation => _validation;

    public override ModelInfo Info => new() { Task = Name, Series = _spec };

    public override Layer[] CreateLayers(Func<int, RecurrentLayer> cell) =>
        [.. Stack(_options, _spec.InputSize, cell), new Linear(_options.Hidden, _spec.OutputSize)];

    public override void AddFixed(Dictionary<string, string> options)
    {
        options["target"] = string.Join(",", _spec.Columns.Take(_spec.Targets).Select(column => column.Name));
        options["window"] = Text(_spec.Window);
        options["horizon"] = Text(_spec.Horizon);
        options["split"] = _settings.Split.Text;
        options["data-sha256"] = _checksum;
        Add("features", string.Join(",", _settings.Features));
        Add("categories", string.Join(",", _settings.Categories));
        Add("date", _spec.DateColumn ?? "none");
        Add("calendar", ForecastWords.Words(_spec.Calendar));
        Add("sort", _settings.Sort ? "true" : "");
        Add("missing", _settings.Missing == MissingPolicy.Refuse ? "" : ForecastWords.Word(_settings.Missing));
        Add("stride", _settings.Stride == 1 ? "" : Text(_settings.Stride));
        Add("mode", _spec.Mode == ForecastMode.Direct ? "" : "recursive");
        Add("quantiles", string.Join(",", _spec.Quantiles.Select(q => Text(q))));
        Add("scale", _settings.Scale == SeriesScale.Standard ? "" : ForecastWords.Word(_settings.Scale));
        Add("difference", _settings.Difference == 0 ? "" : Text(_settings.Difference));
        Add("relative", _settings.Relative ? "true" : "");
        Add("season", _settings.Season == 0 ? "" : Text(_settings.Season));
        Add("loss", _spec.Quantiles.Count > 0 || _settings.Loss == "mse" ? "" : _settings.Loss);

        void Add(string name, string value)
        {
            if (value.Length > 0)
                options[name] = value;
        }
    }

    /// <summary>Errors of the test rows beside those of persistence, in the table's units.</summary>
    public override IReadOnlyDictionary<string, double> Test(Sequential best, CancellationToken cancellation)
    {
        if (_split.Test.Length == 0)
            return new Dictionary<string, double>();
        _scores = ForecastScores.Of(best, _spec, _table, _split.Test, cancellation);
        return _scores.Figures();
    }

    /// <summary>Most series move slowly: a network that learns their changes begins where persistence ends.</summary>
    public override string? Hint => _scores is { WorseThanPersistence: true }
        ? "worse than persistence, the forecast that nothing changes" + (_settings.Relative || _settings.Difference > 0
            ? ""
            : "; --relative or --difference 1 learns changes instead of values, which often helps")
        : null;

    public override IReadOnlyList<ReportSection> Report(Sequential best, CancellationToken cancellation) =>
        _scores == null ? [] : ForecastReport.Sections(best, _spec, _table, _split.Test, _scores, cancellation);

    private CalendarFeatures Suitable() => _table.Times is not { } times
        ? CalendarFeatures.None
        : Series.Calendar.Suitable([.. times.Take(_split.Rows[^1].End).Skip(_split.Rows[0].First)]);

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>What always saying 0 costs.</summary>
    private double GuessingLossOf(IChunkSequence? chunks)
    {
        if (chunks == null)
            return 0;
        using var backend = new CpuBackend(threads: 1);
        using var silent = new Sequential(backend, 1, new Linear(_spec.InputSize, _spec.OutputSize));
        foreach (Parameter parameter in silent.Parameters)
            parameter.Write(new float[parameter.Length]);
        return new Trainer(silent, Loss, new Sgd(1)) { CarryState = false }.Evaluate(chunks);
    }

    /// <summary>
    /// Saying 0 where that costs more: on the rows to train on or to validate on. At least 1, the order of a scaled value, so that a column that hardly
    /// changes is no reason to call a start divergent.
    /// </summary>
    private double Guess() => Math.Max(1, Math.Max(GuessingLossOf(_training), GuessingLossOf(_validation)));
}
