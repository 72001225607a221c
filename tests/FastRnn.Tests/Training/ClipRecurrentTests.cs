using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>The trainer's limit of gradients on the way back through time; what it does in a cell is tested with the cells.</summary>
public class ClipRecurrentTests
{
    private const int Steps = 12, Batch = 3;

    /// <summary>The bias gradient of a recurrent layer is the sum of what passes its pre-activations: at most the limit at every step of every sample.</summary>
    [Fact]
    public void BoundsWhatEveryStepAdds()
    {
        using var backend = new CpuBackend(1);
        float free = Largest(Run(backend, 0)), limit = free / (Steps * Batch) / 4;
        float bounded = Largest(Run(backend, limit));
        Assert.InRange(bounded, limit, limit * Steps * Batch * 1.0001f);
        Assert.True(bounded < free);
    }

    /// <summary>A limit that nothing reaches changes no bit, although another kernel does the work.</summary>
    [Fact]
    public void ALimitOutOfReachChangesNothing()
    {
        using var backend = new CpuBackend(1);
        TrainerTests.Same(Everything(Run(backend, 0)), Everything(Run(backend, 1e6f)));
    }

    [Fact]
    public void IsTheSameInTheReference()
    {
        using var cpu = new CpuBackend(1);
        using var reference = new ReferenceBackend();
        const float Limit = 2e-4f;
        Trainer fast = Run(cpu, Limit), exact = Run(reference, Limit);
        foreach ((Parameter actual, Parameter expected) in fast.Model.Parameters.Zip(exact.Model.Parameters))
        {
            float[] a = Read(cpu, actual.Gradient), e = Read(reference, expected.Gradient);
            float largest = e.Max(MathF.Abs);
            for (int i = 0; i < a.Length; i++)
                Assert.True(MathF.Abs(a[i] - e[i]) <= 1e-4f * largest, $"{actual.Name}[{i}] is {a[i]:R}, reference {e[i]:R}");
        }
    }

    [Theory]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void IsFiniteAndNotNegative(float limit)
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Create(backend);
        Assert.Throws<ArgumentOutOfRangeException>("ClipRecurrent", () => trainer.ClipRecurrent = limit);
    }

    private static Trainer Create(Backend backend) =>
        new(new Sequential(backend, 1, new Embedding(13, 5), new Lstm(5, 9), new Gru(9, 7), new Linear(7, 13)), Loss.CrossEntropy, new Sgd(0.1f));

    private static Trainer Run(Backend backend, float limit)
    {
        Trainer trainer = Create(backend);
        trainer.ClipRecurrent = limit;
        trainer.Step(RandomChunk(Steps, Batch, 13, seed: 3));
        return trainer;
    }

    private static float Largest(Trainer trainer) =>
        trainer.Model.Parameters.Where(p => p.Name is "1.bias_ih_l0" or "2.bias_ih_l0").Max(p => Read(trainer.Model.Backend, p.Gradient).Max(MathF.Abs));
}
