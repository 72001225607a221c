using System.Text.RegularExpressions;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>
/// A checkpoint taken in the middle of everything – windows waiting for their update, an average, a parameter that joined late, a schedule that
/// remembers – goes on to the bits of a run that never stopped, for every optimiser.
/// </summary>
public sealed class CheckpointUpdateTests() : FileTest("model.checkpoint")
{
    public static TheoryData<string> Names => OptimizerKernelTests.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_optimizer_resumes_to_the_same_bits(string name)
    {
        foreach (int at in (int[])[1, 4, 6, 14])
        {
            using var model = TrainingRuns.Model(_backend);
            var trainer = Trainer(model, name);
            Train(trainer, 0, at);
            CheckpointFile.Save(trainer, new ModelInfo(), new RunState(), Target);
            double[] losses = Train(trainer, at, 20);

            var checkpoint = CheckpointFile.Load(Target, _backend);
            using var resumedModel = checkpoint.Model;
            var resumed = Trainer(resumedModel, name, frozen: at <= 6);
            checkpoint.Restore(resumed);
            Assert.Equal((at / 3, at % 3), (resumed.Steps, resumed.PendingWindows));
            Assert.Equal(losses, Train(resumed, at, 20));
            Assert.Equal(Content(trainer), Content(resumed));
            Assert.Equal(6, resumed.Steps);
            Assert.InRange(resumed.UpdateCounts[0], 1, 5);
        }
    }

