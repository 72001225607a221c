using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>
/// What training changes is in a checkpoint, and a run with every feature goes on to the same bits; what a trainer is told is compared, and
/// no difference passes unseen.
/// </summary>
public sealed class CheckpointSettingsTests() : FileTest("model.checkpoint")
{
    /// <summary>All regularisation, penalties, limits, factors, averages, a plateau and early stopping, stopped at every place in turn.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(11)]
    public void A_run_with_everything_resumes_to_the_same_bits(int at)
    {
        using Sequential model = Model();
        var run = new Run(model);
        run.Train(0, at);
        CheckpointFile.Save(run.Trainer, new ModelInfo(), new RunState(), Target, run.Stopping);
        double[] losses = run.Train(at, 14);

        using var other = new CpuBackend(threads: 2);
        Checkpoint checkpoint = CheckpointFile.Load(Target, other);
        using Sequential loaded = checkpoint.Model;
        var resumed = new Run(loaded);
        Assert.Empty(checkpoint.Differences(resumed.Trainer, resumed.Stopping));
        checkpoint.Restore(resumed.Trainer, resumed.Stopping);
        Assert.Equal(losses, resumed.Train(at, 14));
        Assert.Equal(Content(run), Content(resumed));
        Assert.True(run.Stopping.BestReport is > 1 and < 7, $"the best of 7 reports is number {run.Stopping.BestReport}");
        run.Stopping.RestoreBest();
        resumed.Stopping.RestoreBest();
        Assert.Equal(ModelFileTests.AllWeights(model), ModelFileTests.AllWeights(loaded));
    }

    /// <summary>Every setting by itself: a resume that has it otherwise is refused and says what it was and is, or goes on when it is allowed to.</summary>
    [Fact]
    public void No_difference_passes_unseen()
    {
        using Sequential model = Model();
        var run = new Run(model);
        run.Train(0, 5);
        CheckpointFile.Save(run.Trainer, new ModelInfo(), new RunState(), Target, run.Stopping);
        (string Name, Action<Trainer> Change)[] changes =
        [
            ("clip norm", t => t.ClipNorm = 2), ("clip value", t => t.ClipValue = 0), ("clip tensor norm", t => t.ClipTensorNorm = 7),
            ("accumulated windows", t => t.AccumulatedWindows = 3), ("average decay", t => t.AverageDecay = 0.25f),
            ("carry state", t => t.CarryState = false), ("optimizer", t => t.Optimizer.LearningRate = 0.02f),
            ("schedule", t => t.Schedule = new WarmUp(3, 0.5, new Plateau(0.5, patience: 0))),
            ("parameter 0.weight", t => t.Freeze("0.*")), ("parameter 1.bias_ih_l0", t => t.SetRateFactor("*.bias_ih*", 1)),
            ("parameter 4.weight_hh_l0", t => t.SetPenalty("*.weight_hh*", 0, 0)), ("parameter 5.weight", t => t.SetWeightDecay("5.*", 0)),
            ("parameter 4.weight_ih_l0", t => t.SetMaxNorm("4.weight_ih*", 3)),
        ];
        foreach ((string name, Action<Trainer> change) in changes)
        {
            Checkpoint checkpoint = CheckpointFile.Load(Target, _backend);
            using Sequential loaded = checkpoint.Model;
            var resumed = new Run(loaded);
            change(resumed.Trainer);
            Assert.Contains(checkpoint.Differences(resumed.Trainer, resumed.Stopping), line => line.StartsWith($"'{name}' was ", StringComparison.Ordinal));
            var error = Assert.Throws<ModelFormatException>(() => checkpoint.Restore(resumed.Trainer, resumed.Stopping));
            Assert.Contains("cannot resume: '", error.Message, StringComparison.Ordinal);
            Assert.Equal((0, double.PositiveInfinity), (resumed.Trainer.Steps, resumed.Stopping.BestLoss)); // nothing is changed
            checkpoint.Restore(resumed.Trainer, resumed.Stopping, allowChanges: true);
            Assert.Equal((run.Trainer.Steps, run.Stopping.BestLoss), (resumed.Trainer.Steps, resumed.Stopping.BestLoss));
        }
    }

