using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>Training of stacks with recurrent layers on OpenCL: after some steps every weight, moment and state has the CPU's bits.</summary>
public sealed class RecurrentTrainingTests(OpenClFixture fixture) : IClassFixture<OpenClFixture>
{
    private const int Vocabulary = 7, Batch = 3;

    /// <summary>Gates of steps before the window are copied from one window's stash to the next: gradients go back 9 steps, windows have 4, 3, 4, ….</summary>
    [OpenClTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void TruncatedStepsEqualCpu(bool flagged)
    {
        Compare(backend =>
        {
            var trainer = new Trainer(Model(backend), Loss.CrossEntropy, new Sgd(0.1f, 0.9f)) { BackwardSteps = 9, RecordStepNorms = true };
            for (int window = 0; window < 6; window++)
                trainer.Step(Window(window % 2 == 0 ? 4 : 3, window, flagged));
            Assert.All(trainer.StepNorms, norms => Assert.True(norms.Length >= 9, $"gradients went back {norms.Length} steps"));
            return trainer;
        });
    }

    /// <summary>Windows whose gates are computed again in spans of 64 steps, in turn with others.</summary>
    [OpenClTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void RecomputedStepsEqualCpu(bool flagged)
    {
        Compare(backend =>
        {
            var trainer = new Trainer(Model(backend), Loss.CrossEntropy, new Sgd(0.1f, 0.9f));
            for (int window = 0; window < 3; window++)
            {
                trainer.Recompute = window != 1;
                trainer.Step(Window(70, window, flagged));
            }
            return trainer;
        });
    }

    /// <summary>Every array that a cell keeps for its backward pass is in one of the layers.</summary>
    private static Sequential Model(Backend backend) => new(
        backend, 7, new Embedding(Vocabulary, 4),
        new Lstm(4, 6) { Peepholes = true, Projection = 5, LayerNorm = true, Zoneout = 0.2f, CellZoneout = 0.3f, CellClip = 0.6f },
        new Gru(5, 5) { ResetBefore = true, LayerNorm = true, Zoneout = 0.25f }, new Gru(5, 6), new Lstm(6, 5), new Rnn(5, 5), new Linear(5, Vocabulary));

    private static SequenceChunk Window(int steps, int seed, bool flagged)
    {
        SequenceChunk chunk = TrainingRuns.RandomChunk(steps, Batch, Vocabulary, seed);
        if (!flagged)
            return chunk;
        chunk.SetInactive(1, seed % Batch);
        chunk.SetReset(2, (seed + 1) % Batch);
        return chunk;
    }

    private void Compare(Func<Backend, Trainer> train)
    {
        using var cpu = new CpuBackend(1);
        List<(string Name, float[] Values)> expected = TrainingRuns.Everything(train(cpu)), actual = TrainingRuns.Everything(train(fixture.Backend));
        Assert.Equal(expected.Select(array => array.Name), actual.Select(array => array.Name));
        foreach (((string name, float[] values), (_, float[] own)) in expected.Zip(actual))
            OpenClComparison.Same(fixture.Backend, [.. values], [.. own], name);
    }
}
