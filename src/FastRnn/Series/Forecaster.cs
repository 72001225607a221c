using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Series;

/// <summary>Forecasts in the units of the table, by a model and what was stored of its preprocessing. One thread at a time.</summary>
public sealed class Forecaster
{
    private const int LargestBatch = 256, MostOutputs = 1 << 22;
    private readonly Predictor _predictor;
    private readonly ForecastSpec _spec;

    /// <summary>A forecaster of a model, which stays the caller's.</summary>
    /// <param name="model">Reads <see cref="ForecastSpec.InputSize"/> values a row and has <see cref="ForecastSpec.OutputSize"/> outputs.</param>
    /// <param name="spec">Fitted.</param>
    /// <exception cref="ArgumentException">They do not fit together.</exception>
    public Forecaster(Sequential model, ForecastSpec spec)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.Problem() is { } problem)
            throw new ArgumentException(problem, nameof(spec));
        if (Misfit(model.TakesTokens ? null : model.InputSize, model.OutputSize, spec) is { } misfit)
            throw new ArgumentException(misfit, nameof(model));
        (_predictor, _spec) = (new Predictor(model), spec);
    }

    /// <summary>The rows after the end of a table.</summary>
    /// <param name="table">Has the columns, without gaps.</param>
    /// <param name="steps">Rows to forecast; 0: the horizon. More than the horizon is for recursive models.</param>
    /// <exception cref="ArgumentException">The table is shorter than a window, a column is missing or has gaps, or there are too many steps.</exception>
    public Forecast Next(SeriesTable table, int steps = 0)
    {
        ArgumentNullException.ThrowIfNull(table);
        return Predict(table, [table.Rows], steps)[0];
    }

    /// <summary>Forecasts from several origins, each of what was known before it.</summary>
    /// <param name="table">Has the columns, without gaps.</param>
    /// <param name="origins">First rows to forecast, from the length of a window to the rows of the table.</param>
    /// <param name="steps">Rows to forecast; 0: the horizon. More than the horizon is for recursive models.</param>
    /// <param name="cancellation">Asked before every batch.</param>
    /// <exception cref="ArgumentException">There is no window before an origin, a column is missing or has gaps, or there are too many steps.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<Forecast> Predict(SeriesTable table, IReadOnlyList<int> origins, int steps = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(origins);
        steps = CheckSteps(steps);
        foreach (int origin in origins)
        {
            if (origin < _spec.Lookback || origin > table.Rows)
                throw new ArgumentException($"a forecast of row {origin + 1} needs {_spec.Lookback} rows before it; the table has {table.Rows}", nameof(origins));
        }
        return [.. Stream(table, origins, steps, cancellation)];
    }

    /// <summary>The same one after the other, for more forecasts than one would keep; arguments are those of <see cref="Predict"/>, checked.</summary>
    internal IEnumerable<Forecast> Stream(SeriesTable table, IReadOnlyList<int> origins, int steps, CancellationToken cancellation)
    {
        SeriesRows rows = SeriesRows.From(table, _spec, steps);
        DateTime[]? times = table.Times is { Count: > 1 } known ? [.. known, .. SamplingStep.Of(known).After(known[^1], steps)] : null;
        var batch = (int)Math.Clamp(MostOutputs / ((long)_spec.Window * Math.Max(_spec.OutputSize, _spec.InputSize)), 1, LargestBatch);
        foreach (int[] part in origins.Chunk(batch))
        {
            cancellation.ThrowIfCancellationRequested();
            Forecast[] made = [.. part.Select(origin => new Forecast(_spec, origin, steps, times?.AsSpan(origin, steps).ToArray()))];
            Fill(made, [.. part.Select(origin => rows.Ahead(origin, steps))], steps);
            foreach (Forecast forecast in made)
                yield return forecast;
        }
    }

    /// <summary>What keeps a model that reads so many values, or tokens, from working by a plan, or null.</summary>
    internal static string? Misfit(int? inputs, int outputs, ForecastSpec spec) =>
        inputs != spec.InputSize
            ? $"the series has {spec.InputSize} inputs a row, the model reads {(inputs is { } width ? $"{width} values" : "tokens")}"
            : outputs != spec.OutputSize ? $"the series needs {spec.OutputSize} outputs, the model has {outputs}" : null;

    private int CheckSteps(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        if (steps > ForecastSpec.MostRows)
            throw new ArgumentException($"{steps} rows to forecast, expected {ForecastSpec.MostRows} at most", nameof(steps));
        if (steps > _spec.Horizon && _spec.Mode == ForecastMode.Direct)
            throw new ArgumentException($"{steps} rows to forecast by a direct model of {_spec.Horizon}", nameof(steps));
        steps = steps == 0 ? _spec.Horizon : steps;
        return (_spec with { Horizon = steps }).QuantileProblem() is { } problem ? throw new ArgumentException(problem, nameof(steps)) : steps;
    }

    private void Fill(Forecast[] forecasts, SeriesRows[] ahead, int steps)
    {
        var window = new SequenceChunk(_spec.Window, forecasts.Length, _spec.InputSize, 0);
        var outputs = new float[_spec.Window * forecasts.Length * _spec.OutputSize];
        for (int done = 0; done < steps; done += _spec.Steps)
        {
            int origin = _spec.Lookback + done;
            for (int b = 0; b < forecasts.Length; b++)
                ahead[b].CopyInputs(origin, window.InputValues[(b * _spec.InputSize)..], forecasts.Length * _spec.InputSize);
            _predictor.Predict(window, outputs);
            int last = (_spec.Window - 1) * forecasts.Length;
            for (int b = 0; b < forecasts.Length; b++)
                Take(forecasts[b], ahead[b], origin, done, outputs.AsSpan((last + b) * _spec.OutputSize, _spec.OutputSize));
        }
    }

    private void Take(Forecast forecast, SeriesRows ahead, int origin, int done, ReadOnlySpan<float> outputs)
    {
        int levels = _spec.Levels, steps = Math.Min(_spec.Steps, forecast.Steps - done);
        Span<double> values = stackalloc double[levels];
        for (int k = 0; k < steps; k++)
        {
            for (int j = 0; j < _spec.Targets; j++)
            {
                for (int q = 0; q < levels; q++)
                    values[q] = ahead.Undo(origin, k, j, outputs[(((k * _spec.Targets) + j) * levels) + q]);
                values.Sort(); // quantiles that cross are put in order (Chernozhukov, Fernandez-Val, Galichon 2010)
                forecast.Set(done + k, j, values);
                ahead.Observe(origin + k, j, forecast[done + k, j]);
            }
        }
    }
}
