using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>Training on windows of values: what counts, what does not, and the same bits everywhere.</summary>
public class ValueTrainingTests
{
    private const int Features = 3, Outputs = 2;

    [Fact]
    public void WhatInactiveStepsHoldChangesNothing()
    {
        using var backend = new CpuBackend(1);
        SequenceChunk plain = Window(6, 3, seed: 1), poisoned = Window(6, 3, seed: 1);
        foreach ((int t, int b) in new[] { (0, 2), (4, 1), (5, 1) })
        {
            plain.SetInactive(t, b);
            poisoned.SetInactive(t, b);
            poisoned.InputValues.Slice(((t * 3) + b) * Features, Features).Fill(float.NaN);
            poisoned.TargetValues.Slice(((t * 3) + b) * Outputs, Outputs).Fill(float.NaN);
        }
        foreach (bool linearFirst in new[] { false, true })
        {
            Trainer a = Trainer(backend, linearFirst: linearFirst), b = Trainer(backend, linearFirst: linearFirst);
            StepResult result = a.Step(plain);
            Assert.Equal(result, b.Step(poisoned));
            Assert.Equal((6 * 3) - 3, result.Tokens);
            Assert.Equal(a.Evaluate([plain]), a.Evaluate([poisoned]));
            TrainerTests.Same(Everything(a), Everything(b));
        }
    }

    [Fact]
    public void LastStepOnlyIsTheLastActiveStepOfEachSample()
    {
        using var backend = new CpuBackend(1);
        SequenceChunk last = Window(5, 3, seed: 2), byHand = Window(5, 3, seed: 2);
        int[] lengths = [5, 2, 0];
        foreach (SequenceChunk chunk in new[] { last, byHand })
        {
            for (int b = 0; b < 3; b++)
            {
                for (int t = lengths[b]; t < 5; t++)
                    chunk.SetInactive(t, b);
            }
        }
        last.LastStepOnly = true;
        for (int t = 0; t < 4; t++)
            byHand.SetIgnored(t, 0);
        byHand.SetIgnored(0, 1);
        Trainer a = Trainer(backend), c = Trainer(backend);
        StepResult result = a.Step(last);
        Assert.Equal(2, result.Tokens); // a sample of no steps has no answer
        Assert.Equal(result, c.Step(byHand));
        TrainerTests.Same(Everything(a), Everything(c));

        // The answers are those of the sequences alone, at their ends.
        Session session = a.Model.OpenSession();
        float[] y = new float[Outputs];
        double sum = 0;
        for (int b = 0; b < 2; b++)
        {
            session.Reset();
            for (int t = 0; t < lengths[b]; t++)
                session.Step(last.InputValues.Slice(((t * 3) + b) * Features, Features), y);
            for (int o = 0; o < Outputs; o++)
                sum += Math.Pow(y[o] - last.TargetValues[((((lengths[b] - 1) * 3) + b) * Outputs) + o], 2);
        }
        Assert.Equal(sum / (2 * Outputs), a.Evaluate([last]), 6);
    }

    [Fact]
    public void FlagsCanBeTakenBack()
    {
        using var backend = new CpuBackend(1);
        SequenceChunk fresh = Window(4, 2, seed: 3), used = Window(4, 2, seed: 3);
        used.SetInactive(1, 1);
        used.SetReset(2, 0);
        used.SetIgnored(3, 0);
        double before = Trainer(backend).Evaluate([used]);
        used.ClearFlags();
        Assert.NotEqual(before, Trainer(backend).Evaluate([fresh]));
        Assert.Equal(Trainer(backend).Evaluate([fresh]), Trainer(backend).Evaluate([used]));
        used.SetReset(2, 0);
        fresh.SetReset(2, 0);
        Assert.Equal(Trainer(backend).Step(fresh), Trainer(backend).Step(used));
    }

    [Fact]
    public void WindowsOfOneSequenceCarryItsState()
    {
        using var backend = new CpuBackend(1);
        SequenceChunk all = Window(9, 2, seed: 4), first = new(4, 2, Features, Outputs), second = new(5, 2, Features, Outputs);
        all.InputValues[..(4 * 2 * Features)].CopyTo(first.InputValues);
        all.InputValues[(4 * 2 * Features)..].CopyTo(second.InputValues);
        all.TargetValues[..(4 * 2 * Outputs)].CopyTo(first.TargetValues);
        all.TargetValues[(4 * 2 * Outputs)..].CopyTo(second.TargetValues);
        first.StartsStreams = true;
        Trainer trainer = Trainer(backend);
        double whole = trainer.Evaluate([all]);
        Assert.Equal(whole, trainer.Evaluate([first, second]), 12);
        Assert.Equal(whole, trainer.Evaluate([first, second, first, second]), 12); // streams that start begin at zero
        trainer.CarryState = false;
        Assert.NotEqual(whole, trainer.Evaluate([first, second]), 6);
        Assert.Throws<ArgumentException>(() => Trainer(backend).Evaluate([first, Window(4, 3, seed: 4)]));
    }

    [Fact]
    public void SumIsTheMeanTimesWhatItDividesBy()
    {
        using var backend = new CpuBackend(1);
        foreach ((string name, Func<int, LossReduction, Loss> create) in LossRuns.All)
        {
            Loss mean = create(Outputs, LossReduction.Mean), sum = create(Outputs, LossReduction.Sum);
            SequenceChunk chunk = LossRuns.RandomWindow(mean, 6, 3, Features, Outputs, seed: 5);
            chunk.SetInactive(5, 0);
            StepResult averaged = Trainer(backend, mean).Step(chunk), summed = Trainer(backend, sum).Step(chunk);
            double ratio = summed.Loss / averaged.Loss;
            Assert.Equal(averaged.Tokens, summed.Tokens);
            Assert.True(Math.Abs((summed.GradientNorm / averaged.GradientNorm) - ratio) < 1e-4 * ratio, $"{name}: {averaged}, {summed}");
            Assert.True(ratio > 1, name);
        }
    }

