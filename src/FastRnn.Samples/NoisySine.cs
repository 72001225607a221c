using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Series;
using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>
/// A simple recurrent network reads ten values of a noisy sine and foretells the next. The linear forecast from the same ten values is the
/// one to compare with: nothing simple is better at this.
/// </summary>
internal static class NoisySine
{
    private const int Window = 10;

    /// <summary>Mean squared errors on the test part.</summary>
    internal readonly record struct Figures(double Network, double Linear, double Persistence);

    public static Figures Run(TextWriter output, ulong seed = 1, int epochs = 60, double noise = 0.1)
    {
        float[] series = Signals.Sine(length: 1000, period: 50, noise, seed);
        int split = series.Length * 7 / 10; // by time: what is tested comes after what is learnt from
        LabelledSequence[] train = Windows(series, Window, split), test = Windows(series, split, series.Length);

        using var model = new Sequential(new Rnn(1, 50, CellActivation.Relu), new Linear(50, 1));
        var batches = new SequenceBatches(train, batchSize: 32);
        var trainer = new Trainer(model, new MeanSquaredError(), new Adam(2e-3f))
        {
            CarryState = false, // every window stands for itself
            ClipNorm = 1,
            Schedule = new CosineDecay(epochs * batches.Count, lowest: 0.01),
        };
        for (int epoch = 1; epoch <= epochs; epoch++)
        {
            double loss = batches.Pass(epoch).Average(batch => trainer.Step(batch).Loss);
            if (epoch % 10 == 0)
                output.WriteLine($"epoch {epoch}: training MSE {loss:F4}");
        }

        var linear = Autoregression.Fit(series.AsSpan(0, split), order: Window);
        var figures = new Figures(
            trainer.Evaluate([SequenceBatches.Pad(test)]),
            Error(series, split, t => linear.Next(series.AsSpan(0, t))),
            Error(series, split, t => series[t - 1]));
        output.WriteLine($"test MSE: SimpleRNN {figures.Network:F4}, linear AR({Window}) {figures.Linear:F4}, last value {figures.Persistence:F4}");
        return figures;
    }

    /// <summary>The values from one time to another, each with the window before it.</summary>
    private static LabelledSequence[] Windows(float[] series, int from, int to) =>
        [.. Enumerable.Range(from, to - from).Select(t => new LabelledSequence(series.AsMemory(t - Window, Window), 1, series.AsMemory(t, 1), 1))];

    private static double Error(float[] series, int from, Func<int, double> forecast) =>
        Enumerable.Range(from, series.Length - from).Average(t => Math.Pow(series[t] - forecast(t), 2));
}
