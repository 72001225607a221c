using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Tests.Training;

/// <summary>Small models and windows of random tokens for tests of training.</summary>
internal static class TrainingRuns
{
    /// <summary>Embedding, LSTMs of different widths with dropout between them, linear: nothing is equal to anything else by accident.</summary>
    public static Sequential Model(Backend backend, int vocabulary = 13, float dropout = 0f, ulong seed = 7) =>
        new(backend, seed, new Embedding(vocabulary, 9), new Lstm(9, 21), new Dropout(dropout), new Lstm(21, 17), new Linear(17, vocabulary));

    public static SequenceChunk RandomChunk(int steps, int batch, int vocabulary, int seed)
    {
        var random = new Random(seed);
        var chunk = new SequenceChunk(steps, batch);
        for (int i = 0; i < steps * batch; i++)
            (chunk.Inputs[i], chunk.Targets[i]) = (random.Next(vocabulary), random.Next(vocabulary));
        return chunk;
    }

    /// <summary>A trainer on a model of its own.</summary>
    public static Trainer Trainer(Backend backend, Optimizer? optimizer = null, float dropout = 0f) =>
        new(Model(backend, dropout: dropout), Loss.CrossEntropy, optimizer ?? new Sgd(0.5f));

    /// <summary>Every parameter, moment and carried state of a trainer as bits, under a name.</summary>
    public static List<(string Name, float[] Values)> Everything(Trainer trainer)
    {
        var all = new List<(string, float[])>();
        Backend backend = trainer.Model.Backend;
        for (int i = 0; i < trainer.Model.Parameters.Count; i++)
        {
            Parameter parameter = trainer.Model.Parameters[i];
            all.Add((parameter.Name, Read(backend, parameter.Value)));
            DeviceBuffer[] moments = trainer.Optimizer.Moments[i];
            for (int k = 0; k < moments.Length; k++)
                all.Add(($"{parameter.Name}.{trainer.Optimizer.MomentNames[k]}", Read(backend, moments[k])));
        }
        foreach (RecurrentState? state in trainer.State ?? [])
        {
            if (state != null)
            {
                all.Add(("h", Read(backend, state.Hidden)));
                if (state.Cell != null)
                    all.Add(("c", Read(backend, state.Cell)));
            }
        }
        return all;
    }

    /// <summary>Random letters a … m.</summary>
    public static string Shuffled(int length, int seed)
    {
        var random = new Random(seed);
        return string.Concat(Enumerable.Range(0, length).Select(_ => (char)('a' + random.Next(13))));
    }

    public static float[] Gradient(Trainer trainer, string name)
    {
        Parameter parameter = trainer.Model.Parameters.Single(p => p.Name == name);
        return Read(trainer.Model.Backend, parameter.Gradient);
    }

    public static float[] Read(Backend backend, DeviceBuffer buffer)
    {
        var values = new float[buffer.Length];
        backend.Read(buffer, values);
        return values;
    }
}
