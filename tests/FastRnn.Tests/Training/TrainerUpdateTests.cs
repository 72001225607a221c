using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>What happens between a gradient and new weights: names, accumulation, averages, schedules and their errors.</summary>
public class TrainerUpdateTests
{
    [Theory]
    [InlineData("0.weight", "0.weight", true)]
    [InlineData("0.weight", "0.weight_", false)]
    [InlineData("*", "", true)]
    [InlineData("*", "3.bias_hh_l0", true)]
    [InlineData("3.*", "3.bias_hh_l0", true)]
    [InlineData("3.*", "13.bias_hh_l0", false)]
    [InlineData("*.bias*", "3.bias_hh_l0", true)]
    [InlineData("*.bias*", "4.bias", true)]
    [InlineData("*.bias*", "bias", false)]
    [InlineData("*_hh_*", "3.weight_hh_l0", true)]
    [InlineData("*_hh_*l0*l0", "3.weight_hh_l0", false)]
    [InlineData("a*a", "a", false)]
    [InlineData("a*ab*b", "aababb", true)]
    [InlineData("**a", "ba", true)]
    [InlineData("3?bias", "3.bias", false)]
    [InlineData("BIAS", "bias", false)]
    public void Patterns(string pattern, string name, bool matches) => Assert.Equal(matches, NamePattern.Matches(pattern, name));

    [Fact]
    public void FrozenParametersStayAndAreNoPartOfTheNorm()
    {
        using var backend = new CpuBackend(1);
        Trainer free = Trainer(backend, new Adam(0.01f)), frozen = Trainer(backend, new Adam(0.01f));
        frozen.Freeze("*weight*");
        List<(string Name, float[] Values)> before = Everything(frozen);
        SequenceChunk chunk = RandomChunk(5, 3, 13, seed: 1);
        free.Step(chunk);
        double norm = frozen.Step(chunk).GradientNorm;
        double sum = free.Model.Parameters.Where(p => p.Name.Contains("bias", StringComparison.Ordinal))
            .Sum(p => Read(backend, p.Gradient).Sum(g => (double)g * g));
        Assert.Equal(Math.Sqrt(sum), norm, 12);
        List<(string Name, float[] Values)> trained = Everything(free), kept = Everything(frozen);
        for (int i = 0; i < before.Count; i++)
        {
            (string name, float[] values) = kept[i];
            Bits.Same(name.Contains("weight", StringComparison.Ordinal) ? before[i].Values : trained[i].Values, values, name);
        }
    }

