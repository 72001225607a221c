namespace FastRnn.Metrics;

/// <summary>
/// The forecasts that a model has to beat: a value stays what it was, or, with a season of m steps, what it was at the same place of the last season
/// that is known (the naive and the seasonal naive method of Hyndman, Athanasopoulos 2021, part 5.2).
/// </summary>
public static class Persistence
{
    /// <summary>How many steps before its target the value lies that is taken for it: ⌈horizon / season⌉ seasons.</summary>
    /// <param name="horizon">Steps from the last known value to the target, at least 1.</param>
    /// <param name="season">m, at least 1; 1: no season.</param>
    public static int Lag(int horizon, int season = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(horizon, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(season, 1);
        return checked((((horizon - 1) / season) + 1) * season);
    }

    /// <summary>The steps after a history.</summary>
    /// <param name="history">Known values, the last one last; at least one season.</param>
    /// <param name="forecast">Receives as many steps as it has room for.</param>
    /// <param name="season">m, at least 1; 1: no season.</param>
    public static void Forecast(ReadOnlySpan<float> history, Span<float> forecast, int season = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(season, 1);
        if (history.Length < season)
            throw new ArgumentException($"{history.Length} known values, a season of {season} needs as many", nameof(history));
        for (int i = 0; i < forecast.Length; i++)
            forecast[i] = history[history.Length + i - Lag(i + 1, season)];
    }

    /// <summary>The errors for a part of a series, each of its values forecast from those that are known <paramref name="horizon"/> steps before.</summary>
    /// <param name="series">All values, also those before the part.</param>
    /// <param name="first">Index of the first value of the part, at least <see cref="Lag"/>.</param>
    /// <param name="count">Values of the part.</param>
    /// <param name="horizon">Steps from the last known value to the target, at least 1.</param>
    /// <param name="season">m, at least 1; 1: no season.</param>
    public static RegressionMetrics Errors(ReadOnlySpan<float> series, int first, int count, int horizon = 1, int season = 1)
    {
        int lag = Lag(horizon, season);
        if (first < lag)
            throw new ArgumentOutOfRangeException(nameof(first), first, $"the value {lag} steps before is needed");
        var errors = new RegressionMetrics();
        errors.Add(series.Slice(first, count), series.Slice(first - lag, count));
        return errors;
    }
}