    [Fact]
    public void StepsGiveTheSameBitsEverywhere()
    {
        foreach ((string name, Func<int, LossReduction, Loss> create) in LossRuns.All)
        {
            List<(string, float[])>? expected = null;
            foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
            {
                foreach (int threads in new[] { 1, 3 })
                {
                    using var backend = new CpuBackend(threads, isa);
                    Loss loss = create(Outputs, LossReduction.Mean);
                    Trainer trainer = Trainer(backend, loss);
                    for (int step = 0; step < 5; step++)
                    {
                        SequenceChunk chunk = LossRuns.RandomWindow(loss, 9, 11, Features, Outputs, seed: step);
                        chunk.SetInactive(step, step + 1);
                        Assert.True(double.IsFinite(trainer.Step(chunk).Loss), name);
                    }
                    List<(string, float[])> actual = Everything(trainer);
                    expected ??= actual;
                    TrainerTests.Same(expected, actual);
                }
            }
        }
    }

    /// <summary>The mean of a sequence of numbers, asked for after its last step, at lengths from 4 to 10.</summary>
    [Fact]
    public void LearnsToAnswerAtTheEndOfASequence()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 3, new Lstm(1, 16), new Linear(16, 1));
        var trainer = new Trainer(model, new MeanSquaredError(), new Adam(0.01f)) { CarryState = false, ClipNorm = 1 };
        var random = new Random(6);
        var chunk = new SequenceChunk(10, 32, 1, 1) { LastStepOnly = true };
        double loss = 1;
        for (int step = 0; step < 300; step++)
        {
            chunk.ClearFlags();
            for (int b = 0; b < chunk.Batch; b++)
                FillMean(chunk, b, length: random.Next(4, 11), random);
            loss = trainer.Step(chunk).Loss;
        }
        Assert.InRange(loss, 0, 0.002); // 0.05 when the answer is always 0
    }

    [Fact]
    public void WrongWindowsAreNamed()
    {
        using var backend = new CpuBackend(1);
        Refused(new MeanSquaredError(), new SequenceChunk(2, 2), "the model reads 3 values a step, the window holds tokens");
        Refused(new MeanSquaredError(), new SequenceChunk(2, 2, 4, Outputs), "the model reads 3 values a step, the window holds 4 values a step");
        Refused(new MeanSquaredError(), new SequenceChunk(2, 2, Features, 5), "the window has 5 target values a step, the model 2 outputs");
        Refused(new Huber(), new SequenceChunk(2, 2, Features, 0), "this loss compares with target values, the window has target classes");
        Refused(Loss.CrossEntropy, new SequenceChunk(2, 2, Features, 2), "this loss compares with target classes, the window has 2 target values");
        Refused(new CrossEntropy([1, 2, 3]), new SequenceChunk(2, 2, Features, 0), "3 class weights for a model of 2 outputs");
        Refused(new BinaryCrossEntropy(1, 2, 3), new SequenceChunk(2, 2, Features, 2), "3 weights of positive targets for a model of 2 outputs");
        Refused(new PinballLoss(0.1f, 0.5f, 0.9f), new SequenceChunk(2, 2, Features, 2), "3 quantiles for a model of 2 outputs, which is not a multiple");
        Refused(new PinballLoss(0.1f, 0.9f), new SequenceChunk(2, 2, Features, 1), "every target is needed 2 times, once for each quantile");
        var tokens = new Trainer(Model(backend), Loss.CrossEntropy, new Sgd(1f));
        var error = Assert.Throws<ArgumentException>(() => tokens.Step(new SequenceChunk(2, 2, 13, 0)));
        Assert.Contains("the model reads tokens, the window holds 13 values a step", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceChunk(1, 1, -1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceChunk(1, 1, 1, -1));

        void Refused(Loss loss, SequenceChunk chunk, string message) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>(() => Trainer(backend, loss).Step(chunk)).Message, StringComparison.Ordinal);
    }

    private static void FillMean(SequenceChunk chunk, int b, int length, Random random)
    {
        float sum = 0;
        for (int t = 0; t < chunk.Steps; t++)
        {
            int at = (t * chunk.Batch) + b;
            sum += chunk.InputValues[at] = (float)((random.NextDouble() * 2) - 1);
            chunk.TargetValues[at] = sum / (t + 1);
            if (t >= length)
                chunk.SetInactive(t, b);
        }
    }

    private static SequenceChunk Window(int steps, int batch, int seed) =>
        LossRuns.RandomWindow(new MeanSquaredError(), steps, batch, Features, Outputs, seed);

    private static Trainer Trainer(Backend backend, Loss? loss = null, bool linearFirst = false)
    {
        Layer[] layers = linearFirst
            ? [new Linear(Features, 7), new Lstm(7, 11), new Linear(11, Outputs)]
            : [new Lstm(Features, 11), new Dropout(0.2f), new Lstm(11, 6), new Linear(6, Outputs)];
        return new Trainer(new Sequential(backend, 5, layers), loss ?? new MeanSquaredError(), new Adam(0.01f));
    }
}
