using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Tests.Training;

/// <summary>
/// A loop over time by hand: which language is a name from? One letter a step; the log-probabilities after the last letter are the answer.
/// </summary>
internal static class NameLoopExample
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyz";

    private static readonly (string Name, int Language)[] Names =
    [
        ("rossi", 0), ("bianchi", 0), ("romano", 0), ("ricci", 0), ("marino", 0), ("costa", 0),
        ("schmidt", 1), ("schneider", 1), ("fischer", 1), ("weber", 1), ("schulz", 1), ("koch", 1),
        ("tanaka", 2), ("suzuki", 2), ("yamamoto", 2), ("nakamura", 2), ("kobayashi", 2), ("ito", 2),
    ];

    /// <summary>Mean loss in nats of every pass over the names.</summary>
    public static List<double> Train(Backend backend, int passes)
    {
        var model = new Sequential(backend, 1, new Rnn(Letters.Length, 32), new Linear(32, 3), new LogSoftmax());
        using var cell = new Cell(model, batch: 1);
        var optimizer = new Adam(5e-3f);
        var losses = new List<double>();
        for (int pass = 0; pass < passes; pass++)
            losses.Add(Names.Sum(example => Learn(cell, optimizer, example.Name, example.Language)) / Names.Length);
        return losses;
    }

    private static double Learn(Cell cell, Optimizer optimizer, string name, int language)
    {
        CellState start = cell.Start(), state = start;
        var states = new CellState[name.Length];
        var letter = new float[Letters.Length];
        for (int t = 0; t < name.Length; t++)
        {
            Array.Clear(letter);
            letter[Letters.IndexOf(name[t], StringComparison.Ordinal)] = 1;
            states[t] = state = cell.Step(letter, state);
        }

        float loss = -state.Output[language]; // negative log-likelihood
        float[] outputGradient = new float[3];
        outputGradient[language] = -1;
        for (int t = name.Length - 1; t >= 0; t--)
            cell.Backward(states[t], t == name.Length - 1 ? outputGradient : []); // the last letter's answer counts alone
        cell.Release(start);
        cell.Update(optimizer, clipNorm: 5);
        return loss;
    }
}
