using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>When training ends, and with which weights.</summary>
public class EarlyStoppingTests
{
    [Fact]
    public void StopsAfterItsPatienceWithoutImprovement()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = Model(backend);
        var stopping = new EarlyStopping(model, patience: 2, minimumImprovement: 0.1);
        (double Loss, bool Better, bool Stop)[] reports =
        [
            (double.NaN, false, false), (5, true, false), (4.95, false, false), (4.5, true, false), (double.PositiveInfinity, false, false),
            (4.3, true, false), (4.25, false, false), (double.NegativeInfinity, false, true), (4, true, false),
        ];
        foreach ((double loss, bool better, bool stop) in reports)
        {
            Assert.Equal(better, stopping.Report(loss));
            Assert.Equal(stop, stopping.ShouldStop);
        }
        Assert.Equal((9, 9, 4.0), (stopping.Reports, stopping.BestReport, stopping.BestLoss));
    }

    [Fact]
    public void TheBestWeightsComeBack()
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Trainer(backend);
        var stopping = new EarlyStopping(trainer.Model, 3);
        Assert.Throws<InvalidOperationException>(stopping.RestoreBest);
        stopping.Report(2);
        trainer.Step(RandomChunk(5, 3, 13, seed: 1));
        stopping.Report(1);
        List<float[]> best = Weights(trainer.Model);
        trainer.Step(RandomChunk(5, 3, 13, seed: 2));
        stopping.Report(1);
        Assert.NotEqual(best[0], Weights(trainer.Model)[0]);
        SequenceChunk chunk = RandomChunk(5, 3, 13, seed: 3);
        trainer.Evaluate([chunk]); // packs weights, so that stale copies would show below
        stopping.RestoreBest();
        Same(best, Weights(trainer.Model));
        using Sequential copy = Model(backend, seed: 99);
        for (int i = 0; i < best.Count; i++)
            copy.Parameters[i].Write(best[i]);
        Assert.Equal(new Trainer(copy, Loss.CrossEntropy, new Sgd(1)).Evaluate([chunk]), trainer.Evaluate([chunk]));
    }

    [Fact]
    public void GoesOnFromItsState()
    {
        using var backend = new CpuBackend(1);
        using Sequential first = Model(backend, seed: 1), second = Model(backend, seed: 2);
        var before = new EarlyStopping(first, 2);
        var after = new EarlyStopping(second, 2);
        after.Restore(before.Capture());
        Assert.Throws<InvalidOperationException>(after.RestoreBest);
        before.Report(3);
        before.Report(4);
        after.Restore(before.Capture());
        Assert.Equal((2, 1, 3.0, false), (after.Reports, after.BestReport, after.BestLoss, after.ShouldStop));
        after.RestoreBest();
        Same(Weights(first), Weights(second));
        after.Report(3);
        Assert.True(after.ShouldStop);
    }

    [Fact]
    public void WrongStatesAndNumbersAreNamed()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = Model(backend), other = Model(backend, vocabulary: 14);
        var stopping = new EarlyStopping(model, 2);
        stopping.Report(3);
        EarlyStoppingState state = stopping.Capture();
        Assert.Contains("0.weight [14, 9]", Assert.Throws<ArgumentException>(() => new EarlyStopping(other, 2).Restore(state)).Message, StringComparison.Ordinal);
        EarlyStoppingState[] wrong =
        [
            state with { BestReport = 2 }, state with { BestReport = -1 }, state with { BestLoss = double.NaN }, state with { BestReport = 0 },
            state with { BestWeights = new Dictionary<string, float[]>() },
        ];
        for (int i = 0; i < wrong.Length; i++)
            Assert.True(Record.Exception(() => stopping.Restore(wrong[i])) is ArgumentException, $"state {i} is accepted");
        Assert.Equal((1, 1, 3.0), (stopping.Reports, stopping.BestReport, stopping.BestLoss));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EarlyStopping(model, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EarlyStopping(model, 1, double.NaN));
    }

    private static List<float[]> Weights(Sequential model) => [.. model.Parameters.Select(p => Read(model.Backend, p.Value))];

    private static void Same(List<float[]> expected, List<float[]> actual)
    {
        for (int i = 0; i < expected.Count; i++)
            Bits.Same(expected[i], actual[i], $"parameter {i}");
    }
}
