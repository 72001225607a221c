using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Series;
using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>
/// An LSTM reads a sine value by value and says the next one each time. It learns by truncated back-propagation through time: windows follow
/// each other, state is carried from one to the next, gradients stay within. Then it runs freely, each output its next input.
/// </summary>
internal static class NextStepSine
{
    private const int Period = 40, TimeSteps = 50, Windows = 40;

    /// <summary>Mean squared errors over four turns: of the next step, of the free run, and of saying 0 all the time.</summary>
    internal readonly record struct Figures(double NextStep, double FreeRun, double Zero);

    public static Figures Run(TextWriter output, int epochs = 60)
    {
        float[] sine = Signals.Sine((TimeSteps * Windows) + 1, Period);
        using var model = new Sequential(new Lstm(1, 32), new Linear(32, 1));
        var trainer = new Trainer(model, new MeanSquaredError(), new Adam(5e-3f)) { ClipNorm = 1, Schedule = new CosineDecay(epochs * Windows) };
        var window = new SequenceChunk(TimeSteps, batch: 1, features: 1, outputs: 1);
        for (int epoch = 1; epoch <= epochs; epoch++)
        {
            double loss = 0;
            for (int at = 0; at + TimeSteps < sine.Length; at += TimeSteps)
            {
                sine.AsSpan(at, TimeSteps).CopyTo(window.InputValues);
                sine.AsSpan(at + 1, TimeSteps).CopyTo(window.TargetValues);
                window.StartsStreams = at == 0;
                loss += trainer.Step(window).Loss / Windows;
            }
            if (epoch % 10 == 0)
                output.WriteLine($"epoch {epoch}: MSE {loss:E2}");
        }

        Session session = model.OpenSession();
        float[] next = [0];
        double nextStep = 0, freeRun = 0, zero = 0;
        for (int t = 0; t < 8 * Period; t++) // four turns of the sine go in, then four turns of its own
        {
            bool free = t >= 4 * Period;
            session.Step(free ? next : [sine[t]], next);
            double error = Math.Pow(next[0] - sine[t + 1], 2) / (4 * Period);
            (nextStep, freeRun) = free ? (nextStep, freeRun + error) : (nextStep + error, freeRun);
            zero += free ? Math.Pow(sine[t + 1], 2) / (4 * Period) : 0;
            if (free && t % 10 == 0)
                output.WriteLine($"step {t - (4 * Period) + 1}: {next[0]:F3}, true {sine[t + 1]:F3}");
        }
        output.WriteLine($"MSE: next step {nextStep:E2}, free run {freeRun:E2}, always 0 {zero:F3}");
        return new Figures(nextStep, freeRun, zero);
    }
}