    [Fact]
    public void Message_names_both_values()
    {
        using Sequential model = Model();
        CheckpointFile.Save(new Trainer(model, Loss.CrossEntropy, new Adam(0.01f)) { ClipNorm = 0.5f }, new ModelInfo(), new RunState(), Target);
        Checkpoint checkpoint = CheckpointFile.Load(Target, _backend);
        using Sequential loaded = checkpoint.Model;
        var other = new Trainer(loaded, new CrossEntropy(labelSmoothing: 0.1f), new Adam(0.01f, beta1: 0.8f));
        Assert.Equal(
            [
                "'clip norm' was '0.5', now it is '0'",
                "'loss' was 'CrossEntropy(Mean, class weights 1, label smoothing 0, ignore index -1)', "
                + "now it is 'CrossEntropy(Mean, class weights 1, label smoothing 0.1, ignore index -1)'",
                "'optimizer' was 'Adam(rate 0.01, weight decay 0, form PyTorch, beta1 0.9, beta2 0.999, epsilon 1E-08)', "
                + "now it is 'Adam(rate 0.01, weight decay 0, form PyTorch, beta1 0.8, beta2 0.999, epsilon 1E-08)'",
            ],
            checkpoint.Differences(other));
        Assert.Contains("'clip norm' was '0.5', now it is '0'; 'loss' was", Assert.Throws<ModelFormatException>(() => checkpoint.Restore(other)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Early_stopping_is_not_lost_and_not_made_up()
    {
        using Sequential model = Model(), another = Model();
        var run = new Run(model);
        run.Train(0, 5);
        Assert.Throws<ArgumentException>("stopping", () => CheckpointFile.Save(run.Trainer, new ModelInfo(), new RunState(), Target, new EarlyStopping(another, 2)));
        CheckpointFile.Save(run.Trainer, new ModelInfo(), new RunState(), Target, run.Stopping);
        Refused(null, "'early stopping' was 'EarlyStopping(patience 3, minimum improvement 0)', now it is not set");
        Refused(loaded => new EarlyStopping(loaded, 4), "now it is 'EarlyStopping(patience 4, minimum improvement 0)'");
        Checkpoint checkpoint = CheckpointFile.Load(Target, _backend);
        checkpoint.Model.Dispose();
        Assert.Throws<ArgumentException>("stopping", () => checkpoint.Restore(new Run(checkpoint.Model).Trainer, new EarlyStopping(another, 3)));
        CheckpointFile.Save(run.Trainer, new ModelInfo(), new RunState(), Target);
        Refused(loaded => new EarlyStopping(loaded, 3), "holds no early stopping, this run has one");

        void Refused(Func<Sequential, EarlyStopping>? create, string reason)
        {
            Checkpoint stored = CheckpointFile.Load(Target, _backend);
            using Sequential loaded = stored.Model;
            Trainer trainer = new Run(loaded).Trainer;
            EarlyStopping? stopping = create?.Invoke(loaded);
            var error = Assert.Throws<ModelFormatException>(() => stored.Restore(trainer, stopping));
            Assert.Contains(reason, error.Message, StringComparison.Ordinal);
            stored.Restore(trainer, stopping, allowChanges: true);
            Assert.Equal(run.Trainer.Steps, trainer.Steps);
        }
    }

    [Theory]
    [InlineData("\"best_report\":1", "\"best_report\":3", "what early stopping remembers is not valid")]
    [InlineData("\"best_report\":1", "\"best_report\":-1", "what early stopping remembers is not valid")]
    [InlineData("\"best_report\":1", "\"best_report\":0", "what early stopping remembers is not valid")]
    [InlineData("\"best_loss\":1", "\"best_loss\":\"NaN\"", "what early stopping remembers is not valid")]
    [InlineData("\"best_loss\":1", "\"worst_loss\":1", "fastrnn.checkpoint is not valid")]
    [InlineData("\"clip norm\":\"1\"", "\"clip norm\":null", "'clip norm' was not set, now it is '1'")]
    [InlineData("\"clip norm\":\"1\"", "\"clip norm\":\"\\n\"", "'clip norm' was '\\u000a', now")]
    public void Changed_checkpoint_is_refused_for_the_stated_reason(string text, string replacement, string reason)
    {
        using Sequential model = Model();
        var trainer = new Trainer(model, Loss.CrossEntropy, new Sgd(0.1f)) { ClipNorm = 1 };
        var stopping = new EarlyStopping(model, 3);
        stopping.Report(1);
        SafetensorsFile file = CheckpointFile.Describe(trainer, new ModelInfo(), new RunState(), stopping);
        string record = file.Metadata[CheckpointRecord.Key];
        Assert.Contains(text, record, StringComparison.Ordinal);
        file.Metadata[CheckpointRecord.Key] = record.Replace(text, replacement, StringComparison.Ordinal);
        SafetensorsWriter.Write(Target, file);
        var error = Assert.Throws<ModelFormatException>(() =>
        {
            Checkpoint checkpoint = CheckpointFile.Load(Target, _backend);
            using Sequential loaded = checkpoint.Model;
            checkpoint.Restore(new Trainer(loaded, Loss.CrossEntropy, new Sgd(0.1f)) { ClipNorm = 1 }, new EarlyStopping(loaded, 3));
        });
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Best_weights_must_be_there_and_fit()
    {
        using Sequential model = Model();
        var trainer = new Trainer(model, Loss.CrossEntropy, new Sgd(0.1f));
        var stopping = new EarlyStopping(model, 3);
        stopping.Report(1);
        SafetensorsFile file = CheckpointFile.Describe(trainer, new ModelInfo(), new RunState(), stopping);
        file.Tensors.RemoveAll(tensor => tensor.Name == "early_stopping.best.5.bias");
        SafetensorsWriter.Write(Target, file);
        Assert.Contains("tensor 'early_stopping.best.5.bias' is missing", Assert.Throws<ModelFormatException>(() => CheckpointFile.Load(Target, _backend)).Message, StringComparison.Ordinal);
    }

    /// <summary>Whatever is left out of its words would be a difference that nobody sees.</summary>
    [Fact]
    public void Words_of_optimizers_schedules_and_losses_differ_when_they_do()
    {
        object[] all =
        [
            .. OptimizerKernelTests.Optimizers.Values.Select(create => create()),
            new Sgd(0.1f, 0.8f), new RmsProp(0.01f), new RmsProp(0.01f, 0.9f), new RmsProp(0.01f, epsilon: 1e-3f), new AdaGrad(0.05f), new AdaGrad(0.05f, 1e-3f),
            new Adam(0.01f, 0.8f), new Adam(0.01f, beta2: 0.9f), new Adam(0.01f, epsilon: 1e-3f), new AdamW(0.011f), new Nadam(0.011f),
            new Nadam(0.011f, momentumDecay: 1), new StepDecay(2, 0.5), new StepDecay(3, 0.5), new StepDecay(2, 0.25), new ExponentialDecay(0.5),
            new ExponentialDecay(0.25), new ExponentialDecay(0.5, 2), new CosineDecay(3), new CosineDecay(4), new CosineDecay(3, 0.5),
            new CosineDecay(3, restarts: true), new CosineDecay(3, restarts: true, growth: 2), new OneCycle(10), new OneCycle(11), new OneCycle(10, 0.4),
            new OneCycle(10, startDivisor: 2), new OneCycle(10, endDivisor: 2), new WarmUp(2), new WarmUp(3), new WarmUp(2, 0.5), new WarmUp(2, 0, new CosineDecay(3)),
            new ProductSchedule(new WarmUp(2)), new ProductSchedule(new WarmUp(3)), new ProductSchedule(new WarmUp(2), new WarmUp(2)), new Plateau(),
            new Plateau(0.5), new Plateau(patience: 1), new Plateau(threshold: 0), new Plateau(cooldown: 1), new Plateau(lowest: 0.5),
            .. LossRuns.All.SelectMany(loss => Enum.GetValues<LossReduction>().Select(reduction => loss.Create(3, reduction))),
            new Huber(0.5f), new PinballLoss(0.2f, 0.6f, 0.8f), new CrossEntropy(ignoreIndex: 1), new NegativeLogLikelihood(ignoreIndex: 2),
        ];
        Assert.Empty(all.GroupBy(thing => thing.ToString()).Where(group => group.Count() > 1).Select(group => group.Key));
        Assert.DoesNotContain(all, thing => thing.ToString()!.Contains("FastRnn", StringComparison.Ordinal));
    }

    private byte[] Content(Run run)
    {
        Assert.True(run.Trainer.Average != null);
        return SafetensorsSamples.Bytes(CheckpointFile.Describe(run.Trainer, new ModelInfo(), new RunState(), run.Stopping));
    }

    private Sequential Model() => new(
        _backend, 5, new Embedding(13, 9), new Lstm(9, 11) { WeightDrop = 0.3f }, new Dropout(0.25f) { Variational = true },
        new ActivityRegularization(0.1f, 1, 1), new Gru(11, 7) { WeightDrop = 0.2f }, new Linear(7, 13));

    /// <summary>The same code for the run and the run that goes on.</summary>
    private sealed class Run
    {
        private readonly Plateau _plateau = new(0.5, patience: 0, cooldown: 1);

        public Run(Sequential model)
        {
            Trainer = new Trainer(model, Loss.CrossEntropy, new AdamW(0.01f))
            {
                ClipValue = 0.1f,
                ClipTensorNorm = 0.5f,
                ClipNorm = 1,
                AccumulatedWindows = 2,
                AverageDecay = 0.5f,
                Schedule = new WarmUp(3, 0.5, _plateau),
            };
            Trainer.SetPenalty("*.weight_hh*", 0.01f, 0.02f);
            Trainer.SetMaxNorm("4.weight_ih*", 0.7f);
            Trainer.SetRateFactor("*.bias_ih*", 0.5f);
            Trainer.SetWeightDecay("5.*", 0.25f);
            Trainer.Freeze("*.bias_hh*");
            Stopping = new EarlyStopping(model, 3);
        }

        public Trainer Trainer { get; }

        public EarlyStopping Stopping { get; }

        /// <summary>Windows from … to − 1; every second one is reported, and seems to get better until the sixth.</summary>
        public double[] Train(int from, int to)
        {
            var losses = new List<double>();
            for (int window = from; window < to; window++)
            {
                losses.Add(Trainer.Step(TrainingRuns.RandomChunk(4, 3, 13, window)).Loss);
                if (window % 2 == 0)
                    continue;
                Stopping.Report(Math.Abs(window - 6));
                _plateau.Report(Math.Abs(window - 6));
            }
            return [.. losses];
        }
    }
}
