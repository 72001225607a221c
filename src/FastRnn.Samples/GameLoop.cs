using System.Diagnostics;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>
/// A thousand agents chase targets that they see only every eighth frame, so each has to remember; one GRU steers them all, and a frame is one
/// call: the agents share the pass over the weights. Who arrives gets another target, and forgets.
/// </summary>
internal static class GameLoop
{
    private const int Agents = 1000, Blink = 8;
    private const float Speed = 0.02f;

    /// <summary>Arrivals, agents that arrived at least once, and µs of a frame's step.</summary>
    internal readonly record struct Figures(int Arrivals, int Arrived, double Median, double Longest);

    public static Figures Run(TextWriter output, int frames = 300)
    {
        using var model = new Sequential(new Gru(3, 64), new Linear(64, 2));
        output.WriteLine($"learnt from the one who sees, loss {Learn(model):E1}");

        using Session session = model.OpenSession(new SessionOptions { Streams = Agents });
        session.Warmup();
        var random = new Random(1);
        var way = new float[Agents, 2]; // from the agent to its target
        var senses = new float[Agents * 3];
        var moves = new float[Agents * 2];
        var arrivals = new int[Agents];
        var times = new double[frames];
        for (int agent = 0; agent < Agents; agent++)
            Place(way, agent, random);

        for (int frame = 0; frame < frames; frame++)
        {
            for (int agent = 0; agent < Agents; agent++)
                Sense(way[agent, 0], way[agent, 1], (frame + agent) % Blink == 0, senses.AsSpan(agent * 3, 3));
            long start = Stopwatch.GetTimestamp();
            session.StepBatch(senses, moves);
            times[frame] = (Stopwatch.GetTimestamp() - start) * 1e6 / Stopwatch.Frequency;
            for (int agent = 0; agent < Agents; agent++)
            {
                if (!Arrives(way, agent, moves.AsSpan(2 * agent, 2)))
                    continue;
                arrivals[agent]++;
                Place(way, agent, random);
                session.Reset(agent);
            }
        }

        Array.Sort(times);
        var figures = new Figures(arrivals.Sum(), arrivals.Count(n => n > 0), times[frames / 2], times[^1]);
        output.WriteLine($"{frames} frames: {figures.Arrivals} arrivals, {figures.Arrived} of {Agents} agents arrived");
        output.WriteLine($"a frame's step: median {figures.Median:F0} µs, longest {figures.Longest:F0} µs of the 16667 µs at 60 Hz");
        return figures;
    }

    /// <summary>The teacher sees its target all the time and walks straight there; who learns sees it at blinks and is told the teacher's moves.</summary>
    private static double Learn(Sequential model, int updates = 200)
    {
        const int Batch = 32, TimeSteps = 40;
        var trainer = new Trainer(model, new MeanSquaredError(), new Adam(3e-3f)) { CarryState = false, ClipNorm = 1, Schedule = new CosineDecay(updates) };
        var window = new SequenceChunk(TimeSteps, Batch, features: 3, outputs: 2);
        var random = new Random(2);
        var way = new float[Batch, 2];
        double loss = 0;
        for (int update = 0; update < updates; update++)
        {
            for (int i = 0; i < TimeSteps * Batch; i++)
            {
                int t = i / Batch, b = i % Batch;
                if (t == 0)
                    Place(way, b, random);
                float x = way[b, 0], y = way[b, 1], length = MathF.Max(MathF.Sqrt((x * x) + (y * y)), Speed);
                Sense(x, y, (t + b) % Blink == 0, window.InputValues.Slice(i * 3, 3));
                (window.TargetValues[2 * i], window.TargetValues[(2 * i) + 1]) = (x / length, y / length);
                (way[b, 0], way[b, 1]) = (x - (Speed * x / length), y - (Speed * y / length));
            }
            loss = trainer.Step(window).Loss;
        }
        return loss;
    }

    private static bool Arrives(float[,] way, int agent, ReadOnlySpan<float> move)
    {
        (way[agent, 0], way[agent, 1]) = (way[agent, 0] - (Speed * move[0]), way[agent, 1] - (Speed * move[1]));
        return MathF.Abs(way[agent, 0]) + MathF.Abs(way[agent, 1]) < 2 * Speed;
    }

    private static void Place(float[,] way, int agent, Random random) =>
        (way[agent, 0], way[agent, 1]) = ((2 * random.NextSingle()) - 1, (2 * random.NextSingle()) - 1);

    /// <summary>The way to the target while the eyes are open, and whether they are.</summary>
    private static void Sense(float x, float y, bool open, Span<float> senses) =>
        (senses[0], senses[1], senses[2]) = open ? (x, y, 1) : (0f, 0f, 0f);
}
