using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>
/// Is a surname Russian? An LSTM reads it letter by letter; one logit after the last letter says yes or no, trained by binary cross-entropy.
/// </summary>
internal static class RussianNames
{
    /// <summary>Shares of right answers among names that were not learnt from.</summary>
    internal readonly record struct Figures(double Network, double Majority);

    /// <param name="output">Where progress goes.</param>
    /// <param name="epochs">Passes over the names.</param>
    /// <param name="every">1 takes all names, n every n-th.</param>
    public static Figures Run(TextWriter output, int epochs = 4, int every = 1)
    {
        (string Name, bool Russian)[] names =
        [
            .. Directory.GetFiles(SampleData.Find("names")).Order(StringComparer.Ordinal)
                .SelectMany(path => File.ReadLines(path).Select(name => (name, path.EndsWith("Russian.txt", StringComparison.Ordinal))))
                .Where((_, i) => i % every == 0),
        ];
        var letters = Vocabulary.FromText(string.Concat(names.Select(n => n.Name)));
        LabelledSequence Prepare((string Name, bool Russian) n) => new(letters.Encode(n.Name), new[] { n.Russian ? 1f : 0f }, outputs: 1);
        var train = new SequenceBatches([.. names.Where((_, i) => i % 5 != 0).Select(Prepare)], batchSize: 64, roundStepsTo: 4);
        var validation = new SequenceBatches([.. names.Where((_, i) => i % 5 == 0).Select(Prepare)], batchSize: 256);

        using var model = new Sequential(new Embedding(letters.Count, 32), new Lstm(32, 128), new Linear(128, 1));
        var trainer = new Trainer(model, new BinaryCrossEntropy(), new Adam(4e-3f))
        {
            CarryState = false, // every name stands for itself
            Schedule = new CosineDecay(epochs * train.Count, lowest: 0.05),
        };
        double accuracy = 0;
        for (int epoch = 1; epoch <= epochs; epoch++)
        {
            double loss = train.Pass(epoch).Average(batch => trainer.Step(batch).Loss);
            accuracy = model.Accuracy(validation.Pass(0));
            output.WriteLine($"epoch {epoch}: loss {loss:F4}, validation loss {trainer.Evaluate(validation.Pass(0)):F4}, accuracy {accuracy:P1}");
        }

        Session session = model.OpenSession();
        float[] logit = [0];
        foreach (string name in new[] { "Dostoevsky", "Hemingway", "Murakami", "Akhmatova" })
        {
            session.Reset();
            foreach (int letter in letters.Encode(name))
                session.Step(letter, logit);
            output.WriteLine($"{name}: Russian with probability {1 / (1 + MathF.Exp(-logit[0])):P1}");
        }
        double russian = names.Where((_, i) => i % 5 == 0).Average(n => n.Russian ? 1.0 : 0.0);
        return new Figures(accuracy, Math.Max(russian, 1 - russian));
    }
}
