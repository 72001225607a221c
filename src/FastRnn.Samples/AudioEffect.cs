using System.Diagnostics;
using FastRnn.Data.Audio;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>
/// A guitar pedal as a network: an LSTM hears what goes into the pedal and what comes out, learns it, and takes its place in front of a WAV file,
/// block by block as in a plug-in.
/// </summary>
internal static class AudioEffect
{
    private const int Block = 64;

    /// <summary>Energy of the difference to the pedal ÷ energy of its sound; times of a block in µs; what a block may take.</summary>
    internal readonly record struct Figures(double ErrorToSignal, double Median, double Longest, double Limit);

    public static Figures Run(string source, string target, TextWriter output, int updates = 400)
    {
        using var model = new Sequential(new Lstm(1, 16), new Linear(16, 1));
        output.WriteLine($"learnt the pedal, error to signal {Learn(model, updates):P1}");

        WaveFile wave = WaveFile.Read(source);
        ReadOnlySpan<float> dry = wave.Samples.Span;
        var wet = new float[dry.Length];
        using Session session = model.OpenSession();
        session.Warmup(); // from here on, no call allocates, locks or asks the system for anything
        var times = new List<double>();
        for (int at = 0; at < dry.Length; at += Block)
        {
            int length = Math.Min(Block, dry.Length - at);
            long start = Stopwatch.GetTimestamp();
            session.Process(dry.Slice(at, length), wet.AsSpan(at, length)); // the same bits whatever the length of the block
            times.Add((Stopwatch.GetTimestamp() - start) * 1e6 / Stopwatch.Frequency);
        }
        WaveFile.Write(target, wet, wave.SampleRate);

        var pedal = new float[dry.Length];
        new Pedal().Process(dry, pedal);
        times.Sort();
        var figures = new Figures(ErrorToSignal(wet, pedal), times[times.Count / 2], times[^1], Block * 1e6 / wave.SampleRate);
        output.WriteLine($"{target}: {wet.Length} samples at {wave.SampleRate} Hz, error to signal {figures.ErrorToSignal:P1}");
        output.WriteLine($"a block of {Block}: median {figures.Median:F1} µs, longest {figures.Longest:F1} µs of {figures.Limit:F0} µs");
        return figures;
    }

    /// <summary>What plug-in makers record: sweeps and noise at all levels, dry and through the pedal, in eight streams.</summary>
    private static double Learn(Sequential model, int updates)
    {
        const int Streams = 8, TimeSteps = 200;
        var trainer = new Trainer(model, new MeanSquaredError(), new Adam(1e-2f)) { ClipNorm = 1, Schedule = new CosineDecay(updates, lowest: 0.02) };
        var window = new SequenceChunk(TimeSteps, Streams, features: 1, outputs: 1);
        Pedal[] pedals = [.. Enumerable.Range(0, Streams).Select(_ => new Pedal())];
        var phase = new double[Streams];
        var random = new Random(1);
        double error = 0, energy = 0;
        for (int update = 0; update < updates; update++)
        {
            for (int i = 0; i < TimeSteps * Streams; i++)
            {
                int stream = i % Streams;
                phase[stream] += 0.01 * Math.Exp(4 * (((update * 7) + stream) % 31) / 31.0); // from 0.01 to 0.5 radians a sample
                double level = Math.Pow(((update + (3 * stream)) % 10) / 10.0, 2);
                window.InputValues[i] = (float)(level * (Math.Sin(phase[stream]) + (0.3 * ((2 * random.NextDouble()) - 1))));
                pedals[stream].Process(window.InputValues.Slice(i, 1), window.TargetValues.Slice(i, 1));
            }
            double loss = trainer.Step(window).Loss;
            if (update < updates - 50)
                continue;
            foreach (float y in window.TargetValues)
                energy += y * y;
            error += loss * window.TargetValues.Length;
        }
        return error / energy;
    }

    private static double ErrorToSignal(ReadOnlySpan<float> y, ReadOnlySpan<float> truth)
    {
        double error = 0, energy = 0;
        for (int i = 0; i < y.Length; i++)
            (error, energy) = (error + Math.Pow(y[i] - truth[i], 2), energy + Math.Pow(truth[i], 2));
        return error / energy;
    }

    /// <summary>The device: it cuts the bass, clips softly, and more on one side, then cuts the treble.</summary>
    private sealed class Pedal
    {
        private float _bass, _treble;

        public void Process(ReadOnlySpan<float> x, Span<float> y)
        {
            for (int i = 0; i < x.Length; i++)
            {
                _bass += 0.02f * (x[i] - _bass);
                float driven = 4 * (x[i] - _bass);
                float clipped = MathF.Tanh(driven > 0 ? driven : 0.7f * driven);
                y[i] = _treble += 0.4f * (clipped - _treble);
            }
        }
    }
}
