using System.Globalization;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>
/// A sensor's values come line by line; what differs from the forecast by far more than usual is reported as it comes. An LSTM learns from the
/// first values; then it reads one a step and says the next.
/// </summary>
internal static class SensorStream
{
    /// <summary>Lines reported, and mean absolute errors of the forecast and of saying that nothing changes.</summary>
    internal sealed record Figures(IReadOnlyList<int> Anomalies, double Forecast, double Persistence);

    /// <param name="input">A value a line, or the last of several fields; other lines are reported and left out.</param>
    /// <param name="output">Where reports go.</param>
    /// <param name="learn">Values that are learnt from.</param>
    /// <param name="limit">Times the usual error that make an anomaly.</param>
    public static Figures Run(TextReader input, TextWriter output, int learn = 500, double limit = 8)
    {
        int line = 0;
        float[] past = [.. Values(input, output, n => line = n).Take(learn)];
        if (past.Length < learn)
            throw new InvalidDataException($"{past.Length} values came, {learn} are needed to learn from");
        float mean = past.Average(), deviation = MathF.Sqrt(past.Average(v => (v - mean) * (v - mean))) + 1e-6f;
        // An outlier would shake the state for many steps; at 4 deviations it does not.
        float Scale(float value) => Math.Clamp((value - mean) / deviation, -4, 4);

        float[] scaled = [.. past.Select(Scale)];
        using Sequential model = Learn(scaled, output);
        using Session session = model.OpenSession();
        session.Warmup();
        var forecasts = new float[learn];
        session.Process(scaled, forecasts); // a block of steps: the state is where the stream goes on
        float usual = Median(Enumerable.Range(1, learn - 1).Select(t => MathF.Abs(scaled[t] - forecasts[t - 1])));

        var anomalies = new List<int>();
        float[] x = [scaled[^1]], forecast = [forecasts[^1]];
        double error = 0, persistence = 0;
        int values = 0;
        foreach (float value in Values(input, output, n => line = n, line))
        {
            float off = MathF.Abs(((value - mean) / deviation) - forecast[0]);
            if (off > limit * usual)
            {
                anomalies.Add(line);
                output.WriteLine($"line {line}: {value}, expected {mean + (deviation * forecast[0]):G4}: {off / usual:F0} times the usual error");
            }
            (values, error, persistence) = (values + 1, error + off, persistence + MathF.Abs(((value - mean) / deviation) - x[0]));
            x[0] = Scale(value);
            session.Step(x, forecast); // allocates nothing, takes no lock, waits for nobody
        }
        (error, persistence) = (deviation * error / Math.Max(values, 1), deviation * persistence / Math.Max(values, 1));
        output.WriteLine($"{values} values, {anomalies.Count} anomalies; mean error {error:G3}, of the last value {persistence:G3}");
        return new Figures(anomalies, error, persistence);
    }

    private static Sequential Learn(float[] past, TextWriter output)
    {
        var model = new Sequential(new Lstm(1, 16), new Linear(16, 1));
        var trainer = new Trainer(model, new Huber(), new Adam(5e-3f)) { ClipNorm = 1 };
        output.WriteLine($"learnt from {past.Length} values, loss {NextValue.Learn(trainer, past, epochs: 40):F3}");
        return model;
    }

    private static IEnumerable<float> Values(TextReader input, TextWriter output, Action<int> at, int line = 0)
    {
        while (input.ReadLine() is { } text)
        {
            at(++line);
            if (float.TryParse(text.AsSpan(text.LastIndexOf(',') + 1), CultureInfo.InvariantCulture, out float value) && float.IsFinite(value))
                yield return value;
            else
                output.WriteLine($"line {line}: '{text}' ends with no number");
        }
    }

    private static float Median(IEnumerable<float> values)
    {
        float[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
