using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Series;
using FastRnn.Training;

namespace FastRnn.Mutations.Formats;

/// <summary>Small models that have together every kind of layer and everything a file tells beside them.</summary>
internal static class SampleModels
{
    public static IEnumerable<(Sequential Model, ModelInfo Info)> All(Backend backend)
    {
        yield return (new(backend, 1, new Rnn(3, 4), new Linear(4, 2)), new ModelInfo());
        yield return (new(backend, 2, new Lstm(3, 4), Activation.Sigmoid()), new ModelInfo());
        yield return (new(backend, 3, new Gru(2, 3), new Dropout(0.1f), new Gru(3, 3), new Linear(3, 1)), new ModelInfo());
        yield return (Characters(backend), new ModelInfo { Task = "char-lm", Vocabulary = TextDataset.FromText("abcabcaabbcc").Vocabulary });
        var words = new ModelInfo { Task = "tag", Words = new WordVocabulary(["<unk>", "a", "b"], lowerCase: true), Classes = new ClassNames(["a", "b"]) };
        yield return (new(backend, 5, new Embedding(3, 2), new Bidirectional(new Lstm(2, 2)), new Linear(4, 2)), words);
        ForecastSpec series = Series();
        yield return (new(backend, 6, new Rnn(series.InputSize, 2), new Linear(2, series.OutputSize)), new ModelInfo { Task = "forecast", Series = series });
    }

    /// <summary>A model with most of the options that cells have.</summary>
    public static Sequential Characters(Backend backend)
    {
        var narrow = new Lstm(2, 4) { Projection = 3, Peepholes = true, GateClip = 3, CellClip = 2, LayerNorm = true, Zoneout = 0.1f, CandidateActivation = CellActivation.ScaledTanh(1.5f, 0.5f) };
        var before = new Gru(3, 3) { ResetBefore = true, RecurrentDropout = 0.2f, GateActivation = CellActivation.HardSigmoid };
        return new(backend, 4, new Embedding(3, 2), narrow, new Residual(before), new Dropout(0.1f) { Variational = true }, new Linear(3, 3));
    }

    private static ForecastSpec Series() => new()
    {
        Columns = [new() { Name = "a", Relative = true, Factor = 2.5 }, new() { Name = "b=c", Text = "b", Scale = SeriesScale.None }],
        Window = 3,
        Horizon = 2,
        Quantiles = [0.1f, 0.9f],
        Calendar = CalendarFeatures.DayOfWeek,
        DateColumn = "date",
    };
}
