using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>
/// Which of 18 languages is a surname from? The loop over time is written by hand: one letter a step, log-probabilities after the last, the
/// negative log-likelihood of the right language, and all the way back.
/// </summary>
internal static class NamesByLanguage
{
    /// <summary>Mean loss in nats of every pass, and shares of right answers among names that were not learnt from.</summary>
    internal sealed record Figures(IReadOnlyList<double> Losses, double Network, double Majority);

    /// <param name="output">Where progress goes.</param>
    /// <param name="passes">Over all names.</param>
    /// <param name="every">1 takes all names, n every n-th.</param>
    public static Figures Run(TextWriter output, int passes = 5, int every = 1)
    {
        string[] files = [.. Directory.GetFiles(SampleData.Find("names")).Order(StringComparer.Ordinal)];
        string[] languages = [.. files.Select(file => Path.GetFileNameWithoutExtension(file))];
        (string Name, int Language)[] names =
            [.. files.SelectMany((file, language) => File.ReadLines(file).Select(name => (name, language))).Where((_, i) => i % every == 0)];
        var letters = Vocabulary.FromText(string.Concat(names.Select(n => n.Name)));
        (string Name, int Language)[] test = [.. names.Where((_, i) => i % 5 == 0)], train = [.. names.Where((_, i) => i % 5 != 0)];

        using var model = new Sequential(new Embedding(letters.Count, 32), new Rnn(32, 128), new Linear(128, languages.Length), new LogSoftmax());
        using var cell = new Cell(model, batch: 1);
        var optimizer = new Adam(1e-3f);
        var losses = new List<double>();
        for (int pass = 1; pass <= passes; pass++)
        {
            optimizer.LearningRate = 1e-3f * (passes + 1 - pass) / passes;
            new Random(pass).Shuffle(train);
            losses.Add(train.Average(n => Learn(cell, optimizer, letters.Encode(n.Name), n.Language)));
            output.WriteLine($"pass {pass}: mean loss {losses[^1]:F3}");
        }

        double right = test.Average(n => Best(cell, letters.Encode(n.Name)) == n.Language ? 1.0 : 0.0);
        double majority = test.CountBy(n => n.Language).Max(n => n.Value) / (double)test.Length;
        output.WriteLine($"right: {right:P1} of {test.Length} other names; always the commonest language: {majority:P1}");
        foreach (string name in new[] { "Dovesky", "Jackson", "Satoshi", "Rossi", "Papadopoulos", "Nguyen" })
            output.WriteLine($"{name}: {languages[Best(cell, letters.Encode(name))]}");
        return new Figures(losses, right, majority);
    }

    private static double Learn(Cell cell, Optimizer optimizer, int[] name, int language)
    {
        CellState start = cell.Start(), state = start;
        var states = new CellState[name.Length];
        for (int t = 0; t < name.Length; t++)
            states[t] = state = cell.Step([name[t]], state);

        double loss = -state.Output[language]; // negative log-likelihood
        var outputGradient = new float[state.Output.Length];
        outputGradient[language] = -1;
        for (int t = name.Length - 1; t >= 0; t--)
            cell.Backward(states[t], t == name.Length - 1 ? outputGradient : []); // only the answer after the last letter counts
        cell.Release(start);
        cell.Update(optimizer, clipNorm: 1);
        return loss;
    }

    private static int Best(Cell cell, int[] name)
    {
        CellState state = cell.Start();
        foreach (int letter in name)
            state = cell.Step([letter], state);
        int best = 0;
        for (int language = 1; language < state.Output.Length; language++)
            best = state.Output[language] > state.Output[best] ? language : best;
        cell.Clear();
        return best;
    }
}
