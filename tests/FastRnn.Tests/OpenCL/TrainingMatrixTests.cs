using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>Everything that the CPU trains, OpenCL trains: cells and their options, ways to wire layers, losses, optimisers, settings of the trainer.</summary>
public sealed class TrainingMatrixTests(OpenClFixture fixture) : IClassFixture<OpenClFixture>
{
    private static readonly Dictionary<string, TrainingCase> _wirings = new()
    {
        ["one layer, 100 updates"] = new(() => [new Lstm(5, 11), new Linear(11, 4)]) { Updates = 100 },
        ["three cells, 100 updates"] = new(() => [new Lstm(5, 11), new Dropout(0.2f), new Gru(11, 7), new Dropout(0.3f), new Rnn(7, 9), new Linear(9, 4)])
        {
            Updates = 100,
            Shape = TrainingCase.Masked,
        },
        ["tokens to classes, 100 updates"] = new(() => [new Embedding(13, 9), new Lstm(9, 17), new Lstm(17, 11), new Linear(11, 6)])
        {
            Updates = 100,
            Loss = () => new CrossEntropy(),
        },
        ["a sample and a step"] = new(() => [new Gru(5, 11), new Linear(11, 4)]) { Steps = 1, Batch = 1 },
        ["samples of two slices"] = new(() => [new Lstm(5, 33), new Linear(33, 4)]) { Batch = 18, Updates = 10 },
        ["dropout, variational"] = new(() => [new Lstm(5, 11), new Dropout(0.3f) { Variational = true }, new Lstm(11, 7), new Linear(7, 4)]),
        ["dropout of weights"] = new(() => [new Lstm(5, 11) { WeightDrop = 0.3f }, new Gru(11, 7) { WeightDrop = 0.2f }, new Linear(7, 4)]),
        ["dropout and zoneout of states"] = new(() => [new Gru(5, 11) { RecurrentDropout = 0.3f }, new Lstm(11, 7) { Zoneout = 0.2f, CellZoneout = 0.1f }, new Linear(7, 4)])
        {
            Shape = TrainingCase.Masked,
        },
        ["both directions"] = Both(Merge.Concat),
        ["both directions, sum"] = Both(Merge.Sum),
        ["both directions, average"] = Both(Merge.Average),
        ["both directions, product"] = Both(Merge.Multiply),
        ["both directions, answer at the end"] = new(() => [new Bidirectional(new Lstm(5, 11), lastStep: true), new Linear(22, 4)])
        {
            CarriesState = false,
            Shape = (chunk, _) => chunk.LastStepOnly = true,
        },
        ["backwards"] = new(() => [new GoBackwards(new Gru(5, 11)), new Linear(11, 4)]) { CarriesState = false, Shape = TrainingCase.Masked },
        ["residual"] = new(() => [new Lstm(5, 11), new Residual(new Lstm(11, 11)), new Residual(new Gru(11, 11)), new Linear(11, 4)]) { Shape = TrainingCase.Masked },
        ["penalised activities"] = new(() => [new Lstm(5, 11), new ActivityRegularization(0.01f, 0.02f, 0.03f), new Linear(11, 4)]) { Shape = TrainingCase.Masked },
        ["functions between"] = new(() =>
        [
            new Linear(5, 7), Activation.Relu(), new Linear(7, 7), Activation.Silu(), new Lstm(7, 11), Activation.Softplus(), new Linear(11, 7), Activation.HardSigmoid(),
            new Linear(7, 7), Activation.Tanh(), new Linear(7, 4), Activation.Sigmoid(),
        ])
        {
            Shape = TrainingCase.Masked,
        },
        ["functions with numbers between"] = new(() =>
        [
            new Linear(5, 7), Activation.LeakyRelu(0.2f), new Linear(7, 7), Activation.Gelu(), new Lstm(7, 11), Activation.Elu(0.7f), new Linear(11, 7),
            Activation.Of(CellActivation.Clip(-0.6f, 0.7f)), new Linear(7, 7), Activation.Of(CellActivation.Selu), new Linear(7, 7),
            Activation.Of(CellActivation.Exponential), new Linear(7, 4), new Softmax(),
        ])
        {
            Shape = TrainingCase.Masked,
        },
        ["normalised"] = new(() => [new LayerNormalization(5, 1e-3f), new Lstm(5, 21), new LayerNormalization(21), new Gru(21, 11), new LayerNormalization(11), new Linear(11, 4)])
        {
            Shape = TrainingCase.Masked,
        },
        ["answers at the end"] = new(() => [new Lstm(5, 11), new Linear(11, 4)]) { CarriesState = false, Shape = LastOnly },
    };

