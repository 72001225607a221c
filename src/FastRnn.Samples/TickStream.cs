using System.Diagnostics;
using System.Globalization;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>
/// Ticks come as lines "time,price"; each is answered with the price expected next. The model that answers does not stop for learning unless that takes longer than
/// 20 ticks: on another thread a twin learns from the last ticks, and its weights are exchanged between two steps, where the state goes on.
/// </summary>
internal static class TickStream
{
    private const int Again = 400; // ticks from one beginning of learning to the next
    private const int Within = 20; // ticks that learning has; at a tick that is known before, so that the same ticks have the same answers
    private const int Memory = 2000; // changes that are learnt from, and steps whose times are told

    /// <summary>Ticks answered, root mean squares of the error of the forecast and of the last price, times of a step in ns, bytes that all steps allocated.</summary>
    internal readonly record struct Figures(int Ticks, double Forecast, double LastPrice, double Median, double P99, double Longest, long Allocated);

    public static Figures Run(TextReader input, TextWriter output)
    {
        using var model = new Sequential(new Lstm(1, 16), new Linear(16, 1));
        using var twin = new Twin(model);
        using Session session = model.OpenSession();
        session.Warmup();
        var score = new Score();
        double price = 0, expected = 0;
        float[] x = [0], y = [0];
        foreach ((string time, double next) in Ticks(input, output))
        {
            if (expected > 0)
                score.Compare(next, expected, price);
            float change = price > 0 ? (float)Math.Log(next / price) : 0;
            price = next;
            twin.Take(change);
            if (twin.Scale == 0)
                continue;
            x[0] = Scaled(change, twin.Scale);
            score.Step(session, x, y);
            expected = price * Math.Exp(y[0] * twin.Scale);
            output.WriteLine($"{time},{price:G6},{expected:G6}");
        }
        if (score.Steps == 0)
            throw new InvalidDataException($"{twin.Ticks} ticks came, the first {Again} are only learnt from");
        Figures figures = score.Sum();
        output.WriteLine($"{figures.Ticks} ticks; off by {figures.Forecast:G4}, the last price by {figures.LastPrice:G4} (root mean squares)");
        output.WriteLine(
            $"a step: median {figures.Median:F0} ns, 99 % within {figures.P99:F0} ns, longest {figures.Longest:F0} ns, {figures.Allocated} bytes allocated");
        return figures;
    }

    /// <summary>Learns from the last changes while the model answers.</summary>
    private sealed class Twin(Sequential model) : IDisposable
    {
        private readonly Sequential _network = new(new Lstm(1, 16), new Linear(16, 1));
        private readonly Queue<float> _changes = new();
        private Trainer? _trainer;
        private Task<double> _learning = Task.FromResult(0.0);

        public int Ticks { get; private set; }

        /// <summary>Of the changes that the model's weights have been taught with; 0 before it has any.</summary>
        public double Scale { get; private set; }

        public void Take(float change)
        {
            Keep(_changes, change);
            Ticks++;
            if (Ticks % Again == 0)
            {
                float[] last = [.. _changes];
                _learning = Task.Run(() => Learn(last));
            }
            if (Ticks != Again && (Ticks < Again || Ticks % Again != Within)) // the first time there is nothing to answer with before
                return;
            Scale = _learning.GetAwaiter().GetResult();
            model.Replace(_network.Snapshot()); // any thread may do this at any time; here the scale changes with it
        }

        public void Dispose()
        {
            _learning.Wait();
            _network.Dispose();
        }

        private double Learn(float[] changes)
        {
            _trainer ??= new Trainer(_network, new Huber(), new Adam(3e-3f)) { ClipNorm = 1 };
            double scale = Math.Sqrt(changes.Average(c => (double)c * c)) + 1e-9;
            NextValue.Learn(_trainer, [.. changes.Select(c => Scaled(c, scale))], epochs: 20);
            return scale;
        }
    }

    /// <summary>How good the answers are, and how fast.</summary>
    private sealed class Score
    {
        private readonly Queue<double> _nanoseconds = new();
        private double _squares, _squaresOfLast, _longest;
        private long _allocated;

        public int Steps { get; private set; }

        public void Compare(double price, double expected, double last) =>
            (_squares, _squaresOfLast) = (_squares + Math.Pow(price - expected, 2), _squaresOfLast + Math.Pow(price - last, 2));

        public void Step(Session session, float[] x, float[] y)
        {
            long bytes = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
            session.Step(x, y);
            double nanoseconds = (Stopwatch.GetTimestamp() - start) * 1e9 / Stopwatch.Frequency;
            _allocated += GC.GetAllocatedBytesForCurrentThread() - bytes;
            _longest = Math.Max(_longest, nanoseconds);
            Keep(_nanoseconds, nanoseconds);
            Steps++;
        }

        public Figures Sum()
        {
            double[] times = [.. _nanoseconds.Order()];
            return new Figures(
                Steps, Math.Sqrt(_squares / Steps), Math.Sqrt(_squaresOfLast / Steps), times[times.Length / 2], times[times.Length * 99 / 100], _longest, _allocated);
        }
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

    /// <summary>Adds the newest and forgets what has become too old: a stream has no end.</summary>
    private static void Keep<T>(Queue<T> queue, T value)
    {
        if (queue.Count == Memory)
            queue.Dequeue();
        queue.Enqueue(value);
    }

    private static float Scaled(double change, double scale) => (float)Math.Clamp(change / scale, -4, 4);
}
