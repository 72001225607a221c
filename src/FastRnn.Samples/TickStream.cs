using System.Diagnostics;
using System.Globalization;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>
/// Ticks come as lines "time,price"; each is answered with the price expected next. The model that answers never stops for learning: a twin learns
/// from the ticks so far, and its weights are exchanged between two steps, where the state goes on.
/// </summary>
internal static class TickStream
{
    private const int Again = 400; // ticks from one exchange of weights to the next

    /// <summary>Ticks answered, root mean squares of the error of the forecast and of the last price, times of a step in ns, bytes that all steps allocated.</summary>
    internal readonly record struct Figures(int Ticks, double Forecast, double LastPrice, double Median, double P99, double Longest, long Allocated);

    public static Figures Run(TextReader input, TextWriter output)
    {
        using var model = new Sequential(new Lstm(1, 16), new Linear(16, 1));
        using var twin = new Sequential(new Lstm(1, 16), new Linear(16, 1));
        var trainer = new Trainer(twin, new Huber(), new Adam(3e-3f)) { ClipNorm = 1 };
        using Session session = model.OpenSession(); // the model's weights may be exchanged from any thread
        session.Warmup();

        var changes = new List<float>();
        var nanoseconds = new List<double>();
        double scale = 0, price = 0, expected = 0, squares = 0, squaresOfLast = 0;
        long allocated = 0;
        float[] x = [0], y = [0];
        foreach ((string time, double next) in Ticks(input, output))
        {
            if (expected > 0)
                (squares, squaresOfLast) = (squares + Math.Pow(next - expected, 2), squaresOfLast + Math.Pow(next - price, 2));
            changes.Add(price > 0 ? (float)Math.Log(next / price) : 0);
            price = next;
            if (changes.Count % Again == 0) // a program that trades does this on another thread
            {
                scale = Math.Sqrt(changes.Average(c => (double)c * c)) + 1e-9;
                NextValue.Learn(trainer, [.. changes.Select(c => Scaled(c, scale))], epochs: 20);
                model.Replace(twin.Snapshot());
            }
            if (scale == 0)
                continue;

            x[0] = Scaled(changes[^1], scale);
            long bytes = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
            session.Step(x, y);
            start = Stopwatch.GetTimestamp() - start;
            allocated += GC.GetAllocatedBytesForCurrentThread() - bytes;
            nanoseconds.Add(start * 1e9 / Stopwatch.Frequency);
            expected = price * Math.Exp(y[0] * scale);
            output.WriteLine($"{time},{price:G6},{expected:G6}");
        }
        if (nanoseconds.Count == 0)
            throw new InvalidDataException($"{changes.Count} ticks came, the first {Again} are only learnt from");
        return Report(nanoseconds, squares, squaresOfLast, allocated, output);
    }

    private static IEnumerable<(string Time, double Price)> Ticks(TextReader input, TextWriter output)
    {
        while (input.ReadLine() is { } line)
        {
            int comma = line.LastIndexOf(',');
            if (double.TryParse(line.AsSpan(comma + 1), CultureInfo.InvariantCulture, out double price) && double.IsFinite(price) && price > 0)
                yield return (line[..Math.Max(comma, 0)], price);
            else
                output.WriteLine($"'{line}' is no tick: time,price");
        }
    }

    private static Figures Report(List<double> nanoseconds, double squares, double squaresOfLast, long allocated, TextWriter output)
    {
        int answered = nanoseconds.Count;
        nanoseconds.Sort();
        var figures = new Figures(
            answered, Math.Sqrt(squares / answered), Math.Sqrt(squaresOfLast / answered), nanoseconds[answered / 2], nanoseconds[answered * 99 / 100],
            nanoseconds[^1], allocated);
        output.WriteLine($"{answered} ticks; off by {figures.Forecast:G4}, the last price by {figures.LastPrice:G4} (root mean squares)");
        output.WriteLine($"a step: median {figures.Median:F0} ns, 99 % within {figures.P99:F0} ns, longest {figures.Longest:F0} ns, {allocated} bytes allocated");
        return figures;
    }

    private static float Scaled(double change, double scale) => (float)Math.Clamp(change / scale, -4, 4);
}
