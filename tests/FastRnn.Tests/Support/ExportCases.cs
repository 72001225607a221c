using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Tests.Support;

/// <summary>Models of every cell, direction, stack and option, to be written for other programs: by name, so that each is a case of its own.</summary>
internal static class ExportCases
{
    public const int Features = 7, Units = 11, Tokens = 13;

    private static readonly (string Name, Func<int, int, RecurrentLayer> Make)[] _cells =
    [
        ("lstm", (input, hidden) => new Lstm(input, hidden)),
        ("gru", (input, hidden) => new Gru(input, hidden)),
        ("gru reset before", (input, hidden) => new Gru(input, hidden) { ResetBefore = true }),
        ("rnn tanh", (input, hidden) => new Rnn(input, hidden)),
        ("rnn relu", (input, hidden) => new Rnn(input, hidden, CellActivation.Relu)),
    ];

    private static readonly CellActivation[] _functions =
    [
        CellActivation.Tanh, CellActivation.Relu, CellActivation.Sigmoid, CellActivation.Identity, CellActivation.HardSigmoid,
        CellActivation.HardSigmoidKeras2, CellActivation.HardSigmoidOf(0.3f, 0.4f), CellActivation.Softsign, CellActivation.Softplus, CellActivation.Elu(0.7f),
        CellActivation.LeakyRelu(0.05f), CellActivation.ThresholdedRelu(0.2f), CellActivation.ScaledTanh(1.2f, 0.8f), CellActivation.Affine(0.5f, 0.1f),
    ];

    /// <summary>Layers of each model; made anew at every call, as a layer belongs to one model.</summary>
    public static IReadOnlyDictionary<string, Func<Layer[]>> All { get; } = Create();

    private static Dictionary<string, Func<Layer[]>> Create()
    {
        var cases = new Dictionary<string, Func<Layer[]>>();
        foreach ((string cell, Func<int, int, RecurrentLayer> make) in _cells)
        {
            AddDirections(cases, cell, make);
            foreach (Merge merge in Enum.GetValues<Merge>())
            {
                int width = merge == Merge.Concat ? 2 * Units : Units;
                cases[$"{cell}, both, {merge}"] = () => [new Bidirectional(make(Features, Units), merge), new Linear(width, 3)];
                cases[$"{cell}, both, {merge}, last step"] = () => [new Bidirectional(make(Features, Units), merge, lastStep: true), new Linear(width, 3), new LogSoftmax()];
            }
            cases[$"{cell}, backwards, last step"] = () => [new GoBackwards(make(Features, Units), lastStep: true)];
        }
        AddOptions(cases);
        AddOtherLayers(cases);
        return cases;
    }

    private static void AddDirections(Dictionary<string, Func<Layer[]>> cases, string cell, Func<int, int, RecurrentLayer> make)
    {
        cases[$"{cell}, alone"] = () => [make(Features, Units)];
        cases[$"{cell}, two"] = () => [make(Features, Units), make(Units, 5), new Linear(5, 3)];
        cases[$"{cell}, three"] = () => [make(Features, Units), new Dropout(0.5f), make(Units, 5), make(5, 6)];
        cases[$"{cell}, backwards"] = () => [new GoBackwards(make(Features, Units)), new Linear(Units, 3)];
        cases[$"{cell}, backwards, two"] = () => [new GoBackwards(make(Features, Units)), new GoBackwards(make(Units, 5))];
        cases[$"{cell}, both, two"] = () => [new Bidirectional(make(Features, Units)), new Bidirectional(make(2 * Units, 5)), new Linear(10, 3)];
        cases[$"{cell}, tokens"] = () => [new Embedding(Tokens, Features), make(Features, Units), new Linear(Units, Tokens)];
    }

    private static void AddOptions(Dictionary<string, Func<Layer[]>> cases)
    {
        foreach (CellActivation function in _functions)
        {
            cases[$"rnn {function}"] = () => [new Rnn(Features, Units, function)];
            cases[$"lstm, candidate {function}, both"] = () => [new Bidirectional(new Lstm(Features, Units) { CandidateActivation = function })];
            cases[$"lstm, output {function}"] = () => [new Lstm(Features, Units) { OutputActivation = function, GateActivation = CellActivation.HardSigmoid }];
            cases[$"gru, candidate {function}, both"] = () => [new Bidirectional(new Gru(Features, Units) { CandidateActivation = function, GateActivation = CellActivation.HardSigmoidOf(0.3f, 0.6f) })];
        }
        foreach (bool peepholes in (bool[])[false, true])
        {
            foreach (bool coupled in (bool[])[false, true])
            {
                foreach (float clip in (float[])[0, 0.2f])
                {
                    Lstm Make() => new(Features, Units) { Peepholes = peepholes, CoupledGates = coupled, GateClip = clip };
                    cases[$"lstm, peepholes {peepholes}, coupled {coupled}, clip {clip}"] = () => [Make()];
                    cases[$"lstm, peepholes {peepholes}, coupled {coupled}, clip {clip}, both"] = () => [new Bidirectional(Make())];
                }
            }
        }
        cases["gates of training alone"] = () => [new Lstm(Features, Units) { RecurrentDropout = 0.3f, WeightDrop = 0.2f }, new ActivityRegularization(0, 1, 1)];
    }

    private static void AddOtherLayers(Dictionary<string, Func<Layer[]>> cases)
    {
        foreach (Func<Activation> make in (Func<Activation>[])[Activation.Relu, Activation.Tanh, Activation.Sigmoid, Activation.HardSigmoid, Activation.Softplus, Activation.Silu])
            cases[$"linear, {make().Function}"] = () => [new Linear(Features, 9), make(), new Linear(9, 4)];
        foreach (CellActivation function in _functions)
            cases[$"linear, chosen {function}"] = () => [new Linear(Features, 9), Activation.Of(function), new Linear(9, 4)];
        cases["gelu, softmax"] = () => [new Linear(Features, 9), Activation.Gelu(), new Linear(9, 4), new Softmax()];
        cases["norms"] = () => [new LayerNormalization(Features), new Lstm(Features, 6), new LayerNormalization(6, 1e-3f), new Residual(new LayerNormalization(6))];
        cases["residuals"] = () =>
        [
            new Linear(Features, 6), new Residual(new Lstm(6, 6)), new Residual(new Bidirectional(new Gru(6, 3))), new Residual(Activation.Silu()), new Residual(new Linear(6, 6)),
        ];
        cases["last step in the middle"] = () => [new GoBackwards(new Lstm(Features, 6), lastStep: true), new Residual(new Linear(6, 6)), new Gru(6, 4)];
        cases["last step in a residual"] = () => [new Linear(Features, 6), new Residual(new Bidirectional(new Lstm(6, 6), Merge.Sum, lastStep: true))];
        cases["tokens, classes"] = () => [new Embedding(Tokens, 5), new Bidirectional(new Lstm(5, 4), Merge.Concat, lastStep: true), new Linear(8, 3), new LogSoftmax()];
    }
}
