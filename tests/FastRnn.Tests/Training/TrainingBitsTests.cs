using FastRnn.Backends;
using FastRnn.Numerics;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>Fifty whole training steps: weights, moments and state have the same bits on any number of threads and every instruction set.</summary>
public class TrainingBitsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void FiftyStepsGiveTheSameBitsEverywhere(bool adam)
    {
        List<(string, float[])>? expected = null;
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            foreach (int threads in new[] { 1, 2, 3, 4 })
            {
                List<(string Name, float[] Values)> actual = Train(threads, isa, adam);
                expected ??= actual;
                TrainerTests.Same(expected, actual);
            }
        }
        using var start = new CpuBackend(1);
        Assert.NotEqual(Everything(Trainer(start))[0].Values, expected![0].Item2); // something was trained
    }

    private static List<(string Name, float[] Values)> Train(int threads, IsaLevel isa, bool adam)
    {
        using var backend = new CpuBackend(threads, isa);
        Trainer trainer = Trainer(backend, adam ? new Adam(0.01f) : new Sgd(0.3f), dropout: 0.25f);
        trainer.ClipNorm = 0.5f;
        for (int step = 0; step < 50; step++)
        {
            SequenceChunk chunk = RandomChunk(20, 24, 13, seed: step);
            if (step % 5 == 4)
                chunk.SetInactive(step % 20, step % 24);
            if (step % 7 == 3)
                chunk.SetReset(step % 20, (step + 3) % 24);
            trainer.Step(chunk);
        }
        return Everything(trainer);
    }
}