    /// <summary>A parameter that is let go on starts as if the run had started there: Adam corrects for its first step, not for the run's.</summary>
    [Fact]
    public void UnfrozenParametersStartFromTheirFirstUpdate()
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Trainer(backend, new Adam(0.01f)), fresh = Trainer(backend, new Adam(0.01f));
        trainer.Freeze("*");
        for (int step = 0; step < 5; step++)
            Assert.Equal(0, trainer.Step(RandomChunk(5, 3, 13, seed: step)).GradientNorm);
        trainer.Freeze("*", frozen: false);
        trainer.ResetState();
        trainer.Step(RandomChunk(5, 3, 13, seed: 9));
        fresh.Step(RandomChunk(5, 3, 13, seed: 9));
        TrainerTests.Same(Everything(fresh), Everything(trainer));
        Assert.Equal((6, 1), (trainer.Steps, trainer.UpdateCounts[0]));
    }

    [Fact]
    public void RateFactorIsAnotherRate()
    {
        using var backend = new CpuBackend(1);
        Trainer plain = Trainer(backend, new Sgd(0.25f)), mixed = Trainer(backend, new Sgd(0.5f));
        mixed.SetRateFactor("*", 3);
        mixed.SetRateFactor("*", 0.5f); // in place of the 3
        plain.Step(RandomChunk(5, 3, 13, seed: 2));
        mixed.Step(RandomChunk(5, 3, 13, seed: 2));
        TrainerTests.Same(Everything(plain), Everything(mixed));
    }

    [Fact]
    public void ScheduleMultipliesTheRate()
    {
        using var backend = new CpuBackend(1);
        Trainer byHand = Trainer(backend, new Adam(0.01f)), scheduled = Trainer(backend, new Adam(0.01f));
        scheduled.Schedule = new StepDecay(2, 0.5);
        for (int step = 0; step < 6; step++)
        {
            byHand.Optimizer.LearningRate = 0.01f * MathF.Pow(0.5f, step / 2);
            Assert.Equal((double)byHand.Optimizer.LearningRate, scheduled.LearningRate);
            byHand.Step(RandomChunk(4, 2, 13, seed: step));
            scheduled.Step(RandomChunk(4, 2, 13, seed: step));
        }
        TrainerTests.Same(Everything(byHand), Everything(scheduled));
    }

    [Fact]
    public void AWindowThatIsNotFiniteDropsWhatHasBeenAccumulated()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Embedding(5, 3), new Lstm(3, 4), new Linear(4, 5));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.01f)) { AccumulatedWindows = 3, CarryState = false };
        SequenceChunk chunk = RandomChunk(3, 2, 5, seed: 3);
        trainer.Step(chunk);
        trainer.Step(chunk);
        Assert.Equal((0, 2), (trainer.Steps, trainer.PendingWindows));
        List<(string, float[])> before = Everything(trainer);
        backend.Write(model.Parameters[1].Gradient, (ReadOnlySpan<float>)[.. Enumerable.Repeat(float.NaN, model.Parameters[1].Length)]);
        Assert.Equal("the gradient of 1.weight_ih_l0", Assert.Throws<NonFiniteException>(() => trainer.Step(chunk)).TensorName);
        TrainerTests.Same(before, Everything(trainer));
        Assert.Equal((0, 0), (trainer.Steps, trainer.PendingWindows));
        for (int i = 0; i < 3; i++)
            trainer.Step(chunk);
        Assert.Equal(1, trainer.Steps);
        Assert.All(Everything(trainer), e => Assert.All(e.Item2, v => Assert.True(float.IsFinite(v))));
    }

    /// <summary>The same window four times has the mean gradient of one.</summary>
    [Fact]
    public void AccumulationIsTheMean()
    {
        using var backend = new CpuBackend(1);
        Trainer one = Trainer(backend, new Adam(0.01f)), four = Trainer(backend, new Adam(0.01f));
        (one.CarryState, four.CarryState, four.AccumulatedWindows) = (false, false, 4);
        (one.ClipNorm, four.ClipNorm) = (0.1f, 0.1f);
        (one.ClipValue, four.ClipValue) = (0.01f, 0.01f);
        SequenceChunk chunk = RandomChunk(5, 3, 13, seed: 4);
        double norm = one.Step(chunk).GradientNorm;
        for (int i = 0; i < 3; i++)
            Assert.Equal(0, four.Step(chunk).GradientNorm);
        Assert.Equal(norm, four.Step(chunk).GradientNorm, 6);
        List<(string Name, float[] Values)> expected = Everything(one), actual = Everything(four);
        for (int i = 0; i < expected.Count; i++)
        {
            for (int k = 0; k < expected[i].Values.Length; k++)
                Assert.Equal(expected[i].Values[k], actual[i].Values[k], 4);
        }
    }

    [Fact]
    public void TheAverageIsSwappedInAndOut()
    {
        using var backend = new CpuBackend(1);
        Trainer plain = Trainer(backend, new Adam(0.01f)), averaged = Trainer(backend, new Adam(0.01f));
        Assert.Throws<InvalidOperationException>(averaged.SwapAverage);
        averaged.AverageDecay = 0.5f;
        for (int step = 0; step < 4; step++)
        {
            plain.Step(RandomChunk(5, 3, 13, seed: step));
            averaged.Step(RandomChunk(5, 3, 13, seed: step));
        }
        List<(string, float[])> weights = Everything(plain);
        TrainerTests.Same(weights, Everything(averaged));
        averaged.SwapAverage();
        Assert.NotEqual(weights[0].Item2, Everything(averaged)[0].Values);
        Assert.Throws<InvalidOperationException>(() => averaged.Step(RandomChunk(5, 3, 13, seed: 5)));
        averaged.SwapAverage();
        TrainerTests.Same(weights, Everything(averaged));
        averaged.AccumulatedWindows = 2;
        averaged.Step(RandomChunk(5, 3, 13, seed: 5));
        Assert.Throws<InvalidOperationException>(averaged.SwapAverage); // the gradient that waits must not be lost
    }

    [Fact]
    public void APlateauTakesWhatIsNotANumberForNoImprovement()
    {
        var plateau = new Plateau(0.5, patience: 1);
        plateau.Report(double.NaN);
        Assert.Equal(1, plateau.FactorAt(0));
        plateau.Report(double.NaN);
        Assert.Equal((0.5, double.PositiveInfinity), (plateau.FactorAt(0), plateau.Best));
        plateau.Report(-1); // lower losses may be negative
        plateau.Report(-1);
        plateau.Report(-1.5);
        Assert.Equal((0.5, -1.5), (plateau.FactorAt(0), plateau.Best));
    }

    [Fact]
    public void SchedulesCompose()
    {
        Schedule product = new ProductSchedule(new WarmUp(4), new StepDecay(3, 0.5), new ExponentialDecay(0.25, over: 2));
        Assert.Equal([0, 0.125, 0.125, 0.75 * 0.5 * 0.125, 0.5 / 16], Enumerable.Range(0, 5).Select(step => product.FactorAt(step)));
    }

    [Fact]
    public void WrongNumbersAreNamed()
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Trainer(backend);
        Assert.Contains("0.weight, 1.weight_ih_l0", Assert.Throws<ArgumentException>(() => trainer.Freeze("9.*")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => trainer.Freeze(""));
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.SetRateFactor("*", -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.SetWeightDecay("*", float.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.AccumulatedWindows = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.AverageDecay = 1);
        Func<object>[] wrong =
        [
            () => new Sgd(0.1f, momentum: 1f), () => new Sgd(0.1f, nesterov: true), () => new Sgd(0.1f, 0.5f, 0.1f, nesterov: true),
            () => new Sgd(0.1f, 0.5f, 0.1f, form: UpdateForm.Keras), () => new Sgd(0.1f, weightDecay: -1), () => new Sgd(0.1f, form: (UpdateForm)7),
            () => new RmsProp(0.1f, 1f), () => new RmsProp(0.1f, epsilon: 0f), () => new RmsProp(0.1f, momentum: -0.1f),
            () => new AdaGrad(0.1f, initialSum: -1), () => new AdaGrad(0.1f, rateDecay: float.NaN), () => new AdaGrad(0.1f, epsilon: 0f),
            () => new AdamW(0.1f, weightDecay: float.NaN), () => new Nadam(0.1f, momentumDecay: -1), () => new Nadam(0.1f, beta2: 1),
            () => new StepDecay(0, 0.5), () => new StepDecay(3, 0), () => new ExponentialDecay(double.NaN), () => new CosineDecay(0),
            () => new CosineDecay(5, 2), () => new CosineDecay(5, growth: 2), () => new CosineDecay(5, restarts: true, growth: 0),
            () => new OneCycle(1), () => new OneCycle(10, 0.1), () => new OneCycle(10, 1), () => new OneCycle(10, startDivisor: 0.5),
            () => new OneCycle(10, endDivisor: double.NaN), () => new WarmUp(0), () => new WarmUp(5, 1.5), () => new ProductSchedule(),
            () => new Plateau(1), () => new Plateau(patience: -1), () => new Plateau(threshold: 1), () => new Plateau(cooldown: -1), () => new Plateau(lowest: 2),
        ];
        for (int i = 0; i < wrong.Length; i++)
            Assert.True(Record.Exception(wrong[i]) is ArgumentException, $"case {i} is accepted");
    }
}