    [Fact]
    public void A_schedule_that_remembers_must_be_there_when_training_goes_on()
    {
        using var model = TrainingRuns.Model(_backend);
        var trainer = Trainer(model, "adam");
        Train(trainer, 0, 4);
        CheckpointFile.Save(trainer, new ModelInfo(), new RunState(), Target);
        foreach (Schedule? other in (Schedule?[])[null, new StepDecay(2, 0.5), new ProductSchedule(new Plateau(), new Plateau())])
        {
            var checkpoint = CheckpointFile.Load(Target, _backend);
            using var loaded = checkpoint.Model;
            var resumed = Trainer(loaded, "adam");
            resumed.Schedule = other;
            var error = Assert.Throws<ModelFormatException>(() => checkpoint.Restore(resumed));
            Assert.Contains($"remembers 4 numbers, this run's {other?.State.Count ?? 0}", error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>What gradients go back through is not in a file: it ends before one is written, and then the run that goes on and the resumed one agree.</summary>
    [Fact]
    public void The_way_back_behind_a_checkpoint_ends_there()
    {
        using var model = TrainingRuns.Model(_backend);
        Trainer trainer = New(model);
        Train(trainer, 0, 3);
        var error = Assert.Throws<InvalidOperationException>(() => CheckpointFile.Save(trainer, new ModelInfo(), new RunState(), Target));
        Assert.Contains("could go back up to 9 steps behind this checkpoint", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Target));
        trainer.ForgetPast();
        CheckpointFile.Save(trainer, new ModelInfo(), new RunState(), Target);
        double[] losses = Train(trainer, 3, 8);

        var checkpoint = CheckpointFile.Load(Target, _backend);
        using var resumedModel = checkpoint.Model;
        Trainer resumed = New(resumedModel);
        checkpoint.Restore(resumed);
        Assert.Equal(losses, Train(resumed, 3, 8));
        TrainerTests.Same(TrainingRuns.Everything(trainer), TrainingRuns.Everything(resumed));

        static Trainer New(Sequential model) => new(model, Loss.CrossEntropy, new Adam(0.01f)) { BackwardSteps = 10 };

        static double[] Train(Trainer trainer, int from, int to) =>
            [.. Enumerable.Range(from, to - from).Select(step => trainer.Step(TrainingRuns.RandomChunk(3, 4, 13, seed: step)).Loss)];
    }

    [Fact]
    public void Averaged_weights_are_not_saved_for_trained_ones()
    {
        using var model = TrainingRuns.Model(_backend);
        var trainer = Trainer(model, "adam");
        Train(trainer, 0, 3);
        trainer.SwapAverage();
        Assert.Throws<InvalidOperationException>(() => CheckpointFile.Save(trainer, new ModelInfo(), new RunState(), Target));
        Assert.False(File.Exists(Target));
        trainer.SwapAverage();
        CheckpointFile.Save(trainer, new ModelInfo(), new RunState(), Target);
    }

    [Theory]
    [InlineData("\"pending_windows\":1", "\"pending_windows\":-1", "windows that wait")]
    [InlineData("\"pending_windows\":1", "\"pending_windows\":0", "windows that wait")]
    [InlineData(",\"gradient\"]", "]", "windows that wait")]
    [InlineData("\"average\",", "", "belongs to no layer")]
    [InlineData("\"update_counts\":[0,", "\"update_counts\":[", "updates of the parameters")]
    [InlineData("\"update_counts\":[0,", "\"update_counts\":[-1,", "updates of the parameters")]
    [InlineData("\"update_counts\":[0,", "\"update_counts\":[9,", "updates of the parameters")]
    [InlineData("\"update_counts\":[0,", "\"update_counts\":[null,", "not valid")]
    [InlineData("\"schedule\":[1,", "\"schedule\":[2,", "a plateau cannot have come to 2")]
    [InlineData("\"schedule\":[1,", "\"schedule\":[\"NaN\",", "a plateau cannot have come to NaN")]
    [InlineData("\"schedule\":[1,", "\"schedule\":[", "remembers 3 numbers")]
    public void Changed_checkpoint_is_refused_for_the_stated_reason(string text, string replacement, string reason)
    {
        using var model = TrainingRuns.Model(_backend);
        var trainer = Trainer(model, "adam");
        Train(trainer, 0, 4);
        Write(trainer, record =>
        {
            Assert.Contains(text, record, StringComparison.Ordinal);
            return record.Replace(text, replacement, StringComparison.Ordinal);
        });
        var error = Assert.Throws<ModelFormatException>(() =>
        {
            var checkpoint = CheckpointFile.Load(Target, _backend);
            using var loaded = checkpoint.Model;
            checkpoint.Restore(Trainer(loaded, "adam"));
        });
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Files from before there were such things do not have them.</summary>
    [Fact]
    public void Checkpoint_without_waiting_windows_counts_or_schedule_is_read()
    {
        using var model = TrainingRuns.Model(_backend);
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.01f));
        trainer.Step(TrainingRuns.RandomChunk(4, 3, 13, seed: 1));
        Write(trainer, record =>
        {
            string older = Regex.Replace(record, "\"(pending_windows|update_counts|schedule|settings)\":(0|\\[\\]|\\{[^}]*\\}),?", "").Replace(",}", "}", StringComparison.Ordinal);
            Assert.DoesNotContain("schedule", older, StringComparison.Ordinal);
            return older;
        });
        var checkpoint = CheckpointFile.Load(Target, _backend);
        using var loaded = checkpoint.Model;
        var resumed = new Trainer(loaded, Loss.CrossEntropy, new Adam(0.01f));
        checkpoint.Restore(resumed);
        trainer.Step(TrainingRuns.RandomChunk(4, 3, 13, seed: 2));
        resumed.Step(TrainingRuns.RandomChunk(4, 3, 13, seed: 2));
        Assert.Equal(Content(trainer), Content(resumed));
    }

    [Theory]
    [InlineData("\"options\":{},")]
    [InlineData(",\"epochs\":[]")]
    public void Checkpoint_whose_run_lacks_a_list_is_read(string text)
    {
        using var model = TrainingRuns.Model(_backend);
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.01f));
        Write(trainer, record =>
        {
            Assert.Contains(text, record, StringComparison.Ordinal);
            return record.Replace(text, "", StringComparison.Ordinal);
        });
        var checkpoint = CheckpointFile.Load(Target, _backend);
        checkpoint.Model.Dispose();
        Assert.Empty(checkpoint.Run.Options);
        Assert.Empty(checkpoint.Run.Epochs);
    }

    private static Trainer Trainer(Sequential model, string name, bool frozen = true)
    {
        var schedule = new WarmUp(2, 0.5, new ProductSchedule(new CosineDecay(10), new Plateau(0.5, patience: 0, cooldown: 1)));
        var trainer = new Trainer(model, Loss.CrossEntropy, OptimizerKernelTests.Optimizers[name]())
        {
            AccumulatedWindows = 3,
            AverageDecay = 0.5f,
            ClipNorm = 1,
            ClipValue = 0.1f,
            Schedule = schedule,
        };
        trainer.Freeze("0.*", frozen);
        return trainer;
    }

    /// <summary>Windows from … to − 1. The embedding joins after the first update; losses are reported to the plateau.</summary>
    private static double[] Train(Trainer trainer, int from, int to)
    {
        var losses = new List<double>();
        for (int window = from; window < to; window++)
        {
            trainer.Freeze("0.*", frozen: window < 6);
            losses.Add(trainer.Step(TrainingRuns.RandomChunk(4, 3, 13, window)).Loss);
        }
        return [.. losses];
    }

    private static byte[] Content(Trainer trainer) => SafetensorsSamples.Bytes(CheckpointFile.Describe(trainer, new ModelInfo(), new RunState()));

    private void Write(Trainer trainer, Func<string, string> edit)
    {
        var file = CheckpointFile.Describe(trainer, new ModelInfo(), new RunState());
        file.Metadata[CheckpointRecord.Key] = edit(file.Metadata[CheckpointRecord.Key]);
        SafetensorsWriter.Write(Target, file);
    }
}