    private static readonly Dictionary<string, TrainingCase> _settings = new()
    {
        ["norm clipped"] = Plain(trainer => trainer.ClipNorm = 0.05f),
        ["values clipped"] = Plain(trainer => trainer.ClipValue = 0.003f),
        ["norms of tensors clipped"] = Plain(trainer => trainer.ClipTensorNorm = 0.02f),
        ["flow clipped"] = Plain(trainer => trainer.ClipRecurrent = 0.002f),
        ["all clipped"] = Plain(trainer => (trainer.ClipNorm, trainer.ClipValue, trainer.ClipTensorNorm, trainer.ClipRecurrent) = (0.05f, 0.01f, 0.03f, 0.01f)),
        ["windows accumulated"] = Plain(trainer => (trainer.AccumulatedWindows, trainer.ClipNorm) = (3, 0.1f)),
        ["weights averaged"] = Plain(trainer => trainer.AverageDecay = 0.9f),
        ["frozen, other rates and decays"] = Plain(trainer =>
        {
            trainer.Freeze("0.weight_ih*");
            trainer.SetRateFactor("1.*", 0.3f);
            trainer.SetWeightDecay("0.*", 0.1f);
        }),
        ["weights penalised"] = Plain(trainer => trainer.SetPenalty("*weight*", 0.001f, 0.01f)),
        ["rows limited"] = Plain(trainer => trainer.SetMaxNorm("*weight_hh*", 0.6f)),
        ["rates scheduled"] = Plain(trainer => trainer.Schedule = new WarmUp(5, 0.1, new CosineDecay(20))),
        ["far back"] = Plain(trainer => trainer.BackwardSteps = 15),
        ["far back, step norms"] = Plain(trainer => (trainer.BackwardSteps, trainer.RecordStepNorms) = (9, true)),
        ["step norms"] = Plain(trainer => trainer.RecordStepNorms = true) with { Shape = TrainingCase.Masked },
        ["gates computed again"] = Plain(trainer => trainer.Recompute = true) with { Steps = 150, Updates = 4 },
        ["gates computed again, masked"] = Plain(trainer => trainer.Recompute = true) with { Steps = 70, Updates = 4, Shape = TrainingCase.Masked },
        ["streams start anew"] = Plain(_ => { }) with { Shape = (chunk, window) => (chunk.StartsStreams, chunk.RateFactor) = (window % 3 == 0, 1 + (0.1f * window)) },
    };

    public static TheoryData<string> Cells
    {
        get
        {
            var names = new TheoryData<string>();
            for (int plain = 0; plain < CellRun.Cells.Length; plain++)
                names.Add($"plain {plain}");
            foreach ((string name, _) in CellRun.Options)
                names.Add(name);
            return names;
        }
    }

    public static TheoryData<string> Wirings => [.. _wirings.Keys];

    public static TheoryData<string> Settings => [.. _settings.Keys];

    public static TheoryData<string> Optimizers => [.. OptimizerKernelTests.Optimizers.Keys];

    public static TheoryData<string, LossReduction> Losses
    {
        get
        {
            var data = new TheoryData<string, LossReduction>();
            foreach ((string name, _) in LossRuns.All)
            {
                data.Add(name, LossReduction.Mean);
                data.Add(name, LossReduction.Sum);
            }
            return data;
        }
    }

    /// <summary>A stack of two, on windows with lengths and resets.</summary>
    [OpenClTheory]
    [MemberData(nameof(Cells))]
    public void CellsTrain(string name)
    {
        CellType cell = name.StartsWith("plain ", StringComparison.Ordinal)
            ? CellRun.Cells[int.Parse(name[6..], System.Globalization.CultureInfo.InvariantCulture)]
            : CellRun.Options.Single(option => option.Name == name).Cell;
        new TrainingCase(() =>
        {
            RecurrentLayer first = CellLayers.Create(cell, 5, 11), second = CellLayers.Create(cell, first.OutputSize(5), 7);
            return [first, new Dropout(0.2f), second, new Linear(second.OutputSize(7), 4)];
        })
        {
            Shape = TrainingCase.Masked,
            Settings = trainer => trainer.ClipNorm = 1,
            Updates = 20,
        }.Check(fixture.Backend, name);
    }

    [OpenClTheory]
    [MemberData(nameof(Wirings))]
    public void WiringsTrain(string name) => _wirings[name].Check(fixture.Backend, name);

    [OpenClTheory]
    [MemberData(nameof(Settings))]
    public void SettingsOfTheTrainerHold(string name) => _settings[name].Check(fixture.Backend, name);

    [OpenClTheory]
    [MemberData(nameof(Optimizers))]
    public void OptimizersTrain(string name) =>
        new TrainingCase(() => [new Gru(5, 11), new Linear(11, 4)]) { Optimizer = OptimizerKernelTests.Optimizers[name] }.Check(fixture.Backend, name);

    [OpenClTheory]
    [MemberData(nameof(Losses))]
    public void LossesTrain(string name, LossReduction reduction)
    {
        Func<int, LossReduction, Loss> create = LossRuns.All.Single(known => known.Name == name).Create;
        bool likelihood = create(6, reduction) is NegativeLogLikelihood;
        new TrainingCase(() => [new Lstm(5, 11), new Linear(11, 6), .. likelihood ? (Layer[])[new LogSoftmax()] : []])
        {
            Loss = () => create(6, reduction),
            Shape = TrainingCase.Masked,
            Settings = trainer => trainer.ClipNorm = 1,
        }.Check(fixture.Backend, $"{name}, {reduction}");
    }

    /// <summary>The kernels of other devices: those of GPUs, and those that do without double.</summary>
    [OpenClTheory]
    [InlineData("gpu", "three cells, 100 updates")]
    [InlineData("gpu", "tokens to classes, 100 updates")]
    [InlineData("gpu", "both directions")]
    [InlineData("single", "three cells, 100 updates")]
    public void KernelsOfOtherDevicesTrain(string kind, string name) => _wirings[name].Check(fixture.Of(kind), $"{kind}: {name}");

    private static TrainingCase Both(Merge merge) =>
        new(() => [new Bidirectional(new Lstm(5, 11), merge), new Bidirectional(new Gru(merge == Merge.Concat ? 22 : 11, 7), merge), new Linear(merge == Merge.Concat ? 14 : 7, 4)])
        {
            CarriesState = false,
            Shape = TrainingCase.Masked,
        };

    private static TrainingCase Plain(Action<Trainer> settings) => new(() => [new Lstm(5, 11), new Gru(11, 7), new Linear(7, 4)]) { Settings = settings };

    private static void LastOnly(SequenceChunk chunk, int window)
    {
        TrainingCase.Masked(chunk, window);
        chunk.LastStepOnly = true;
    }
}
