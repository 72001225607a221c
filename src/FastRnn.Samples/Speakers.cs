using FastRnn.Data;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>
/// Which of nine speakers said it? Two vowels as 7 to 29 steps of 12 coefficients each, one answer after the last step. A simple recurrent
/// network and an LSTM are trained with validation data, keep their best weights, and are evaluated on recordings they have not met.
/// </summary>
internal static class Speakers
{
    /// <summary>Shares of right answers: of both networks on the test set, and of the best guess without listening.</summary>
    internal readonly record struct Figures(double SimpleRnn, double Lstm, double Majority);

    public static Figures Run(TextWriter output, int epochs = 40)
    {
        TsFile learn = TsFile.Read(SampleData.Find("japanese-vowels", "JapaneseVowels_TRAIN.ts"));
        TsFile unseen = TsFile.Read(SampleData.Find("japanese-vowels", "JapaneseVowels_TEST.ts"));
        var classes = new ClassNames(learn.Classes);
        var scale = Standardization.Fit([.. learn.Series.Select(s => s.Values)], learn.Channels);
        LabelledSequence Prepare(LabelledSeries s) =>
            new(scale.Apply(s.Values.Span), s.Channels, new[] { classes.TryGet(s.Label!, out int speaker) ? speaker : -1 });
        LabelledSequence[] all = [.. learn.Series.Select(Prepare)], test = [.. unseen.Series.Select(Prepare)];
        LabelledSequence[] train = [.. all.Where((_, i) => i % 5 != 0)], validation = [.. all.Where((_, i) => i % 5 == 0)];

        double Learn(string name, RecurrentLayer layer)
        {
            output.WriteLine($"{name}:");
            using var model = new Sequential(layer, new Dropout(0.3f), new Linear(layer.Hidden, classes.Count));
            return Train(model, train, validation, test, epochs, output);
        }
        return new Figures(
            Learn("SimpleRNN(50)", new Rnn(learn.Channels, 50)), Learn("LSTM(128)", new Lstm(learn.Channels, 128)),
            unseen.Series.CountBy(s => s.Label!).Max(c => c.Value) / (double)test.Length);
    }

    private static double Train(
        Sequential model, LabelledSequence[] train, LabelledSequence[] validation, LabelledSequence[] test, int epochs, TextWriter output)
    {
        var batches = new SequenceBatches(train, batchSize: 15);
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(5e-3f)) // softmax is part of the loss
        {
            CarryState = false, // every recording stands for itself
            ClipNorm = 1,
            Schedule = new CosineDecay(epochs * batches.Count),
        };
        SequenceChunk validated = SequenceBatches.Pad(validation), tested = SequenceBatches.Pad(test);
        var stopping = new EarlyStopping(model, patience: 20);
        for (int epoch = 1; epoch <= epochs && !stopping.ShouldStop; epoch++)
        {
            double loss = batches.Pass(epoch).Average(batch => trainer.Step(batch).Loss), validationLoss = trainer.Evaluate([validated]);
            stopping.Report(validationLoss);
            if (epoch % 10 == 0)
                output.WriteLine($"epoch {epoch}: loss {loss:F3}, validation loss {validationLoss:F3}, accuracy {model.Accuracy([validated]):P1}");
        }
        stopping.RestoreBest();
        double accuracy = model.Accuracy([tested]);
        output.WriteLine($"best epoch {stopping.BestReport}: test loss {trainer.Evaluate([tested]):F3}, accuracy {accuracy:P1}");
        return accuracy;
    }
}
