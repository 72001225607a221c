using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Formats;

public sealed class UpdateSummaryTests() : FileTest("run.checkpoint")
{
    /// <summary>However long the run: every update is in one summary, in order, none of the extremes is lost, and there are not too many.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2048)]
    [InlineData(2049)]
    [InlineData(50_000)]
    public void ManyUpdatesShareASummary(int count)
    {
        double[] norms = Norms(count);
        List<UpdateSummary> updates = Add([], norms, 0);
        Assert.InRange(updates.Count, Math.Min(count, 1024), 2048);
        int at = 0;
        foreach ((long number, double rate, double low, double high) in updates)
        {
            double[] there = norms[at..(at + (int)number)];
            Assert.Equal((at + 1.0, there.Min(), there.Max()), (rate, low, high));
            at += (int)number;
        }
        Assert.Equal(count, at);
    }

    /// <summary>A list goes on from a file as if it had never been written; files from before there was one load.</summary>
    [Fact]
    public void UpdatesSurviveACheckpoint()
    {
        double[] norms = Norms(10_001);
        using var model = new Sequential(_backend, 1, new Linear(1, 1));
        var trainer = new Trainer(model, new MeanSquaredError(), new Sgd(1));
        foreach (int cut in new[] { 0, 1, 2047, 2048, 5001 })
        {
            CheckpointFile.Save(trainer, new ModelInfo(), new RunState { Updates = Add([], norms[..cut], 0) }, Target);
            IReadOnlyList<UpdateSummary> stored = CheckpointFile.Load(Target, _backend).Run.Updates;
            Assert.Equal(Add([], norms, 0), Add([.. stored], norms[cut..], cut));
        }
    }

    private static List<UpdateSummary> Add(List<UpdateSummary> updates, double[] norms, int before)
    {
        for (int i = 0; i < norms.Length; i++)
            UpdateSummary.Add(updates, before + i + 1, norms[i]);
        return updates;
    }

    private static double[] Norms(int count)
    {
        var random = new Random(2);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextDouble())];
    }
}
